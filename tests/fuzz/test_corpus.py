"""Every made input ends in a clear line or is used: never in a traceback, a hang or silence."""

from __future__ import annotations

import warnings
from collections import Counter
from pathlib import Path

import pytest

from tests.fuzz.corpus import rows
from tests.fuzz.outcome import FAILURES, LINE, USED, Row, outcome_of

_ROWS = list(rows())


def test_there_are_as_many_as_promised() -> None:
    assert len(_ROWS) >= 300
    assert len({str(row) for row in _ROWS}) > 0.98 * len(_ROWS)


@pytest.mark.parametrize("kind", sorted({row.kind for row in _ROWS}))
def test_each_ends_in_a_line_or_is_used(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record_property: pytest.RecordProperty
) -> None:
    # What would be run leaves `harm` behind.
    monkeypatch.chdir(tmp_path)
    counts: Counter[str] = Counter()
    failed: list[str] = []
    for place, row in enumerate(row for row in _ROWS if row.kind == kind):
        folder = tmp_path / f"{place}"
        folder.mkdir()
        found, said = _looked_at(row, folder)
        counts[found] += 1
        if found in FAILURES or (found != USED and not row.refused and "name" not in kind and kind != "record"):
            failed.append(f"{row}: {found}: {said}")
    assert failed == []
    assert not list(tmp_path.rglob("harm"))
    assert counts[USED] + counts[LINE] == sum(counts.values())
    for name, count in counts.items():
        record_property(name, count)


def _looked_at(row: Row, folder: Path) -> tuple[str, str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return outcome_of(row, folder)
