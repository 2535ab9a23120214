"""Rows of tables as frames, and how the runs of an experiment become one row."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import pandas as pd

from bench.records.record import NetworkCost, Record
from bench.tables.numbers import Number, quantity

if TYPE_CHECKING:
    from bench.tasks.contract import Metric

#: The `source` of measured rows; that of a published row names its paper.
MEASURED = "measured"

#: Returns the record of a run by its name (`Parent.record`), or None where there is none.
FindRecord = Callable[[str], Record | None]


class PaperRow(Protocol):
    """Attributes that a table needs of a published row (`bench.tables.published.PublishedRow`)."""

    @property
    def paper(self) -> str: ...
    @property
    def comparable(self) -> bool: ...
    @property
    def footnote(self) -> str: ...
    @property
    def note(self) -> str: ...
    @property
    def others(self) -> Mapping[str, str | Number]: ...


@dataclass(frozen=True)
class Row:
    """One row, published or measured.

    Attributes:
        labels: words by column: `protocol`, `architecture`, `method`, `source`, …
        numbers: numbers by column; a hole has no entry.
        reduced: why the runs are not full ones; empty for full runs.
        records: of a measured row, in the order of seeds.
        published: of a row from a paper.
    """

    task: str
    labels: Mapping[str, str]
    numbers: Mapping[str, Number]
    digest: str | None = None
    reduced: tuple[str, ...] = ()
    records: tuple[Record, ...] = field(default=(), repr=False)
    published: PaperRow | None = field(default=None, repr=False)


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows as five frames of one index; iterating gives each `Row`.

    Attributes:
        about: `task`, `digest`, `reduced`, `records` and `published`, as in `Row`.
        texts: what is shown, words and numbers, by column; empty where there is nothing.
        values: the numbers; NaN for a hole, and for a range, which has a text only.
        deviations: over seeds, or as the paper prints it; NaN where there is none.
        exact: whether a value is neither a bound nor approximate.
    """

    about: pd.DataFrame
    texts: pd.DataFrame
    values: pd.DataFrame
    deviations: pd.DataFrame
    exact: pd.DataFrame

    @staticmethod
    def of(rows: Rows | Iterable[Row]) -> Rows:
        if isinstance(rows, Rows):
            return rows
        rows = list(rows)
        index = range(len(rows))
        keys = list(dict.fromkeys(key for row in rows for key in row.numbers))
        values, deviations, exact = (
            pd.DataFrame([{key: getattr(n, name) for key, n in row.numbers.items()} for row in rows], index, keys)
            for name in ("value", "deviation", "exact")
        )
        texts = [{**{key: number.text for key, number in row.numbers.items()}, **row.labels} for row in rows]
        about = [(row.task, row.digest, row.reduced, row.records, row.published) for row in rows]
        return Rows(
            pd.DataFrame(about, index, _ABOUT, dtype=object),
            pd.DataFrame(texts, index, dtype=object).fillna(""),
            values.astype(float),
            deviations.astype(float),
            exact.eq(True),
        )

    @staticmethod
    def join(parts: Iterable[Rows]) -> Rows:
        """The rows of all parts, one after another."""
        held = [part for part in parts if len(part)]
        if len(held) < 2:
            return held[0] if held else Rows.of([])
        frames = [pd.concat([part._frames[k] for part in held], ignore_index=True) for k in range(5)]
        return Rows(frames[0], frames[1].fillna(""), frames[2], frames[3], frames[4].eq(True))

    @property
    def _frames(self) -> tuple[pd.DataFrame, ...]:
        return self.about, self.texts, self.values, self.deviations, self.exact

    def take(self, which: Any) -> Rows:
        """The rows of a mask, or at positions in their order; numbered anew."""
        which = which.to_numpy(dtype=bool) if isinstance(which, pd.Series) else which
        return Rows(*(frame.iloc[which].reset_index(drop=True) for frame in self._frames))

    def with_labels(self, key: str, texts: Sequence[str]) -> Rows:
        return Rows(self.about, self.texts.assign(**{key: texts}), self.values, self.deviations, self.exact)

    def with_numbers(self, values: pd.DataFrame, texts: pd.DataFrame) -> Rows:
        """Add columns of exact numbers."""
        return Rows(
            self.about,
            self.texts.assign(**{str(key): texts[key] for key in texts}),
            self.values.assign(**{str(key): values[key] for key in values}),
            self.deviations,
            self.exact.assign(**{str(key): values[key].notna() for key in values}),
        )

    def label(self, key: str) -> pd.Series:
        """A column of texts; empty ones where no row has it."""
        return self.texts[key] if key in self.texts else pd.Series("", index=self.texts.index, dtype=object)

    @property
    def measured(self) -> pd.Series:
        return self.about["records"].map(bool).astype(bool)

    @property
    def reduced(self) -> pd.Series:
        return self.about["reduced"].map(bool).astype(bool)

    @property
    def held(self) -> set[str]:
        """The columns that some row has something in."""
        return {str(key) for key in self.texts if self.texts[key].ne("").any()}

    def __len__(self) -> int:
        return len(self.about)

    def __getitem__(self, place: int) -> Row:
        return next(iter(self.take([place])))

    def __iter__(self) -> Iterator[Row]:
        numeric = set(self.values)
        lines = (frame.to_dict("records") for frame in (self.texts, self.values, self.deviations, self.exact))
        for about, texts, values, deviations, exact in zip(self.about.itertuples(index=False), *lines, strict=True):
            labels, numbers = {}, {}
            for key, text in texts.items():
                if text and key in numeric and (exact[key] or not pd.isna(values[key])):
                    value, deviation = values[key], deviations.get(key)
                    numbers[str(key)] = Number(_known(value), text, _known(deviation), bool(exact[key]))
                elif text:
                    labels[str(key)] = text
            yield Row(about.task, labels, numbers, about.digest, about.reduced, about.records, about.published)


