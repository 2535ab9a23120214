from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from backbones.errors import InputError
from search.loop.ownership import confirm_owner, owner_of
from search.run import run_search
from search.settings import SearchSettings

TinySearch = Callable[..., SearchSettings]


class Stop(Exception):
    pass


def interrupted(settings: SearchSettings, folder: Path) -> Path:
    """A search that was stopped after its first epoch; its checkpoint."""

    def stop(fraction: float, doing: str) -> None:
        if "epoch 2" in doing:
            raise Stop

    with pytest.raises(Stop):
        run_search(settings, folder, 0, stop)
    return folder / "stage1" / "epoch_1.pth"


def refused(settings: SearchSettings, folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        run_search(settings, folder, 0)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("damage", ["cut off", "other content", "another search's"])
def test_a_checkpoint_that_is_not_this_searchs_is_named(tiny_search: TinySearch, tmp_path: Path, damage: str) -> None:
    settings = tiny_search()
    file = interrupted(settings, tmp_path / "work")
    if damage == "cut off":
        file.write_bytes(file.read_bytes()[:1000])
    elif damage == "other content":
        torch.save({"x": 1}, file)
    else:
        # Of the same shapes: only what is written in it tells.
        other = tiny_search(architecture={"lr": 0.02})
        file.write_bytes(interrupted(other, tmp_path / "other").read_bytes())
    message = refused(settings, tmp_path / "work")
    assert "stage1/epoch_1.pth" in message
    assert "another search" in message or "cannot be resumed from" in message


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("search.json", b"\xff\xfe", "belongs to a search with other settings"),
        ("search.json", None, "but no search.json"),
        ("stage1/summary.json", b"{}", "expected an object with the numbers accuracy and params"),
    ],
)
def test_a_folder_whose_files_are_not_a_searchs_is_named(
    tiny_search: TinySearch, tmp_path: Path, file: str, content: bytes | None, said: str
) -> None:
    settings = tiny_search()
    run_search(settings, tmp_path, 0)
    if content is None:
        (tmp_path / file).unlink()
    else:
        (tmp_path / file).write_bytes(content)
    assert said in refused(settings, tmp_path)


def test_what_another_search_has_learned_is_refused(tiny_search: TinySearch, tmp_path: Path) -> None:
    settings = tiny_search()
    run_search(settings, tmp_path, 0)
    file = tmp_path / "stage2" / "architecture.json"
    learned = json.loads(file.read_text())
    learned["operations_normal"] = [["none", "skip_connect", "sep_conv_3x3"]] * len(learned["operations_normal"])
    file.write_text(json.dumps(learned))
    assert "candidates differ from this stage's" in refused(settings, tmp_path)


def test_the_owner_is_settings_seed_and_stage(tiny_search: TinySearch, tmp_path: Path) -> None:
    owners = [
        owner_of(tiny_search(), [0, 0]),
        owner_of(tiny_search(), [0, 1]),
        owner_of(tiny_search(), [1, 0]),
        owner_of(tiny_search(nodes=3), [0, 0]),
    ]
    assert len(set(owners)) == 4
    assert owner_of(tiny_search(), [0, 0]) == owners[0]
    confirm_owner(tmp_path / "epoch_1.pth", {"meta": {"search": owners[0]}}, owners[0])
