"""Answer the question of transfer in a format, for chosen proxies and metrics."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

from backbones.errors import InputError
from bench.console.visible import harmless_cell
from bench.statistics.answers import HEADS, Answer, answers, cells
from bench.statistics.measurements import measurements
from bench.statistics.transfer import Pair, as_frame, pairs
from bench.tables import Table, render
from bench.tables.columns import Column
from bench.tables.frame import Notice, read_records
from bench.tables.published import PAPER_TASKS, published_problems, published_rows
from bench.tables.table import Group, TableCell, fits
from bench.zerocost.holes import hole_lines
from search.configs import nearest

#: The largest number of pairs that a message lists.
_MOST_LISTED = 8


def transfer_text(
    results: Path,
    form: str,
    full_only: bool,
    proxy: Sequence[str] | None,
    on: Sequence[str] | None,
    notice: Notice,
) -> str:
    """Write which proxies predict the downstream metrics, with regret and certainty.

    Pairs are of records, or of one paper's rows where `FEWEST` architectures or more have both numbers.

    Args:
        form: one of `bench.tables.FORMATS`.
        full_only: leave reduced runs out.
        proxy, on: names or patterns of the protocols of proxies and of downstream metrics; None takes all.
        notice: called with a line for each unreadable record and undefined score.

    Raises:
        InputError: there is no pair, or a pattern matches nothing.
    """
    for problem in published_problems(results):
        notice(f"left out: {problem}")
    records = [each for each in read_records(results, None, notice) if not (full_only and each.reduced)]
    if not records:
        notice(f"{results}: holds no {'full ' if full_only else ''}record yet")
    measured = pairs(measurements(records))
    printed = pairs(measurements((), [published_rows(task, results) for task in PAPER_TASKS]))
    # Before the lines on records, so that a mistake is the only line.
    found = _chosen([*measured, *(pair for pair in printed if pair.enough)], proxy or (), on or (), results)
    if records and not measured:
        notice(
            f"{results}: no two architectures have both a proxy's value and a downstream metric; "
            "`wildnas evaluate ARCH ARCH --on zerocost/digits classification/digits` gives both"
        )
    for line in hole_lines(records):
        notice(line)
    if form == "csv":
        frame = as_frame(found)
        return frame.map(lambda cell: harmless_cell(cell) if isinstance(cell, str) else cell).to_csv(index=False)
    if form == "json":
        return f"{as_frame(found).to_json(orient='records', indent=1, force_ascii=False)}\n"
    return render(_table(answers(found)), form)


def _chosen(found: list[Pair], proxy: Sequence[str], on: Sequence[str], results: Path) -> list[Pair]:
    """Select the pairs of the matching protocols; each pattern must match one."""
    asked = " ".join([*(f"--proxy {pattern}" for pattern in proxy), *(f"--on {pattern}" for pattern in on)])
    if asked and not found:
        raise InputError(
            f"{asked}: {results} has no pair to choose from; a pair is a proxy's value and a downstream metric of the "
            "same architectures"
        )
    kept = found
    for option, what, patterns in (("--proxy", "proxy", proxy), ("--on", "downstream", on)):
        names = [getattr(pair, what).protocol for pair in found]
        for pattern in patterns:
            if not any(fits(name, pattern) for name in names):
                near = nearest(pattern, sorted(set(names)))
                raise InputError(f"{option} {pattern}: no pair has such a {what} protocol ({near}); {_listed(found)}")
        if patterns:
            kept = [pair for pair in kept if any(fits(getattr(pair, what).protocol, pattern) for pattern in patterns)]
    if found and not kept:
        raise InputError(f"{asked}: no pair has both; {_listed(found)}")
    return kept


def _listed(found: Sequence[Pair]) -> str:
    names = list(dict.fromkeys(f"{pair.proxy.protocol} → {pair.downstream.protocol}" for pair in found))
    more = f" and {len(names) - _MOST_LISTED} more" if len(names) > _MOST_LISTED else ""
    return f"there are the pairs {', '.join(names[:_MOST_LISTED])}{more}"


def _table(found: Sequence[Answer]) -> Table:
    units = {answer.downstream.unit for answer in found}
    unit = units.pop() if len(units) == 1 else ""
    columns = [
        Column(head, head, unit if head.startswith(("Regret", "of ")) else "", numeric=head not in ("Proxy", "Reading"))
        for head in HEADS
    ]
    groups = [Group(answer.title, tuple(map(_row, answer.pairs)), tuple(answer.lines)) for answer in found]
    return Table("transfer", "Transfer", tuple(columns), tuple(groups), (), "tab:transfer")


def _row(pair: Pair) -> tuple[SimpleNamespace, dict[str, TableCell]]:
    about = SimpleNamespace(published=pair.source != "measured", reduced=pair.reduced, records=())
    return about, {head: TableCell(text) for head, text in zip(HEADS, cells(pair), strict=True)}
