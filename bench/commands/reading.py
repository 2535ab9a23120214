"""Records as the commands that show them read them: a broken one is named and left out."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from bench.console.visible import visible

if TYPE_CHECKING:
    from bench.records.record import Record
    from bench.tables.rows import FindRecord


def read_records(results: Path, task: str | None = None) -> list[Record]:
    """All records that can be read, or those of one task."""
    from bench.records.store import RecordStore

    records, problems = RecordStore(results).read_sound(task)
    tell_left_out(problems)
    return records


def tell_left_out(problems: Iterable[str]) -> None:
    """Name on standard error what could not be read, a line each."""
    for problem in problems:
        print(f"wildnas: left out: {visible(' '.join(problem.split()))}", file=sys.stderr)


def find_search(results: Path) -> FindRecord:
    """Reads the record of a search when it is asked for, once; one that is gone or broken is none."""
    from backbones.errors import InputError
    from bench.records.store import RecordStore

    store = RecordStore(results)

    @cache
    def find(name: str) -> Record | None:
        try:
            return store.find(name)
        except InputError as error:
            tell_left_out([str(error)])
            return None

    return find