_ABOUT = ["task", "digest", "reduced", "records", "published"]


def _known(value: Any) -> float | None:
    return None if pd.isna(value) else value


def setting(record: Record) -> str:
    """Setting that two compared architectures must share: all of `experiment` but the architecture and its weights.

    Weights belong to one architecture, so only whether a run started from any counts.
    """
    what = (record.protocol, record.version, record.config, record.data.fingerprint, record.reduced)
    return json.dumps([*what, record.initial_weights is not None], sort_keys=True)


def over_limit(record: Record) -> bool:
    """Whether a run's network has as many multiply-adds as its protocol's `macs_limit`, or more."""
    limit, macs = record.config.get("macs_limit"), record.cost.published_macs
    return limit is not None and macs is not None and macs >= limit


def experiment(record: Record) -> str:
    """All that a record says of a run except the seed: runs that share it may be averaged."""
    return Experiments().of(record)


class Experiments:
    """`experiment` of many records; a config that they share is written out once."""

    def __init__(self) -> None:
        self._texts: dict[tuple[Any, ...], tuple[Any, str]] = {}

    def of(self, record: Record) -> str:
        weights = record.initial_weights
        start = None
        if weights is not None:
            start = (weights.record or "").rpartition("/seed")[0] or weights.sha256
        architecture = (record.architecture.name, record.architecture.timm, record.architecture.digest)
        what = [record.protocol, record.version, architecture, record.method]
        what += [record.data.fingerprint, record.reduced, start]
        return f"{json.dumps(what)}\n{self._config(record.config)}"

    def _config(self, config: dict[str, Any]) -> str:
        # Configs whose values are the same objects are equal. The first is kept, so that its objects stay alive.
        key = (*config, *map(id, config.values()))
        known = self._texts.get(key)
        if known is None:
            known = self._texts[key] = (config, json.dumps(config, sort_keys=True))
        return known[1]


def measured_rows(
    records: Iterable[Record], metrics: Sequence[Metric], find_search: FindRecord | None = None, each: bool = False
) -> Rows:
    """A row for every experiment, in the order of the records' names, whatever order they come in.

    Runs share a row only if nothing but the seed sets them apart (`experiment`). A number is given only where every
    seed has it: nothing is averaged over holes. Of several seeds, the best one's value is under `<metric>_best`.

    Args:
        metrics: the task's; gives each metric's direction.
        find_search: returns the record of the search that found an architecture, whose cost the row then has.
        each: whether every run has a row of its own instead.
    """
    runs = sorted({record.name: record for record in records}.values(), key=lambda record: record.name)
    if not runs:
        return Rows.of([])
    experiments = Experiments()
    codes, _ = pd.factorize(pd.Series([run.name if each else experiments.of(run) for run in runs], dtype=object))
    order = pd.DataFrame({"row": codes, "seed": [run.seed for run in runs]}).sort_values(["row", "seed"], kind="stable")
    rows, runs = order["row"].to_numpy(), [runs[place] for place in order.index]
    members = [tuple(runs[place] for place in places) for places in order.reset_index().groupby("row").indices.values()]
    averaged = pd.DataFrame([_averaged(run, metrics, find_search) for run in runs], dtype=float)
    grouped = averaged.groupby(rows)
    whole = grouped.count().eq(grouped.size(), axis=0)
    staged = [key for key in averaged if "_stage" in str(key)]
    # Searches of unequal numbers of stages have none in common.
    whole[staged] = whole[staged].mul(averaged[staged].notna().sum(axis=1).groupby(rows).nunique() == 1, axis=0)
    values, deviations = grouped.mean().where(whole), grouped.std().where(whole)
    texts = {str(key): _written(str(key), metrics, values[key], deviations[key]) for key in values}
    for metric in metrics:
        if metric.key in averaged:
            best, key = grouped[metric.key].agg("max" if metric.higher_is_better else "min"), f"{metric.key}_best"
            values[key] = best.where(deviations[metric.key].notna())
            texts[key] = ["" if pd.isna(value) else _writer(metric.unit)(value) for value in values[key]]
    first = Rows.of([_first(group) for group in members])
    return Rows(
        first.about,
        first.texts.assign(**texts),
        first.values.join(values),
        deviations,
        first.exact.join(values.notna()),
    )


