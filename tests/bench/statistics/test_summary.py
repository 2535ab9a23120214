"""The sentences below a pipeline's tables."""

from __future__ import annotations

from collections.abc import Callable

from bench.records.record import Record
from bench.statistics.summary import summary
from tests.bench.tables.conftest import metric

MakeRecord = Callable[..., Record]


def runs(make_record: MakeRecord, digest: str, errors: list[float], **changes: object) -> list[Record]:
    plain = make_record().architecture.model_dump()
    architecture = {**plain, "name": digest, "digest": None, "genotype": None, "timm": digest}
    return [
        make_record(seed=seed, architecture=architecture, metrics={"top1_error": metric(error)}, **changes)
        for seed, error in enumerate(errors)
    ]


def test_it_says_what_is_seen_how_sure_and_what_random_ones_got(make_record: MakeRecord) -> None:
    found = runs(make_record, "a", [4.0, 6.0], method="P-DARTS")
    found += runs(make_record, "r0", [9.0, 11.0], method="random")
    found += runs(make_record, "r1", [12.0, 12.0], method="random")
    best, sure, random = summary(found)
    assert "classification/digits: a of 3 (Top-1 err. 5.00 %)" in best
    # Variances 2, 2 and 0 with one degree of freedom each: sqrt(4 / 3) = 1.15.
    assert "2 seeds each, one run deviates by 1.2 %" in sure
    assert "2 got Top-1 err. 11.00 % on average" in random
    # 100 * (95 - 89) / 89
    assert "P-DARTS gains +6.74" in random


def test_a_search_s_gain_is_called_noise_or_not(make_record: MakeRecord) -> None:
    """Random accuracies 90, 91 and 92: one more lies within 91 ± 4.97 in 95 of 100 cases (t(0.975; 2) = 4.303)."""
    random = [
        record
        for name, error in (("r0", 10.0), ("r1", 9.0), ("r2", 8.0))
        for record in runs(make_record, name, [error], method="random")
    ]
    for error, said in ((4.1, "undecided"), (3.9, "better than random"), (14.1, "worse than random")):
        found = runs(make_record, "a", [error], method="P-DARTS")
        assert said in summary([*found, *random])[2]


def test_one_seed_and_one_random_architecture_are_said_to_be_few(make_record: MakeRecord) -> None:
    found = runs(make_record, "a", [4.0], method="P-DARTS") + runs(make_record, "r0", [9.0], method="random")
    _, sure, random = summary(found)
    assert "1 seed each, so that a difference may be noise" in sure
    assert "2 or more of them would give the gain over random" in random
    assert "none was run" in summary(found[:1])[2]
    assert summary([]) == []


def test_settings_of_one_protocol_are_told_apart_and_not_repeated(make_record: MakeRecord) -> None:
    """Networks that start from weights are not compared with those from scratch."""
    started = {"initial_weights": {"sha256": "sha256:" + "1" * 64, "record": None}}
    found = runs(make_record, "a", [4.0, 6.0], **started) + runs(make_record, "a", [9.0, 11.0])
    found += runs(make_record, "b", [12.0, 14.0])
    best, sure, random = summary(found)
    assert "classification/digits: a alone in its setting (Top-1 err. 5.00 %)" in best
    assert "classification/digits: a of 2 (Top-1 err. 10.00 %)" in best
    assert "classification/digits: 2 seeds of a, one run deviates by 1.4 %." in sure
    assert "0 of 0" not in sure
    assert random == (
        "Random architectures: classification/digits: none was run; `random:0`, `random:1`, … are architectures, too."
    )


def test_of_many_methods_those_that_are_decided_are_named(make_record: MakeRecord) -> None:
    """Random accuracies as above; an architecture of each method gains nothing, but one that loses 20 points."""
    random = [
        record
        for name, error in (("r0", 10.0), ("r1", 9.0), ("r2", 8.0))
        for record in runs(make_record, name, [error], method="random")
    ]
    methods = [runs(make_record, f"a{number}", [9.0], method=f"M{number}") for number in range(4)]
    worse = runs(make_record, "a4", [29.0], method="M4")
    few = summary([*random, *(record for found in methods for record in found)])[-1]
    assert all(f"M{number} gains +0.00" in few for number in range(4))
    many = summary([*random, *(record for found in methods for record in found), *worse])[-1]
    assert many.endswith("(worse than random), 4 methods gain what may be nothing (undecided: their intervals hold 0).")
    assert many.count(" gains ") == 1
    assert "M4 gains −21.98" in many
