"""Who holds a record's name."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from backbones.errors import InputError
from bench.runs.locks import alone, held_elsewhere, locked

NAME = "classification/a/b/seed0"


def test_a_name_is_held_by_one_and_only_for_the_block(tmp_path: Path) -> None:
    assert not held_elsewhere(tmp_path, NAME)
    with alone(tmp_path, NAME):
        assert (tmp_path / "locks" / f"{NAME}.lock").is_file()
        assert held_elsewhere(tmp_path, NAME)
        assert not held_elsewhere(tmp_path, f"{NAME}1")
        with pytest.raises(InputError, match=f"^{NAME}: another process is running it"), alone(tmp_path, NAME):
            pass
        with locked(tmp_path, NAME, wait=False) as held:
            assert not held
    with pytest.raises(ValueError, match="in the block"), alone(tmp_path, NAME):
        raise ValueError("in the block")
    assert not held_elsewhere(tmp_path, NAME)


def test_one_that_waits_has_it_next(tmp_path: Path) -> None:
    got = threading.Event()

    def wait() -> None:
        with locked(tmp_path, NAME, wait=True) as held:
            assert held
            got.set()

    thread = threading.Thread(target=wait)
    with locked(tmp_path, NAME, wait=True) as held:
        assert held
        thread.start()
        assert not got.wait(0.2)
    assert got.wait(30)
    thread.join()
