"""The papers' studies on the digits: each can be run, and one is."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.commands.cli import main
from bench.pipeline.assembly import load_pipeline
from bench.pipeline.survey import PipelineData, Status, survey
from bench.runs.run import Places
from search.configs import config_names
from tests.bench.conftest import TINY_OPTIONS
from tests.bench.pipeline.miniature import all_records

STUDIES = [name for name in config_names("pipelines") if name.startswith("pipelines/digits_")]
#: The papers' searches, as far as they have a config.
#: The papers' own: of other methods' no pipeline of theirs has any.
SEARCHES = {
    name
    for name in config_names("search")
    if name.startswith(("search/darts_v", "search/pc_darts", "search/p_darts", "search/pc_p_darts"))
}
#: The miniature data in place of the embedded ones.
MINIATURE = [f"options.{task}.embedded=None" for task in ("search", "classification", "detection", "reid", "zerocost")]


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_finds_all_that_it_needs(
    on_mini_digits: Path, mini_digits: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("WILDNAS_DIGITS_STUDY", str(mini_digits))
    pipeline = load_pipeline(name, MINIATURE)
    seen = survey(pipeline, Places(on_mini_digits / "results", on_mini_digits / "work", replace=True), PipelineData())
    assert {look.status for look in seen} == {Status.READY, Status.WAITING}
    # What waits does so for a search or for weights, never for something that is no stage of the pipeline.
    assert all(need in pipeline.stages for stage in pipeline.stages.values() for need in stage.needs)


def test_the_papers_pipelines_have_every_search_of_theirs() -> None:
    """P-DARTS' and PC-DARTS' own, their ablations, and DARTS as they ran it."""
    planned = {
        name: {stage.protocol.name for stage in load_pipeline(name).stages.values() if stage.protocol.name in SEARCHES}
        for name in ("pipelines/p_darts_paper", "pipelines/pc_darts_paper")
    }
    assert planned["pipelines/p_darts_paper"] | planned["pipelines/pc_darts_paper"] == SEARCHES
    assert planned["pipelines/p_darts_paper"] == {
        *(f"search/p_darts_{data}" for data in ("cifar10", "cifar100", "imagenet")),
        # 5.1.1, footnote 1, 5.2.2, 5.2.3, 5.2.4, 5.3.1.
        *("search/p_darts_cifar10_first_stage8", "search/darts_v1_cifar100", "search/darts_v2_cifar100"),
        "search/p_darts_cifar10_carried_alpha",
        *("search/p_darts_cifar10_random_space", "search/p_darts_cifar10_fixed_depth"),
        *("search/p_darts_cifar10_no_dropout", "search/p_darts_cifar10_dropout_0_3_6"),
        "search/darts_v1_cifar10_regularised",
        *("search/p_darts_cifar10_growing_width", "search/p_darts_imagenet_fixed_width"),
        # Table 1, footnote ‡.
        *("search/darts_v1_cifar10", "search/darts_v2_cifar10"),
    }


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
    for record in records:
        if record.task == "search":
            assert record.resolved.keys() >= {"stage_peak_memory", "connection_levels", "kept_operations"}
            (peak,) = record.resolved["stage_peak_memory"]
            assert 0 < peak <= record.cost.peak_memory
            assert sum(record.resolved["connection_levels"][0]) == 2 * record.config["nodes"]
            assert record.resolved["kept_operations"] == {"normal": [], "reduce": []}
