"""Plot the curves stored beside records: searches and trainings, epoch by epoch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from backbones.errors import InputError
from backbones.files import confirm_regular, file_digest, loads, read_text
from bench.records.bounds import LARGEST_CURVE, MOST_EPOCHS, confirm_bounded
from bench.records.record import Record
from bench.records.store import RecordStore
from bench.report.panels import Axis, Figure, Panel, Point, Series, joined
from bench.report.scatters import REDUCED

#: Returns the link to a record in the page.
RecordLink = Callable[[Record], str]


@dataclass(frozen=True)
class Curve:
    """The epochs of a record in order, one JSON object each."""

    record: Record
    epochs: list[dict[str, Any]]

    @property
    def name(self) -> str:
        seed = f"seed {self.record.seed}"
        return seed if self.record.task == "search" else f"{self.record.architecture.name}, {seed}"


#: For each plot its y axis, and the keys of its lines with the suffixes of their names.
_SEARCH = (
    (
        Axis("entropy of α (nats)", from_zero=True),
        {"alpha_entropy_normal": ", normal cell", "alpha_entropy_reduce": ", reduction"},
    ),
    (Axis("skip connections in the normal cell", whole=True), {"skip_count": ""}),
    (Axis("supernet's training accuracy (%)"), {"train_accuracy": ""}),
)
_TRAINING = ((Axis("top-1 error (%)", better="low"), {"top1_error": ""}),)
_EPOCH = Axis("epoch", whole=True)


def search_figure(curves: Sequence[Curve], link: RecordLink) -> Figure:
    """Entropy of α, skip connections and accuracy, epoch by epoch; a line a seed, dotted where a stage begins."""
    panels: list[Panel] = []
    for protocol, group in _by_protocol(curves, "search"):
        longest = max((curve.epochs for curve in group), key=len)
        begins = [place for place, entry in enumerate(longest, start=1) if place > 1 and entry.get("epoch") == 1]
        marks = tuple(place - 0.5 for place in begins)
        panels += _panels(protocol, group, _SEARCH, link, marks)
    note = "Stages follow each other; a dotted line is where one begins, with fewer candidates and fresh weights."
    return Figure("search-curves", "Searches, epoch by epoch", note, tuple(panels))


def training_figure(curves: Sequence[Curve], link: RecordLink) -> Figure:
    """The error of each training on the images that it is scored on, epoch by epoch."""
    panels: list[Panel] = []
    for protocol, group in _by_protocol(curves, "classification"):
        panels += _panels(protocol, group, _TRAINING, link)
    return Figure("training-curves", "Trainings, epoch by epoch", "", tuple(panels))


def _by_protocol(curves: Iterable[Curve], task: str) -> Iterator[tuple[str, list[Curve]]]:
    def title(curve: Curve) -> str:
        return f"{curve.record.protocol}{REDUCED if curve.record.reduced else ''}"

    kept = [curve for curve in curves if curve.record.task == task and curve.epochs]
    for protocol, group in groupby(sorted(kept, key=lambda curve: (title(curve), curve.record.name)), key=title):
        yield protocol, list(group)


def _panels(
    title: str,
    curves: Sequence[Curve],
    what: Sequence[tuple[Axis, Mapping[str, str]]],
    link: RecordLink,
    marks: tuple[float, ...] = (),
) -> Iterator[Panel]:
    for axis, keys in what:
        series = [_series(curve, key, words, link) for curve in curves for key, words in keys.items()]
        if joined(series):
            yield Panel(f"{title}: {axis.title.split(' (')[0]}", _EPOCH, axis, joined(series), marks)


def _series(curve: Curve, key: str, words: str, link: RecordLink) -> Series:
    """One number of a curve as a series; an epoch without it is left out."""
    points = [
        Point(place, entry[key], f"{curve.name}, epoch {place}", link(curve.record))
        for place, entry in enumerate(curve.epochs, start=1)
        if isinstance(entry.get(key), (int, float)) and math.isfinite(entry[key])
    ]
    return Series(curve.name + words, tuple(points), line=True)


def read_curves(records: Sequence[Record], store: RecordStore) -> tuple[list[Curve], list[str]]:
    """Read the curves of records, and list those that cannot be read or belong to another run."""
    curves, problems = [], []
    for record in records:
        if record.curve is None:
            continue
        try:
            curves.append(Curve(record, _epochs(store.curve_path(record.name), record.curve)))
        except InputError as error:
            problems.append(str(error))
    return curves, problems


def _epochs(file: Path, digest: str) -> list[dict[str, Any]]:
    confirm_regular(file, LARGEST_CURVE)
    if file_digest(file) != digest:
        raise InputError(f"{file}: is not the curve that its record was written with")
    try:
        lines = read_text(file, LARGEST_CURVE).splitlines()
        if len(lines) > MOST_EPOCHS:
            raise InputError(f"{file}: has {len(lines):,} epochs; expected {MOST_EPOCHS:,} at most")
        epochs = [loads(line) for line in lines]
        confirm_bounded(epochs, "epochs", holes=True)
    except (ValueError, RecursionError, MemoryError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{file}: not a line of JSON for every epoch: {error}") from error
    if not all(isinstance(epoch, dict) for epoch in epochs):
        raise InputError(f"{file}: not a JSON object for every epoch")
    return epochs
