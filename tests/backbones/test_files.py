from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from backbones.errors import InputError
from backbones.files import confirm_writable, replacing, write_text


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


def test_a_pipe_a_device_or_a_folder_is_never_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    for name, kind in (("pipe", "a pipe, a socket or a device"), ("link", "a pipe"), ("folder", "a folder")):
        for refuse in (lambda file: write_text(file, "x"), confirm_writable):
            with pytest.raises(InputError, match=f"{name}: is {kind}.*expected a regular file, or a new one"):
                refuse(tmp_path / name)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "link", "pipe"]


def test_a_link_of_the_system_is_not_replaced(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With a redirected output, /dev/stdout leads to a regular file; nothing is written here whatever happens."""
    (tmp_path / "output").write_text("")
    real, parent = os.path.realpath, tmp_path / "dev"
    parent.mkdir()
    (parent / "stdout").symlink_to(tmp_path / "output")
    monkeypatch.setattr(os.path, "realpath", lambda path: "/dev" if Path(path) == parent else real(path))
    for refuse in (lambda file: write_text(file, "x"), confirm_writable):
        with pytest.raises(InputError, match="stdout: is a link of the system"):
            refuse(parent / "stdout")
    assert (parent / "stdout").is_symlink()
    # Any other link is replaced, and what it leads to stays.
    (tmp_path / "link").symlink_to(tmp_path / "output")
    write_text(tmp_path / "link", "new")
    assert (tmp_path / "output").read_text() == ""


def test_a_place_is_tried_before_anything_is_computed(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept")
    for file in (tmp_path / "file", tmp_path / "new", tmp_path / "folders/that/are/made"):
        confirm_writable(file)
    with pytest.raises(InputError, match=r"file/x: cannot be written: .*file: Not a directory"):
        confirm_writable(tmp_path / "file/x")
    with pytest.raises(InputError, match=r"^/proc/x: cannot be written: /proc: "):
        confirm_writable(Path("/proc/x"))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "kept"


def test_an_error_names_the_file_and_not_the_temporary_one() -> None:
    with pytest.raises(OSError, match=r"'/proc/x\.txt'$"):
        write_text(Path("/proc/x.txt"), "")
