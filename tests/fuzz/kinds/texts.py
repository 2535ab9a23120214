"""Inputs that are wrong as any file can be wrong, whatever it should hold."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

#: Bytes that are no JSON object of any use.
NO_JSON: dict[str, bytes] = {
    "empty": b"",
    "blank": b" \n\t\n",
    "null": b"null",
    "number": b"5",
    "text": b'"text"',
    "list": b"[]",
    "list of lists": b"[[]]",
    "empty object": b"{}",
    "torn": b'{"a": [1, 2',
    "two objects": b"{} {}",
    "NaN": b"NaN",
    "infinity": b"-Infinity",
    "400 digits": b"9" * 400,
    "10,000 digits": b"9" * 10_000,
    "not UTF-8": b'{"a": "\xff\xfe"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "NUL": b"\x00" * 64,
    "deep lists": b"[" * 100_000,
    "deep objects": b'{"a":' * 50_000,
    "a key twice": b'{"a": 1, "a": 2}',
    "HTML": b"<!doctype html><html><body>404</body></html>",
    "Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n",
    "Python": b"{'a': 1}",
    "byte order mark alone": b"\xef\xbb\xbf",
}


def pipe(file: Path) -> None:
    os.mkfifo(file)


def endless(file: Path) -> None:
    file.symlink_to("/dev/zero")


def dangling(file: Path) -> None:
    file.symlink_to(file.with_name("nowhere"))


def round_about(file: Path) -> None:
    file.symlink_to(file)


def folder(file: Path) -> None:
    file.mkdir()


def sparse(file: Path) -> None:
    """A file of 70 GB that takes no room."""
    with file.open("wb") as stream:
        stream.truncate(70 << 30)


#: Ways in which a path is no regular file of a usable size.
NO_FILE: dict[str, Callable[[Path], None]] = {
    "named pipe": pipe,
    "link to /dev/zero": endless,
    "link to nothing": dangling,
    "link to itself": round_about,
    "folder": folder,
    "70 GB": sparse,
}
