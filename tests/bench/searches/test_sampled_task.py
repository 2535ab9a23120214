"""A search without a supernet, as a task: the same record and files, and no numbers of a supernet."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from backbones.genotype import Genotype
from bench.commands.cli import main
from bench.records.store import RecordStore
from bench.report.curves import read_curves, search_figure
from search.derive import derive_file

OPTIONS = ("embedded=None", "candidates=2", "epochs=1", "batch_size=64", "channels=4", "nodes=2")


def test_it_leaves_an_architecture_and_a_record(on_mini_digits: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search", "search/digits_random", "--seed", "3", "--cfg-options", *OPTIONS]) == 0
    genotype = Genotype.from_json(json.loads(capsys.readouterr().out))
    store = RecordStore(Path("results"))
    (record,) = store.read_all()
    assert (record.task, record.method, record.seed) == ("search", "Random search", 3)
    assert record.architecture.digest == genotype.digest
    assert set(record.metrics) == {"skip_count", "search_cost"}
    assert record.cost.params > 0
    folder = Path("work/search/digits_random") / record.architecture.name
    assert derive_file(folder / "architecture.json") == genotype
    assert record.resolved["stages"] == [genotype.to_json()]
    curves, problems = read_curves([record], store)
    assert problems == []
    assert [epoch["genotype"] for epoch in curves[0].epochs].count(genotype.to_json()) >= 1
    panels = search_figure(curves, lambda record: "").panels
    assert [len(line.points) for panel in panels for line in panel.series] == [2]


@pytest.mark.parametrize(
    "command", [["search", "search/digits_random", "--dry-run"], ["speed", "search", "search/digits_random"]]
)
def test_there_is_no_supernet_to_measure(
    command: list[str], on_mini_digits: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--cfg-options", *OPTIONS]) == 2
    assert "trains one genotype after another, and has no supernet to measure" in capsys.readouterr().err
