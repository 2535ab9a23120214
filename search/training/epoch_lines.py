"""Read a training's file of one JSON line for every epoch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from backbones.errors import InputError
from backbones.files import loads, read_text

#: The largest file that is read, in bytes; a search's lines hold α and β.
LARGEST_LOG = 1 << 30


def read_epochs(file: Path, done: int = 0) -> list[dict[str, Any]]:
    """Read the lines of a file; a missing file has no lines.

    Args:
        done: number of epochs that are already trained; each must have its line.

    Raises:
        InputError: a line is torn, not an object with an `epoch`, or missing; names the file, the line and the remedy.
    """
    remedy = f"remove {file.parent} to start over"
    if not file.exists():
        if done:
            raise InputError(f"{file}: is missing, but {done} epochs have been trained; {remedy}")
        return []
    entries = []
    for number, line in enumerate(read_text(file, LARGEST_LOG).splitlines(), start=1):
        try:
            entry = loads(line)
        except (ValueError, RecursionError, MemoryError) as error:
            raise InputError(f"{file}: line {number}: is torn, not JSON ({str(error)[:100]}); {remedy}") from error
        if not isinstance(entry, dict) or type(entry.get("epoch")) is not int or not 0 < entry["epoch"] < 10**7:
            raise InputError(f"{file}: line {number}: expected an object with an 'epoch' of 1 or more; {remedy}")
        entries.append(entry)
    lacking = set(range(1, done + 1)) - {entry["epoch"] for entry in entries}
    if lacking:
        raise InputError(f"{file}: has no line for epoch {min(lacking)} of {done} trained ones; {remedy}")
    return entries
