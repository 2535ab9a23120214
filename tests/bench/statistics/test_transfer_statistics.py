from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bench.commands.cli import main
from bench.records.record import Record
from bench.records.store import RecordStore
from bench.statistics.answers import answers
from bench.statistics.measurements import COLUMNS, measurements, scores
from bench.statistics.transfer import Pair, as_frame, pairs
from tests.bench.statistics.made_study import made_study


@pytest.fixture(scope="module")
def frame(make_record: Callable[..., Record]) -> pd.DataFrame:
    return measurements(made_study(make_record))


@pytest.fixture(scope="module")
def found(frame: pd.DataFrame) -> list[Pair]:
    return pairs(frame)


def pick(found: list[Pair], metric: str, downstream: str) -> Pair:
    return next(each for each in found if (each.proxy.metric, each.downstream.metric) == (metric, downstream))


def values(frame: pd.DataFrame, task: str, metric: str) -> pd.Series:
    """The means over seeds, by plain pandas."""
    kept = frame[(frame["task"] == task) & (frame["metric"] == metric)]
    return kept.groupby("architecture")["value"].mean()


def test_every_metric_of_every_run_is_a_line(frame: pd.DataFrame) -> None:
    assert tuple(frame.columns) == COLUMNS
    # Twelve scores, but one of one architecture; then 2, 2 and 2 metrics; 12 architectures and 2 seeds.
    assert len(frame) == (12 * 12 - 1 + 12 * 6) * 2
    assert frame["value"].notna().all()


def test_coefficients_are_scipys_of_the_means_over_seeds(frame: pd.DataFrame, found: list[Pair]) -> None:
    pair = pick(found, "top1_error", "ap")
    error, ap = values(frame, "classification", "top1_error"), values(frame, "detection", "ap")
    assert pair.correlation.kendall is not None
    assert pair.correlation.spearman is not None
    assert pair.correlation.kendall.value == pytest.approx(stats.kendalltau(-error, ap)[0])
    assert pair.correlation.spearman.value == pytest.approx(stats.spearmanr(-error, ap)[0])


def test_regret_is_what_the_first_of_the_proxy_lacks(frame: pd.DataFrame, found: list[Pair]) -> None:
    pair = pick(found, "snip", "ap")
    snip, ap = values(frame, "zerocost", "snip"), values(frame, "detection", "ap")
    order = snip.sort_values(ascending=False).index
    assert pair.regret() == pytest.approx(ap.max() - ap[order[0]])
    assert pair.regret(3) == pytest.approx(ap.max() - ap[order[:3]].max())
    assert pair.chance == pytest.approx(ap.max() - ap.mean())


def test_the_true_order_comes_first_and_the_opposite_last(found: list[Pair]) -> None:
    for answer in answers(found):
        if answer.downstream.task in ("detection", "reid"):
            metrics = [pair.proxy.metric for pair in answer.pairs]
            assert set(metrics[:2]) == {"multiply_adds", "top1_error"}
            assert metrics[-1] == "snip"


def test_a_hole_takes_its_architecture_out_of_that_pair_alone(found: list[Pair]) -> None:
    assert len(pick(found, "naswot", "ap").architectures) == 11
    assert len(pick(found, "zen", "ap").architectures) == 12


def test_the_ceiling_and_the_ties_are_of_the_downstream_runs(frame: pd.DataFrame, found: list[Pair]) -> None:
    pair = pick(found, "zen", "ap")
    kept = frame[(frame["task"] == "detection") & (frame["metric"] == "ap")]
    table = kept.pivot(index="architecture", columns="seed", values="value")
    ceiling = pair.downstream.ceiling
    assert ceiling is not None
    assert ceiling.kendall.value == pytest.approx(stats.kendalltau(table[0], table[1])[0])
    assert pair.ties is not None
    assert pair.ties.deviation == pytest.approx(np.sqrt(table.var(axis=1, ddof=1).mean()))


def test_an_error_is_a_score_with_its_sign(frame: pd.DataFrame) -> None:
    kept = frame[frame["metric"] == "top1_error"]
    assert (scores(kept) < 0).all(axis=None)


def test_settings_are_not_mixed(make_record: Callable[..., Record]) -> None:
    """A reduced run is another setting: it has pairs of its own."""
    whole = list(made_study(make_record, architectures=6))
    short = [each.model_copy(update={"reduced": ["option epochs=1"]}) for each in made_study(make_record, 6)]
    found = pairs(measurements([*whole, *short]))
    kinds = {(pair.proxy.reduced, pair.downstream.reduced) for pair in found}
    assert kinds == {(True, True), (True, False), (False, True), (False, False)}
    assert all(len(pair.architectures) == 6 - (pair.proxy.metric == "naswot") for pair in found)


def test_too_few_say_so_and_what_would_be_enough(make_record: Callable[..., Record]) -> None:
    answer = answers(pairs(measurements(made_study(make_record, architectures=4, seeds=1))))[0]
    text = " ".join(answer.lines)
    assert "Too few: 4 architectures have a proxy's value and this metric; 5 are needed." in text
    assert "Noise ceiling: too few; 2 seeds of the same 5 architectures are needed." in text
    assert "Ties within noise: too few; 2 seeds of an architecture are needed." in text


