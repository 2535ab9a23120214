"""Add to the rows of searches the errors of the architectures that they found.

A search's record has more genotypes than its result: those under other limits M of skip connections (P-DARTS 5.2.3),
and those after its earlier stages (5.2.1). The trainings of each have a row of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from statistics import fmean
from typing import Any

from backbones.genotype import Genotype
from bench.records.record import Record
from bench.tables.numbers import Number, mean_of, quantity
from bench.tables.rows import Row, Rows, setting

#: A genotype of a search: `("result", 0)`, `("M", limit)` or `("stage", number)`.
Variant = tuple[str, int]
RESULT: Variant = ("result", 0)

#: Of each search of a row, the trainings of one genotype in one way (`setting`).
Trained = list[list[Record]]

#: Numbers of a whole search, which a genotype of an earlier stage does not have.
_OF_ALL_STAGES = re.compile(r"supernet_.*|search_cost.*|hours|memory_.*|kept_edges_.*")


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
    return Rows(found for row in rows for found in _rows(row, known))


def _rows(row: Row, known: Mapping[tuple[str, str], Sequence[Record]]) -> Sequence[Row]:
    trained: dict[tuple[str, Variant], Trained] = {}
    for search in row.records:
        for key, records in _trainings(search, known.get((search.name, search.key), ())).items():
            trained.setdefault(key, []).append(records)
    # M = 3 and M = 4 may be one genotype, and so the result and its own M.
    same: dict[tuple[str, ...], tuple[Trained, list[Variant]]] = {}
    for (way, variant), by_search in trained.items():
        if len(by_search) == len(row.records):
            names = (record.name for records in by_search for record in records)
            same.setdefault((way, *names), (by_search, []))[1].append(variant)
    found = []
    for way in sorted({way for way, *_ in same}):
        members = [each for key, each in same.items() if key[0] == way]
        kinds = {kind for _, variants in members if RESULT not in variants for kind, _ in variants}
        named = [(_shown(variants, kinds), RESULT in variants, by_search) for by_search, variants in members]
        found += [_row(row, *each) for each in sorted(named, key=lambda each: each[0])]
    return found or [row]


def _trainings(search: Record, trained: Sequence[Record]) -> dict[tuple[str, Variant], list[Record]]:
    """The trainings of the search's genotypes; a training of any other genotype is left out."""
    variants: dict[str | None, list[Variant]] = {search.architecture.digest: [RESULT]}
    for variant, genotype in _genotypes(search) if trained else ():
        if genotype is not None:
            variants.setdefault(Genotype.from_json(genotype, where=search.name).digest, []).append(variant)
    found: dict[tuple[str, Variant], list[Record]] = {}
    for record in trained:
        for variant in variants.get(record.architecture.digest, ()):
            found.setdefault((setting(record), variant), []).append(record)
    return found


def _genotypes(search: Record) -> Iterable[tuple[Variant, Any]]:
    """Those that the record has under `resolved`, beside its result; records of earlier versions have none."""
    for limit, genotype in search.resolved.get("max_skips", {}).items():
        yield ("M", int(limit)), genotype
    for number, genotype in enumerate(search.resolved.get("stages", ()), start=1):
        yield ("stage", number), genotype


def _shown(variants: Sequence[Variant], kinds: set[str]) -> list[Variant]:
    """The variants that name a row; a search's result is named only beside rows of the same kind."""
    return sorted(each for each in variants if each != RESULT and (RESULT not in variants or each[0] in kinds))


def _row(row: Row, variants: Sequence[Variant], is_result: bool, by_search: Trained) -> Row:
    # All are of one way of training.
    first = next(record for records in by_search for record in records)
    errors = [[record.metrics["top1_error"].value for record in records] for records in by_search]
    means = [fmean(of_search) for of_search in errors]
    spread = max(means) - min(means)
    numbers = dict(row.numbers)
    if not is_result:
        if all(kind == "stage" for kind, _ in variants):
            numbers = {key: number for key, number in numbers.items() if not _OF_ALL_STAGES.fullmatch(key)}
        numbers.pop("shallow_edges", None)
        # The search's own number is its result's.
        genotypes = [Genotype.from_json(record.architecture.genotype) for record, *_ in by_search]
        skips = [float(genotype.skip_count) for genotype in genotypes]
        numbers["skip_count"] = mean_of(skips, "{:.0f}".format if len(skips) == 1 else "{:.2f}".format)
    numbers["test_error"] = mean_of([error for of_search in errors for error in of_search])
    numbers["params_m"] = mean_of([record.cost.params / 1e6 for record, *_ in by_search], quantity)
    if len(means) > 1:
        numbers["test_error_spread"] = Number(spread, f"{spread:.2f}")
    labels = {**row.labels, "evaluation": first.protocol} | ({"setting": _named(variants)} if variants else {})
    reduced = tuple(dict.fromkeys((*row.reduced, *first.reduced)))
    return replace(row, labels=labels, numbers=numbers, reduced=reduced)


def _named(variants: Sequence[Variant]) -> str:
    """`M = 2 to 4, stage 3`; `3, 5` without all between them."""
    texts = []
    for kind, members in groupby(variants, key=lambda variant: variant[0]):
        numbers = [number for _, number in members]
        text = ", ".join(map(str, numbers))
        if len(numbers) > 2 and numbers == list(range(numbers[0], numbers[-1] + 1)):
            text = f"{numbers[0]} to {numbers[-1]}"
        texts.append(f"{kind} = {text}" if kind == "M" else f"{kind} {text}")
    return ", ".join(texts)
