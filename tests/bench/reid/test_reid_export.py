"""A trained PCB as an exported program: its embedding is the feature that is ranked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from backbones.errors import InputError
from bench.export.networks import Wanted
from bench.export.writing import export_network
from bench.reid.checkpoints import load_pcb, save_pcb
from bench.reid.model import build_pcb
from bench.reid.schema import ReidConfig
from bench.tasks.architectures import resolve
from search.configs import parse
from tests.bench.reid.conftest import MakeProtocol

PDARTS = resolve("PDARTS")


def test_the_embedding_of_a_checkpoint(tiny_protocol: MakeProtocol, tmp_path: Path) -> None:
    protocol = tiny_protocol(mean=[0.5, 0.5, 0.5], std=[0.25, 0.25, 0.25])
    config = parse(ReidConfig, protocol.config, "tiny")
    torch.manual_seed(0)
    pcb = build_pcb(config, PDARTS.design, identities=6)
    file = save_pcb(pcb, tmp_path / "checkpoint.pth", protocol.config, PDARTS.design, protocol.name)
    done = export_network(str(file), tmp_path / "a.pt2", "torch-export", "dynamic")
    assert json.loads(done.about["input_shape"]) == ["dynamic", 3, 32, 16]
    assert json.loads(done.about["mean"]) == [0.5, 0.5, 0.5]
    assert (done.about["task"], json.loads(done.about["outputs"])) == ("reid", ["embedding"])
    images = torch.randn(4, 3, 32, 16)
    with torch.no_grad():
        features = load_pcb(file)[0].eval()(images)
        torch.testing.assert_close(torch.export.load(tmp_path / "a.pt2").module()(images), features)
    assert features.shape == (4, pcb.feature_dim)
    with pytest.raises(InputError, match=r"--size 64: this re-identifier's images are 32 x 16"):
        export_network(str(file), tmp_path / "b.pt2", "torch-export", 1, Wanted(size=64))
