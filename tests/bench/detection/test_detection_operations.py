"""Compiled operations of mmcv: which there are, which are missing, and what says so."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest
import torch

from backbones.errors import InputError
from bench.commands.cli import main
from bench.detection.mmcv_ext import provide_mmcv_ext

ROOT = Path(__file__).resolve().parents[3]

needs_lite = pytest.mark.skipif(not provide_mmcv_ext(), reason="a compiled mmcv is installed")


@needs_lite
@pytest.mark.parametrize(
    ("layer", "arguments", "inputs", "operation"),
    [
        # Faster R-CNN's, deformable convolutions', soft NMS.
        ("RoIAlign", (2,), (torch.zeros(1, 3, 8, 8), torch.tensor([[0.0, 0, 0, 4, 4]])), "roi_align_forward"),
        ("DeformConv2dPack", (3, 3, 3), (torch.zeros(1, 3, 8, 8),), "deform_conv_forward"),
        ("soft_nms", None, (torch.zeros(1, 4), torch.zeros(1)), "softnms"),
    ],
)
def test_what_is_missing_is_named(layer: str, arguments: tuple, inputs: tuple, operation: str) -> None:
    found = getattr(importlib.import_module("mmcv.ops"), layer)
    call = found if arguments is None else found(*arguments)
    with pytest.raises(InputError, match=rf"'{operation}' is compiled, and mmcv-lite .*pip install 'mmcv>=2"):
        call(*inputs)


@needs_lite
def test_the_doctor_says_that_mmcv_is_lite(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    rows = dict(line.split("  ", 1) for line in capsys.readouterr().out.splitlines())
    assert rows["mmcv"].strip().startswith("mmcv-lite 2.")
    assert "without compiled operations" in rows["mmcv"]
    assert rows["NMS"].strip() == "torchvision's"
    assert rows["COCO metrics"].strip().startswith("faster-coco-eval 1.")


def doctor_beside(mmcv: Path) -> str:
    """What the doctor of a process says that finds another mmcv first."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "bench", "doctor"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(mmcv)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_a_compiled_mmcv_is_used(tmp_path: Path) -> None:
    (tmp_path / "mmcv").mkdir()
    (tmp_path / "mmcv" / "__init__.py").touch()
    (tmp_path / "mmcv" / "_ext.py").write_text("def nms(*arguments): ...\n", encoding="utf-8")
    said = doctor_beside(tmp_path)
    assert "with compiled operations" in said
    assert "mmcv's, compiled" in said


def test_a_compiled_mmcv_of_another_torch_is_said(tmp_path: Path) -> None:
    (tmp_path / "mmcv").mkdir()
    (tmp_path / "mmcv" / "__init__.py").touch()
    (tmp_path / "mmcv" / f"_ext{EXTENSION_SUFFIXES[0]}").write_bytes(b"no library")
    said = doctor_beside(tmp_path)
    assert "mmcv's compiled operations cannot be loaded (" in said
    assert "pip uninstall mmcv" in said
