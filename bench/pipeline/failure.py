"""A stage that fails: a file of its own kind, which no table reads, and the rest of the pipeline goes on.

`<results>/failed/<record name>.json` says which run failed, why and where; it goes when the run succeeds.
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

#: Room that any stage needs, in bytes: less of it is a full disk, whatever a library makes of one.
ROOM = 1 << 24


class StorageError(InputError):
    """A folder that cannot be written: no other stage could do better."""


@dataclass(frozen=True)
class Failure:
    """Why a stage failed.

    Attributes:
        title: of the stage.
        name, key: of the record that it would have left.
        kind: the type of the error.
        reason: in one line.
        trace: the traceback.
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
        # What the user can mend is told as it is; anything else by its kind too.
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
    """Why the run of that record's name failed the last time, or None."""
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
    """See that both folders can be written and are not full.

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
            remedy = "what is finished is kept; once that is mended, the same command goes on"
            raise StorageError(f"{folder}: cannot be written: {error.strerror} ({remedy})") from error
