"""Networks as files: what ONNX Runtime and PyTorch compute from them, what is kept in them, what is refused."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from backbones import weights
from backbones.build import build_backbone
from backbones.errors import InputError
from bench.commands.cli import main
from bench.export.networks import Exportable, Wanted, exportable
from bench.export.writing import ABOUT, export_network, write
from bench.tasks.architectures import resolve

SMALL = {"channels": 4, "layers": 3, "size": 32}


def computed(file: Path, images: Tensor) -> dict[str, Tensor]:
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_outputs()]
    found = session.run(names, {session.get_inputs()[0].name: images.numpy()})
    return {name: torch.from_numpy(each) for name, each in zip(names, found, strict=True)}


def test_a_backbone_s_maps_for_any_number_of_images(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    design = resolve("random:3").design
    torch.manual_seed(1)
    backbone = build_backbone(design, channels=4, layers=3).eval()
    file = weights.save(backbone, tmp_path / "started.pth", design)
    options = ["--channels", "4", "--layers", "3", "--size", "32", "--batch", "dynamic", "--weights", str(file)]
    assert main(["export", "random:3", "--out", str(tmp_path / "a.onnx"), *options]) == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in said] == ["exported program", "ONNX Runtime", str(tmp_path / "a.onnx")]
    for count in (1, 5):
        images = torch.randn(count, 3, 32, 32)
        found = computed(tmp_path / "a.onnx", images)
        assert list(found) == ["stride8", "stride16", "stride32"]
        with torch.no_grad():
            for ours, theirs in zip(backbone(images), found.values(), strict=True):
                torch.testing.assert_close(theirs, ours, rtol=1e-4, atol=1e-5)
    held = {each.key: each.value for each in onnx.load(tmp_path / "a.onnx").metadata_props}
    assert held["architecture"] == resolve("random:3").name
    assert held["digest"] == design.digest
    assert json.loads(held["genotype"]) == design.to_json()
    assert json.loads(held["input_shape"]) == ["dynamic", 3, 32, 32]
    # A bare file's images are not known.
    assert held["preprocessing_known"] == "false"
    assert not list(tmp_path.glob("*.partial*"))


def test_an_exported_program_of_pretrained_weights_knows_its_preprocessing(tmp_path: Path) -> None:
    wanted = Wanted("classifier", "tf_efficientnet_lite0", size=32)
    done = export_network("timm:tf_efficientnet_lite0", tmp_path / "a.pt2", "torch-export", 1, wanted)
    (difference,) = done.differences
    assert difference.relative <= 1e-6
    extra = {ABOUT: ""}
    program = torch.export.load(tmp_path / "a.pt2", extra_files=extra).module()
    about = json.loads(extra[ABOUT])
    assert about == done.about
    assert json.loads(about["mean"]) == json.loads(about["std"]) == [0.5, 0.5, 0.5]
    assert about["weights"] == "tf_efficientnet_lite0"
    images = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        logits = exportable("timm:tf_efficientnet_lite0", wanted).network(images)
        torch.testing.assert_close(program(images), logits)
    assert logits.shape == (1, 1000)


class OtherWhenTraced(nn.Module):
    """Computes something else in an exporter."""

    def forward(self, images: Tensor) -> Tensor:
        return images + 1e-3 if torch.compiler.is_compiling() else images


class Bessel(nn.Module):
    """Computes what ONNX has no operation for."""

    def forward(self, images: Tensor) -> Tensor:
        return torch.special.bessel_j0(images)


class Guessing(nn.Module):
    """Decides by a value."""

    def forward(self, images: Tensor) -> Tensor:
        return images if images.sum() > 0 else -images


@pytest.mark.parametrize(
    ("network", "form", "said"),
    [
        (OtherWhenTraced(), "torch-export", r"exported program: largest difference 1\.0e-03 .*expected 1e-04 at most"),
        (Bessel(), "onnx", r"cannot be exported to ONNX: no export of the operations prims\.bessel_j0"),
        (Guessing(), "torch-export", r"cannot be exported by torch\.export: Could not guard on data-dependent"),
    ],
)
def test_what_differs_or_cannot_be_exported_is_not_written(
    network: nn.Module, form: str, said: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InputError, match=said) as caught:
        write(Exportable(network, (3, 4, 4), ("images",)), tmp_path / "a", form, 1)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())
    assert capfd.readouterr() == ("", "")


def test_a_missing_package_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(InputError, match=r"^--format onnx needs onnxruntime: pip install 'wildnas\[export\]'"):
        export_network("PDARTS", tmp_path / "a.onnx", wanted=Wanted(**SMALL))


@pytest.mark.parametrize(
    ("given", "wanted", "said"),
    [
        ("none.pth", Wanted(), "none.pth: no such checkpoint"),
        (
            "bare.pth",
            Wanted(),
            r"bare\.pth: holds weights without a task, which has no export; expected the checkpoint",
        ),
        ("bare.pth", Wanted(weights="x"), r"bare\.pth: a checkpoint has its own weights and task"),
        ("searched.pth", Wanted(), r"searched\.pth: holds task 'search', which has no export"),
        ("PDARTS", Wanted(raw=True), "--raw: without meaning for the backbone of PDARTS; leave it out"),
        ("PDARTS", Wanted(classes=3), "--classes: without meaning for the backbone of PDARTS"),
        ("PDARTS", Wanted(weights="tf_efficientnet_lite0"), "weights of another architecture"),
        ("nowhere", Wanted(), "no genotype of that name"),
        (
            "timm:vit_tiny_patch16_224",
            Wanted("classifier", size=100),
            r"takes no images of 3 x 100 x 100: Input height \(100\)",
        ),
        ("timm:resnet18", Wanted(channels=10), "--channels: without meaning for the backbone of timm:resnet18"),
        ("timm:resnet18", Wanted("classifier", layers=3), "--layers: without meaning for the classifier of timm"),
        (
            "timm:mobilenetv2_100",
            Wanted("classifier", weights="mobilenetv2_100"),
            "--weights mobilenetv2_100: they have no classifier; leave --as classifier out",
        ),
    ],
)
def test_what_cannot_be_meant_is_one_line(
    given: str, wanted: Wanted, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    weights.save(nn.Linear(1, 1), tmp_path / "bare.pth")
    weights.save(nn.Linear(1, 1), tmp_path / "searched.pth", task="search")
    with pytest.raises(InputError, match=said) as caught:
        export_network(given, tmp_path / "a.pt2", "torch-export", 1, wanted)
    assert "\n" not in str(caught.value)


def test_what_is_exported_is_not_written_over_nor_is_a_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    held = weights.save(nn.Linear(1, 1), tmp_path / "a.pth", task="classification").read_bytes()
    Path("folder").mkdir()
    os.mkfifo("pipe")
    for out, said in (
        ("./a.pth", "--out a.pth: is the file that is exported; expected another one"),
        ("folder/", "--out folder: is a folder; expected the name of a file in it"),
        ("", "--out .: is a folder"),
        ("a.onnx", "--out a.onnx: is named as --format onnx, not torch-export; give that format, or .pt2"),
        ("a.pth/b", "--out a.pth/b: cannot be written: "),
        ("pipe", "--out pipe: is a pipe, a socket or a device"),
    ):
        for argv in (["a.pth"], ["PDARTS", "--weights", "a.pth"]):
            assert main(["export", *argv, "--format", "torch-export", "--out", out]) == 2
            assert said in capsys.readouterr().err
    assert (tmp_path / "a.pth").read_bytes() == held
    assert main(["export", "a.pth", "--format", "torch-export", "--out", "b", "--layers", "3"]) == 2
    assert "--layers: without meaning for classification in a.pth" in capsys.readouterr().err
