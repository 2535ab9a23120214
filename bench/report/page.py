"""Write the report as one self-contained HTML file, which can be opened from a disk or sent by mail."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from backbones.errors import InputError
from backbones.files import confirm_writable, write_text
from bench.console.visible import visible
from bench.records.record import Record
from bench.records.sections import many_objects
from bench.records.store import RecordStore
from bench.report import plot
from bench.report.cells import Cells, all_cells, cells_place
from bench.report.curves import read_curves, search_figure, training_figure
from bench.report.proxies import proxies_figure, transfer_figure
from bench.report.runs import Lineage, config_place, place_of
from bench.report.scatters import SOURCES, cost_figure, detection_figure, latency_figure, parts_figure
from bench.report.stages import operations_figure, stages_figure
from bench.statistics.answers import HEADS, answers, cells
from bench.statistics.checklist import WORDS, checklist
from bench.statistics.correlation import FEWEST
from bench.statistics.measurements import measurements
from bench.statistics.reproducibility import gains, splits
from bench.statistics.transfer import pairs
from bench.tables.columns import Column
from bench.tables.frame import merged_rows
from bench.tables.power import needed_text
from bench.tables.published import published_problems
from bench.tables.rows import MEASURED, Row, Rows
from bench.tables.table import lay_out
from bench.tables.write import as_html, environment
from bench.tasks.metrics import METRICS, TITLES
from bench.zerocost.holes import hole_lines
from search.training.progress import ProgressCallback

#: Replaced by the script's digest once the page is rendered; the policy precedes all that comes from records.
_SCRIPT = "digest-of-the-script"

#: How the policy of every report begins, by which it is known; and the bytes in which it stands.
_POLICY, _HEAD = b"default-src 'none'; style-src 'unsafe-inline'; script-src '", 1_000

#: In the order of their tables.
TASKS = ("classification", "detection", "reid", "search", "zerocost")


@many_objects()
def write_report(
    results: Path,
    out: Path,
    title: str = "Does it transfer?",
    full_only: bool = False,
    progress: ProgressCallback = lambda fraction, doing: None,
) -> tuple[Path, list[str]]:
    """Write `<out>/index.html` from the records below a results folder and the papers' rows.

    Equal records give equal bytes.

    Args:
        full_only: whether reduced runs are left out.

    Returns:
        The file, and a line for each record or curve that could not be read; the page lists them, too.

    Raises:
        InputError: the folder cannot be written, or holds an `index.html` that is no report.
    """
    file = out / "index.html"
    # Before the drawing, so that a mistake is known at once.
    with _writing(file):
        out.mkdir(parents=True, exist_ok=True)
        confirm_writable(file)
        _confirm_ours(file)
    text, problems = _page(results, title, full_only, progress)
    with _writing(file):
        # JSON may hold control characters and halves of surrogate pairs, which UTF-8 may not.
        write_text(file, visible(text))
    return file, problems


def _confirm_ours(file: Path) -> None:
    """Raise InputError if the file is there and no report, but somebody's own page."""
    if not file.is_file():
        return
    with file.open("rb") as stream:
        head = stream.read(_HEAD)
    if _POLICY not in head:
        raise InputError(f"{file}: is there already and no report; expected a folder without it (--out)")


@contextlib.contextmanager
def _writing(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"{file}: cannot be written: {error.strerror}") from error


