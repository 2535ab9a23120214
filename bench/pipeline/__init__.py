"""Run pipelines: search, select, retrain, transfer, tables.

`assembly` turns a config into stages, `survey` compares them with the records, `run` hands the ready ones to an engine,
and `work` runs one stage with the calls of `bench.runs.run`.
"""
