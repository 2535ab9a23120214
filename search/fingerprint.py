"""A digest of the data that a run saw, the same wherever the data lie."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path


def fingerprint(root: Path, files: Iterable[Path], contents: Iterable[Path] = ()) -> str:
    """SHA-256 over the sorted relative names and sizes of `files`, and over the bytes of `contents` (annotations).

    Sizes, not bytes, of the images: ImageNet's 1.3 million files are fingerprinted without opening one.
    """
    digest = hashlib.sha256()
    for name, size in sorted((path.relative_to(root).as_posix(), path.stat().st_size) for path in files):
        digest.update(f"{name}\0{size}\n".encode())
    for path in sorted(contents):
        digest.update(f"{path.relative_to(root).as_posix()}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return f"sha256:{digest.hexdigest()}"
