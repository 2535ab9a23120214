"""The report in a browser, opened from the disk: headless Chromium."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.report.runs import place_of
from tests.bench.report.conftest import Report
from tests.bench.report.made_records import NASTY, SEARCHED, STAGES

selenium = pytest.importorskip("selenium", reason="selenium is not installed (the extra `dev` has it)")

from selenium.webdriver import Chrome, ChromeOptions  # noqa: E402
from selenium.webdriver.chrome.service import Service  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.remote.webelement import WebElement  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (BROWSER and DRIVER),
    reason="needs what pip cannot install: apt-get install chromium chromium-driver",
)

#: So that nothing but the page itself asks for anything, and no profile of the user's is touched.
SWITCHES = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
#: WCAG 2.2, 1.4.3 and 1.4.11: of text, and of what a picture consists of.
TEXT, GRAPHICS = 4.5, 3.0


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    options = ChromeOptions()
    options.binary_location = str(BROWSER)
    for switch in (*SWITCHES, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    # With its path given, selenium looks for no driver to download.
    driver = Chrome(options=options, service=Service(str(DRIVER)))
    yield driver
    driver.quit()


@pytest.fixture
def page(chromium: Chrome, report: Report) -> Chrome:
    """The page, opened anew, on a wide and light screen."""
    show(chromium, 1400)
    load(chromium, report.file.as_uri())
    return chromium


def load(driver: Chrome, address: str) -> None:
    """Go there, from elsewhere; back once all of the page is there. On a busy machine `get` alone returns before."""
    driver.get("about:blank")
    driver.get(address)
    WebDriverWait(driver, 60).until(
        lambda page: page.execute_script("return document.readyState === 'complete' && location.href !== 'about:blank'")
    )


def show(page: Chrome, width: int, scheme: str = "light", media: str = "screen") -> None:
    size = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": False}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})


def rows(page: Chrome, task: str) -> list[list[str]]:
    """The texts of the rows of a table that are not hidden, group headings too."""
    return page.execute_script(
        """return [...document.querySelectorAll(`#${arguments[0]} tbody tr`)].filter((row) => row.offsetParent)
        .map((row) => [...row.cells].map((cell) => cell.textContent.trim()))""",
        task,
    )


def button(page: Chrome, task: str, key: str) -> WebElement:
    return page.find_element(By.CSS_SELECTOR, f"#{task} th[data-key={key}] button")


def count(page: Chrome, task: str) -> str:
    return page.find_element(By.CSS_SELECTOR, f"#{task} output").text


def in_view(page: Chrome, element: WebElement) -> bool:
    """Whether all of it is seen once the page stands still; boxes that scroll cut what is in them."""
    inside = """
        const box = arguments[0].getBoundingClientRect();
        return arguments[0].checkVisibility() && box.height > 0 && box.top >= 0 && box.bottom <= innerHeight;"""
    for _ in range(20):
        if page.execute_script(inside, element):
            return True
        time.sleep(0.05)
    return False


def test_it_opens_without_a_word_and_asks_for_nothing(page: Chrome, report: Report) -> None:
    page.get_log("performance")
    page.get_log("browser")
    load(page, report.file.as_uri())
    page.find_element(By.CSS_SELECTOR, "#runs summary").click()
    messages = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    sent = [message["params"] for message in messages if message["method"] == "Network.requestWillBeSent"]
    assert {request["request"]["url"] for request in sent} - {"data:,"} == {report.file.as_uri()}
    assert [entry for entry in page.get_log("browser") if entry["level"] in ("WARNING", "SEVERE")] == []
    assert page.title == "Does it transfer?"


def test_a_record_runs_no_script(page: Chrome, report: Report) -> None:
    assert not page.find_elements(By.CSS_SELECTOR, "img")
    record = report.records[f"classification/digits/{SEARCHED}/seed0"]
    run = page.execute_script("return document.getElementById(arguments[0]).closest('details')", place_of(record))
    link = run.find_element(By.CSS_SELECTOR, "a[href^='#config-']")
    config = page.find_element(By.ID, str(link.get_dom_attribute("href"))[1:])
    assert json.loads(str(config.find_element(By.TAG_NAME, "pre").get_attribute("textContent")))["note"] == NASTY


def test_a_table_is_sorted_up_down_and_back(page: Chrome) -> None:
    def values() -> list[list[float | None]]:
        """By group: the column's numbers, None for a hole."""
        return page.execute_script(
            """return [...document.querySelectorAll("#classification tbody")].map((body) =>
            [...body.querySelectorAll("tr:not(.group)")].map((row) => row.querySelector(".by")).map((cell) =>
            cell.dataset.value === undefined ? null : Number(cell.dataset.value)))"""
        )

    page.execute_script(
        """const place = document.querySelector("#classification th[data-key=search_cost]").cellIndex;
        for (const row of document.querySelectorAll("#classification tbody tr:not(.group)"))
            row.cells[place].classList.add("by");"""
    )
    head = page.find_element(By.CSS_SELECTOR, "#classification th[data-key=search_cost]")
    other = page.find_element(By.CSS_SELECTOR, "#classification th[data-key=top1_error]")
    before, texts = values(), rows(page, "classification")
    headings = [row for row in texts if len(row) == 1]
    assert any(None in group and len(set(group)) > 2 for group in before)
    for turn, descending in (("ascending", False), ("descending", True)):
        button(page, "classification", "search_cost").click()
        assert head.get_dom_attribute("aria-sort") == turn
        for now, group in zip(values(), before, strict=True):
            known = sorted((value for value in group if value is not None), reverse=descending)
            assert now == known + [None] * group.count(None)
        shown = rows(page, "classification")
        assert [row for row in shown if len(row) == 1] == headings
        assert len(shown[0]) == 1
    button(page, "classification", "search_cost").click()
    assert head.get_dom_attribute("aria-sort") is None
    assert rows(page, "classification") == texts
    button(page, "classification", "search_cost").click()
    button(page, "classification", "top1_error").click()
    assert (head.get_dom_attribute("aria-sort"), other.get_dom_attribute("aria-sort")) == (None, "ascending")


