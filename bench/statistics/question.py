"""Answer the question of transfer in a format, for chosen proxies and metrics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from backbones.errors import InputError
from bench.records.sections import many_objects
from bench.statistics.answers import HEADS, Answer, answers, cells
from bench.statistics.measurements import measurements
from bench.statistics.transfer import Pair, as_frame, pairs
from bench.tables.selection import read_records
from bench.zerocost.holes import hole_lines


def transfer_text(
    results: Path,
    form: Literal["markdown", "csv", "json"],
    full_only: bool,
    proxy: Sequence[str] | None,
    on: Sequence[str] | None,
    notice: Callable[[str], None],
) -> str:
    """Write which proxies predict the downstream metrics, with regret and certainty.

    Args:
        full_only: leave reduced runs out.
        proxy, on: names or patterns of the protocols of proxies and of downstream metrics; None takes all.
        notice: called with a line for each unreadable record and undefined score.

    Raises:
        InputError: there is no record or no pair, or a pattern matches nothing.
    """
    with many_objects():
        records = [each for each in read_records(results, None, notice) if not (full_only and each.reduced)]
    if not records:
        raise InputError(f"{results}: holds no {'full ' if full_only else ''}record yet")
    found = pairs(measurements(records))
    found = _chosen(found, "--proxy", proxy, lambda pair: pair.proxy.protocol)
    found = _chosen(found, "--on", on, lambda pair: pair.downstream.protocol)
    if not found:
        raise InputError(
            f"{results}: no two architectures have both a proxy's value and a downstream metric; "
            "`wildnas evaluate ARCH ARCH --on zerocost/digits classification/digits` gives both"
        )
    for line in hole_lines(records):
        notice(line)
    if form == "csv":
        return as_frame(found).to_csv(index=False)
    if form == "json":
        return f"{as_frame(found).to_json(orient='records', indent=1, force_ascii=False)}\n"
    return "\n\n".join(_markdown(answer) for answer in answers(found)) + "\n"


def _chosen(
    found: list[Pair], option: str, patterns: Sequence[str] | None, protocol: Callable[[Pair], str]
) -> list[Pair]:
    if not patterns:
        return found
    known = sorted({protocol(pair) for pair in found})
    kept = {name for name in known if any(fnmatchcase(name, pattern) for pattern in patterns)}
    if not kept:
        raise InputError(f"{option} {' '.join(patterns)}: matches no protocol; known: {', '.join(known) or 'none'}")
    return [pair for pair in found if protocol(pair) in kept]


def _markdown(answer: Answer) -> str:
    import pandas as pd

    table = pd.DataFrame([cells(pair) for pair in answer.pairs], columns=list(HEADS))
    heads = [f"{head} ({answer.downstream.unit})" if head.startswith(("Regret", "of ")) else head for head in HEADS]
    sides = ["left", *["right"] * (len(HEADS) - 2), "left"]
    text = table.to_markdown(index=False, headers=heads, colalign=sides, disable_numparse=True)
    return "\n".join([f"### {answer.title}", "", *answer.lines, "", text])
