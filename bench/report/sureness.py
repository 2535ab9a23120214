"""What the page says of how sure its results are: proxies, gains over random, variance, the checklist."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bench.records.record import Record
from bench.report.panels import Figure
from bench.report.proxies import proxies_figure
from bench.statistics.answers import HEADS, answers, cells
from bench.statistics.checklist import WORDS, checklist
from bench.statistics.measurements import measurements
from bench.statistics.power import needed_text
from bench.statistics.reproducibility import Gain, Split, gains, splits
from bench.statistics.transfer import pairs
from bench.tables.rows import Row
from bench.zerocost.holes import hole_lines


def sureness(
    records: Sequence[Record], rows: Mapping[str, Sequence[Row]], links: Mapping[str, str]
) -> tuple[dict[str, Any], Figure]:
    """The content of the sections, and the scatter of proxies.

    Args:
        links: of each record's name, the place in the page that it leads to.
    """
    frame = measurements(records)
    found = answers(pairs(frame))
    where = {
        (row.labels["protocol"], row.digest or row.labels["architecture"]): links.get(row.records[0].name, "")
        for own in rows.values()
        for row in own
        if row.records
    }
    figure = proxies_figure(found, lambda protocol, architecture: where.get((protocol, architecture), ""))
    content = {
        "heads": HEADS,
        "answers": [
            {
                "title": answer.title,
                "unit": answer.downstream.unit,
                "lines": answer.lines,
                "cells": [cells(pair) for pair in answer.pairs],
            }
            for answer in found
        ],
        "holes": hole_lines(records),
        "gains": [_gain(gain) for gain in gains(frame)],
        "splits": [_split(split) for split in splits(frame)],
        "checklist": [(item.part, item.question, WORDS[item.status], item.evidence) for item in checklist(records)],
    }
    return content, figure


def _mark(reduced: bool) -> str:
    return " †" if reduced else ""


def _gain(gain: Gain) -> list[str]:
    return [
        f"{gain.protocol} {gain.label}{_mark(gain.reduced)}",
        gain.method,
        str(gain.architectures),
        str(gain.random),
        gain.improvement.text if gain.improvement else "",
        "" if gain.spread is None or gain.improvement is None else needed_text(gain.seeds),
        gain.reading,
    ]


def _split(split: Split) -> list[str]:
    parts = split.components
    deviations = [""] * 2 if parts is None else [f"{value**0.5:.2f}" for value in (parts.search, parts.training)]
    return [
        split.search,
        f"{split.protocol} {split.label} ({split.unit}){_mark(split.reduced)}",
        str(split.searches),
        str(split.trainings),
        *deviations,
        split.reading,
    ]


def links_of(records: Iterable[Record], place: Any) -> dict[str, str]:
    """The places of records, by name."""
    return {record.name: place(record) for record in records}