def _averaged(run: Record, metrics: Sequence[Metric], find_search: FindRecord | None) -> dict[str, float]:
    """The numbers of one run that are averaged over seeds."""
    numbers = {metric.key: run.metrics[metric.key].value for metric in metrics if metric.key in run.metrics}
    if run.task == "zerocost":
        numbers["seconds"] = run.cost.seconds
    elif run.task == "search":
        numbers |= {"hours": run.cost.seconds / 3600, "memory_gb": run.cost.peak_memory / 1e9, **_diagnostics(run)}
    if find_search is not None and run.task != "search":
        parents = [parent for parent in run.parents if parent.role == "search"]
        found = find_search(parents[0].record) if parents else None
        # Another key: the search has been run again, and what it cost now is not what this architecture did.
        if found is not None and found.key == parents[0].key and "search_cost" in found.metrics:
            numbers["search_cost"] = found.metrics["search_cost"].value
    return numbers


def _diagnostics(search: Record) -> dict[str, float]:
    """The peak memory of each stage (P-DARTS Table 2) and its cells, as far as the record has them.

    Of the normal cell: how many edges keep their best operation from the stage before (footnote 1), and how many edges
    of the last stage's genotype are of connection level 1 or 2 (5.2.1).
    """
    said = search.resolved
    numbers = {f"memory_stage{k}_gb": each / 1e9 for k, each in enumerate(said.get("stage_peak_memory", ()), start=1)}
    kept = said.get("kept_operations")
    for stage, count in enumerate(_numbers(kept.get("normal") if isinstance(kept, dict) else None), start=2):
        numbers[f"kept_edges_stage{stage}"] = count
    levels = said.get("connection_levels")
    last = _numbers(levels[-1] if isinstance(levels, list) and levels else None)
    return numbers | ({"shallow_edges": sum(last[:2])} if last else {})


def _numbers(value: Any) -> list[float]:
    """A list of numbers; empty where a record of someone else's holds something else."""
    return value if isinstance(value, list) and all(type(each) in (int, float) for each in value) else []


def _first(group: Sequence[Record]) -> Row:
    """An experiment's row with what its seeds have in common."""
    first = group[0]
    numbers = {"seeds": Number(len(group), str(len(group))), **_costs(first)}
    # A reid record's `resolved` has the backbone's width, which a config does not say of a timm model.
    said = {**first.config, **first.resolved}
    for key in {"detection": ("input_size",), "reid": ("parts", "feature_dim")}.get(first.task, ()):
        if isinstance(said.get(key), int):
            numbers[key] = Number(said[key], str(said[key]))
    labels = {
        "protocol": first.protocol,
        "architecture": first.architecture.name,
        "method": first.method,
        "source": MEASURED,
    }
    if first.task == "detection" and "input_size" in numbers:
        labels["network"] = f"SSD{numbers['input_size'].text}"
    if first.task == "search":
        labels["devices"] = str(first.environment.get("device", ""))
    return Row(first.task, labels, numbers, first.architecture.digest, tuple(first.reduced), tuple(group))


def _costs(first: Record) -> dict[str, Number]:
    """Parameters and multiply-adds in millions and, as in the papers' detection tables, in billions.

    A search's are its supernet's: the network that the papers' tables count is the one of its result. P-DARTS Table 5
    counts a re-identifier's backbone unchanged and at 224 × 224; the run's own count stands beside it.
    """
    cost = first.cost
    numbers = {"supernet_params_m" if first.task == "search" else "params_m": cost.params / 1e6}
    counted: NetworkCost | None = cost
    if first.task == "reid":
        counted = cost.unchanged
        if cost.published_macs is not None:
            numbers["run_macs_m"] = cost.published_macs / 1e6
    if counted is not None and counted.published_macs is not None:
        numbers |= {"macs_m": counted.published_macs / 1e6, "macs_b": counted.published_macs / 1e9}
    return {key: Number(value, quantity(value, 1 if key.endswith("macs_m") else 2)) for key, value in numbers.items()}


def _written(key: str, metrics: Sequence[Metric], values: pd.Series, deviations: pd.Series) -> list[str]:
    unit = next((metric.unit for metric in metrics if metric.key == key), "edges" if "_edges" in key else None)
    write = quantity if unit in (None, "device-days") else _writer(unit or "")
    texts = []
    for value, deviation in zip(values, deviations, strict=True):
        if pd.isna(value):
            texts.append("")
        elif not pd.isna(deviation):
            texts.append(f"{write(value)} ± {write(deviation)}")
        else:
            whole = unit in ("edges", "epoch", "layers") and value.is_integer()
            texts.append(f"{value:.0f}" if whole else write(value))
    return texts


def _writer(unit: str) -> Callable[[float], str]:
    """Choose the format of a metric; one without a unit may be of any size."""
    return "{:.2f}".format if unit else "{:.4g}".format
