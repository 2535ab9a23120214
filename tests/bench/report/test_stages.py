from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.records.record import Record
from bench.report.curves import Curve
from bench.report.stages import operations_figure, stages_figure

Make = Callable[..., Record]


def link(record: Record) -> str:
    return f"#{record.name}"


@pytest.fixture
def search(make_record: Make) -> Make:
    def make(**changes: Any) -> Record:
        known = {"task": "search", "protocol": "search/p_darts_cifar10", "method": "P-DARTS"}
        return make_record(**{**known, **changes})

    return make


def epochs(count: int, none: float, stages: int = 1) -> list[dict[str, Any]]:
    return [
        {
            "epoch": epoch,
            "weights_normal": {"none": none, "skip_connect": 1 - none},
            "weights_reduce": {"none": 0.0, "skip_connect": 1.0},
        }
        for _ in range(stages)
        for epoch in range(1, count + 1)
    ]


def test_softmax_of_alpha_is_a_line_an_operation_and_the_mean_over_seeds(search: Make) -> None:
    curves = [
        Curve(search(seed=0), epochs(2, 0.25, stages=2)),
        Curve(search(seed=1), epochs(2, 0.75, stages=2)),
        # Another setting is another plot.
        Curve(search(seed=0, protocol="search/digits_p_darts", config={"nodes": 4}), epochs(2, 0.1)),
        # Of a version that did not write it.
        Curve(search(seed=0, version=2), [{"epoch": 1, "skip_count": 2}]),
    ]
    panels = operations_figure(curves, link).panels
    assert [panel.title for panel in panels] == [
        f"{name}, P-DARTS: softmax(α), {cell}"
        for name in ("search/digits_p_darts", "search/p_darts_cifar10")
        for cell in ("normal cell", "reduction cell")
    ]
    normal = panels[2]
    assert normal.marks == (2.5,)
    assert [series.name for series in normal.series] == ["none", "skip_connect"]
    assert [(point.x, point.y) for point in normal.series[0].points] == [(place, 0.5) for place in (1, 2, 3, 4)]
    assert normal.series[0].points[0].label == "none, epoch 1, mean of 2 seeds"
    assert [point.y for point in panels[3].series[1].points] == [1.0] * 4


def test_a_long_search_shows_the_last_epoch_of_every_stage(search: Make) -> None:
    (panel, _) = operations_figure([Curve(search(), epochs(25, 0.5, stages=3))], link).panels
    places = [point.x for point in panel.series[0].points]
    assert {25, 50, 75} <= set(places)
    assert len(places) <= 33


def test_levels_and_kept_operations_over_seeds(search: Make) -> None:
    """P-DARTS' Fig. 3 (e) and footnote 1, over two runs; the third had no genotype after its first stage."""
    kept = {"normal": [4, 6], "reduce": [5, 5]}
    records = [
        search(seed=0, resolved={"connection_levels": [[6, 2, 0, 0, 0], [4, 2, 1, 1, 0]], "kept_operations": kept}),
        search(seed=1, resolved={"connection_levels": [[4, 2, 2, 0, 0], [2, 2, 1, 1, 2]], "kept_operations": kept}),
        search(seed=2, resolved={"connection_levels": [None, [3, 2, 1, 1, 1]], "kept_operations": {"normal": [7, 9]}}),
    ]
    levels, edges = stages_figure(records, link).panels
    assert levels.title == "search/p_darts_cifar10, P-DARTS: connection levels"
    first, second, darts = levels.series
    assert (first.name, second.name) == ("stage 1", "stage 2")
    assert [(point.x, point.y) for point in first.points] == [(1, 5), (2, 2), (3, 1), (4, 0), (5, 0)]
    assert first.points[0].deviation == pytest.approx(math.sqrt(2))
    assert [point.y for point in second.points] == [3, 2, 1, 1, 1]
    # "Almost all shallow (7 over 8 of level 1 and level 2)".
    assert sum(point.y for point in darts.points[:2]) == 7
    assert darts.hollow
    assert edges.title == "search/p_darts_cifar10, P-DARTS: edges that keep their best operation"
    assert [(point.x, point.y) for point in edges.series[0].points] == [(2, 5), (3, 7)]
    assert [point.y for point in edges.series[1].points] == [5, 5]


@pytest.mark.parametrize(
    "resolved",
    [
        {},
        {"connection_levels": "many", "kept_operations": [1]},
        {"connection_levels": [["a"], {}, None], "kept_operations": {"normal": ["x"], "reduce": None}},
        # One stage: from none to the next.
        {"connection_levels": [None], "kept_operations": {"normal": [], "reduce": []}},
    ],
)
def test_records_that_tell_nothing_of_stages_have_no_plot(search: Make, resolved: dict[str, Any]) -> None:
    assert stages_figure([search(resolved=resolved)], link).panels == ()


def test_broken_weights_are_holes(search: Make, tmp_path: Path) -> None:
    lines = [{"epoch": 1, "weights_normal": 3}, {"epoch": 2, "weights_normal": {"none": "x", "skip_connect": 0.5}}]
    (panel,) = operations_figure([Curve(search(), lines)], link).panels
    assert [series.name for series in panel.series] == ["skip_connect"]
    assert [(point.x, point.y) for point in panel.series[0].points] == [(2, 0.5)]
