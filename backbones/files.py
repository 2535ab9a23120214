"""Files that appear whole or not at all, and JSON files that are refused in one line."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from backbones.errors import InputError


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


def read_json(file: Path) -> Any:
    """The content of a JSON file.

    Raises:
        InputError: the file cannot be read, or is not JSON that Python can hold; names it.
    """
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        # Not only JSONDecodeError: bytes that are no UTF-8, and numbers of thousands of digits.
        raise InputError(f"{file}: not a JSON file: {error}") from error


def write_text(file: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    with replacing(file) as partial:
        partial.write_text(text, encoding="utf-8")


def file_digest(file: Path) -> str:
    """`sha256:` and the digest of a file.

    Raises:
        InputError: the file cannot be read; names it.
    """
    digest = hashlib.sha256()
    try:
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror}") from error
    return f"sha256:{digest.hexdigest()}"
