"""The cards of pretrained weights: what they say, and how they are found."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import timm

from backbones import pretrained
from backbones.build import design_of
from backbones.errors import InputError
from backbones.pretrained import IMAGENET, Normalisation, cards
from backbones.pretrained.cards import is_name

HALF = Normalisation((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


@pytest.mark.parametrize("name", pretrained.names())
def test_a_card_is_whole(name: str) -> None:
    card = pretrained.get(name)
    assert card.name == name
    assert design_of(card.architecture)
    assert card.sha256 is None or re.fullmatch("sha256:[0-9a-f]{64}", card.sha256)
    # Only what somebody else publishes on a page may be unknown.
    assert (card.sha256 is None) == (card.size is None) == (card.origin.kind == "page")
    assert card.input_size[0] == 3
    assert card.licence
    assert not card.accuracy or (card.accuracy["source"] and 50 < card.accuracy["top1"] < 100)
    assert card.origin.kind in ("package", "page")


@pytest.mark.parametrize("name", [name for name in pretrained.names() if "lite" in name or "mobile" in name])
def test_a_card_of_a_timm_model_agrees_with_timm(name: str) -> None:
    card = pretrained.get(name)
    theirs = timm.get_pretrained_cfg(card.architecture.removeprefix("timm:"))
    assert card.input_size == theirs.input_size
    assert card.normalisation == Normalisation(theirs.mean, theirs.std)
    assert card.classes in (None, theirs.num_classes)
    assert card.in_order


def test_timm_s_own_weights_have_cards() -> None:
    card = pretrained.get("timm:resnet50")
    assert card == pretrained.get("timm:resnet50.a1_in1k")
    assert (card.name, card.architecture) == ("timm:resnet50.a1_in1k", "timm:resnet50")
    assert (card.origin.where, card.origin.file) == ("timm/resnet50.a1_in1k", "model.safetensors")
    assert (card.normalisation, card.classes, card.sha256, card.in_order) == (IMAGENET, 1000, None, False)
    assert pretrained.get("timm:tf_efficientnet_lite0").normalisation == HALF
    assert pretrained.get("timm:resnet50.tv_in1k").origin.where == "timm/resnet50.tv_in1k"


def test_unknown_names_are_one_line() -> None:
    with pytest.raises(InputError, match=r"^tf_efficientnet_lite9: no weights of that name; did you mean 'tf_effic"):
        pretrained.get("tf_efficientnet_lite9")
    with pytest.raises(InputError, match=r"^zzz: no weights of that name; known: darts_imagenet, "):
        pretrained.get("zzz")
    with pytest.raises(InputError, match=r"^timm:resnet50\.mine: timm has no weights of that tag; it has a1_in1k, "):
        pretrained.get("timm:resnet50.mine")
    with pytest.raises(InputError, match="has no model of that name; did you mean 'timm:resnet50"):
        pretrained.get("timm:resnet500")
    with pytest.raises(InputError, match="has no weights of this model"):
        pretrained.get("timm:resnet200")


def test_a_damaged_card_names_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for content in ("{", "[]", "{}", '{"architecture": "PDARTS", "origin": {"kinds": 1}}'):
        (tmp_path / "odd.json").write_text(content)
        monkeypatch.setattr(cards.resources, "files", lambda package: tmp_path)
        monkeypatch.setattr(cards, "names", lambda: ("odd",))
        with pytest.raises(InputError, match=r"odd\.json: is no card of weights \(.*was it changed\? install wildnas"):
            cards.get.__wrapped__("odd")


def test_names_and_files_are_told_apart() -> None:
    assert all(is_name(name) for name in (*pretrained.names(), "timm", "timm:resnet50"))
    assert not any(is_name(name) for name in ("timm.pth", "weights/darts_imagenet.pt", "tf_efficientnet"))


def test_normalisations_are_compared_as_configs_round_them() -> None:
    rounded = Normalisation((123.675 / 255, 116.28 / 255, 103.53 / 255), (58.395 / 255, 57.12 / 255, 57.375 / 255))
    assert IMAGENET.is_close(rounded)
    assert not IMAGENET.is_close(HALF)
    assert not HALF.is_close(Normalisation(HALF.mean, (0.5, 0.5, 0.501)))
    assert str(HALF) == "mean (0.5, 0.5, 0.5), deviation (0.5, 0.5, 0.5)"
