"""The page's sections on how sure its results are."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from xml.etree import ElementTree

import pytest

from bench.records.record import Record
from bench.report import plot
from bench.report.panels import Axis, Panel, Point, Series
from bench.report.proxies import _axis, proxies_figure
from bench.statistics.answers import answers
from bench.statistics.measurements import measurements
from bench.statistics.transfer import pairs
from bench.tables import build_table, render
from bench.tasks.metrics import METRICS
from tests.bench.report.conftest import Report
from tests.bench.statistics.made_study import made_study


def section(page: str, name: str) -> str:
    """The text of a section, without tags."""
    (found,) = re.findall(rf'<section id="{name}".*?</section>', page, re.DOTALL)
    return " ".join(
        unescape(re.sub(r"<svg.*?</svg>|<[^>]*>", " ", found.replace("<wbr>", ""), flags=re.DOTALL)).split()
    )


def test_the_page_answers_for_every_downstream_metric(report: Report) -> None:
    text = section(report.text, "proxies-table")
    for title in ("detection/digits_ssd AP (%)", "reid/digits_p3 Rank-1 (%)", "reid/digits_p3 mAP (%)"):
        assert f"{title}: " in text
    assert "predicts it best: τ = " in text
    assert "Noise ceiling: too few; 2 seeds of the same 5 architectures are needed." in text
    assert "Regret of the first" in text


def test_the_page_says_what_is_missing(report: Report) -> None:
    text = section(report.text, "reproducibility")
    assert "too few: 0 random architectures; 2 or more are needed" in text
    assert "too few: 1 search; 2 or more are needed, each retrained twice or more" in text
    assert "Compared with random architectures missing no setting has two random architectures or more" in text
    assert "How hyperparameters were tuned, and what that took not in records" in text


def test_every_measured_point_leads_to_a_run_of_the_page(report: Report) -> None:
    links = re.findall(r'<td><a href="#([^"]+)">', report.text[report.text.index('id="proxies"') :])
    assert links
    assert all(f'id="{link}"' in report.text for link in links)


def test_zerocost_has_its_table(make_record: Callable[..., Record]) -> None:
    records = [each for each in made_study(make_record) if each.task == "zerocost"]
    text = render(build_table("t", records, METRICS["zerocost"]), "markdown")
    for head in ("Depth (layers)", "Jacobian cov.", "SynFlow", "Time (s)"):
        assert f" {head} " in text


def test_scatters_have_bars_on_both_sides_and_lead_to_runs(make_record: Callable[..., Record]) -> None:
    found = pairs(measurements(made_study(make_record)))

    def link(protocol: str, architecture: str) -> str:
        return f"#{protocol}"

    figure = proxies_figure(answers(found), link)
    assert any("Multiply-adds" in panel.title for panel in figure.panels)
    (panel,) = proxies_figure(
        answers(each for each in found if (each.proxy.task, each.downstream.metric) == ("classification", "ap")), link
    ).panels
    assert len(panel.points) == 12
    assert all(point.deviation and point.x_deviation for point in panel.points)
    assert {point.link for point in panel.points} == {"#detection/digits_ssd"}
    assert all("τ = " in panel.title for panel in figure.panels)


@pytest.mark.parametrize(
    ("values", "wide"), [((1.0, 10.0), False), ((1.0, 10.1), True), ((0.0, 50.0), False), ((-1.0, 50.0), False)]
)
def test_a_wide_range_of_positive_numbers_is_drawn_on_a_logarithm(
    make_record: Callable[..., Record], values: tuple[float, float], wide: bool
) -> None:
    pair = next(iter(pairs(measurements(made_study(make_record)))))
    for side in (pair.proxy, pair.downstream):
        assert _axis(side, values).logarithmic is wide


def test_a_bar_is_drawn_for_each_side_that_has_one() -> None:
    def paths(point: Point) -> int:
        panel = Panel("t", Axis("x"), Axis("y"), (Series("s", (point, Point(2.0, 2.0))),))
        return len(list(ElementTree.fromstring(plot.svg(panel, "k")).iter("{http://www.w3.org/2000/svg}path")))

    plain = paths(Point(1.0, 1.0))
    assert plain < paths(Point(1.0, 1.0, deviation=0.1))
    assert paths(Point(1.0, 1.0, deviation=0.1)) < paths(Point(1.0, 1.0, deviation=0.1, x_deviation=0.1))