def _page(results: Path, title: str, full_only: bool, progress: ProgressCallback) -> tuple[str, list[str]]:
    progress(0.0, "reading records")
    store = RecordStore(results)
    readable, problems = store.read_sound()
    known = [record for record in readable if record.task in METRICS]
    by_name = {record.name: record for record in known}
    records = [record for record in known if not (full_only and record.reduced)]
    of = {task: [record for record in records if record.task == task] for task in TASKS}
    rows = {task: _own_first(merged_rows(task, of[task], by_name.get, of["classification"], results)) for task in TASKS}
    everything = [row for task in TASKS for row in rows[task]]
    curves, broken = read_curves(records, store)
    progress(0.1, "comparing")
    frame = measurements(records, rows.values())
    measured = frame[frame["source"] == MEASURED]
    found = pairs(frame)
    transfers = [pair for pair in found if pair.proxy.task != "zerocost"]
    transfers.sort(key=lambda pair: (pair.source != MEASURED, -len(pair.architectures)))
    answered = answers(pair for pair in found if pair.source == MEASURED)
    ran = [row for row in everything if row.records]
    places = {(row.text("protocol"), row.digest or row.text("architecture")): _row_link(row) for row in ran}

    def link(protocol: str, architecture: str) -> str:
        return places.get((protocol, architecture), "")

    figures = [
        transfer_figure(transfers, link),
        proxies_figure(answered, link),
        detection_figure(rows["detection"], _row_link),
        parts_figure(rows["reid"], _row_link),
        latency_figure(rows, [record for record in known if record.task == "latency"], _row_link),
        cost_figure(rows["classification"], _row_link),
        search_figure(curves, _record_link),
        operations_figure(curves, _record_link),
        stages_figure(records, _record_link),
        training_figure(curves, _record_link),
    ]
    tables = {
        task: as_html(lay_out(TITLES[task], own, METRICS[task], ["protocol"]), _cell_link)
        for task, own in rows.items()
        if own
    }
    progress(0.2, "drawing plots")
    pictures = {
        figure.key: [plot.svg(panel, f"{figure.key}-{place}") for place, panel in enumerate(figure.panels)]
        for figure in figures
    }
    problems = [*published_problems(results), *problems, *broken]
    content: dict[str, Any] = {
        "title": title,
        "titles": TITLES,
        "fewest": FEWEST,
        "records": records,
        "reduced": sum(bool(record.reduced) for record in records),
        "omitted": len(known) - len(records),
        "published": sum(row.published is not None for row in everything),
        "papers": _papers(everything),
        "problems": problems,
        "transfers": transfers,
        "heads": HEADS,
        "answers": answered,
        "holes": hole_lines(records),
        "gains": gains(measured),
        "splits": splits(measured),
        "checklist": checklist(records),
        "words": WORDS,
        "tables": tables,
        "figures": [figure for figure in figures if figure.panels],
        "pictures": pictures,
        "cells": _drawn(everything, progress),
        "runs": Lineage(records).runs(everything),
        "configs": {config_place(record.config): record for record in records},
    }
    progress(1.0, "writing")
    return _rendered(content), problems


def _papers(rows: Iterable[Row]) -> str:
    """`PC-DARTS, P-DARTS and Mine`: the papers that rows are from, those of the legends' order first."""
    found = dict.fromkeys(row.published.paper for row in rows if row.published is not None)
    names = [*(name for name in SOURCES if name in found), *(name for name in found if name not in SOURCES)]
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def _own_first(rows: Rows) -> Rows:
    """The rows of protocols with measured rows first."""
    own = {row.text("protocol") for row in rows if row.records}
    return Rows(sorted(rows, key=lambda row: row.text("protocol") not in own))


def _cell_link(row: Row, column: Column) -> str:
    """Link a name to its cells, and a measured number to its runs."""
    if column.key == "architecture":
        return f"#{cells_place(row.digest)}" if row.digest else ""
    return _row_link(row) if column.numeric else ""


def _row_link(row: Row) -> str:
    return f"#{place_of(row.records[0])}" if row.records else ""


def _record_link(record: Record) -> str:
    return f"#{place_of(record)}"


def _drawn(rows: Iterable[Row], progress: ProgressCallback) -> list[tuple[Cells, dict[str, str]]]:
    every = all_cells(rows)
    found = []
    for place, each in enumerate(every):
        progress(0.4 + 0.5 * place / len(every), f"drawing cells {place + 1} of {len(every)}")
        found.append((each, each.pictures))
    return found


def _rendered(content: dict[str, Any]) -> str:
    templates = environment("bench.report")
    templates.filters |= {
        "config": lambda value: json.dumps(value, indent=1, ensure_ascii=False),
        "breakable": _breakable,
        "cells": cells,
        "compact": lambda value: json.dumps(value, ensure_ascii=False),
        "config_place": config_place,
        "facts": _facts,
        "needed": needed_text,
        "place": place_of,
    }
    page = templates.get_template("page.html").render(content, script_digest=_SCRIPT)
    script = page.rpartition("<script>")[2].partition("</script>")[0]
    # The policy allows only the script of this digest, whatever a record contains.
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return page.replace(_SCRIPT, f"sha256-{digest}", 1)


def _breakable(text: object) -> Markup:
    """Allow a line break behind each slash, underscore and hyphen, for narrow screens."""
    return Markup(re.sub(r"([/_-])(?=.)", r"\1<wbr>", str(escape(text))))


def _facts(content: Mapping[str, Any]) -> str:
    """An environment on one line."""
    parts = [
        _facts(value).replace(";", ",") if isinstance(value, dict) else f"{name} {value}"
        for name, value in content.items()
        if value not in (None, "")
    ]
    return "; ".join(parts)
