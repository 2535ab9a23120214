"""How far a stage is, noted in a file for those that look from another process or machine."""

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

#: The largest note that is read, in bytes.
LARGEST = 1 << 20


def progress_file(results: Path, name: str) -> Path:
    """The note on the stage that is to leave the record of that name."""
    return results / "locks" / f"{name}.progress.json"


def read_progress(results: Path, name: str) -> tuple[float, str] | None:
    """The fraction that is done, and what is being done; None where nothing is known."""
    try:
        content = read_json(progress_file(results, name), LARGEST)
        return float(content["fraction"]), str(content["doing"])
    except (InputError, KeyError, TypeError, ValueError, OverflowError):
        return None


def noting(results: Path, name: str, progress: ProgressCallback) -> ProgressCallback:
    """Tell of the progress, and note it."""
    file = progress_file(results, name)
    noted = 0.0

    def tell(fraction: float, doing: str) -> None:
        nonlocal noted
        progress(fraction, doing)
        if time.monotonic() - noted >= INTERVAL:
            noted = time.monotonic()
            # A note that cannot be written is no reason to stop; the stage itself tells of a full disk.
            with contextlib.suppress(OSError):
                write_text(file, json.dumps({"fraction": fraction, "doing": doing}), lasting=False)

    return tell
