from __future__ import annotations

import os
import pickle
import random
import zipfile
from pathlib import Path

import numpy
import pytest
import torch
from torch import nn
from torch.serialization import set_crc32_options

from backbones import zoo
from backbones.errors import InputError
from backbones.genotype import Genotype
from backbones.networks import CifarNetwork
from backbones.weights import load, read_state_dict, save


def network(name: str = "PDARTS", channels: int = 4) -> CifarNetwork:
    return CifarNetwork(zoo.get(name).genotype, channels=channels, layers=3)


def refused(file: Path, module: nn.Module | None = None) -> str:
    with pytest.raises(InputError) as caught:
        read_state_dict(file) if module is None else load(module, file)
    message = str(caught.value)
    assert str(file) in message
    assert "\n" not in message
    assert len(message) < 500
    return message


def test_round_trip(tmp_path: Path) -> None:
    one, other = network(), network()
    one(torch.randn(4, 3, 8, 8))
    file = save(one, tmp_path / "deep" / "er" / "weights.pth", name="PDARTS", epochs=3)
    report = load(other, file)
    assert set(report.loaded) == set(one.state_dict())
    assert report.left_out == ()
    for name, value in other.state_dict().items():
        assert torch.equal(value, one.state_dict()[name]), name
    assert torch.load(file, weights_only=True)["about"] == {"name": "PDARTS", "epochs": 3}


@pytest.mark.parametrize("wrap", [dict, lambda state: {"state_dict": state, "epoch": 4}])
@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("zipped", [True, False])
def test_reads_bare_and_wrapped_state_dicts(tmp_path: Path, wrap, prefix: str, zipped: bool) -> None:
    one = network()
    file = tmp_path / "weights.pth"
    state = {f"{prefix}{name}": value for name, value in one.state_dict().items()}
    torch.save(wrap(state), file, _use_new_zipfile_serialization=zipped)
    assert read_state_dict(file).keys() == one.state_dict().keys()
    load(network(), file)


def test_a_twice_wrapped_model_is_read(tmp_path: Path) -> None:
    one = network()
    torch.save({f"module.module.{name}": value for name, value in one.state_dict().items()}, tmp_path / "two.pth")
    assert read_state_dict(tmp_path / "two.pth").keys() == one.state_dict().keys()


def test_what_a_training_script_keeps_beside_the_weights_is_no_obstacle(tmp_path: Path) -> None:
    one, file = network(), tmp_path / "model_best.pth.tar"
    optimiser = torch.optim.SGD(one.parameters(), lr=0.1, momentum=0.9)
    content = {
        "epoch": 3,
        "state_dict": one.state_dict(),
        "best_acc_top1": numpy.float64(75.1),
        "best": numpy.float32(1),
        "optimizer": optimiser.state_dict(),
    }
    torch.save(content, file)
    load(network(), file)


def test_half_precision_is_taken_and_whole_numbers_are_not(tmp_path: Path) -> None:
    one, file = network(), tmp_path / "weights.pth"
    torch.save({name: value.half() for name, value in one.state_dict().items()}, file)
    other = network()
    load(other, file)
    assert other.classifier.weight.dtype == torch.float32
    torch.testing.assert_close(other.classifier.weight, one.classifier.weight, atol=1e-3, rtol=1e-2)
    for kind in (torch.int32, torch.complex64):
        torch.save({**one.state_dict(), "classifier.weight": one.classifier.weight.detach().to(kind)}, file)
        assert "classifier.weight is of torch." in refused(file)


def test_two_entries_of_one_name_are_refused(tmp_path: Path) -> None:
    state = network().state_dict()
    torch.save({**state, "module.classifier.weight": state["classifier.weight"]}, tmp_path / "two.pth")
    assert "classifier.weight twice" in refused(tmp_path / "two.pth")


def test_a_state_dict_under_another_key_is_pointed_at(tmp_path: Path) -> None:
    torch.save({"theirs": network().state_dict(), "epoch": 3}, tmp_path / "weights.pth")
    assert "its keys are 'theirs', 'epoch'" in refused(tmp_path / "weights.pth")


def test_a_missing_auxiliary_head_is_explained(tmp_path: Path) -> None:
    state = {name: value for name, value in network().state_dict().items() if not name.startswith("auxiliary")}
    torch.save(state, tmp_path / "weights.pth")
    assert "build the network with auxiliary=False" in refused(tmp_path / "weights.pth", network())


def test_another_width_is_named(tmp_path: Path) -> None:
    file = save(network(channels=8), tmp_path / "weights.pth")
    message = refused(file, network())
    assert "stem.0.weight: (24, 3, 3, 3) in the file, (12, 3, 3, 3) in the network" in message


def test_another_genotype_is_named(tmp_path: Path) -> None:
    file = save(network("DARTS_V1"), tmp_path / "weights.pth")
    message = refused(file, network("PDARTS"))
    assert "cells.0.operations" in message
    assert "genotype" in message


