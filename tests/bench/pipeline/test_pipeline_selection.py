"""What a search finds besides its genotype, and which of several goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from backbones.errors import InputError
from backbones.genotype import Genotype
from bench.commands.cli import main
from bench.pipeline.stages import drawn, validation_error
from bench.records.record import Record
from search.derive import derive, read_architecture
from tests.bench.pipeline.miniature import all_records, write_protocol, write_search


def test_draws_are_uniform_and_the_seed_s() -> None:
    candidates = list("abcde")
    counts = {each: [drawn(candidates, seed) for seed in range(5000)].count(each) for each in candidates}
    # A thousand each, ± 5 standard deviations.
    assert all(abs(count - 1000) < 5 * (5000 * 0.2 * 0.8) ** 0.5 for count in counts.values())
    assert [drawn(candidates, 7) for _ in range(3)] == [drawn(candidates, 7)] * 3


@pytest.fixture
def selected(on_mini_digits: Path, capfd: pytest.CaptureFixture[str]) -> dict[str, Record]:
    """The best of two searches, and the genotypes of other M and of each stage of a two-stage search."""
    search, retrain = write_search(on_mini_digits), write_protocol(on_mini_digits, "classification")
    held = write_protocol(on_mini_digits, "classification", ("images.validation=250",), "selection")
    stage = {"epochs": 2, "frozen_epochs": 1, "layers": 3, "channels": 4}
    two = [stage, {**stage, "keep": 3}]
    text = f"""task = 'pipeline'
retrain = {str(retrain)!r}
parts = [
    dict(
        searches=[{str(search)!r}], seeds=[0, 1], select='best', selection_protocol={str(held)!r},
        retrain={str(retrain)!r},
    ),
    dict(
        searches=[dict(protocol={str(search)!r}, options=dict(stages={two!r}), max_skips=[0, 4], after_stages=[1, 2])],
        retrain={str(retrain)!r},
    ),
]
"""
    (on_mini_digits / "mine.py").write_text(text)
    assert main(["run", "mine.py"]) == 0
    return all_records(on_mini_digits)


def test_the_best_by_standalone_validation_and_genotypes_derived_again(
    selected: dict[str, Record], on_mini_digits: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    trained = {record.architecture.name for record in selected.values() if record.protocol.endswith("_classification")}
    validated = [record for record in selected.values() if "validation_error" in record.metrics]
    assert len(validated) == 2
    (best,) = (record for record in validated if record.architecture.name in trained)
    (other,) = (record for record in validated if record.architecture.name not in trained)
    assert best.metrics["validation_error"].value <= other.metrics["validation_error"].value
    tables = on_mini_digits / f"results/tables/local-{on_mini_digits.name}-mine"
    (selection,) = json.loads((tables / "selections.json").read_text())
    assert selection["chosen"] == best.architecture.name
    assert set(selection["candidates"]) == {best.architecture.name, other.architecture.name}
    with pytest.raises(InputError, match="has no validation_error to select by"):
        validation_error(next(record for record in selected.values() if record.task == "search"))

    (search,) = (r for r in selected.values() if r.task == "search" and len(r.config["stages"]) == 2)
    folder = on_mini_digits / "work" / search.protocol / search.architecture.name
    kept = search.resolved
    first = derive(read_architecture(folder / "stage1/architecture.json"))
    assert Genotype.from_json(kept["stages"][0]) == first
    assert kept["stages"][1] == search.architecture.genotype
    assert Genotype.from_json(kept["max_skips"]["0"]) == derive(read_architecture(folder / "architecture.json"), 0)
    # Equal genotypes are one architecture, whatever they are called; each is trained once.
    wanted = [kept["max_skips"]["0"], kept["max_skips"]["4"], *kept["stages"]]
    digests = {Genotype.from_json(genotype).digest for genotype in wanted if genotype is not None}
    found = [
        record
        for record in selected.values()
        if record.protocol.endswith("_classification") and record.parents[0].record == search.name
    ]
    assert {record.architecture.digest for record in found} == digests
