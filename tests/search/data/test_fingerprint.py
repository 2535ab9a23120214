from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from search.data.fingerprint import fingerprint


def tree(root: Path) -> list[Path]:
    (root / "a").mkdir(parents=True)
    for name, content in (("a/1.png", b"one"), ("a/2.png", b"four"), ("b.json", b"{}")):
        (root / name).write_bytes(content)
    return [root / "a/1.png", root / "a/2.png"]


def test_by_hand(tmp_path: Path) -> None:
    files = tree(tmp_path)
    expected = hashlib.sha256(b"a/1.png\x003\na/2.png\x004\n").hexdigest()
    assert fingerprint(tmp_path, files) == f"sha256:{expected}"


def test_is_the_same_wherever_the_data_lie_and_however_they_are_listed(tmp_path: Path) -> None:
    files = tree(tmp_path / "here")
    shutil.copytree(tmp_path / "here", tmp_path / "there" / "deeper")
    there = tmp_path / "there" / "deeper"
    moved = [there / file.relative_to(tmp_path / "here") for file in reversed(files)]
    assert fingerprint(there, moved) == fingerprint(tmp_path / "here", files)


def test_changes_with_names_sizes_and_annotations(tmp_path: Path) -> None:
    files = tree(tmp_path)
    seen = {fingerprint(tmp_path, files), fingerprint(tmp_path, files[:1])}
    seen.add(fingerprint(tmp_path, files, [tmp_path / "b.json"]))
    (tmp_path / "b.json").write_bytes(b"[]")
    seen.add(fingerprint(tmp_path, files, [tmp_path / "b.json"]))
    files[0].write_bytes(b"three")
    seen.add(fingerprint(tmp_path, files))
    files[0].rename(tmp_path / "a" / "0.png")
    seen.add(fingerprint(tmp_path, [tmp_path / "a" / "0.png", files[1]]))
    assert len(seen) == 6
