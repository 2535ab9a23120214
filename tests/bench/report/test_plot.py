from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas

from bench.report import plot
from bench.report.labels import place_labels
from bench.report.panels import Axis, Panel, Point, Series
from bench.report.theme import themed

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def panel() -> Panel:
    measured = (Point(1.0, 30.0, "one <&>", "#run-one", 0.5), Point(20.0, 40.0, "two", "#run-two"))
    published = (Point(35.2, 23.2, "VGG-16"), Point(0.8, 23.0, "MnasNet-A1"))
    series = (Series("measured", measured), Series("PC-DARTS paper", published, hollow=True))
    x = Axis("multiply-adds (B)", logarithmic=True)
    return Panel("detection/coco", x, Axis("AP (%)", better="high"), series, named=True)


def test_every_point_has_its_name_and_leads_where_it_should(panel: Panel) -> None:
    root = ElementTree.fromstring(plot.svg(panel, "ap-0"))
    titles = [title.text for title in root.iter(f"{SVG}title")]
    assert titles == [
        "one <&>: AP (%) 30 ± 0.50, multiply-adds (B) 1",
        "two: AP (%) 40, multiply-adds (B) 20",
        "VGG-16: AP (%) 23.2, multiply-adds (B) 35.2",
        "MnasNet-A1: AP (%) 23, multiply-adds (B) 0.8",
    ]
    links = {link.get("href"): link.find(f".//{SVG}title") for link in root.iter(f"{SVG}a")}
    assert {href: title.text[:3] for href, title in links.items() if title is not None and title.text} == {
        "#run-one": "one",
        "#run-two": "two",
    }


