"""Panels on the certainty of the results: proxies, gains over random architectures, variance, the checklist."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from bench.records.record import Record
from bench.report.panels import Figure
from bench.report.proxies import RunLink, proxies_figure
from bench.statistics.answers import HEADS, answers, cells
from bench.statistics.checklist import WORDS, checklist
from bench.statistics.measurements import measurements
from bench.statistics.reproducibility import Gain, VarianceSplit, gains, splits
from bench.statistics.transfer import Pair
from bench.tables.power import needed_text
from bench.zerocost.holes import hole_lines


def sureness(records: Sequence[Record], pairs: Iterable[Pair], link: RunLink) -> tuple[dict[str, Any], Figure]:
    """The content of the sections, and the scatters of the best proxies.

    Args:
        pairs: of measured proxies and metrics.
    """
    frame = measurements(records)
    found = answers(pairs)
    content = {
        "heads": HEADS,
        "answers": [
            {
                "title": answer.title,
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
    return content, proxies_figure(found, link)


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


def _split(split: VarianceSplit) -> list[str]:
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
