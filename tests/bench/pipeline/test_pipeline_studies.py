"""The papers' studies on the digits: each can be run, and one is."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.commands.cli import main
from bench.pipeline.assembly import load_pipeline
from bench.pipeline.data_reports import PipelineData
from bench.pipeline.survey import Status, survey
from bench.runs.run import Places
from search.configs import config_names
from tests.bench.conftest import TINY_OPTIONS
from tests.bench.pipeline.miniature import all_records

STUDIES = [name for name in config_names("pipelines") if name.startswith("pipelines/digits_")]
#: The miniature data in place of the embedded ones.
MINIATURE = [f"options.{task}.embedded=None" for task in ("search", "classification", "detection", "reid")]


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_finds_all_that_it_needs(on_mini_digits: Path, name: str) -> None:
    pipeline = load_pipeline(name, MINIATURE)
    seen = survey(pipeline, Places(on_mini_digits / "results", on_mini_digits / "work", replace=True), PipelineData())
    assert {look.status for look in seen} == {Status.READY, Status.WAITING}
    # What waits does so for a search or for weights, never for something that is no stage of the pipeline.
    assert all(need in pipeline.stages for stage in pipeline.stages.values() for need in stage.needs)


def test_a_study_ends_with_its_rows(on_mini_digits: Path) -> None:
    tiny = [option.partition("=") for option in TINY_OPTIONS["classification"]]
    options = [*MINIATURE, *(f"options.classification.{key}={value}" for key, _, value in tiny)]
    assert main(["run", "pipelines/digits_pc_darts_table3", "--cfg-options", *options]) == 0
    records = all_records(on_mini_digits).values()
    rows = {record.method: record for record in records if record.task == "classification"}
    # PC-DARTS, Table 3: partial channels and edge normalisation, each with and without.
    searches = {record.method: record.config for record in records if record.task == "search"}
    assert {
        method: (config["partial_channels"] > 1, config["edge_normalisation"]) for method, config in searches.items()
    } == {
        "PC-DARTS, K=1, no EN": (False, False),
        "PC-DARTS, K=1": (False, True),
        "PC-DARTS, no EN": (True, False),
        "PC-DARTS": (True, True),
    }
    assert set(rows) == set(searches)