def test_entries_of_another_network_are_named(tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    torch.save({**network().state_dict(), "fc.weight": torch.zeros(3)}, file)
    assert "foreign entry fc.weight" in refused(file, network())


def test_nothing_is_loaded_of_a_file_that_does_not_fit(tmp_path: Path) -> None:
    file = save(network(channels=8), tmp_path / "weights.pth")
    target = network()
    before = {name: value.clone() for name, value in target.state_dict().items()}
    refused(file, target)
    assert all(torch.equal(value, before[name]) for name, value in target.state_dict().items())


class Malicious:
    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self):
        return os.mkdir, (str(self.file),)


@pytest.mark.parametrize("writer", ["torch", "torch-legacy", "pickle", "inside"])
def test_a_malicious_pickle_is_refused_unrun(tmp_path: Path, writer: str) -> None:
    file, touched = tmp_path / "weights.pth", tmp_path / "touched"
    if writer == "pickle":
        file.write_bytes(pickle.dumps(Malicious(touched), protocol=2))
    elif writer == "inside":
        torch.save({"state_dict": network().state_dict(), "about": Malicious(touched)}, file)
    else:
        torch.save(Malicious(touched), file, _use_new_zipfile_serialization=writer == "torch")
    message = refused(file)
    assert not touched.exists()
    # torch's own message advises to turn the protection off.
    assert "weights_only" not in message
    assert "\x1b" not in message


def test_a_pickled_module_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    torch.save(network(), file)
    refused(file)


@pytest.mark.parametrize("content", [3, [1], "x", None, torch.zeros(2), {"state_dict": [1]}, {"a": 1}])
def test_what_is_no_state_dict_is_refused(tmp_path: Path, content: object) -> None:
    file = tmp_path / "weights.pth"
    torch.save(content, file)
    assert "no state dict" in refused(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert "no such checkpoint" in refused(tmp_path / "none.pth")
    assert "is a folder; expected a file" in refused(tmp_path)


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    whole = save(nn.Linear(3, 2), tmp_path / "whole.pth").read_bytes()
    draw = random.Random(0)
    damaged = [whole[: draw.randrange(len(whole))] for _ in range(40)]
    damaged += [draw.randbytes(draw.randrange(1, 200)) for _ in range(20)]
    damaged += [b"", b"\x80", b"\x80\x02", b"\x80\x02}q\x00.", b"garbage"]
    file = tmp_path / "weights.pth"
    for content in damaged:
        file.write_bytes(content)
        refused(file)


class Unwritable:
    def __reduce__(self):
        raise OSError("disk full")


def test_a_changed_bit_is_found_by_the_checksum(tmp_path: Path) -> None:
    file = save(network(), tmp_path / "weights.pth")
    content = bytearray(file.read_bytes())
    # In the middle of the file are the numbers of a weight, which would be finite still.
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert "does not have the checksum that the archive states" in refused(file)


@pytest.mark.parametrize("parts", ["all", "weights"])
def test_a_file_without_checksums_is_read(tmp_path: Path, parts: str) -> None:
    file, weight = tmp_path / "weights.pth", torch.arange(4.0)
    if parts == "all":
        set_crc32_options(False)
        try:
            save(nn.Linear(2, 2), file)
        finally:
            set_crc32_options(True)
        assert set(read_state_dict(file)) == {"weight", "bias"}
        return
    # Weights that are filled in later, at their place in the file.
    with torch.serialization.skip_data():
        torch.save({"weight": weight}, file)
    with zipfile.ZipFile(file) as archive:
        part = next(each for each in archive.infolist() if each.filename.endswith("data/0"))
        assert part.CRC == 0
        with archive.open(part) as stream:
            start = stream._orig_compress_start
    content = bytearray(file.read_bytes())
    content[start : start + 16] = weight.numpy().tobytes()
    file.write_bytes(content)
    assert torch.equal(read_state_dict(file)["weight"], weight)


@pytest.mark.filterwarnings("error")
def test_a_bare_pickle_is_one_line_without_torch_s_warnings(tmp_path: Path) -> None:
    file = tmp_path / "weights.pkl"
    file.write_bytes(pickle.dumps(Genotype, protocol=4))
    assert "can run code and is never read" in refused(file)


def test_a_failed_save_leaves_the_old_file_and_no_partial_one(tmp_path: Path) -> None:
    file = save(network(), tmp_path / "weights.pth")
    before = file.read_bytes()
    with pytest.raises(OSError, match="disk full"):
        save(network(), file, note=Unwritable())
    assert [path.name for path in tmp_path.iterdir()] == ["weights.pth"]
    assert file.read_bytes() == before


def test_genotypes_of_one_shape_are_not_told_apart(tmp_path: Path) -> None:
    """Known limit: pooling has no weights, so only what `about` says tells max pooling from average pooling."""
    cell = (("max_pool_3x3", 0), ("sep_conv_3x3", 1))
    other = (("avg_pool_3x3", 0), ("sep_conv_3x3", 1))
    file = save(CifarNetwork(Genotype(cell, (2,), cell, (2,)), 4, 3), tmp_path / "weights.pth")
    load(CifarNetwork(Genotype(other, (2,), other, (2,)), 4, 3), file)
