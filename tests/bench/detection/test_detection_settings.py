"""What a Runner is told: of a job, of its metric, precision and curves, and of over-fitting."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from backbones.errors import InputError
from bench.detection import training
from bench.detection.annotations import read
from bench.detection.coco_data import Data, find
from bench.detection.components import SEED_WORKER
from bench.detection.overfit import DrawingHook, LossHook, overfit_config
from bench.detection.training import ScoringProgressHook, _set_precision, _use_our_metric, _write_curves, resolve, score
from bench.tasks import architectures
from bench.tasks.contract import Job, Protocol

Make = Callable[..., Protocol]
DESIGN = architectures.resolve("PDARTS")


def test_a_job_s_config_trains_without_scoring(make_protocol: Make, made_coco: Path, tmp_path: Path) -> None:
    protocol = make_protocol(made_coco)
    config = resolve(Job(protocol, DESIGN, 7, tmp_path / "job"), find(protocol.config))
    assert config.train_cfg.max_epochs == 2
    # Behind the last epoch.
    assert config.train_cfg.val_begin == 3
    for part in ("train", "val"):
        loader = config[f"{part}_dataloader"]
        assert loader.worker_init_fn == {"type": SEED_WORKER}
        assert loader.persistent_workers is False
    assert not [
        key for key in ("test_dataloader", "test_cfg", "test_evaluator", "execution", "launcher") if key in config
    ]
    assert (config.randomness.seed, config.work_dir) == (7, str(tmp_path / "job"))
    assert (config.load_from, config.resume) == (None, False)
    assert config.visualizer.name == config.experiment_name
    assert config.val_evaluator.type == "WildnasCocoMetric"
    assert config.model.backbone.genotype == DESIGN.genotype.to_json()


def test_several_processes_have_a_launcher(
    make_protocol: Make, made_coco: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "world_size", lambda: 2)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    protocol = make_protocol(made_coco)
    config = resolve(Job(protocol, DESIGN, 0, tmp_path / "job"), find(protocol.config))
    assert config.launcher == "pytorch"
    assert config.model_wrapper_cfg == {"type": "MMDistributedDataParallel", "device_ids": None}


def test_scoring_is_the_last_tenth_of_a_job() -> None:
    told: list[tuple[float, str]] = []
    hook = ScoringProgressHook(lambda *each: told.append(each))
    for batch in range(4):
        hook.after_val_iter(SimpleNamespace(val_dataloader=[0] * 4), batch)  # type: ignore[arg-type]
    assert [done for done, _ in told] == pytest.approx([0.925, 0.95, 0.975, 1.0])
    assert [doing for _, doing in told] == [f"scoring batch {batch} of 4" for batch in (1, 2, 3, 4)]


def test_scores_are_in_percent_and_rounded_to_hundredths() -> None:
    closed: list[bool] = []
    found = {"coco/bbox_mAP": 0.123456, "coco/bbox_mAP_50": 0.5, "coco/bbox_mAP_l": 1.0, "coco/other": 3.0}
    visualizer = SimpleNamespace(close=lambda: closed.append(True))
    runner: Any = SimpleNamespace(val=lambda: found, visualizer=visualizer)
    assert score(runner) == {"ap": 12.35, "ap50": 50.0, "apl": 100.0}
    assert closed == [True]
    names = {"ap75": "mAP_75", "aps": "mAP_s", "apm": "mAP_m"}
    runner = SimpleNamespace(val=lambda: {f"coco/bbox_{name}": 0.1 for name in names.values()}, visualizer=visualizer)
    assert score(runner) == dict.fromkeys(names, 10.0)


def test_the_metric_is_ours(tmp_path: Path) -> None:
    for kind in ("CocoMetric", "WildnasCocoMetric"):
        values: dict[str, Any] = {
            "val_evaluator": {"type": kind, "ann_file": "a", "_scope_": "mmdet", "metric": "bbox"}
        }
        _use_our_metric(values, tmp_path)
        assert values["val_evaluator"]["type"] == "WildnasCocoMetric"
        assert values["val_evaluator"]["collect_dir"] == str(tmp_path / "collected")
        assert values["custom_imports"] == {"imports": ["bench.detection.coco_metric"], "allow_failed_imports": False}
    for imports in ("a", ["a"]):
        values = {"val_evaluator": {"type": "CocoMetric"}, "custom_imports": {"imports": imports, "more": 1}}
        _use_our_metric(values, tmp_path)
        assert values["custom_imports"] == {"imports": ["a", "bench.detection.coco_metric"], "more": 1}
    with pytest.raises(InputError, match=r"val_evaluator\.type='VOCMetric': expected 'CocoMetric' or"):
        _use_our_metric({"val_evaluator": {"type": "VOCMetric"}}, tmp_path)
    with pytest.raises(InputError, match="val_evaluator: unknown key 'metrc'; did you mean 'metric'"):
        _use_our_metric({"val_evaluator": {"type": "CocoMetric", "metrc": 1}}, tmp_path)


def test_half_precision_has_a_wrapper(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrapped(precision: str | None, **wrapper: str) -> dict[str, Any]:
        values: dict[str, Any] = {"optim_wrapper": dict(wrapper), "custom_imports": {"imports": []}}
        _set_precision(values | ({} if precision is None else {"precision": precision}))
        return values

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for kind in ({}, {"type": "OptimWrapper"}, {"type": "WildnasBf16OptimWrapper"}):
        values = wrapped("bf16", **kind)
        assert values["optim_wrapper"] == {"type": "WildnasBf16OptimWrapper"}
        assert values["custom_imports"] == {"imports": ["bench.detection.precision"]}
    for precision in ("fp32", None):
        assert wrapped(precision, type="OptimWrapper")["optim_wrapper"] == {"type": "OptimWrapper"}
        assert wrapped(precision)["custom_imports"] == {"imports": []}
        with pytest.raises(InputError, match="'AmpOptimWrapper' needs a GPU"):
            wrapped(precision, type="AmpOptimWrapper")
    with pytest.raises(InputError, match=r"precision='bf16' needs optim_wrapper\.type='OptimWrapper', not 'Amp"):
        wrapped("bf16", type="AmpOptimWrapper")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert wrapped("fp32", type="AmpOptimWrapper")["optim_wrapper"] == {"type": "AmpOptimWrapper"}


def test_curves_are_written_for_tensorboard_once() -> None:
    board, local = {"type": "TensorboardVisBackend"}, {"type": "LocalVisBackend"}
    for given, backends in (
        (None, [local, board]),
        ({"vis_backends": []}, [local, board]),
        ({"vis_backends": [local]}, [local, board]),
        ({"vis_backends": [board]}, [board]),
        ({"vis_backends": [local, board]}, [local, board]),
    ):
        values: dict[str, Any] = {"experiment_name": "e", "visualizer": given}
        _write_curves(values, [])
        assert values["visualizer"] == {"type": "DetLocalVisualizer", "vis_backends": backends, "name": "e"}
    values = {"experiment_name": "e", "visualizer": {"type": "Mine", "more": 1}}
    _write_curves(values, [])
    assert (values["visualizer"]["type"], values["visualizer"]["more"]) == ("Mine", 1)


def test_over_fitting_warms_up_for_ten_steps(make_protocol: Make, made_coco: Path, tmp_path: Path) -> None:
    protocol = make_protocol(made_coco)
    folder = made_coco / "train2017"
    chosen = read(made_coco / "annotations/instances_train2017.json", folder)
    for steps, warm in ((5, 5), (10, 10), (150, 10)):
        config = overfit_config(protocol.config, Data(folder, chosen, chosen), steps, 0.2, tmp_path)
        assert config.train_cfg == {"type": "IterBasedTrainLoop", "max_iters": steps}
        assert config.param_scheduler == [
            {"type": "LinearLR", "start_factor": 0.1, "by_epoch": False, "begin": 0, "end": warm},
            {"type": "CosineAnnealingLR", "T_max": steps, "eta_min": 0.002, "by_epoch": False},
        ]
    assert config.optim_wrapper == {
        "type": "OptimWrapper",
        "optimizer": {"type": "AdamW", "lr": 0.2, "weight_decay": 0.0},
        "clip_grad": {"max_norm": 10},
    }
    # All images in every step, in their order, as they are.
    for part, sampler in (("train", "InfiniteSampler"), ("test", "DefaultSampler")):
        loader = config[f"{part}_dataloader"]
        assert (loader.batch_size, loader.num_workers) == (7, 0)
        assert loader.sampler == {"type": sampler, "shuffle": False}
        assert loader.dataset.test_mode is (part == "test")
        assert (loader.dataset.data_root, loader.dataset.data_prefix) == ("", {"img": str(folder)})
    steps_of = [step.type for step in config.train_dataloader.dataset.pipeline]
    assert steps_of == ["LoadImageFromFile", "LoadAnnotations", "Resize", "PackDetInputs"]
    assert config.train_dataloader.dataset.pipeline[1].with_bbox is True
    assert config.train_dataloader.dataset.pipeline[2].scale == (64, 64)
    assert config.randomness == {"seed": 0}
    assert config.default_hooks == {"checkpoint": None}


def test_every_tenth_loss_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    hook = LossHook()
    for step in range(1, 22):
        hook.after_train_iter(SimpleNamespace(max_iters=21), step - 1, outputs={"loss": torch.tensor(float(step))})  # type: ignore[arg-type]
    assert hook.losses == [float(step) for step in range(1, 22)]
    assert capsys.readouterr().out.splitlines() == [f"step {step:>4} of 21  loss {step}.000" for step in (1, 10, 20)]


def test_what_scores_less_than_three_tenths_is_not_drawn(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (4, 2)).save(tmp_path / "a.webp")
    drawn: list[Any] = []
    visualizer = SimpleNamespace(add_datasample=lambda name, image, **how: drawn.append((image.shape, how)))
    sample = SimpleNamespace(img_path=str(tmp_path / "a.webp"))
    runner: Any = SimpleNamespace(visualizer=visualizer)
    DrawingHook(tmp_path / "drawn").after_test_iter(runner, 0, outputs=[sample])
    expected = {"data_sample": sample, "pred_score_thr": 0.3, "out_file": str(tmp_path / "drawn/a.png")}
    assert drawn == [((2, 4, 3), expected)]
