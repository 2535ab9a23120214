"""The library's calls: what a notebook does, on the miniature digits."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import backbones
import bench
from backbones import Genotype, TimmModel, zoo
from backbones.errors import InputError
from bench import api
from bench.tasks.metrics import METRICS
from tests.bench.conftest import TINY_OPTIONS
from tests.bench.tasks.test_task_contract import SEARCH_OPTIONS

OPTIONS = TINY_OPTIONS["classification"]

#: The library as a caller without a type checker sees it.
LOOSE: Any = bench


def test_from_a_search_to_a_table(on_mini_digits: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """search → evaluate → results → table, through `bench` alone."""
    found = bench.search("search/digits_pc_darts", options=SEARCH_OPTIONS)
    genotype = Genotype.from_json(found.architecture.genotype)
    folder = f"work/{found.protocol}/{found.architecture.name}"
    given = [folder, genotype, "random:0"]
    records = bench.evaluate(given, "classification/digits", options=OPTIONS)
    names = [record.architecture.name for record in records]
    assert names[0] == found.architecture.name
    assert names[1] == f"genotype-{genotype.digest[:8]}"
    assert records[0].parents[0].key == found.key
    # What a search has found is the same network, however it is given.
    assert records[0].metrics == records[1].metrics
    assert bench.evaluate(given, ["classification/digits"], options=OPTIONS) == records
    # A call from a program prints nothing.
    assert capfd.readouterr() == ("", "")

    frame = bench.results()
    runs = frame[~frame["published"]].set_index("record")
    assert set(runs.index) == {record.name for record in (found, *records)}
    for record in (found, *records):
        row = runs.loc[record.name]
        assert (row["task"], row["protocol"], row["seed"]) == (record.task, record.protocol, record.seed)
        assert (row["method"], row["source"]) == (record.method, "measured")
        assert row["reduced"] == "; ".join(record.reduced) != ""
        assert all(row[key] == metric.value for key, metric in record.metrics.items() if key in METRICS[record.task])
        assert row["supernet_params_m" if record is found else "params_m"] == record.cost.params / 1e6
        assert row["seconds"] == record.cost.seconds
    # What the search cost is in the row of what it found.
    assert runs.loc[records[0].name, "search_cost"] == found.metrics["search_cost"].value
    papers = frame[frame["published"]]
    assert papers["record"].isna().all()
    pdarts = papers[(papers["source"] == "P-DARTS Table 1") & papers["architecture"].str.startswith("P-DARTS")]
    assert 2.5 in set(pdarts["top1_error"])
    assert len(bench.results("search", published=False)) == 1

    table = bench.table("classification", origin="measured", sort="top1_error")
    assert [name for name in names if name in table] == names
    assert bench.table("search", form="csv", origin="measured").startswith("published,")


def test_what_cannot_be_used_is_said(on_mini_digits: Path) -> None:
    with pytest.raises(InputError, match="did you mean 'PDARTS'"):
        bench.evaluate("PDART", "classification/digits")
    with pytest.raises(InputError, match="has no model of that name"):
        bench.evaluate(TimmModel("resnet_51"), "classification/digits")
    with pytest.raises(InputError, match="expected one of classification, detection, reid"):
        bench.evaluate("PDARTS", "search/digits_pc_darts")
    with pytest.raises(InputError, match="expected 'search'"):
        bench.search("classification/digits")
    Path("weights.pth").touch()
    with pytest.raises(InputError, match="belong to one architecture"):
        bench.evaluate(["PDARTS", "DARTS_V1"], "classification/digits", weights="weights.pth")
    with pytest.raises(AttributeError, match="no attribute 'evalute'"):
        _ = bench.evalute


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: LOOSE.run("digits"), "digits: no such protocol or config; did you mean 'pipelines/digits'"),
        (
            lambda: LOOSE.evaluate("PDARTS", "cifar"),
            "cifar: no such protocol or config; did you mean 'class",
        ),
        (lambda: LOOSE.table("clasification"), "task 'clasification': unknown; did you mean 'classification'"),
        (lambda: LOOSE.results("nope"), "task 'nope': unknown"),
        (lambda: LOOSE.table("classification", form="xml"), "form 'xml': unknown"),
        (lambda: LOOSE.table("classification", orgin="measured"), "choice 'orgin': unknown; did you mean 'origin'"),
        (lambda: LOOSE.table("classification", origin="measuredd"), "origin 'measuredd': unknown"),
        (lambda: LOOSE.table("classification", extent="all"), "extent 'all': unknown"),
        (lambda: LOOSE.run("pipelines/digits", engine="rai"), "engine 'rai': unknown"),
        (lambda: LOOSE.run("pipelines/digits", jobs=1.5), "jobs 1.5: expected a whole number from 1 to"),
        (lambda: LOOSE.run("pipelines/digits", options="a=1"), "options 'a=1': expected a list of texts"),
        (lambda: LOOSE.search("search/digits_pc_darts", seed=-1), "seed -1: expected a whole number from 0 to"),
        (lambda: LOOSE.search("search/digits_pc_darts", options={"epochs": 1}), "expected a list of texts"),
        (lambda: LOOSE.search("search/digits_pc_darts", launcher="slurm"), "launcher 'slurm': unknown"),
        (lambda: LOOSE.evaluate("PDARTS", "classification/digits", seeds=0), "seeds 0: expected a list"),
        (lambda: LOOSE.evaluate("PDARTS", "classification/digits", seeds=()), "expected a list of whole numbers"),
        (lambda: LOOSE.evaluate("PDARTS", "classification/digits", seeds=[1.5]), "seed 1.5: expected a whole"),
        (lambda: LOOSE.evaluate("PDARTS", "classification/digits", seeds=[True]), "seed True: expected a whole"),
        (lambda: LOOSE.evaluate("PDARTS", "classification/digits", limit=0), "limit 0: expected a whole number"),
        (lambda: LOOSE.evaluate("PDARTS", "classification/digits", limit=1.5), "limit 1.5: expected a whole number"),
    ],
)
def test_an_argument_that_cannot_be_used_is_one_line(
    call: Callable[[], object], message: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as caught:
        call()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_the_names_of_both_packages_are_offered() -> None:
    assert {*bench.__all__} <= {*dir(bench)}
    assert {*backbones.__all__} <= {*dir(backbones)}


def test_importing_bench_is_light() -> None:
    code = "import sys, bench; print(len({'torch', 'numpy', 'pandas', 'mmengine', 'pydantic'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "0\n"


def test_every_name_of_the_library_is_there() -> None:
    for name in (*bench.__all__, *api._HOMES):
        assert getattr(api, name) is not None
    assert list(api._HOMES) == sorted(api._HOMES)


def test_the_readme_s_lines_run_as_written(
    on_mini_digits: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    readme = Path(__file__).parents[2] / "README.md"
    section = readme.read_text(encoding="utf-8").partition("## From Python")[2]
    found = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert found is not None
    # The miniature digits stand for the embedded ones.
    monkeypatch.setattr("bench.digits.recipe.ensure", lambda folder, seed, recipe: folder)
    names: dict[str, object] = {}
    exec(found[1], names)
    out = capsys.readouterr().out
    assert f"genotype-{zoo.get('PDARTS').genotype.digest[:8]}" in out
    assert "random-s0-" in out
    assert names["model"]["backbone"]["type"] == "WildnasCellBackbone"  # type: ignore[index]
