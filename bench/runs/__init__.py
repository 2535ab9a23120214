"""Run evaluations and searches, and write their records.

`requests` turns names into evaluations, `session` runs several of them, `run` plans one, runs it and writes its record.
A pipeline plans and runs its stages with the same calls of `run`.
"""
