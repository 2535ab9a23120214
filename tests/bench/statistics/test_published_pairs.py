"""Pairs of a proxy and what is downstream of it: what is compared, over which architectures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from scipy.stats import kendalltau, spearmanr

from backbones import zoo
from bench.records.record import Record
from bench.statistics.measurements import measurements
from bench.statistics.transfer import Pair, Side, pairs
from bench.tables.numbers import printed
from bench.tables.published import PAPER_TASKS, published_rows
from bench.tables.rows import Row, Rows
from bench.tasks.metrics import METRICS

NAMES = ["PDARTS", "PC_DARTS_cifar", "DARTS_V2", "DARTS_V1", "NASNet", "AmoebaNet"]


@pytest.fixture
def measure(make_record: Callable[..., Record]) -> Callable[..., list[Record]]:
    """Records of one protocol, an architecture for each value."""

    def make(protocol: str, key: str, values: list[float], **changes: Any) -> list[Record]:
        task = protocol.partition("/")[0]
        (metric,) = (metric for metric in METRICS[task] if metric.key == key)
        number = {"unit": metric.unit, "higher_is_better": metric.higher_is_better}
        return [
            make_record(
                task=task,
                protocol=protocol,
                architecture={
                    "name": name,
                    "genotype": zoo.get(name).genotype.to_json(),
                    "digest": zoo.get(name).genotype.digest,
                },
                metrics={key: {"value": value, **number}},
                **changes,
            )
            for name, value in zip(NAMES, values, strict=False)
        ]

    return make


def value(side: Side, architecture: str) -> float:
    return float(side.values.loc[architecture].mean())


def test_signs_are_taken_so_that_better_is_larger(measure: Callable[..., list[Record]]) -> None:
    """The least error and the most AP are one order, not the opposite one."""
    records = [
        *measure("classification/digits", "top1_error", [1, 2, 3, 4, 5, 6]),
        *measure("detection/digits_ssd", "ap", [60, 50, 40, 30, 20, 10]),
    ]
    (found,) = pairs(measurements(records))
    assert (found.proxy.protocol, found.downstream.protocol) == ("classification/digits", "detection/digits_ssd")
    assert found.correlation.points == 6
    assert found.correlation.spearman is not None
    assert found.correlation.spearman.value == pytest.approx(1)


def test_architectures_are_matched_and_holes_left_out(measure: Callable[..., list[Record]]) -> None:
    records = [
        *measure("classification/digits", "top1_error", [1, 2, 3, 4, 5, 6]),
        *measure("reid/digits_p3", "rank1", [10, 30, 20]),
    ]
    (found,) = pairs(measurements(records))
    values = [(value(found.proxy, name), value(found.downstream, name)) for name in found.architectures]
    assert sorted(values) == [(1, 10), (2, 30), (3, 20)]
    assert found.correlation.reading == "too few (fewer than 5)"


def test_settings_are_kept_apart(measure: Callable[..., list[Record]]) -> None:
    """Another config, a reduced run: another measurement, never one with the first."""
    records = [
        *measure("classification/digits", "top1_error", [1, 2, 3]),
        *measure("classification/digits", "top1_error", [6, 5, 4], config={"epochs": 2}),
        *measure("classification/digits", "top1_error", [7, 8, 9], reduced=["option epochs=1"]),
        *measure("detection/digits_ssd", "ap", [60, 50, 40]),
    ]
    found = pairs(measurements(records))
    values: dict[bool, set[tuple[float, ...]]] = {each.reduced: set() for each in found}
    for each in found:
        values[each.reduced].add(tuple(sorted(value(each.proxy, name) for name in each.architectures)))
    assert values == {False: {(1, 2, 3), (4, 5, 6)}, True: {(7, 8, 9)}}
    assert {each.proxy.title for each in found if each.reduced} == {"classification/digits Top-1 err. (%) †"}


def test_an_architecture_of_two_numbers_has_none(
    measure: Callable[..., list[Record]], make_record: Callable[..., Record]
) -> None:
    """From other weights, under the same setting: which of both would be the architecture's?"""
    started = {"sha256": "sha256:" + "2" * 64, "record": None}
    other = {"sha256": "sha256:" + "3" * 64, "record": None}
    records = [
        *measure("classification/digits", "top1_error", [1, 2, 3]),
        *measure("detection/digits_ssd", "ap", [60, 50, 40], initial_weights=started),
        *measure("detection/digits_ssd", "ap", [61], initial_weights=other),
    ]
    (found,) = pairs(measurements(records))
    assert sorted(value(found.downstream, name) for name in found.architectures) == [40, 50]


def test_equal_cells_of_two_names_are_one_architecture(
    measure: Callable[..., list[Record]], make_record: Callable[..., Record]
) -> None:
    twin = {
        "name": "twin",
        "genotype": zoo.get("PDARTS").genotype.to_json(),
        "digest": zoo.get("PDARTS").genotype.digest,
    }
    error = {"top1_error": {"value": 2.0, "unit": "%", "higher_is_better": False}}
    records = [
        make_record(architecture=twin, metrics=error),
        *measure("classification/digits", "top1_error", [1, 2, 3]),
        *measure("detection/digits_ssd", "ap", [60, 50, 40]),
    ]
    (found,) = pairs(measurements(records))
    assert sorted(value(found.proxy, name) for name in found.architectures) == [1.5, 2, 3]