def test_words_are_sorted_as_words(page: Chrome) -> None:
    button(page, "reid", "architecture").click()
    groups = " ".join(row[0] for row in rows(page, "reid")).split("reid/")
    assert groups[1] == "digits_p1 DrNAS PC PDARTS timm-resnet50 twin x-y x.y "


def test_a_table_is_filtered_by_words_and_kinds(page: Chrome) -> None:
    section = page.find_element(By.ID, "classification")
    words, kind = section.find_element(By.TAG_NAME, "input"), section.find_element(By.TAG_NAME, "select")
    everything = [row for row in rows(page, "classification") if len(row) > 1]
    assert count(page, "classification") == f"{len(everything)} rows"

    words.send_keys("CIFAR10 pnas")
    shown = rows(page, "classification")
    # A group's heading is a word of each of its rows, and goes with the last of them.
    assert [row[0] for row in shown if len(row) == 1] == ["classification/cifar10"]
    found = [row for row in shown if len(row) > 1]
    assert found
    assert all("PNAS" in row[0] for row in found)
    assert count(page, "classification") == f"{len(found)} of {len(everything)} rows"

    words.clear()
    words.send_keys("no such word")
    assert rows(page, "classification") == []
    assert count(page, "classification") == f"0 of {len(everything)} rows"

    words.clear()
    words.send_keys(Keys.SPACE)
    sizes = {}
    for name in ("published", "measured", "measured, full runs", "all"):
        kind.find_element(By.XPATH, f"option[.='{name}']").click()
        sizes[name] = len([row for row in rows(page, "classification") if len(row) > 1])
    assert sizes["all"] == len(everything) == sizes["published"] + sizes["measured"]
    # One of the measured rows is a reduced run's.
    assert (sizes["measured"], sizes["measured, full runs"]) == (9, 8)


def test_a_filter_leaves_other_tables_alone(page: Chrome) -> None:
    before = rows(page, "detection")
    page.find_element(By.CSS_SELECTOR, "#classification input").send_keys("no such word")
    assert rows(page, "detection") == before


@pytest.mark.parametrize("width", [1400, 390])
def test_a_number_leads_to_its_run(page: Chrome, report: Report, width: int) -> None:
    show(page, width)
    place = place_of(report.records[f"classification/digits/{SEARCHED}/seed0"])
    line = page.find_element(By.ID, place)
    assert not line.is_displayed()
    link = page.find_element(By.CSS_SELECTOR, f"#classification a[href='#{place}']")
    link.click()
    assert line.is_displayed()
    assert in_view(page, line)
    # Folded again, the same link unfolds it again, which a browser does by itself.
    page.execute_script("arguments[0].closest('details').open = false", line)
    link.click()
    assert in_view(page, line)
    # From there to the config, which is folded as well.
    run = line.find_element(By.XPATH, "ancestor::details")
    config = run.find_element(By.CSS_SELECTOR, "a[href^='#config-']")
    config.click()
    found = page.find_element(By.ID, str(config.get_dom_attribute("href"))[1:])
    assert found.get_dom_attribute("open") is not None
    assert found.find_element(By.TAG_NAME, "pre").is_displayed()
    assert in_view(page, found.find_element(By.TAG_NAME, "summary"))
    # And along the lineage.
    parent = place_of(report.records[f"search/digits_p_darts/{SEARCHED}/seed0"])
    page.execute_script("arguments[0].click()", run.find_element(By.CSS_SELECTOR, f"a[href='#{parent}']"))
    assert in_view(page, page.find_element(By.ID, parent))


