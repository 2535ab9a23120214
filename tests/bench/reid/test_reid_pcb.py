"""PCB: shapes, parts, features, and torchreid's names in both of its layouts."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Literal

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from backbones import zoo
from backbones.errors import InputError
from backbones.features import CellBackbone
from bench.reid import torchreid_compat
from bench.reid.pcb import PCB
from bench.reid.schema import ReidConfig


class OneMap(nn.Module):
    """A backbone that returns its input as the only map."""

    feature_channels = (5,)

    def forward(self, x: Tensor) -> tuple[Tensor]:
        return (x,)


@pytest.mark.parametrize("parts", [1, 3, 6])
def test_training_gives_logits_for_each_part_and_evaluation_one_feature(parts: int) -> None:
    genotype = zoo.get("PDARTS").genotype
    pcb = PCB(CellBackbone(genotype, 4, 5, out_strides=(32,), last_stride=1), identities=9, parts=parts, reduced_dim=8)
    trained = pcb(torch.randn(2, 3, 96, 32))
    assert [tuple(part.shape) for part in trained.logits] == [(2, 9)] * parts
    assert [tuple(part.shape) for part in trained.vectors] == [(2, 64)] * parts
    feature = pcb.eval()(torch.randn(2, 3, 96, 32))
    assert feature.shape == (2, pcb.feature_dim) == (2, parts * 64)


@pytest.mark.parametrize(
    ("feature", "reduced_dim", "length"), [("before", 4, 5), ("after", 4, 4), ("before", None, 5), ("after", None, 5)]
)
def test_each_part_of_the_feature_has_length_1(feature: str, reduced_dim: int | None, length: int) -> None:
    # Seeded: ReLU can leave nothing of a part of 4 values, whose length is 0 then.
    torch.manual_seed(0)
    pcb = PCB(OneMap(), 9, 2, reduced_dim, feature).eval()  # type: ignore[arg-type]
    out = pcb(torch.rand(3, 5, 4, 2))
    assert out.shape == (3, pcb.feature_dim) == (3, 2 * length)
    assert torch.allclose(out.view(3, 2, length).norm(dim=2), torch.ones(3, 2))


@pytest.mark.parametrize("feature", ["before", "after"])
def test_the_vectors_of_training_are_those_of_the_feature(feature: Literal["before", "after"]) -> None:
    # No dropout; BatchNorm alone differs from evaluation, and at one image for each statistic it cannot be compared.
    pcb = PCB(OneMap(), 9, 2, None, feature, dropout=0.0)
    images = torch.rand(3, 5, 4, 2)
    vectors = torch.cat([F.normalize(part) for part in pcb(images).vectors], dim=1)
    assert torch.equal(vectors, pcb.eval()(images))


@pytest.mark.parametrize(("rows", "parts"), [(6, 3), (24, 6), (5, 2), (7, 3), (4, 4)])
def test_stripes_are_those_of_adaptive_pooling(rows: int, parts: int) -> None:
    last = torch.randn(2, 5, rows, 3)
    pooled = F.normalize(F.adaptive_avg_pool2d(last, (parts, 1)), dim=1)
    out = PCB(OneMap(), 9, parts).eval()(last).view(2, parts, 5)
    assert torch.allclose(out, pooled[..., 0].transpose(1, 2), atol=1e-6)


def test_more_parts_than_rows_are_refused() -> None:
    with pytest.raises(InputError, match=r"parts=5: expected at most 4, .* is 4 x 2"):
        PCB(OneMap(), 9, parts=5)(torch.randn(2, 5, 4, 2))
    with pytest.raises(InputError, match="parts=0"):
        PCB(OneMap(), 9, parts=0)
    with pytest.raises(InputError, match="feature='between'"):
        PCB(OneMap(), 9, feature="between")  # type: ignore[arg-type]


@pytest.mark.parametrize("last_stride", [1, 2])
@pytest.mark.parametrize("height", [16, 33, 50, 96, 130, 384])
def test_the_config_knows_how_many_rows_the_last_map_has(height: int, last_stride: Literal[1, 2]) -> None:
    config = ReidConfig(
        task="reid", dataset="market1501", data_root="x", parts=1, height=height, last_stride=last_stride
    )
    backbone = CellBackbone(zoo.get("PDARTS").genotype, 4, 5, out_strides=(32,), last_stride=last_stride).to("meta")
    (last,) = backbone(torch.empty(2, 3, height, 16, device="meta"))
    assert last.shape[2] == config.map_rows


def test_torchreid_is_found_in_upstreams_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "torchreid"]:
        monkeypatch.delitem(sys.modules, name)
    package, upstream = ModuleType("torchreid"), ModuleType("torchreid.data")
    package.__path__ = []
    monkeypatch.setitem(sys.modules, "torchreid", package)
    monkeypatch.setitem(sys.modules, "torchreid.data", upstream)
    assert torchreid_compat.import_torchreid("data") is upstream
    with pytest.raises(InputError, match="pip install torchreid"):
        torchreid_compat.import_torchreid("engine")


def test_a_package_that_torchreid_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_gdown(name: str) -> ModuleType:
        raise ModuleNotFoundError(f"{name}: No module named 'gdown'", name="gdown")

    monkeypatch.setattr(importlib, "import_module", without_gdown)
    with pytest.raises(InputError, match="pip install gdown"):
        torchreid_compat.import_torchreid("data")
