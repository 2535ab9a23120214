"""Write a stage's progress to a file, for other processes and machines."""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path

from backbones.errors import InputError
from backbones.files import read_json, write_text
from search.training.progress import ProgressCallback

#: Seconds between two notes.
INTERVAL = 1.0

#: Largest size of a note, in bytes.
LARGEST = 1 << 20


def progress_file(results: Path, name: str) -> Path:
    """File with the progress of a record's run."""
    return results / "locks" / f"{name}.progress.json"


def read_progress(results: Path, name: str) -> tuple[float, str] | None:
    """Read the fraction that is done and the present activity; None if unknown."""
    try:
        content = read_json(progress_file(results, name), LARGEST)
        return float(content["fraction"]), str(content["doing"])
    except (InputError, KeyError, TypeError, ValueError, OverflowError):
        return None


def noting(results: Path, name: str, progress: ProgressCallback) -> ProgressCallback:
    """Pass progress on, and write it to the note."""
    file = progress_file(results, name)
    noted = 0.0

    def tell(fraction: float, doing: str) -> None:
        nonlocal noted
        progress(fraction, doing)
        if time.monotonic() - noted >= INTERVAL:
            noted = time.monotonic()
            # A note is not worth an error; the stage itself reports a full disk.
            with contextlib.suppress(OSError):
                write_text(file, json.dumps({"fraction": fraction, "doing": doing}), lasting=False)

    return tell