def test_the_page_can_be_opened_at_a_run(chromium: Chrome, report: Report) -> None:
    place = place_of(report.records["reid/digits_p3/x.y/seed0"])
    load(chromium, f"{report.file.as_uri()}#{place}")
    assert in_view(chromium, chromium.find_element(By.ID, place))


def test_a_name_leads_to_its_cells(page: Chrome) -> None:
    link = page.find_element(By.CSS_SELECTOR, "#detection a[href^='#cells-']")
    link.click()
    figure = page.find_element(By.CSS_SELECTOR, str(link.get_dom_attribute("href")))
    assert in_view(page, figure.find_element(By.TAG_NAME, "figcaption"))


def test_plots_have_words_and_numbers(page: Chrome) -> None:
    figures = page.find_elements(By.CSS_SELECTOR, ".panels figure")
    titles = {figure.find_element(By.TAG_NAME, "figcaption").text for figure in figures}
    assert {
        "search/digits_p_darts: entropy of α",
        "classification/digits: top-1 error",
        "reid/digits",
        "detection/digits",
    } <= titles
    for figure in figures:
        picture = figure.find_element(By.TAG_NAME, "svg")
        assert picture.get_dom_attribute("role") == "img"
        words = str(picture.get_dom_attribute("aria-label"))
        assert words.startswith(figure.find_element(By.TAG_NAME, "figcaption").text)
        size = re.search(r"; (\d+) points of ", words)
        assert size
        numbers = figure.find_element(By.TAG_NAME, "details")
        assert not numbers.find_element(By.TAG_NAME, "table").is_displayed()
        numbers.find_element(By.TAG_NAME, "summary").send_keys(Keys.ENTER)
        assert numbers.find_element(By.TAG_NAME, "table").is_displayed()
        lines = numbers.find_elements(By.CSS_SELECTOR, "tbody tr")
        assert len(lines) == len(picture.find_elements(By.TAG_NAME, "title")) == int(size[1])
    entropy = page.find_element(By.CSS_SELECTOR, "#search-curves figure svg")
    assert f"{2 * sum(STAGES)} points" in str(entropy.get_dom_attribute("aria-label"))


def test_a_point_of_a_plot_leads_to_its_run(page: Chrome, report: Report) -> None:
    place = place_of(report.records["detection/digits_ssd/PC/seed0"])
    point = page.find_element(By.CSS_SELECTOR, f"#ap-macs svg a[href='#{place}']")
    page.execute_script("arguments[0].dispatchEvent(new MouseEvent('click', {bubbles: true}))", point)
    assert in_view(page, page.find_element(By.ID, place))


def test_tables_are_sorted_from_the_keyboard(page: Chrome) -> None:
    select = page.find_element(By.CSS_SELECTOR, "#detection select")
    select.send_keys(Keys.TAB)
    # The box that scrolls comes first: arrow keys move it.
    assert page.switch_to.active_element.get_dom_attribute("class") == "scroll"
    page.switch_to.active_element.send_keys(Keys.TAB)
    focused = page.switch_to.active_element
    assert focused.tag_name == "button"
    outline = page.execute_script("return getComputedStyle(arguments[0]).outlineStyle", focused)
    assert outline == "solid"
    head = focused.find_element(By.XPATH, "..")
    for key, turn in ((Keys.ENTER, "ascending"), (Keys.SPACE, "descending")):
        focused.send_keys(key)
        assert head.get_dom_attribute("aria-sort") == turn


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_scrolls_no_page_sideways(page: Chrome, scheme: str) -> None:
    show(page, 390, scheme)
    page.execute_script("for (const each of document.querySelectorAll('details')) each.open = true")
    assert page.execute_script("return [innerWidth, document.documentElement.scrollWidth]") == [390, 390]
    # Tables scroll within their boxes, and the names of their rows stay.
    where = """
        const box = document.querySelector("#classification .scroll");
        box.scrollLeft = 200;
        return [box.scrollLeft, box.querySelector("tbody th[scope=row]").getBoundingClientRect().left];"""
    scrolled, left = page.execute_script(where)
    assert scrolled == 200
    assert left == pytest.approx(16)


