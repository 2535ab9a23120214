from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from backbones import zoo
from backbones.errors import InputError
from backbones.features import CellBackbone
from backbones.genotype import Genotype
from backbones.networks import CifarNetwork, ImageNetNetwork
from backbones.weights import load, load_darts_checkpoint
from tests.backbones.darts_oracle import Original

PDARTS = zoo.get("PDARTS").genotype
#: Every operation in both kinds of cell, with skips of stride 2, in five nodes.
EVERY = Genotype(
    normal=(
        ("sep_conv_3x3", 0),
        ("sep_conv_5x5", 1),
        ("sep_conv_7x7", 2),
        ("dil_conv_3x3", 0),
        ("dil_conv_5x5", 3),
        ("conv_7x1_1x7", 1),
        ("max_pool_3x3", 4),
        ("avg_pool_3x3", 1),
        ("skip_connect", 5),
        ("skip_connect", 0),
    ),
    normal_concat=(3, 4, 6),
    reduce=(
        ("skip_connect", 0),
        ("skip_connect", 1),
        ("conv_7x1_1x7", 0),
        ("sep_conv_7x7", 1),
        ("sep_conv_5x5", 2),
        ("dil_conv_5x5", 0),
        ("max_pool_3x3", 1),
        ("dil_conv_3x3", 3),
        ("avg_pool_3x3", 0),
        ("sep_conv_3x3", 5),
    ),
    reduce_concat=(2, 4, 5, 6),
)
KINDS = [(CifarNetwork, False, 32), (ImageNetNetwork, True, 224)]


def trained(genotype: Genotype, imagenet: bool, size: int, layers: int = 5) -> Original:
    """The original with statistics that are not those of the start."""
    torch.manual_seed(0)
    original = Original(genotype, 8, layers, 7, imagenet)
    for parameter in original.parameters():
        nn.init.normal_(parameter, std=0.3)
    with torch.no_grad():
        original.train()(torch.randn(4, 3, size, size))
    return original.eval()


@pytest.mark.parametrize("genotype", [PDARTS, EVERY], ids=["PDARTS", "every operation"])
@pytest.mark.parametrize(("kind", "imagenet", "size"), KINDS)
def test_the_original_layout_loads_and_computes_the_same(
    kind: type[nn.Module], imagenet: bool, size: int, genotype: Genotype
) -> None:
    original = trained(genotype, imagenet, size)
    network = kind(genotype, channels=8, layers=5, num_classes=7)
    report = load_darts_checkpoint(network, original.state_dict())
    assert len(report.loaded) == len(original.state_dict())
    assert report.left_out == ()
    image = torch.randn(2, 3, size, size)
    with torch.no_grad():
        logits, auxiliary, _ = original(image)
        torch.testing.assert_close(network.eval()(image), logits, rtol=1e-5, atol=1e-5)
        # Bit for bit in the original's layout.
        network.channels_last = False
        assert torch.equal(network(image), logits)
        head = network.train().auxiliary_head.eval()  # type: ignore[union-attr]
        for module in network.modules():
            module.training = isinstance(module, (CifarNetwork, ImageNetNetwork))
        assert torch.equal(network(image)[1], auxiliary)
        assert not head.training


@pytest.mark.parametrize(("kind", "imagenet", "size"), KINDS)
@pytest.mark.parametrize("name", ["PDARTS", "NASNet", "AmoebaNet", "DARTS_V1"])
def test_names_and_shapes_are_the_originals_at_full_size(
    kind: type[nn.Module], imagenet: bool, size: int, name: str
) -> None:
    genotype = zoo.get(name).genotype
    channels, layers, classes = (48, 14, 1000) if imagenet else (36, 20, 10)
    with torch.device("meta"):
        original = Original(genotype, channels, layers, classes, imagenet)
        network = kind(genotype, num_classes=classes)
    # Without values a checkpoint is refused.
    state = {name: torch.empty_like(value, device="cpu").zero_() for name, value in original.state_dict().items()}
    report = load_darts_checkpoint(network.to_empty(device="cpu"), state)
    assert set(report.loaded) == set(network.state_dict())
    assert report.left_out == ()


