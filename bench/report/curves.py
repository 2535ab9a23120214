"""Plot the curves stored beside records: searches and trainings, epoch by epoch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backbones.errors import InputError
from backbones.files import confirm_regular, file_digest, loads, read_text
from bench.records.bounds import LARGEST_CURVE, MOST_EPOCHS, confirm_bounded
from bench.records.record import Record
from bench.records.store import RecordStore
from bench.report.panels import Axis, Figure, Panel, Point, Series, joined, titled

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
    note = "Stages follow each other; a dotted line is where one begins, with fewer candidates and fresh weights."
    return Figure("search-curves", "Searches, epoch by epoch", note, tuple(_panels(curves, "search", _SEARCH, link)))


def training_figure(curves: Sequence[Curve], link: RecordLink) -> Figure:
    """The error of each training on the images that it is scored on, epoch by epoch."""
    panels = _panels(curves, "classification", _TRAINING, link)
    return Figure("training-curves", "Trainings, epoch by epoch", "", tuple(panels))


def stage_marks(epochs: Iterable[Sequence[Mapping[str, Any]]]) -> tuple[float, ...]:
    """Where the stages of the longest curve begin, the first one apart."""
    longest = max(epochs, key=len)
    return tuple(place - 0.5 for place, epoch in enumerate(longest, 1) if place > 1 and epoch.get("epoch") == 1)


def _panels(
    curves: Iterable[Curve], task: str, what: Sequence[tuple[Axis, Mapping[str, str]]], link: RecordLink
) -> Iterator[Panel]:
    groups: dict[str, list[Curve]] = {}
    for curve in sorted(curves, key=lambda curve: (titled(curve.record), curve.record.name)):
        if curve.record.task == task and curve.epochs:
            groups.setdefault(titled(curve.record), []).append(curve)
    for title, group in groups.items():
        marks = stage_marks(curve.epochs for curve in group)
        for axis, keys in what:
            series = joined([_series(curve, key, words, link) for curve in group for key, words in keys.items()])
            # A training that was scored once, at its end, has no curve.
            if any(len(each.points) > 1 for each in series):
                yield Panel(f"{title}: {axis.title.split(' (')[0]}", _EPOCH, axis, series, marks)


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
