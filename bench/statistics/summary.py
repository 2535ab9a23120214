"""Three sentences below the tables of a pipeline: what is seen, how sure it is, and what random architectures got."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import groupby

import numpy as np
import pandas as pd

from bench.records.record import Record
from bench.statistics.measurements import by_seed, measurements
from bench.statistics.noise import ties_within_noise
from bench.statistics.reproducibility import gains, judged
from bench.tasks.metrics import RANDOM

#: Of more methods, only those whose gain is decided are named.
MOST_GAINS = 4


def summary(records: Iterable[Record]) -> list[str]:
    """The three sentences, or none where no architecture has been evaluated.

    They are about the judged metric (`JUDGED`) of each setting.
    """
    frame = measurements(records)
    found = judged(frame)
    if not found:
        return []
    return [
        f"Best of its protocol: {'; '.join(map(_best, found))}.",
        f"How sure: {'; '.join(_together(found, _spread))}.",
        f"Random architectures: {'; '.join(_together(found, partial(_random, frame=frame)))}.",
    ]


def _means(lines: pd.DataFrame) -> pd.Series:
    return by_seed(lines).mean(axis=1)


def _title(lines: pd.DataFrame) -> str:
    first = lines.iloc[0]
    return f"{first['protocol']}{' †' if first['reduced'] else ''}"


def _number(value: float, lines: pd.DataFrame) -> str:
    first = lines.iloc[0]
    return f"{first['label']} {value:.2f} {first['unit']}".rstrip()


def _best(lines: pd.DataFrame) -> str:
    means = _means(lines)
    best = means.idxmax() if lines["higher_is_better"].iloc[0] else means.idxmin()
    name = lines.loc[lines["architecture"] == best, "name"].iloc[0]
    # One that starts from other weights, or is fed otherwise, has a setting of its own.
    among = f"of {len(means)}" if len(means) > 1 else "alone in its setting"
    return f"{_title(lines)}: {name} {among} ({_number(means[best], lines)})"


def _together(found: list[pd.DataFrame], say: Callable[[pd.DataFrame], str]) -> Iterator[str]:
    """A statement on each setting; settings with the same statement stand together, each protocol once."""
    for said, lines in groupby(found, say):
        yield f"{', '.join(dict.fromkeys(map(_title, lines)))}: {said}"


def _spread(lines: pd.DataFrame) -> str:
    values = by_seed(lines)
    seeds, ties = int(values.notna().sum(axis=1).min()), ties_within_noise(values.to_numpy())
    whose = "each" if len(values) > 1 else f"of {lines['name'].iloc[0]}"
    said = f"{seeds} {'seed' if seeds == 1 else 'seeds'} {whose}"
    if ties is None:
        return f"{said}, so that a difference may be noise; 2 seeds or more give the spread"
    spread = f"one run deviates by {ties.deviation:.2g} {lines['unit'].iloc[0]}".rstrip()
    if not ties.pairs:
        return f"{said}, {spread}"
    return f"{said}, {spread}, {ties.count} of {ties.pairs} pairs are ties within noise"


def _random(lines: pd.DataFrame, frame: pd.DataFrame) -> str:
    own = lines[lines["method"] == RANDOM]
    if own.empty:
        return "none was run; `random:0`, `random:1`, … are architectures, too"
    means = _means(own)
    said = f"{len(means)} got {_number(float(np.mean(means)), lines)} on average"
    found = [
        each for each in gains(frame[frame["setting"] == lines["setting"].iloc[0]]) if each.improvement is not None
    ]
    if not found:
        return f"{said}; 2 or more of them would give the gain over random"
    shown = found if len(found) <= MOST_GAINS else [each for each in found if not each.reading.startswith("undecided")]
    others = [f"{each.method} gains {each.improvement.text} % ({each.reading})" for each in shown if each.improvement]
    if len(shown) < len(found):
        others.append(f"{len(found) - len(shown)} methods gain what may be nothing (undecided: their intervals hold 0)")
    return f"{said}, over which {', '.join(others)}"
