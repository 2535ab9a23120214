"""Searches on proxies other than a folder's halves in memory."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backbones.errors import InputError
from search.run import run_search
from search.settings import SearchSettings

Settings = Callable[..., SearchSettings]


class Interrupted(Exception):
    pass


def interrupt(fraction: float, doing: str) -> None:
    if "epoch 2 of" in doing:
        raise Interrupted


def with_proxy(settings: SearchSettings, **changes: Any) -> SearchSettings:
    values = settings.model_dump(mode="json")
    values["proxy"] = {**values["proxy"], **changes}
    return SearchSettings.model_validate(values)


@pytest.fixture
def short(tiny_search: Settings) -> SearchSettings:
    stage = {"epochs": 2, "frozen_epochs": 1, "layers": 3, "channels": 4}
    return tiny_search(stages=[stage], max_skips=None, operations=["none", "skip_connect", "sep_conv_3x3"])


@pytest.fixture
def decoded(short: SearchSettings) -> SearchSettings:
    """Fractions of the images, cropped and jittered by workers."""
    return with_proxy(short, memory=False, decoding={"workers": 1}, augmentation={"flip": True}, fractions=[0.5, 0.375])


def test_a_search_keeps_the_list_of_its_images(short: SearchSettings, tmp_path: Path) -> None:
    settings = with_proxy(short, fractions=[0.5, 0.5])
    result = run_search(settings, tmp_path, 1)
    content = json.loads((tmp_path / "proxy.json").read_text(encoding="utf-8"))
    assert content["classes"] == ["class0", "class1"]
    assert sorted(content["weight"] + content["architecture"]) == sorted(
        f"class{label}/{number}.png" for label in range(2) for number in range(8)
    )
    assert [name.partition("/")[0] for name in content["weight"]] == ["class0"] * 4 + ["class1"] * 4
    assert result.index == f"sha256:{hashlib.sha256((tmp_path / 'proxy.json').read_bytes()).hexdigest()}"
    assert result.counts == {"weight images": 8, "architecture images": 8, "classes": 2}


def test_a_search_through_workers_goes_on_exactly_where_it_was(decoded: SearchSettings, tmp_path: Path) -> None:
    whole = run_search(decoded, tmp_path / "whole", 1)
    assert whole.counts == {"weight images": 8, "architecture images": 6, "classes": 2}
    with pytest.raises(Interrupted):
        run_search(decoded, tmp_path / "resumed", 1, interrupt)
    # The number of workers is the machine's affair.
    more = with_proxy(decoded, decoding={"workers": 2})
    assert run_search(more, tmp_path / "resumed", 1) == whole
    names = ("proxy.json", "architecture.json", "stage1/epochs.jsonl")
    assert all((tmp_path / "whole" / n).read_bytes() == (tmp_path / "resumed" / n).read_bytes() for n in names)


def test_data_that_changed_under_an_interrupted_search_are_refused(short: SearchSettings, tmp_path: Path) -> None:
    root = tmp_path / "images"
    shutil.copytree(short.proxy.root, root)
    settings = with_proxy(short, root=str(root))
    with pytest.raises(Interrupted):
        run_search(settings, tmp_path / "search", 1, interrupt)
    (root / "class0" / "0.png").unlink()
    with pytest.raises(InputError, match=r"proxy\.json: lists other images than the proxy's data give now"):
        run_search(settings, tmp_path / "search", 1)


def test_a_broken_image_met_by_a_worker_ends_the_search_in_one_line(decoded: SearchSettings, tmp_path: Path) -> None:
    root = tmp_path / "images"
    shutil.copytree(decoded.proxy.root, root)
    for file in (root / "class1").iterdir():
        file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(InputError, match=r"class1/\d\.png: cannot be read as an image") as caught:
        run_search(with_proxy(decoded, root=str(root)), tmp_path / "search", 1)
    assert "\n" not in str(caught.value)
