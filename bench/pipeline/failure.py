"""Record why a stage has failed, in `<results>/failed/<record name>.json`.

No table reads these files; a file is removed when its run succeeds. The rest of the pipeline goes on.
"""

from __future__ import annotations

import json
import os
import tempfile
import traceback
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path

from backbones.errors import InputError
from backbones.files import read_json, write_text
from bench.runs.run import Places

#: Free bytes that every stage needs; less counts as a full disk, whatever error a library raises.
ROOM = 1 << 24


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
    def of(cls, error: BaseException, title: str, name: str, key: str, hint: str = "") -> Failure:
        said = " ".join(str(error).split()) or type(error).__name__
        # Errors that the user can mend are shown as they are, all others with their type.
        reason = said if isinstance(error, (InputError, FloatingPointError)) else f"{type(error).__name__}: {said}"
        trace = "".join(traceback.format_exception(error))
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        return cls(title, name, key, type(error).__name__, f"{reason[:500]}{hint}", trace, now)

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
