"""A trained classifier is built again from its checkpoint alone, and exported."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from backbones import weights
from backbones.errors import InputError
from backbones.pretrained import Normalisation
from bench.classification.checkpoints import load_classifier
from bench.export.writing import export_network
from bench.tasks.architectures import resolve
from bench.tasks.contract import Outcome

Train = Callable[..., Outcome]


@pytest.mark.parametrize("arch", ["PDARTS", "timm:mobilenetv3_small_050"])
def test_a_checkpoint_is_built_again(train: Train, tmp_path: Path, arch: str) -> None:
    outcome = train(tmp_path / "run", architecture=resolve(arch), epochs=1, auxiliary_weight=0.4)
    assert outcome.checkpoint is not None
    trained = load_classifier(outcome.checkpoint)
    assert trained.classes == ("blue", "green", "red")
    assert (trained.image_size, trained.protocol) == (8, "classification/tiny")
    assert trained.normalisation == Normalisation((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
    held = weights.read_state_dict(outcome.checkpoint)
    for name, value in trained.network.state_dict().items():
        assert torch.equal(value, held[name])
    done = export_network(str(outcome.checkpoint), tmp_path / "a.pt2", "torch-export")
    assert json.loads(done.about["classes"]) == ["blue", "green", "red"]
    images = torch.randn(1, 3, 8, 8)
    with torch.no_grad():
        logits = torch.export.load(tmp_path / "a.pt2").module()(images)
        torch.testing.assert_close(logits, trained.network(images))
    assert logits.shape == (1, 3)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"architecture": None}, "lacks its architecture"),
        ({"layers": 150}, "layers=150, but the file has the weights of 3 cells"),
        ({"layers": 10**6}, "out of bounds"),
        ({"channels": 8}, "its weights do not fit the network that it describes"),
        ({"channels": 10**6}, "out of bounds"),
        ({"classes": ["a"]}, "do not fit"),
        ({"classes": "abc"}, "classes: expected a list of names"),
        ({"std": [0, 0, 0]}, "out of bounds"),
        ({"mean": [0.5]}, "key 'mean"),
        ({"network": "other"}, "out of bounds"),
        ({"architecture": {"timm": "hf-hub:other/model"}}, "names weights|expected the name of a model"),
    ],
)
def test_a_made_up_checkpoint_is_refused_in_one_line(
    train: Train, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    file = train(tmp_path / "run", epochs=1).checkpoint
    assert file is not None
    content = torch.load(file, weights_only=True)
    about = {key: value for key, value in {**content["about"], **changes}.items() if value is not None}
    torch.save({**content, "about": about}, tmp_path / "made.pth")
    with pytest.raises(InputError, match=said) as caught:
        load_classifier(tmp_path / "made.pth")
    assert "\n" not in str(caught.value)
