from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bench.records.record import Record
from bench.report.panels import Figure
from bench.report.proxies import transfer_figure
from bench.report.scatters import cost_figure, detection_figure, parts_figure
from bench.statistics.measurements import measurements
from bench.statistics.transfer import pairs
from bench.tables.published import PAPER_TASKS, published_rows
from bench.tables.rows import Row, measured_rows
from bench.tasks.metrics import METRICS


def link(row: Row) -> str:
    return f"#{row.records[0].name}" if row.records else ""


def rows_of(make_record: Callable[..., Record], task: str, runs: list[dict[str, Any]]) -> list[Row]:
    records = [make_record(task=task, **run) for run in runs]
    return measured_rows(records, METRICS[task])


def values(key: str, value: float) -> dict[str, Any]:
    return {key: {"value": value, "unit": "%", "higher_is_better": True}}


def panels(figure: Figure) -> dict[str, dict[str, set[tuple[float, float]]]]:
    return {
        panel.title: {series.name: {(point.x, point.y) for point in series.points} for series in panel.series}
        for panel in figure.panels
    }


def test_ap_against_multiply_adds_as_the_papers_print_them() -> None:
    (panel,) = detection_figure(published_rows("detection"), link).panels
    assert panel.title == "detection/coco"
    points = {series.name: {(p.label, p.x, p.y) for p in series.points} for series in panel.series}
    # PC-DARTS Table 5 and P-DARTS Table 4, SSD300 on VGG-16 and SSD320 on their own cells.
    assert ("VGG-16", 35.2, 23.2) in points["PC-DARTS paper"]
    assert ("PC-DARTS", 1.2, 28.9) in points["PC-DARTS paper"]
    assert ("VGG-16", 31.4, 23.2) in points["P-DARTS paper"]
    assert ("P-DARTS (ImageNet)", 1.2, 29.9) in points["P-DARTS paper"]
    assert all(series.hollow for series in panel.series)


def test_data_that_are_not_cocos_and_reduced_runs_stand_apart(make_record: Callable[..., Record]) -> None:
    cost = {"seconds": 1.0, "peak_memory": 1, "params": 1, "macs": 1}
    protocols = {"detection/coco_ssd320": [], "detection/digits_ssd": [], "detection/coco_mini_ssd": ["few images"]}
    runs = [
        {
            "protocol": protocol,
            "reduced": reduced,
            "seed": seed,
            "config": {"place": seed},
            "metrics": values("ap", 20.0 + seed),
            "cost": {**cost, "published_macs": 1_000_000_000 * (seed + 1)},
        }
        for protocol, reduced in protocols.items()
        for seed in range(3)
    ]
    rows = [*published_rows("detection"), *rows_of(make_record, "detection", runs)]
    found = panels(detection_figure(rows, link))
    expected = {(1.0, 20.0), (2.0, 21.0), (3.0, 22.0)}
    assert list(found) == ["detection/coco", "detection/coco_mini_ssd †", "detection/digits"]
    assert set(found["detection/coco"]) == {"PC-DARTS paper", "P-DARTS paper", "measured"}
    assert found["detection/coco"]["measured"] == expected
    assert found["detection/coco_mini_ssd †"] == found["detection/digits"] == {"measured": expected}


def test_parts_of_one_data_set_are_one_plot_and_untrained_ones_another(make_record: Callable[..., Record]) -> None:
    runs = [
        {
            "protocol": f"reid/market_mini_p{parts}{suffix}",
            "reduced": [f"few animals{suffix}"],
            "config": {"parts": parts},
            "metrics": values("rank1", 10.0 * parts + len(suffix)),
        }
        for parts in (1, 3, 6)
        for suffix in ("", "_untrained")
    ]
    found = panels(parts_figure(rows_of(make_record, "reid", runs), link))
    assert found == {
        "reid/market_mini †": {"PDARTS": {(1, 10), (3, 30), (6, 60)}},
        "reid/market_mini_untrained †": {"PDARTS": {(1, 20), (3, 40), (6, 70)}},
    }


def test_published_parts_are_three_plots_of_four_lines() -> None:
    figure = parts_figure(published_rows("reid"), link)
    assert [panel.title for panel in figure.panels] == ["reid/market1501", "reid/dukemtmcreid", "reid/msmt17"]
    for panel in figure.panels:
        assert len(panel.series) == 4
        assert all([point.x for point in series.points] == [1, 3, 6] for series in panel.series)
    (resnet,) = (series for series in figure.panels[0].series if series.name == "ResNet-50")
    assert [point.y for point in resnet.points] == [87.86, 92.81, 93.08]


def test_search_cost_is_on_a_logarithm_and_manual_designs_are_not_there() -> None:
    figure = cost_figure(published_rows("classification"), link)
    (cifar,) = (panel for panel in figure.panels if panel.title == "classification/cifar10")
    assert cifar.x.logarithmic
    points = {(point.label, point.x, point.y) for point in cifar.points}
    assert ("NASNet-A + cutout", 1800, 2.65) in points
    assert not any(label == "DenseNet-BC" for label, _, _ in points)


def test_transfer_has_a_plot_of_each_pair_that_says_something() -> None:
    found = pairs(measurements([], map(published_rows, PAPER_TASKS)))
    figure = transfer_figure(found, lambda protocol, architecture: "")
    points = {panel.title: len(panel.points) for panel in figure.panels}
    assert points == {
        "classification/cifar10 → classification/imagenet_mobile (P-DARTS)": 8,
        "classification/cifar10 → classification/imagenet_mobile (PC-DARTS)": 7,
        "classification/cifar10 → classification/cifar100 (P-DARTS)": 5,
    }