def test_no_pair_of_a_protocol_with_itself_and_one_direction_of_two(measure: Callable[..., list[Record]]) -> None:
    records = [
        *measure("classification/imagenet_mobile", "top1_error", [25, 26]),
        *measure("classification/cifar10", "top1_error", [2, 3]),
        *measure("search/digits_pc_darts", "supernet_accuracy", [50, 60]),
    ]
    found = [(each.proxy.protocol, each.downstream.protocol) for each in pairs(measurements(records))]
    assert sorted(found) == [
        ("classification/cifar10", "classification/imagenet_mobile"),
        ("search/digits_pc_darts", "classification/cifar10"),
        ("search/digits_pc_darts", "classification/imagenet_mobile"),
    ]


def published(*records: Record) -> list[Pair]:
    return pairs(measurements(records, map(published_rows, PAPER_TASKS)))


def test_published_numbers_meet_those_of_their_own_paper_only(measure: Callable[..., list[Record]]) -> None:
    alone = published()
    assert {each.proxy.source for each in alone} == {"PC-DARTS", "P-DARTS"}
    mixed = published(*measure("classification/imagenet_mobile", "top1_error", [25, 26, 27]))
    # Measured numbers of one protocol alone: nothing to set beside the papers'.
    assert len(mixed) == len(alone)
    assert all(each.proxy.source == each.downstream.source for each in mixed)


#: Errors on CIFAR-10 and ImageNet of the architectures that a paper has both of, read by eye: PC-DARTS Tables 1 and 2,
#: P-DARTS Tables 1 and 3.
BOTH = {
    "PC-DARTS": {
        "NASNet-A": (2.65, 26.0),
        "PNAS": (3.41, 25.8),
        "DARTS (second order)": (2.76, 26.7),
        "ProxylessNAS": (2.08, 24.9),
        "P-DARTS (CIFAR10)": (2.50, 24.4),
        "BayesNAS": (2.81, 26.5),
        "PC-DARTS (CIFAR10)": (2.57, 25.1),
    },
    "P-DARTS": {
        "NASNet-A": (2.65, 26.0),
        "AmoebaNet-A": (3.34, 25.5),
        "AmoebaNet-B": (2.55, 26.0),
        "PNAS": (3.41, 25.8),
        "DARTS (second order)": (2.76, 26.7),
        "SNAS (mild)": (2.98, 27.3),
        "ProxylessNAS": (2.08, 24.9),
        "P-DARTS (CIFAR10)": (2.50, 24.4),
    },
}


@pytest.mark.parametrize(("paper", "printed"), [("PC-DARTS", "0.52"), ("P-DARTS", "0.33")])
def test_cifar10_against_imagenet_stands_on_every_row_of_a_paper(paper: str, printed: str) -> None:
    (found,) = (
        each
        for each in published()
        if (each.proxy.source, each.proxy.protocol, each.downstream.protocol)
        == (paper, "classification/cifar10", "classification/imagenet_mobile")
    )
    values = {name: (value(found.proxy, name), value(found.downstream, name)) for name in found.architectures}
    assert values == BOTH[paper]
    tau, rho = (test(*zip(*BOTH[paper].values(), strict=True)).statistic for test in (kendalltau, spearmanr))
    assert f"{tau:.2f}" == printed
    kendall, spearman = found.correlation.kendall, found.correlation.spearman
    assert kendall is not None
    assert kendall.value == pytest.approx(tau)
    assert spearman is not None
    assert spearman.value == pytest.approx(rho)


def test_the_cell_that_p_darts_found_on_imagenet_is_in_all_its_tables() -> None:
    found = [each for each in published() if each.proxy.protocol == "classification/imagenet_mobile"]
    assert {each.downstream.protocol for each in found if "P-DARTS (ImageNet)" in each.architectures} == {
        "detection/coco_ssd320",
        "detection/coco_ssd512",
        *(f"reid/{data}_p{parts}" for data in ("market1501", "dukemtmcreid", "msmt17") for parts in (1, 3, 6)),
    }


def test_rows_that_say_no_identity_are_paired_by_the_name_that_they_print() -> None:
    rows = [replace(row, labels={**row.labels, "identity": ""}) for row in published_rows("classification")]
    found = [
        each
        for each in pairs(measurements([], [Rows(rows)]))
        if each.source == "P-DARTS" and "DenseNet-BC" in each.architectures
    ]
    assert [(each.proxy.protocol, each.downstream.protocol) for each in found] == [
        ("classification/cifar10", "classification/cifar100")
    ]


def test_what_is_about_or_a_bound_is_in_no_correlation() -> None:
    rows = list(published_rows("classification"))

    def row(protocol: str, name: str, error: str) -> Row:
        labels = {"protocol": f"classification/{protocol}", "architecture": name, "source": "Mine"}
        return replace(rows[0], labels=labels, numbers={"top1_error": printed(error)}, digest=None)

    errors = [row("a", name, text) for name, text in zip("UVWXYZ", ("1", "~2", "<3", "≤4", "5", "6"), strict=True)]
    others = [row("b", name, text) for name, text in zip("UVWXYZ", ("60", "50", "40", "30", "~20", "10"), strict=True)]
    (found,) = pairs(measurements([], [Rows([*errors, *others])]))
    values = [(value(found.proxy, name), value(found.downstream, name)) for name in found.architectures]
    assert sorted(values) == [(1, 60), (6, 10)]
