"""Digest of a run's data, independent of their location."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path


def fingerprint(root: Path, files: Iterable[Path], contents: Iterable[Path] = ()) -> str:
    """SHA-256 of the sorted relative names and sizes of `files`, and of the bytes of `contents` (annotations).

    Sizes, not bytes, so that ImageNet's 1.3 million files need not be opened.
    """
    digest = _sizes((_name(root, path), path.stat().st_size) for path in files)
    for path in sorted(contents):
        digest.update(f"{_name(root, path)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return f"sha256:{digest.hexdigest()}"


def fingerprint_of_sizes(sizes: Iterable[tuple[str, int]]) -> str:
    """The fingerprint of a folder whose files have these relative names and sizes."""
    return f"sha256:{_sizes(sizes).hexdigest()}"


def _sizes(sizes: Iterable[tuple[str, int]]) -> hashlib._Hash:
    digest = hashlib.sha256()
    for name, size in sorted(sizes):
        digest.update(f"{name}\0{size}\n".encode())
    return digest


def _name(root: Path, path: Path) -> str:
    """The path below the root; for a file elsewhere, its folder and name."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else "/".join(path.parts[-2:])