def test_a_proxy_that_is_right_the_other_way_round_is_named(frame: pd.DataFrame) -> None:
    """SNIP opposes the truth; it is named where it does so more strongly than any other proxy follows it."""
    followers = frame["metric"].isin(["multiply_adds", "top1_error"])
    (alone, *_) = [each for each in answers(pairs(frame[~followers])) if each.downstream.metric == "ap"]
    (said,) = [line for line in alone.lines if line.startswith("Turned around, ")]
    assert said.startswith("Turned around, zerocost/digits SNIP would predict it better: τ = −0.")
    (both, *_) = [each for each in answers(pairs(frame)) if each.downstream.metric == "ap"]
    assert not any(line.startswith("Turned around") for line in both.lines)


def test_unequal_seeds_are_told_as_they_are(make_record: Callable[..., Record]) -> None:
    records = [
        each for each in made_study(make_record) if each.seed == 0 or each.architecture.name.startswith("random-s1")
    ]
    for answer in answers(pairs(measurements(records))):
        assert answer.title.endswith("12 architectures, 1 to 2 seeds")


def test_no_order_in_one_seed_is_not_said_to_be_too_few(make_record: Callable[..., Record]) -> None:
    frame = measurements(made_study(make_record))
    frame.loc[(frame["metric"] == "ap") & (frame["seed"] == 1), "value"] = 20.0
    (answer, *_) = [each for each in answers(pairs(frame)) if each.downstream.metric == "ap"]
    assert "Noise ceiling: none; of two seeds, one has the same value for all architectures." in answer.lines


def test_no_records_have_no_pairs() -> None:
    assert pairs(measurements([])) == []
    assert as_frame([]).empty


@pytest.fixture
def results(tmp_path: Path, make_record: Callable[..., Record]) -> Path:
    store = RecordStore(tmp_path)
    for record in made_study(make_record):
        store.write(record)
    return tmp_path


def test_the_command_prints_the_answer(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["transfer", "--results", str(results)]) == 0
    out, err = capsys.readouterr()
    assert "### detection/digits_ssd AP (%): 12 architectures, 2 seeds" in out
    assert "predicts it best: τ = +0." in out
    assert "Noise ceiling: one seed's order predicts another's with τ = +0." in out
    assert "pairs of architectures are ties within noise" in out
    # A hole is said once, though two seeds have it.
    assert err.count("no NASWOT of random-s0-") == 1
    assert "the network has no ReLU" in err


def test_the_formats_are_one_frame(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["transfer", "--results", str(results), "--on", "detection/*"]
    assert main([*where, "--format", "csv"]) == 0
    table = pd.read_csv(StringIO(capsys.readouterr().out))
    assert main([*where, "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert set(table["downstream"]) == {"detection/digits_ssd"}
    assert [row["proxy_metric"] for row in rows] == table["proxy_metric"].tolist()
    assert [row["kendall"] for row in rows] == pytest.approx(table["kendall"].tolist())
    assert len(rows) == 13


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ["--on", "detection/digit_ssd"],
            "--on detection/digit_ssd: no pair has such a downstream protocol (did you mean 'detection/digits_ssd'?); ",
        ),
        # The other pattern matches; what matches nothing is a mistake all the same.
        (
            ["--on", "detection/*", "x"],
            "--on x: no pair has such a downstream protocol (known: classification/cifar100, ",
        ),
        (["--proxy", "search/*"], "--proxy search/*: no pair has such a proxy protocol (known: "),
        (
            ["--proxy", "classification/cifar10", "--on", "detection/*"],
            "--proxy classification/cifar10 --on detection/*: no pair has both; ",
        ),
    ],
)
def test_a_pattern_that_fits_nothing_is_one_line(
    results: Path, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    assert main(["transfer", "--results", str(results), *options]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = (line for line in err.splitlines() if options[0] in line)
    assert said in line
    assert "there are the pairs zerocost/digits → classification/digits, " in line


def test_without_pairs_a_pattern_is_told_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # A study is shown without the papers' rows.
    (tmp_path / "study.json").write_text("{}")
    assert main(["transfer", "--results", str(tmp_path), "--on", "detection/*"]) == 2
    assert f"--on detection/*: {tmp_path} has no pair to choose from; " in capsys.readouterr().err


def test_an_empty_folder_shows_the_papers_pairs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["transfer", "--results", str(tmp_path), "--format", "json"]) == 0
    out, err = capsys.readouterr()
    assert f"{tmp_path}: holds no record yet" in err
    found = {(row["source"], row["proxy"], row["downstream"], row["architectures"]) for row in json.loads(out)}
    assert found == {
        ("P-DARTS", "classification/cifar10", "classification/imagenet_mobile", 8),
        ("PC-DARTS", "classification/cifar10", "classification/imagenet_mobile", 7),
        ("P-DARTS", "classification/cifar10", "classification/cifar100", 5),
    }
