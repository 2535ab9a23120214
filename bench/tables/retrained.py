"""Add to the rows of searches the errors of the architectures that they found.

A search's record has more genotypes than its result: those under other limits M of skip connections (P-DARTS 5.2.3),
and those after its earlier stages (5.2.1). The trainings of each have a row of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from backbones.genotype import Genotype
from bench.records.record import Record
from bench.tables.numbers import Number, mean_of, quantity
from bench.tables.rows import Row, Rows, setting

#: A genotype of a search: `("result", 0)`, `("M", limit)` or `("stage", number)`.
Variant = tuple[str, int]
RESULT: Variant = ("result", 0)

#: Of a search, its trainings by what was trained and in which way (`setting`).
Trainings = dict[tuple[Variant, str], list[Record]]

#: Numbers of a whole search, which a genotype of an earlier stage does not have.
_OF_ALL_STAGES = re.compile(r"supernet_.*|search_cost.*|hours|memory_.*|kept_edges_.*")


@dataclass(frozen=True)
class _Trained:
    """The trainings of one genotype of each search of a row, all in one way.

    Attributes:
        variants: all that the genotypes are: M = 3 and M = 4 may be one genotype, and so the result and its own M.
        by_search: for each search, the records of the trainings.
    """

    way: str
    variants: tuple[Variant, ...]
    by_search: tuple[tuple[Record, ...], ...]

    @property
    def is_result(self) -> bool:
        return RESULT in self.variants

    @property
    def first(self) -> Record:
        return self.by_search[0][0]


def with_test_errors(rows: Iterable[Row], trainings: Iterable[Record]) -> Rows:
    """The rows of searches, with what their genotypes came to: a row for each genotype and each way of training it.

    As in PC-DARTS Table 4, with `test_error`, `params_m` of the trained networks and, of two searches or more,
    `test_error_spread`, the largest difference between two of them (4.4.2). A search whose genotype was trained with
    several seeds counts with all of them. What not every search of a row has been followed by gives no row. Searches
    without any training stay as they are.
    """
    known: dict[tuple[str, str], list[Record]] = {}
    for record in trainings:
        for parent in record.parents:
            if parent.role == "search" and "top1_error" in record.metrics:
                known.setdefault((parent.record, parent.key), []).append(record)
    return Rows.of(found for row in rows for found in _rows(row, known))


def _rows(row: Row, known: Mapping[tuple[str, str], Sequence[Record]]) -> Sequence[Row]:
    if not row.records:
        return [row]
    followed = [_trainings(search, known.get((search.name, search.key), ())) for search in row.records]
    same: dict[tuple[str, tuple[tuple[str, ...], ...]], _Trained] = {}
    for variant, way in followed[0]:
        if all((variant, way) in ways for ways in followed):
            records = tuple(tuple(ways[variant, way]) for ways in followed)
            names = tuple(tuple(record.name for record in of_search) for of_search in records)
            other = same.get((way, names))
            variants = (variant,) if other is None else (*other.variants, variant)
            same[way, names] = _Trained(way, variants, records)
    found = []
    ordered = sorted(same.values(), key=lambda trained: (trained.first.protocol, trained.way))
    for _, group in groupby(ordered, key=lambda trained: trained.way):
        members = list(group)
        kinds = {kind for trained in members if not trained.is_result for kind, _ in trained.variants}
        named = [(_shown(trained, kinds), trained) for trained in members]
        found += [_row(row, trained, variants) for variants, trained in sorted(named, key=lambda each: each[0])]
    return found or [row]


def _trainings(search: Record, trained: Sequence[Record]) -> Trainings:
    """The trainings of the search's genotypes; a training of any other genotype is left out."""
    if not trained:
        return {}
    variants: dict[str | None, list[Variant]] = {search.architecture.digest: [RESULT]}
    for variant, genotype in _genotypes(search):
        if genotype is not None:
            variants.setdefault(Genotype.from_json(genotype, where=search.name).digest, []).append(variant)
    found: Trainings = {}
    for record in trained:
        for variant in variants.get(record.architecture.digest, ()):
            found.setdefault((variant, setting(record)), []).append(record)
    return found


def _genotypes(search: Record) -> Iterable[tuple[Variant, Any]]:
    """Those that the record has under `resolved`, beside its result; records of earlier versions have none."""
    for limit, genotype in search.resolved.get("max_skips", {}).items():
        yield ("M", int(limit)), genotype
    for number, genotype in enumerate(search.resolved.get("stages", ()), start=1):
        yield ("stage", number), genotype


def _shown(trained: _Trained, kinds: set[str]) -> list[Variant]:
    """The variants that name a row; a search's result is named only beside rows of the same kind."""
    shown = [variant for variant in trained.variants if variant != RESULT]
    return sorted(variant for variant in shown if not trained.is_result or variant[0] in kinds)


def _row(row: Row, trained: _Trained, variants: Sequence[Variant]) -> Row:
    labels = {**row.labels, "evaluation": trained.first.protocol}
    if variants:
        labels["setting"] = _named(variants)
    numbers = dict(row.numbers)
    if not trained.is_result:
        if all(kind == "stage" for kind, _ in variants):
            numbers = {key: number for key, number in numbers.items() if not _OF_ALL_STAGES.fullmatch(key)}
        numbers.pop("shallow_edges", None)
        numbers |= _skips(trained)
    reduced = tuple(dict.fromkeys((*row.reduced, *trained.first.reduced)))
    return replace(row, labels=labels, numbers={**numbers, **_numbers(trained)}, reduced=reduced)


def _numbers(trained: _Trained) -> dict[str, Number]:
    errors = [[record.metrics["top1_error"].value for record in records] for records in trained.by_search]
    params = [records[0].cost.params / 1e6 for records in trained.by_search]
    numbers = {
        "test_error": mean_of([error for of_search in errors for error in of_search]),
        "params_m": mean_of(params, quantity),
    }
    if len(errors) > 1:
        means = [sum(of_search) / len(of_search) for of_search in errors]
        spread = max(means) - min(means)
        numbers["test_error_spread"] = Number(spread, f"{spread:.2f}")
    return numbers


def _skips(trained: _Trained) -> dict[str, Number]:
    """The skip connections of the genotypes themselves, where the search's metric is its result's."""
    genotypes = [Genotype.from_json(records[0].architecture.genotype) for records in trained.by_search]
    counts = [float(genotype.skip_count) for genotype in genotypes]
    return {"skip_count": Number(counts[0], f"{counts[0]:.0f}") if len(counts) == 1 else mean_of(counts)}


def _named(variants: Sequence[Variant]) -> str:
    """`M = 2 to 4, stage 3`."""
    groups = groupby(variants, key=lambda variant: variant[0])
    texts = [(kind, _counted([number for _, number in members])) for kind, members in groups]
    return ", ".join(f"{kind} = {text}" if kind == "M" else f"{kind} {text}" for kind, text in texts)


def _counted(numbers: Sequence[int]) -> str:
    """`3`, `3, 5`, or `3 to 8` for three or more without a gap."""
    if len(numbers) > 2 and list(numbers) == list(range(numbers[0], numbers[-1] + 1)):
        return f"{numbers[0]} to {numbers[-1]}"
    return ", ".join(map(str, numbers))