def test_light_and_dark_can_both_be_read(page: Chrome) -> None:
    found: dict[str, dict[str, tuple[float, ...]]] = {}
    for scheme in ("light", "dark"):
        show(page, 1400, scheme)
        found[scheme] = colours(page)
        paper = found[scheme]["paper"]
        for name, colour in found[scheme].items():
            on = [found[scheme][other] for other in ("paper", "raised", "mark")]
            if name in ("ink", "link", "muted"):
                grounds = on[:2] if name == "muted" else on
                assert min(contrast(colour, ground) for ground in grounds) >= TEXT, (scheme, name)
            elif name.startswith("series-"):
                assert contrast(colour, paper) >= GRAPHICS, (scheme, name)
            elif name.startswith("cell-"):
                assert contrast(colour, found[scheme]["ink"]) >= TEXT, (scheme, name)
    assert len([name for name in found["light"] if name.startswith("series-")]) == 7
    for name in found["light"]:
        assert found["light"][name] != found["dark"][name], name


def colours(page: Chrome) -> dict[str, tuple[float, ...]]:
    """Each colour that the style sheet names, as it is painted; of the page itself, too."""
    names = sorted(set(re.findall(r"--([a-z0-9-]+): #", page.page_source)))
    script = """
        const probe = document.body.appendChild(document.createElement("i")), found = {};
        for (const name of arguments[0]) {
            probe.style.color = `var(--${name})`;
            found[name] = getComputedStyle(probe).color;
        }
        probe.remove();
        const body = getComputedStyle(document.body);
        return { ...found, "the page's paper": body.backgroundColor, "the page's ink": body.color };"""
    texts = page.execute_script(script, names)
    found = {name: tuple(map(float, re.findall(r"[\d.]+", text))) for name, text in texts.items()}
    assert (found["the page's paper"], found["the page's ink"]) == (found["paper"], found["ink"])
    return found


def contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """WCAG 2.2's contrast ratio of two colours, 0 to 255."""

    def luminance(colour: tuple[float, ...]) -> float:
        parts = (value / 255 for value in colour)
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    # The grey that is known for just passing on white.
    assert contrast((118, 118, 118), (255, 255, 255)) == pytest.approx(4.54, abs=0.005)


def test_pictures_have_no_colour_of_their_own(page: Chrome) -> None:
    painted: list[str] = page.execute_script(
        """return [...document.querySelectorAll("figure svg")].map((each) => each.outerHTML)"""
    )
    assert not set(re.findall(r"#[0-9a-fA-F]{6}\b", "".join(painted)))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_print_shows_whole_tables_and_no_controls(page: Chrome, scheme: str) -> None:
    show(page, 1000, scheme, media="print")
    state: dict[str, Any] = page.execute_script(
        """const shown = (query) => [...document.querySelectorAll(query)].filter((each) => each.checkVisibility());
        return {
            controls: shown(".controls, nav").length,
            cut: shown(".comparison .scroll").filter((box) =>
                box.scrollHeight > box.clientHeight && getComputedStyle(box).overflowY !== "visible").length,
            tables: shown(".comparison .scroll").length,
            ink: getComputedStyle(document.body).color,
            paper: getComputedStyle(document.body).backgroundColor,
        }"""
    )
    assert (state["controls"], state["cut"], state["tables"]) == (0, 0, 5)
    assert (state["ink"], state["paper"]) == ("rgb(0, 0, 0)", "rgb(255, 255, 255)")
    muted, paper = colours(page)["muted"], colours(page)["paper"]
    assert contrast(muted, paper) >= TEXT
    series = {name: colour for name, colour in colours(page).items() if name.startswith("series-")}
    assert min(contrast(colour, paper) for colour in series.values()) >= GRAPHICS


def test_tables_fit_on_a_sheet_of_paper(page: Chrome) -> None:
    # A4 and US letter, sideways and within the margins, in CSS pixels. What is wider shrinks all pages.
    for width in (1047, 980):
        show(page, width, media="print")
        assert page.execute_script("return document.documentElement.scrollWidth") <= width


def test_without_scripts_the_tables_are_read_as_they_stand(page: Chrome, report: Report, tmp_path: Path) -> None:
    everything = rows(page, "reid")
    page.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        load(page, report.file.as_uri())
        assert not page.find_element(By.CSS_SELECTOR, "#reid .controls").is_displayed()
        assert not page.find_elements(By.CSS_SELECTOR, "#reid thead button")
        shown = page.find_element(By.CSS_SELECTOR, "#reid tbody").text
        assert everything[0][0] in shown
        assert everything[1][0] in shown
    finally:
        page.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
