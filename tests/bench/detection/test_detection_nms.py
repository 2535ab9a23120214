import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from backbones.errors import InputError
from bench.detection.mmcv_ext import _StandIn, nms, provide_mmcv_ext
from bench.detection.tool import main


def brute_force(boxes: Tensor, scores: Tensor, threshold: float, offset: int) -> list[int]:
    kept: list[int] = []
    for candidate in scores.argsort(descending=True).tolist():
        if all(iou(boxes[candidate], boxes[other], offset) <= threshold for other in kept):
            kept.append(candidate)
    return kept


def iou(a: Tensor, b: Tensor, offset: int) -> float:
    width = (torch.min(a[2], b[2]) - torch.max(a[0], b[0]) + offset).clamp(min=0)
    height = (torch.min(a[3], b[3]) - torch.max(a[1], b[1]) + offset).clamp(min=0)
    areas = [(box[2] - box[0] + offset) * (box[3] - box[1] + offset) for box in (a, b)]
    return float(width * height / (areas[0] + areas[1] - width * height))


@pytest.mark.parametrize("offset", [0, 1])
@pytest.mark.parametrize("threshold", [0.3, 0.45, 0.7])
def test_nms_is_brute_force(offset: int, threshold: float) -> None:
    torch.manual_seed(0)
    corners = torch.randint(0, 40, (60, 2)).double()
    boxes = torch.cat([corners, corners + torch.randint(1, 20, (60, 2))], dim=1)
    scores = torch.rand(60, dtype=torch.double)
    assert nms(boxes, scores, iou_threshold=threshold, offset=offset).tolist() == brute_force(
        boxes, scores, threshold, offset
    )


def test_nms_of_nothing() -> None:
    assert nms(torch.zeros(0, 4), torch.zeros(0), 0.5).tolist() == []


def test_mmcv_runs_on_it() -> None:
    provide_mmcv_ext()
    batched_nms = importlib.import_module("mmcv.ops").batched_nms
    boxes = torch.tensor([[0.0, 0, 10, 10], [1, 1, 10, 10], [0, 0, 10, 10]])
    kept, indices = batched_nms(
        boxes, torch.tensor([0.9, 0.8, 0.7]), torch.tensor([0, 0, 1]), {"type": "nms", "iou_threshold": 0.5}
    )
    assert indices.tolist() == [0, 2]
    assert kept.shape == (2, 5)


def test_the_focal_loss_of_a_gpu_is_mmdetections_own_of_the_cpu() -> None:
    """MMDetection calls the operation on a GPU, and writes the loss out in torch on a CPU."""
    provide_mmcv_ext()
    operation = importlib.import_module("mmcv.ops").sigmoid_focal_loss
    written_out = importlib.import_module("mmdet.models.losses.focal_loss").py_sigmoid_focal_loss
    torch.manual_seed(0)
    values = 3 * torch.randn(50, 7, dtype=torch.double)
    labels = torch.randint(8, (50,))
    for gamma, alpha in ((2.0, 0.25), (1.5, 0.6)):
        ours, theirs = values.clone().requires_grad_(), values.clone().requires_grad_()
        loss = operation(ours, labels, gamma, alpha, None, "none")
        one_hot = F.one_hot(labels, 8)[:, :7]
        expected = written_out(theirs, one_hot, gamma=gamma, alpha=alpha, reduction="none")
        torch.testing.assert_close(loss, expected)
        loss.sum().backward()
        expected.sum().backward()
        torch.testing.assert_close(ours.grad, theirs.grad)
    with pytest.raises(InputError, match="sigmoid_focal_loss"):
        operation(values, labels, 2.0, 0.25, torch.ones(7, dtype=torch.double), "none")


def test_other_operations_say_what_to_install() -> None:
    operation = _StandIn("mmcv._ext").modulated_deform_conv_forward
    with pytest.raises(InputError, match=r"modulated_deform_conv_forward.*mmcv-lite"):
        operation(torch.zeros(1))


def test_mmcv_still_knows_that_it_is_lite() -> None:
    if provide_mmcv_ext():
        spec = sys.modules["mmcv._ext"].__spec__
        assert spec is not None
        assert spec.loader is None
        assert pkgutil.find_loader("mmcv._ext") is None


def test_importing_the_components_is_enough() -> None:
    code = (
        "import bench.detection.components; from mmdet.registry import MODELS; print(MODELS.get('WildnasSSD').__name__)"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("WildnasSSD")


def test_a_script_of_mmdetection_is_run_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", sys.argv)
    script = tmp_path / "test.py"
    script.write_text(
        "import sys, pathlib, mmcv.ops\npathlib.Path(sys.argv[1]).write_text(__name__)\n", encoding="utf-8"
    )
    main([str(script), str(tmp_path / "out.txt")])
    assert (tmp_path / "out.txt").read_text(encoding="utf-8") == "__main__"
    with pytest.raises(SystemExit, match="usage"):
        main(["no_such_script.py"])
