from __future__ import annotations

from pathlib import Path

import pytest

from backbones.files import replacing, write_text


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "new" / "file.txt"
    write_text(file, "first")

    def interrupted() -> None:
        with replacing(file) as partial:
            partial.write_text("half", encoding="utf-8")
            assert file.read_text(encoding="utf-8") == "first"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert file.read_text(encoding="utf-8") == "first"
    assert [path.name for path in file.parent.iterdir()] == ["file.txt"]


def test_text_is_written_as_utf_8(tmp_path: Path) -> None:
    write_text(tmp_path / "file.txt", "α\n")
    assert (tmp_path / "file.txt").read_bytes() == b"\xce\xb1\n"