def test_the_picture_is_for_a_page(panel: Panel) -> None:
    """No size but its own width, no style sheet, ids of its own, a text alternative, the page's colours and font."""
    text = plot.svg(panel, "ap-0")
    root = ElementTree.fromstring(text)
    assert root.get("height") is None
    assert root.get("role") == "img"
    assert root.get("aria-label") == panel.description
    assert (
        "detection/coco. AP (%) against multiply-adds (B); 4 points of measured, PC-DARTS paper." in panel.description
    )
    assert not list(root.iter(f"{SVG}style"))
    ids = [element.get("id", "") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    assert all(name.startswith("ap-0-") for name in ids)
    referred = re.findall(r'url\(#([^)]+)\)|xlink:href="#([^"]+)"', text)
    assert referred
    assert {one or other for one, other in referred} <= set(ids)
    assert not re.findall(r"#[0-9a-f]{6}\b", text)
    assert "var(--series-1)" in text
    assert "DejaVu" not in text


def test_one_panel_gives_one_picture(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    import matplotlib

    first = plot.svg(panel, "a")
    monkeypatch.setitem(matplotlib.rcParams, "font.size", 30)
    assert plot.svg(panel, "a") == first
    assert plot.svg(panel, "b") == first.replace('"a-', '"b-').replace("#a-", "#b-")


def test_a_narrow_range_is_no_logarithm() -> None:
    def shown(values: list[float]) -> set[str]:
        series = Series("measured", tuple(Point(value, 1.0 + place) for place, value in enumerate(values)))
        text = plot.svg(Panel("t", Axis("x", logarithmic=True), Axis("y"), (series,)), "k")
        return set(re.findall(r">([\d.]+)</text>", text))

    assert {"0.1", "1", "10", "100"} <= shown([0.1, 5, 300])
    assert {"1", "2", "5", "10"} <= shown([1, 4, 12])
    assert {"10.0", "10.8", "12.0"} <= shown([10, 12])


def test_the_vertical_axis_is_a_logarithm_too_if_it_is_asked_for() -> None:
    points = tuple(Point(1.0 + place, value) for place, value in enumerate((0.1, 5, 300)))
    text = plot.svg(Panel("t", Axis("x"), Axis("y", logarithmic=True), (Series("measured", points),)), "k")
    assert {"0.1", "1", "10", "100"} <= set(re.findall(r">([\d.]+)</text>", text))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("count", "named"), [(24, 24), (25, 0), (200, 0)])
def test_of_many_series_no_name_takes_the_place_of_the_plot(count: int, named: int) -> None:
    series = [
        Series(f"a long name of a cell, seed {place}", (Point(1, place), Point(2, place + 1)), line=True)
        for place in range(count)
    ]
    text = plot.svg(Panel("t", Axis("epoch"), Axis("error (%)"), tuple(series)), "k")
    assert text.count(">a long name of a cell, seed ") == named


def test_epochs_are_whole_numbers_and_stages_are_marked() -> None:
    points = tuple(Point(epoch, 10.0 * epoch, f"epoch {epoch}") for epoch in (1, 2, 3))
    axis = Axis("epoch", whole=True)
    plain, marked = (
        plot.svg(Panel("t", axis, Axis("accuracy (%)"), (Series("seed 0", points, line=True),), marks), "k")
        for marks in ((), (1.5, 2.5))
    )
    ticks = re.findall(r">([\d.]+)</text>", plain)
    assert {"1", "2", "3"} <= set(ticks)
    assert "1.5" not in ticks
    # Two marks, and no line over them: of three points, none is left that is joined to another.
    assert marked.count("stroke-dasharray") == plain.count("stroke-dasharray") + 2
    assert len(lines(plain)) == 1
    assert lines(marked) == []


def lines(svg: str) -> list[str]:
    """Paths of the first series' colour from one point to another."""
    return re.findall(r'<path d="M [^"]* L [^"]*"[^>]*stroke: var\(--series-1\)', svg)


def test_what_does_not_change_has_ticks_at_whole_steps() -> None:
    axis = Axis("skip connections", whole=True)
    points = tuple(Point(epoch, 0.0) for epoch in (1, 2, 3))
    text = plot.svg(Panel("t", Axis("epoch", whole=True), axis, (Series("seed 0", points, line=True),)), "k")
    assert set(re.findall(r">(−?[\d.]+)</text>", text)) == {"−1", "0", "1", "2", "3"}


def test_a_small_change_looks_small_on_an_axis_from_zero() -> None:
    points = tuple(Point(epoch, 2.079 - 0.001 * epoch) for epoch in (1, 2, 3))
    axis = Axis("entropy", from_zero=True)
    text = plot.svg(Panel("t", Axis("epoch", whole=True), axis, (Series("seed 0", points, line=True),)), "k")
    assert {"0.0", "0.4", "0.8", "1.2", "1.6", "2.0"} <= set(re.findall(r">([\d.]+)</text>", text))


def overlap(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def test_names_hide_no_point_and_no_other_name() -> None:
    figure = Canvas(figsize=(4.8, 3.4), dpi=72)
    axes = figure.subplots()
    points = [Point(x % 5, x // 5 + 0.01 * x, f"architecture {x}") for x in range(25)]
    points += [Point(2.0, 2.0, "in the very middle of it")] * 3
    axes.plot([p.x for p in points], [p.y for p in points], "o", markersize=6)
    place_labels(axes, points)
    renderer = FigureCanvasAgg(figure).get_renderer()
    boxes = [text.get_window_extent(renderer).extents for text in axes.texts]
    assert 5 < len(boxes) < len(points)
    marks = []
    for point in points:
        x, y = axes.transData.transform((point.x, point.y))
        marks.append((x - 3, y - 3, x + 3, y + 3))
    for place, box in enumerate(boxes):
        assert not any(overlap(box, other) for other in boxes[:place])
        assert not any(overlap(box, mark) for mark in marks)


def test_two_papers_points_in_one_place_have_one_name() -> None:
    figure = Canvas(figsize=(4.8, 3.4), dpi=72)
    axes = figure.subplots()
    points = [Point(1.0, 5.0, "PNAS"), Point(1.0, 5.0, "PNAS"), Point(9.0, 9.0, "PNAS")]
    axes.plot([p.x for p in points], [p.y for p in points], "o")
    place_labels(axes, points)
    assert [text.get_text() for text in axes.texts] == ["PNAS", "PNAS"]


def test_colours_without_a_variable_stay() -> None:
    text = '<svg width="5pt" height="3pt"><path style="fill: #0072b2; stroke: #123456"/></svg>'
    assert themed(text) == '<svg width="5pt"><path style="fill: var(--series-1); stroke: #123456"/></svg>'
