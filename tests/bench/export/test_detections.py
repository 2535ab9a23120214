"""A detector's file finds what the detector finds, however few boxes that is."""

from __future__ import annotations

from pathlib import Path

import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from bench.export import writing
from bench.export.detectors import SsdWithNms
from bench.export.networks import Exportable
from bench.export.writing import write

OUTPUTS = ("boxes", "scores", "labels")
SHAPE = (3, 8, 8)


class Pixels(nn.Module):
    """In place of a network: every pixel is an anchor, and its first two colours are the scores of two classes."""

    size = 8
    anchors = (48, 16)
    boxes: Tensor

    def __init__(self) -> None:
        super().__init__()
        rows, columns = torch.meshgrid(torch.arange(8.0), torch.arange(8.0), indexing="ij")
        corners = torch.stack([columns, rows], dim=-1).reshape(-1, 2)
        self.register_buffer("boxes", torch.cat([corners, corners + 1], dim=1)[None])

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return self.boxes + 0 * images.sum(), images[:, :2].flatten(2).transpose(1, 2)


def picture(boxes: int) -> Tensor:
    """An image in which so many boxes score over one half."""
    images = torch.linspace(0.01, 0.4, 192).reshape(1, *SHAPE)
    for place in range(boxes):
        images[0, place % 2, place // 8, place % 8] = 0.9 - 0.01 * place
    return images


def found_by(file: Path, form: str, images: Tensor) -> tuple[Tensor, ...]:
    if form == "torch-export":
        return tuple(torch.export.load(file).module()(images))
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    return tuple(torch.from_numpy(each) for each in session.run(list(OUTPUTS), {"images": images.numpy()}))


@pytest.mark.parametrize("form", ["torch-export", "onnx"])
@pytest.mark.parametrize("exported_with", [0, 1, 6])
def test_a_file_finds_no_box_one_or_several(
    exported_with: int, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number of boxes in the picture that it is exported with decides nothing."""
    network = SsdWithNms(Pixels(), {"score_thr": 0.5, "nms": {"iou_threshold": 0.4}, "max_per_img": 4})  # type: ignore[arg-type]
    monkeypatch.setattr(writing, "trial_images", lambda count, shape: picture(exported_with))
    file = tmp_path / f"ssd.{'onnx' if form == 'onnx' else 'pt2'}"
    write(Exportable(network, SHAPE, OUTPUTS, batched=False), file, form, 1)
    for boxes in (0, 1, 2, 3, 4, 9):
        ours, expected = found_by(file, form, picture(boxes)), network(picture(boxes))
        assert [len(each) for each in expected] == [min(boxes, 4)] * 3
        assert expected[1].tolist() == pytest.approx([0.9 - 0.01 * place for place in range(min(boxes, 4))])
        assert expected[2].tolist() == [place % 2 for place in range(min(boxes, 4))]
        for one, two in zip(ours, expected, strict=True):
            torch.testing.assert_close(one, two)
