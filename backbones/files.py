"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replacing(file: Path) -> Iterator[Path]:
    """A temporary path beside `file` to write to; takes its place when the block ends without an error.

    Missing folders are made. A reader sees the old file or the new one, never a half; after an error the temporary
    file is gone.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f"{file.name}.{os.getpid()}.partial")
    try:
        yield partial
        os.replace(partial, file)
    finally:
        with contextlib.suppress(FileNotFoundError):
            partial.unlink()


def write_text(file: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    with replacing(file) as partial:
        partial.write_text(text, encoding="utf-8")
