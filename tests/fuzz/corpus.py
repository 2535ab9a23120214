"""All made inputs."""

from __future__ import annotations

from collections.abc import Iterator

from tests.fuzz.kinds import checkpoints, data, folders, own_data, records, spellings
from tests.fuzz.outcome import Row


def rows() -> Iterator[Row]:
    for kind in (checkpoints, records, folders, spellings, data, own_data):
        yield from kind.rows()