def wrapped(state: dict[str, Tensor]) -> dict[str, object]:
    return {"epoch": 249, "best_acc_top1": torch.tensor(75.1), "state_dict": state}


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("wrap", [dict, wrapped])
@pytest.mark.parametrize("reader", [load, load_darts_checkpoint])
def test_files_of_the_authors_load_into_a_backbone(tmp_path: Path, prefix: str, wrap, reader) -> None:
    original = trained(PDARTS, True, 224)
    file = tmp_path / "model_best.pth.tar"
    torch.save(wrap({f"{prefix}{name}": value for name, value in original.state_dict().items()}), file)
    backbone = CellBackbone(PDARTS, channels=8, layers=5, out_strides=(8, 16, 32))
    report = reader(backbone, file)
    assert all(name.startswith(("classifier.", "auxiliary_head.")) for name in report.left_out)
    assert "left out (auxiliary_head, classifier)" in str(report)
    image = torch.randn(1, 3, 64, 64)
    s0 = original.stem0(image)
    s1 = original.stem1(s0)
    maps = []
    for cell in original.cells:
        s0, s1 = s1, cell(s0, s1)
        maps.append(s1)
    backbone.eval().channels_last = False
    for found, expected in zip(backbone(image), (maps[0], maps[2], maps[4]), strict=True):
        assert torch.equal(found, expected)


def test_files_from_before_batchnorm_counted_load() -> None:
    state = {
        name: value
        for name, value in trained(PDARTS, False, 32).state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    network = CifarNetwork(PDARTS, channels=8, layers=5, num_classes=7)
    load_darts_checkpoint(network, state)
    assert all(int(value) == 0 for name, value in network.state_dict().items() if name.endswith("num_batches_tracked"))
    # One that is missing among many is no old file.
    counted = trained(PDARTS, False, 32).state_dict()
    del counted["cells.1.preprocess1.op.2.num_batches_tracked"]
    with pytest.raises(InputError, match=r"state dict: lacks cells\.1\.preprocess1\.op\.2\.num_batches_tracked"):
        load_darts_checkpoint(network, counted)


@pytest.mark.parametrize(
    ("network", "named"),
    [
        (CifarNetwork(PDARTS, 4, 5, 7), "differs in shape at stem.0.weight: (24, 3, 3, 3) in the file, (12, 3, 3, 3)"),
        (CifarNetwork(PDARTS, 8, 6, 7), "lacks cells."),
        (CifarNetwork(PDARTS, 8, 4, 7), "lacks cells."),
        (CifarNetwork(PDARTS, 8, 5, 10), "auxiliary_head.classifier.weight: (7, 768) in the file, (10, 768) in"),
        (CifarNetwork(zoo.get("DARTS_V2").genotype, 8, 5, 7), "cells.0.operations.0.op.1.weight"),
        (ImageNetNetwork(PDARTS, 8, 5, 7), "lacks stem0.0.weight, stem0.1.weight, stem0.1.bias and"),
    ],
    ids=["width", "deeper", "shallower", "classes", "genotype", "stem"],
)
def test_a_mismatch_names_the_first_entries_and_loads_nothing(network: nn.Module, named: str) -> None:
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with pytest.raises(InputError) as caught:
        load_darts_checkpoint(network, trained(PDARTS, False, 32).state_dict())
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize("source", [None, 3, [1]])
def test_what_is_no_checkpoint_is_refused(source: object) -> None:
    with pytest.raises(InputError, match="state dict: holds no state dict"):
        load_darts_checkpoint(CifarNetwork(PDARTS, 4, 3), source)  # type: ignore[arg-type]


def test_old_files_of_cells_without_weights_load() -> None:
    cell = (("max_pool_3x3", 0), ("avg_pool_3x3", 1))
    genotype = Genotype(cell, (2,), cell, (2,))
    original = Original(genotype, 4, 3, 5, False)
    state = {name: value for name, value in original.state_dict().items() if not name.endswith("batches_tracked")}
    load_darts_checkpoint(CifarNetwork(genotype, 4, 3, 5), state)


def test_what_is_no_state_dict_is_refused() -> None:
    with pytest.raises(InputError, match="state dict: holds no state dict"):
        load_darts_checkpoint(CifarNetwork(PDARTS, 4, 3), {"state_dict": [1, 2]})
