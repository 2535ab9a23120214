"""Write files whole or not at all, and read files of unknown origin safely."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from backbones.errors import InputError

#: The largest JSON file that is read, in bytes; COCO's training annotations have 0.5 GB.
LARGEST_JSON = 4 << 30


@contextlib.contextmanager
def replacing(file: Path, lasting: bool = True) -> Iterator[Path]:
    """Give a temporary path beside `file`, which replaces `file` when the block ends without an error.

    Missing folders are made. A reader sees the old file or the new one, never a part; after an error the temporary
    file is removed. Content and name are on the disk when the block ends, so that a power cut leaves no empty file.

    Args:
        lasting: whether to wait for the disk; False for notes that are written every second.

    Raises:
        InputError: `file` is a folder, a pipe, a socket or a device, none of which can be replaced.
        OSError: it cannot be written; names `file`, not the temporary one.
    """
    _confirm_replaceable(file)
    file.parent.mkdir(parents=True, exist_ok=True)
    # A random name, since processes of two machines that share a folder may have the same number.
    partial = file.with_name(f"{file.name}.{secrets.token_hex(8)}.partial")
    try:
        yield partial
        if lasting:
            _flush(partial)
        os.replace(partial, file)
        if lasting:
            _flush(file.parent)
    except OSError as error:
        if error.filename is not None and os.fspath(error.filename) == os.fspath(partial):
            raise OSError(error.errno, error.strerror, os.fspath(file)) from error
        raise
    finally:
        # There is none, or nothing can be changed here, which the error before has told.
        with contextlib.suppress(OSError):
            partial.unlink()


def confirm_writable(file: Path) -> None:
    """Check that a file can be written, before hours are spent on its content; nothing is made or changed.

    Raises:
        InputError: it is a folder, a pipe, a socket or a device, or no file can be made where it would lie.
    """
    _confirm_replaceable(file)
    # The first folder that exists on the way to the file, in which a missing one would be made.
    folder = next(each for each in file.absolute().parents if os.path.lexists(each))
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(f"{file}: cannot be written: {folder}: {error.strerror}") from error


def _confirm_replaceable(file: Path) -> None:
    if file.is_symlink() and os.path.realpath(file.parent) == "/dev":
        # Such as /dev/stdout, which leads to a regular file where the output is redirected.
        raise InputError(f"{file}: is a link of the system; expected a regular file, or a new one")
    try:
        mode = os.stat(file).st_mode
    except OSError:
        # There is none yet, or what is wrong with its folders is told by the writing.
        return
    if not stat.S_ISREG(mode):
        raise InputError(f"{file}: is {_kind(mode)}; expected a regular file, or a new one")


def _kind(mode: int) -> str:
    return "a folder" if stat.S_ISDIR(mode) else "a pipe, a socket or a device"


def _flush(path: Path) -> None:
    """Wait until a file's content or a folder's names are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def open_regular(file: Path, largest: int) -> Iterator[BinaryIO]:
    """Open a regular file of at most `largest` bytes for reading.

    Reading a named pipe or a device might never end.

    Raises:
        InputError: the file cannot be opened, is not regular or is larger.
    """
    try:
        # Without O_NONBLOCK, opening a pipe waits for a writer.
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        problem = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(f"{file}: cannot be read: {problem}") from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise InputError(f"{file}: is {_kind(status.st_mode)}; expected a regular file")
        if status.st_size > largest:
            raise InputError(f"{file}: has {status.st_size:,} bytes; expected {largest:,} at most")
        stream = os.fdopen(descriptor, "rb", closefd=False)
        with stream:
            yield stream
    finally:
        os.close(descriptor)


def confirm_regular(file: Path, largest: int) -> None:
    """Check that a file is regular and has at most `largest` bytes, before a library opens it by name.

    Raises:
        InputError: as `open_regular`.
    """
    with open_regular(file, largest):
        pass


def read_text(file: Path, largest: int, encoding: str = "utf-8") -> str:
    """Read the text of a regular file of at most `largest` bytes.

    Raises:
        InputError: as `open_regular`, or the content is not text in that encoding.
    """
    with open_regular(file, largest) as stream:
        try:
            # Line ends as Python's text files give them.
            return stream.read().decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
        except UnicodeDecodeError as error:
            raise InputError(f"{file}: not a text in UTF-8: {error}") from error
        except OSError as error:
            raise InputError(f"{file}: cannot be read: {error.strerror}") from error


def read_json(file: Path, largest: int = LARGEST_JSON) -> Any:
    """Read a JSON file.

    Raises:
        InputError: the file cannot be read, is not regular, is too large, is not JSON, or has a key twice.
    """
    try:
        return loads(read_text(file, largest))
    except (ValueError, RecursionError, MemoryError) as error:
        if isinstance(error, InputError):
            raise
        # A plain ValueError: a number of thousands of digits.
        raise InputError(f"{file}: not a JSON file: {str(error)[:200]}") from error


def loads(text: str) -> Any:
    """Parse a JSON text, in which no object may have a key twice.

    Raises:
        ValueError: the text is not JSON, or has a key twice.
        RecursionError: the text is nested too deeply.
    """
    return json.loads(text, object_pairs_hook=_without_twins)


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        names = [name for name, _ in pairs]
        twin = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"key {twin[:60]!r} appears twice")
    return content


def write_text(file: Path, text: str, lasting: bool = True) -> None:
    """Write a text file, whole or not at all (`replacing`)."""
    with replacing(file, lasting) as partial:
        partial.write_text(text, encoding="utf-8")


def file_digest(file: Path) -> str:
    """Compute the digest of a file, `sha256:…`.

    Raises:
        InputError: the file cannot be read or is not regular.
    """
    digest = hashlib.sha256()
    try:
        with open_regular(file, 1 << 62) as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror}") from error
    return f"sha256:{digest.hexdigest()}"
