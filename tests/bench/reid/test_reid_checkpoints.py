"""A PCB's checkpoint: what is built from it, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from backbones import weights
from backbones.errors import InputError
from bench.reid.checkpoints import load_pcb, load_weights, save_pcb
from bench.reid.model import build_pcb
from bench.reid.pcb import PCB
from bench.reid.schema import ReidConfig
from bench.tasks.architectures import resolve

DESIGN = resolve("PDARTS").design
CONFIG = ReidConfig.model_validate(
    {
        "task": "reid",
        "dataset": "market1501",
        "data_root": "$WILDNAS_DATA/reid",
        "parts": 2,
        "height": 32,
        "width": 16,
        "channels": 4,
        "layers": 3,
        "reduced_dim": 8,
    }
)


@pytest.fixture(scope="module")
def pcb() -> PCB:
    torch.manual_seed(0)
    return build_pcb(CONFIG, DESIGN, identities=7)


def images() -> torch.Tensor:
    return torch.randn(2, 3, 32, 16, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def saved(pcb: PCB, tmp_path: Path) -> Callable[..., Path]:
    """Write the checkpoint with some of what it says, or of its weights, changed."""

    def save(state: Callable[[dict[str, Any]], dict[str, Any]] = dict, **changes: Any) -> Path:
        file = save_pcb(pcb, tmp_path / "checkpoint.pth", CONFIG.model_dump(), DESIGN, "reid/x")
        content = torch.load(file, weights_only=True)
        torch.save({"state_dict": state(content["state_dict"]), "about": {**content["about"], **changes}}, file)
        return file

    return save


def test_a_checkpoint_alone_is_enough(
    pcb: PCB, saved: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WILDNAS_DATA", str(tmp_path / "here"))
    loaded, config = load_pcb(saved())
    assert config == CONFIG.model_copy(update={"data_root": f"{tmp_path}/here/reid"})
    assert torch.equal(loaded.eval()(images()), pcb.eval()(images()))
    assert len(loaded.classifiers[0].weight) == 7


@pytest.mark.parametrize("root", ["WILDNAS_DATA/reid", "$HOME/reid", "/data", "$WILDNAS_DIGITS"])
def test_only_our_variables_stand_for_folders(
    root: str, saved: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WILDNAS_DIGITS", "/digits")
    _, config = load_pcb(saved(config={**CONFIG.model_dump(), "data_root": root}))
    assert config.data_root == root.replace("$WILDNAS_DIGITS", "/digits")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"task": "detection"}, "not a checkpoint of re-identification"),
        ({"config": [1]}, "not a checkpoint of re-identification"),
        ({"config": {**CONFIG.model_dump(), "parts": 3}}, "parts=3: expected at most 2"),
        ({"config": {**CONFIG.model_dump(), "reduced_dim": 9}}, r"its weights do not fit .*: \['red.*\] and \d+ more"),
        ({"config": {**CONFIG.model_dump(), "parts": 1}}, "has a foreign entry"),
        ({"config": {**CONFIG.model_dump(), "layers": 200}}, r"config\.layers"),
        ({"architecture": {"timm": "hf-hub:x/y"}}, "architecture: 'hf-hub:x/y': expected the name of a timm model"),
        ({"architecture": {"timm": "a" * 101}}, "expected the name of a timm model"),
        ({"architecture": {"timm": 3}}, "architecture: '3': expected the name of a timm model"),
        ({"architecture": {"timm": "no_such_model"}}, "no_such_model"),
        ({"architecture": {"timm": "resnet18", "more": 1}}, "architecture"),
        ({"architecture": None}, "architecture"),
    ],
)
def test_what_does_not_go_together_is_refused(changes: dict[str, Any], said: str, saved: Callable[..., Path]) -> None:
    with pytest.raises(InputError, match=said) as caught:
        load_pcb(saved(**changes))
    assert "checkpoint.pth: " in str(caught.value)


def test_three_of_the_weights_that_do_not_fit_are_named(saved: Callable[..., Path]) -> None:
    def without(count: int) -> Callable[[dict[str, Any]], dict[str, Any]]:
        return lambda state: {name: value for name, value in state.items() if name not in list(state)[:count]}

    for count, more in ((1, False), (3, False), (4, True)):
        with pytest.raises(InputError, match="its weights do not fit") as caught:
            load_pcb(saved(without(count)))
        said = str(caught.value)
        assert said.count("'") == 2 * min(count, 3)
        assert said.endswith(" and 1 more") == more


@pytest.mark.parametrize(
    "change",
    [
        lambda state: {name: value for name, value in state.items() if name != "classifiers.0.weight"},
        lambda state: {**state, "classifiers.0.weight": torch.zeros(3)},
    ],
)
def test_without_a_classifier_nobody_knows_the_identities(
    change: Callable[[dict[str, Any]], dict[str, Any]], saved: Callable[..., Path]
) -> None:
    with pytest.raises(InputError, match=r"lacks classifiers\.0\.weight; expected the weights of a PCB"):
        load_pcb(saved(change))


def test_weights_for_ranking_are_a_pcb_s_or_a_backbone_s(pcb: PCB, saved: Callable[..., Path], tmp_path: Path) -> None:
    whole = load_weights(saved(), CONFIG, DESIGN)
    assert torch.equal(whole.eval()(images()), pcb.eval()(images()))
    file = weights.save(pcb.backbone, tmp_path / "backbone.pth", DESIGN)
    alone = load_weights(file, CONFIG, DESIGN)
    assert torch.equal(alone.eval()(images()), pcb.eval()(images()))
    assert len(alone.classifiers[0].weight) == 1
    with pytest.raises(InputError, match=r"backbone\.pth: has a backbone's weights only; feature='after'"):
        load_weights(file, CONFIG.model_copy(update={"feature": "after"}), DESIGN)


@pytest.mark.parametrize("error", [RuntimeError, KeyError, TypeError, ValueError, AssertionError, ZeroDivisionError])
def test_a_network_that_cannot_be_built_is_said(
    error: type[Exception], saved: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*what: Any) -> None:
        raise error("of the library" + "." * 300)

    monkeypatch.setattr("bench.reid.checkpoints.build_pcb", broken)
    with pytest.raises(
        InputError, match=r"checkpoint\.pth: config: not a network that can be built: '?of the library"
    ) as caught:
        load_pcb(saved())
    assert len(str(caught.value)) < 200 + len(str(saved())) + 60
