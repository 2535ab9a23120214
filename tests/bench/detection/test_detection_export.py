"""An SSD as an ONNX file: its boxes are those of `wildnas detect`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

from backbones.errors import InputError
from bench.detection.checkpoint import load
from bench.detection.inference import _Files, detect
from bench.export.detectors import RawSsd
from bench.export.networks import Wanted, exportable
from bench.export.writing import export_network


def test_onnx_runtime_finds_what_detect_finds(tiny_checkpoint: Path, made_coco: Path, tmp_path: Path) -> None:
    done = export_network(str(tiny_checkpoint), tmp_path / "ssd.onnx")
    about = {name: value if name in ("task", "colours") else json.loads(value) for name, value in done.about.items()
             if name in ("task", "colours", "categories", "mean", "std", "nms", "input_shape", "outputs")}  # fmt: skip
    assert about["categories"] == ["left", "right"]
    assert (about["task"], about["nms"], about["colours"]) == ("detection", True, "RGB")
    assert about["input_shape"] == [1, 3, 64, 64]
    file = made_coco / "val2017" / "000000000010.jpg"
    # As the metadata says: resized, in red, green, blue, from 0 to 1, normalised.
    pixels = _Files([(10, file)], load(tiny_checkpoint).pipeline)[0]["inputs"].flip(0)
    mean, std = (np.array(about[key], dtype=np.float32).reshape(3, 1, 1) for key in ("mean", "std"))
    image = (pixels.numpy().astype(np.float32) / 255 - mean) / std
    session = onnxruntime.InferenceSession(str(tmp_path / "ssd.onnx"), providers=["CPUExecutionProvider"])
    boxes, scores, labels = session.run(about["outputs"], {"images": image[None]})
    (sample,) = detect(load(tiny_checkpoint), [(10, file)])
    expected = sample.pred_instances
    height, width = sample.ori_shape
    assert len(expected) == len(scores) > 0
    np.testing.assert_allclose(scores, expected.scores, rtol=1e-4)
    scaled = boxes * np.array([width / 64, height / 64] * 2, dtype=np.float32)
    np.testing.assert_allclose(scaled, expected.bboxes, atol=1e-2)
    np.testing.assert_array_equal(labels, expected.labels)


def test_raw_boxes_are_mmdetection_s_before_nms(tiny_checkpoint: Path) -> None:
    detector: Any = load(tiny_checkpoint).detector
    raw = exportable(str(tiny_checkpoint), Wanted(raw=True))
    assert isinstance(raw.network, RawSsd)
    assert (raw.outputs, raw.batched) == (("boxes", "scores"), True)
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        boxes, scores = raw.network(images)
        classes, deltas = detector(images, mode="tensor")
    for image in range(2):
        theirs = [each[image].permute(1, 2, 0).reshape(-1, 3).softmax(-1)[:, :2] for each in classes]
        torch.testing.assert_close(scores[image], torch.cat(theirs))
        flat = torch.cat([each[image].permute(1, 2, 0).reshape(-1, 4) for each in deltas])
        sizes = [(size, size) for size in detector.pyramid.sizes]
        priors = torch.cat(detector.bbox_head.prior_generator.grid_priors(sizes, device="cpu"))
        decoded = detector.bbox_head.bbox_coder.decode(priors, flat, max_shape=(64, 64))
        torch.testing.assert_close(boxes[image], decoded)


def test_sizes_and_batches_that_do_not_go_are_one_line(tiny_checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--size 96: this detector's pyramid closes at 64 pixels"):
        export_network(str(tiny_checkpoint), tmp_path / "a", "torch-export", 1, Wanted(size=96))
    for batch in (2, "dynamic"):
        with pytest.raises(InputError, match=f"--batch {batch}: a detector with NMS takes one image; add --raw"):
            export_network(str(tiny_checkpoint), tmp_path / "a", "torch-export", batch)
    assert not list(tmp_path.iterdir())
