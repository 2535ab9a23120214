"""Write a pipeline's tables and selections."""

from __future__ import annotations

import json
from dataclasses import replace

from backbones.files import write_text
from bench.pipeline.assembly import Pipeline
from bench.pipeline.run import PipelineResult
from bench.runs.run import Places
from bench.statistics.summary import summary
from bench.tables import build_table, render, save_table
from bench.tasks.metrics import METRICS, TITLES


def with_tables(pipeline: Pipeline, result: PipelineResult, places: Places) -> PipelineResult:
    """Add summary, tables and selections to a result, and write them to `<results>/tables/<pipeline>/`."""
    folder = places.results / "tables" / pipeline.name.removeprefix("pipelines/")
    known = {record.name: record for record in result.records.values()}
    tables = {}
    for task in pipeline.tasks:
        rows = [record for record in result.records.values() if record.task == task]
        if rows:
            table = build_table(TITLES[task], rows, METRICS[task], known.get)
            tables[task] = render(table, "markdown")
            save_table(table, folder / task)
    selections = [
        selection.report(result.records)
        for selection in pipeline.selections
        if all(title in result.records for title in selection.needs)
    ]
    if selections:
        write_text(folder / "selections.json", json.dumps(selections, indent=1) + "\n")
    said = summary(result.records.values())
    return replace(result, tables=tables, selections=selections, folder=folder, summary=said)
