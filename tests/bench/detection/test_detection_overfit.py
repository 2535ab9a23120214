import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from backbones.errors import InputError
from bench.detection.checkpoint import load
from bench.detection.overfit import DrawingHook, first_images, main, overfit, settle_statistics
from bench.tasks.architectures import resolve
from bench.tasks.contract import Protocol

Make = Callable[..., Protocol]
PDARTS = resolve("PDARTS")


def test_a_small_detector_remembers_its_images(make_protocol: Make, made_coco: Path, tmp_path: Path) -> None:
    protocol = make_protocol(made_coco)
    outcome = overfit(protocol, PDARTS, images=2, steps=60, rate=0.02, folder=tmp_path / "out")
    assert outcome.ap50 > 90
    assert len(outcome.losses) == 60
    assert outcome.losses[-1] < outcome.losses[0] / 3
    assert len(list((tmp_path / "out" / "drawn").glob("*.jpg"))) == 2
    assert json.loads((tmp_path / "out" / "outcome.json").read_text(encoding="utf-8"))["ap50"] == outcome.ap50
    assert list(load(tmp_path / "out" / "checkpoint.pth").categories) == ["left", "right"]


def test_a_picture_is_drawn_as_the_one_reader_sees_it(tmp_path: Path) -> None:
    """Turned by EXIF in a PNG file, which OpenCV leaves as it is stored."""
    from mmdet.structures import DetDataSample
    from mmdet.visualization import DetLocalVisualizer

    turned = Image.Exif()
    turned[0x0112] = 6
    file = tmp_path / "turned.png"
    Image.new("RGB", (40, 20), (90, 20, 200)).save(file, exif=turned)
    visualizer = DetLocalVisualizer(vis_backends=[])
    visualizer.dataset_meta = {"classes": ("cat",), "palette": [(0, 0, 0)]}
    sample = DetDataSample(metainfo={"img_path": str(file)})
    DrawingHook(tmp_path / "drawn").after_test_iter(SimpleNamespace(visualizer=visualizer), 0, None, [sample])
    with Image.open(tmp_path / "drawn" / "turned.png") as image:
        # True boxes left, detected ones right; as it is stored, it would be 80 x 20.
        assert image.size == (2 * 20, 40)


def test_statistics_are_those_of_the_images() -> None:
    torch.manual_seed(0)

    class Detector(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm, self.kept = nn.BatchNorm2d(3, momentum=0.03), nn.BatchNorm2d(3)
            self.data_preprocessor = lambda batch: {"inputs": batch}

        def train(self, mode: bool = True) -> "Detector":
            super().train(mode)
            self.kept.eval()
            return self

        def forward(self, inputs: Tensor, mode: str) -> Tensor:
            assert mode == "tensor"
            return self.kept(self.norm(inputs))

    detector = Detector()
    images = 5 + 2 * torch.randn(4, 3, 8, 8)
    detector.norm(torch.randn(4, 3, 8, 8))
    settle_statistics(detector, images)
    torch.testing.assert_close(detector.norm.running_mean, images.mean(dim=(0, 2, 3)))
    torch.testing.assert_close(detector.norm.running_var, images.transpose(0, 1).flatten(1).var(dim=1))
    assert detector.norm.momentum == 0.03
    assert torch.equal(detector.kept.running_mean, torch.zeros(3))


def test_untrained_it_finds_nothing_to_speak_of(make_protocol: Make, made_coco: Path, tmp_path: Path) -> None:
    """What the score above is worth."""
    outcome = overfit(make_protocol(made_coco), PDARTS, images=2, steps=1, rate=1e-6, folder=tmp_path / "out")
    assert outcome.ap50 < 50


def test_images_without_objects_and_with_crowds_are_passed_over(made_coco: Path) -> None:
    file = made_coco / "annotations" / "instances_train2017.json"
    chosen = first_images(file, made_coco / "train2017", 3)
    # The first has a crowd, the second no object.
    assert [image["id"] for image in chosen["images"]] == [3, 4, 5]
    assert {annotation["image_id"] for annotation in chosen["annotations"]} == {3, 4, 5}
    with pytest.raises(InputError, match="holds 5 images with objects and without a crowd; expected 6"):
        first_images(file, made_coco / "train2017", 6)


def test_a_mistake_ends_in_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code = main(["PDARTS", "--on", "detection/coco_mini_ssd", "--data", str(tmp_path), "--out", str(tmp_path / "out")])
    assert code == 2
    assert "instances_train2017.json" in capsys.readouterr().err


@pytest.mark.parametrize(("ap50", "expect", "code"), [(80.0, "80", 0), (79.9, "80", 1), (0.0, None, 0)])
def test_the_exit_code_says_whether_ap50_is_as_expected(
    ap50: float, expect: str | None, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = SimpleNamespace(ap=1.0, ap50=ap50, losses=[2.0, 1.0])
    monkeypatch.setattr("bench.detection.overfit.overfit", lambda *given: outcome)
    more = [] if expect is None else ["--expect", expect]
    assert main(["PDARTS", "--on", "detection/digits_ssd", "--out", str(tmp_path / "out"), *more]) == code
