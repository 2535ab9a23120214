"""MMDetection's own way: configs of this project in a plain script, and other detectors of MMDetection."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config

from backbones.errors import InputError
from bench.detection.components import build_detector, model_config
from bench.detection.pairs import config_text
from bench.detection.speed import made_batch
from bench.detection.task import DetectionTask
from bench.tasks.architectures import resolve
from bench.tasks.contract import Job, Protocol
from bench.tasks.registry import load_protocol
from search.configs import config_root, plain

Make = Callable[..., Protocol]
PDARTS = resolve("PDARTS")

#: What MMDetection's tools/train.py comes down to.
SCRIPT = """
import sys
from mmengine.config import Config
from mmengine.runner import Runner

config = Config.fromfile(sys.argv[1])
config.work_dir = sys.argv[2]
runner = Runner.from_cfg(config)
runner.train()
print("the script ran", type(runner.model).__name__, type(runner.model.backbone).__name__)
"""

INHERITING = """
_base_ = "{base}"
classes = ("left", "right")
model = dict(
    bbox_head=dict(num_classes=2), backbone=dict(genotype="PC_DARTS_image", channels=4, layers=3), extra_channels=(8,)
)
train_set = dict(metainfo=dict(classes=classes))
train_dataloader = dict(batch_size=4, num_workers=0, dataset=dict(times=1, dataset=train_set))
val_dataloader = dict(num_workers=0, dataset=dict(metainfo=dict(classes=classes)))
train_cfg = dict(max_epochs=1)
"""


@pytest.fixture
def coco(made_coco: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The made images as $WILDNAS_DATA/coco."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "coco").symlink_to(made_coco, target_is_directory=True)
    monkeypatch.setenv("WILDNAS_DATA", str(tmp_path / "data"))
    return made_coco


def run_script(config: Path, folder: Path) -> str:
    (folder / "train.py").write_text(SCRIPT, encoding="utf-8")
    command = [sys.executable, "-W", "ignore", str(folder / "train.py"), str(config), str(folder / "work")]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_a_config_that_inherits_ours_runs_in_a_plain_script(coco: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    base = config_root() / "detection" / "coco_ssdlite320.py"
    file.write_text(INHERITING.format(base=base), encoding="utf-8")
    out = run_script(file, tmp_path)
    assert "the script ran WildnasSSD WildnasCellBackbone" in out
    assert "coco/bbox_mAP_50" in out
    assert (tmp_path / "work" / "epoch_1.pth").is_file()


def test_a_printed_config_stands_alone(coco: Path, make_protocol: Make, tmp_path: Path) -> None:
    options = ["train_cfg.max_epochs=1", "model.bbox_head.num_classes=2"]
    options += [f"{part}_dataloader.dataset.{inner}metainfo.classes=['left','right']" for part, inner in PARTS]
    options += [f"val_evaluator.ann_file={coco}/annotations/instances_val2017.json"]
    protocol = make_protocol(coco, *options)
    text = config_text(protocol, resolve("DARTS_V2"))
    assert "_base_" not in text
    assert text.startswith("# DARTS_V2 under detection/")
    assert "# option train_cfg.max_epochs=1\n" in text
    (tmp_path / "elsewhere").mkdir()
    file = tmp_path / "elsewhere" / "taken_away.py"
    file.write_text(text, encoding="utf-8")
    assert "the script ran WildnasSSD WildnasCellBackbone" in run_script(file, tmp_path / "elsewhere")


PARTS = (("train", "dataset."), ("val", ""))


@pytest.mark.parametrize(
    ("name", "architecture"),
    [
        ("detection/coco_ssd320", "PC_DARTS_image"),
        ("detection/coco_ssdlite320", "timm:mobilenetv2_100"),
        ("detection/coco_ssd300_vgg16", "timm:vgg16"),
        ("detection/coco_retinanet", "timm:resnet50"),
    ],
)
def test_a_printed_config_is_the_protocols(name: str, architecture: str, tmp_path: Path) -> None:
    _, protocol = load_protocol(name)
    found = resolve(architecture)
    file = tmp_path / "printed.py"
    file.write_text(config_text(protocol, found), encoding="utf-8")
    config = Config.fromfile(str(file))
    assert plain(config.model.to_dict()) == model_config(protocol.config, found.design, None)
    for key in ("train_dataloader", "optim_wrapper", "param_scheduler", "train_cfg", "custom_imports"):
        assert plain(config[key]) == protocol.config[key], key
    with torch.device("meta"):
        build_detector(config.model)
    # It is a protocol itself.
    assert load_protocol(str(file))[1].config["model"]["backbone"] == plain(config.model.backbone.to_dict())


def test_what_cannot_be_printed() -> None:
    _, protocol = load_protocol("detection/coco_ssd300_vgg16")
    with pytest.raises(InputError, match="expected timm:vgg16, not a genotype"):
        config_text(protocol, PDARTS)
    _, protocol = load_protocol("detection/coco_mini_ssd", ["precision=bf16"])
    with pytest.raises(InputError, match="precision='bf16' is for wildnas evaluate"):
        config_text(protocol, PDARTS)


SMALL_RETINANET = [
    "model.backbone.channels=4",
    "model.backbone.layers=3",
    "model.neck.out_channels=16",
    "model.bbox_head.in_channels=16",
    "model.bbox_head.feat_channels=16",
    "train_cfg.max_epochs=1",
    "auto_scale_lr.enable=False",
    *(f"{part}_dataloader.num_workers=0" for part in ("train", "val")),
    # mmcv resizes by the ratio to a tuple only.
    *(f"{place}.scale=(96,64)" for place in ("train_dataloader.dataset.pipeline.2", "train_pipeline.2")),
    *(f"{place}.scale=(96,64)" for place in ("val_dataloader.dataset.pipeline.1", "test_pipeline.1")),
]


def test_retinanet_over_cells_is_evaluated_like_any_protocol(coco: Path, tmp_path: Path) -> None:
    task, protocol = load_protocol("detection/coco_retinanet", SMALL_RETINANET)
    assert isinstance(task, DetectionTask)
    outcome = task.run(Job(protocol, PDARTS, 0, tmp_path / "job"))
    assert {"ap", "ap50", "ap75"} <= set(outcome.metrics)
    assert outcome.checkpoint is not None


def test_retinanet_trains_and_detects_at_full_width() -> None:
    _, protocol = load_protocol("detection/coco_retinanet")
    torch.manual_seed(0)
    model: Any = build_detector(model_config(protocol.config, PDARTS.design, weights=None))
    model.init_weights()
    model.train()
    batch = made_batch(1, 128, 192, 80)
    total = model.parse_losses(model(**model.data_preprocessor(batch, training=True), mode="loss"))[0]
    total.backward()
    still = {name.split(".")[1] for name, parameter in model.named_parameters() if not parameter.requires_grad}
    assert still == {"stem0", "stem1"}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, name
            assert bool(torch.isfinite(parameter.grad).all()), name
    model.eval()
    with torch.no_grad():
        found = model(**model.data_preprocessor(batch), mode="predict")[0].pred_instances
    # Focal loss begins with scores of 0.01, and 0.05 is what is kept: perhaps nothing, but of the right shape.
    assert found.bboxes.shape == (len(found.scores), 4)
