"""What became of the architectures that searches found: the errors of their trainings, beside the searches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from bench.records.record import Record
from bench.tables.numbers import mean_of
from bench.tables.rows import Row, setting

#: Of a search, the trainings of what it found, by their setting.
Trainings = dict[str, list[Record]]


def with_test_errors(rows: Iterable[Row], trainings: Iterable[Record]) -> list[Row]:
    """The rows of searches, with `test_error` of their architectures: a row for each way that these were trained in.

    As in PC-DARTS Table 4. A search whose architecture was trained with several seeds counts with all of them; a way in
    which not every search of a row has been followed by a training gives no row. Searches without any stay as they are.
    """
    known: dict[tuple[str, str], Trainings] = {}
    for record in trainings:
        for parent in record.parents:
            if parent.role == "search" and "top1_error" in record.metrics:
                known.setdefault((parent.record, parent.key), {}).setdefault(setting(record), []).append(record)
    return [found for row in rows for found in _rows(row, known)]


def _rows(row: Row, known: dict[tuple[str, str], Trainings]) -> Sequence[Row]:
    if not row.records:
        return [row]
    followed = [_own(record, known.get((record.name, record.key), {})) for record in row.records]
    common = [way for way in followed[0] if all(way in ways for ways in followed)]
    found = []
    for way in sorted(common, key=lambda way: (followed[0][way][0].protocol, way)):
        trained = [record for ways in followed for record in ways[way]]
        error = mean_of([record.metrics["top1_error"].value for record in trained])
        reduced = tuple(dict.fromkeys((*row.reduced, *trained[0].reduced)))
        labels = {**row.labels, "evaluation": trained[0].protocol}
        found.append(replace(row, labels=labels, numbers={**row.numbers, "test_error": error}, reduced=reduced))
    return found or [row]


def _own(search: Record, ways: Trainings) -> Trainings:
    """Trainings of the search's result itself, not of a stage's or of one with other skip connections."""
    kept = {
        way: [record for record in trained if record.architecture.digest == search.architecture.digest]
        for way, trained in ways.items()
    }
    return {way: trained for way, trained in kept.items() if trained}
