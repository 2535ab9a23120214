"""Notes below the results folder: a running stage's progress, and why a stage has failed.

Other processes and machines read the progress. The reason of a failure is in `<results>/failed/<record name>.json`,
which is removed when its run succeeds; the rest of the pipeline goes on. No table reads these files.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
import traceback
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path

from backbones.errors import InputError
from backbones.files import read_json, write_text
from bench.runs.run import Places
from search.training.progress import ProgressCallback

#: Seconds between two notes.
INTERVAL = 1.0

#: Largest size of a note, in bytes.
LARGEST_NOTE = 1 << 20

#: Free bytes that every stage needs; less counts as a full disk, whatever error a library raises.
ROOM = 1 << 24


def progress_file(results: Path, name: str) -> Path:
    """File with the progress of a record's run."""
    return results / "locks" / f"{name}.progress.json"


def read_progress(results: Path, name: str) -> tuple[float, str] | None:
    """Read the fraction that is done and the present activity; None if unknown."""
    try:
        content = read_json(progress_file(results, name), LARGEST_NOTE)
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


class StorageError(InputError):
    """A folder cannot be written; no other stage could run either."""


@dataclass(frozen=True)
class Failure:
    """Reason for the failure of a stage.

    Attributes:
        title: title of the stage.
        name, key: name and key of the record that is missing.
        kind: type of the error.
        reason: the error in one line.
        trace: traceback.
    """

    title: str
    name: str
    key: str
    kind: str
    reason: str
    trace: str
    failed: str = ""

    @classmethod
    def of(cls, error: BaseException, title: str, name: str, key: str) -> Failure:
        said = " ".join(str(error).split()) or type(error).__name__
        # Errors that the user can mend are shown as they are, all others with their type.
        reason = said if isinstance(error, (InputError, FloatingPointError)) else f"{type(error).__name__}: {said}"
        trace = "".join(traceback.format_exception(error))
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        return cls(title, name, key, type(error).__name__, reason[:500], trace, now)

    def write(self, results: Path) -> None:
        text = json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"
        write_text(failure_file(results, self.name), text)


def failure_file(results: Path, name: str) -> Path:
    return results / "failed" / f"{name}.json"


def last_reason(results: Path, name: str) -> str | None:
    """Reason for the last failure of a record's run, or None."""
    file = failure_file(results, name)
    if not name or not file.is_file():
        return None
    try:
        content = read_json(file)
    except InputError as error:
        # A note that is damaged keeps no run from being tried again.
        return f"the reason is not known: {error}"
    return str(content.get("reason", "")) if isinstance(content, dict) else None


def forget(results: Path, name: str) -> None:
    failure_file(results, name).unlink(missing_ok=True)


def confirm_storage(places: Places) -> None:
    """Check that both folders can be written and are not full.

    Raises:
        StorageError: one of them cannot; names it.
    """
    for folder in (places.results, places.work):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder) as file:
                file.write(bytes(ROOM))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            remedy = "finished runs are kept; mend it and give the same command again"
            raise StorageError(f"{folder}: cannot be written: {error.strerror} ({remedy})") from error
