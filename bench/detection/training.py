"""One job of detection: the config that mmengine's Runner gets, training with exact resume, scoring."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import nn

from bench.contract import Job
from bench.detection.components import SEED_WORKER, backbone_config
from bench.detection.data import Data
from search import training
from search.configs import plain
from search.progress import ProgressCallback

#: The share of a job's progress that is training; the rest is scoring.
TRAINING_SHARE = 0.9

#: Our metrics by the names that MMDetection's `CocoMetric` gives them.
COCO_NAMES = {
    "ap": "coco/bbox_mAP",
    "ap50": "coco/bbox_mAP_50",
    "ap75": "coco/bbox_mAP_75",
    "aps": "coco/bbox_mAP_s",
    "apm": "coco/bbox_mAP_m",
    "apl": "coco/bbox_mAP_l",
}


class ScoringProgressHook(Hook):
    """Tell a callback how far the scoring is after every batch."""

    priority = "VERY_LOW"

    def __init__(self, callback: ProgressCallback) -> None:
        self.callback = callback

    def after_val_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        batches = len(runner.val_dataloader)
        done = TRAINING_SHARE + (1 - TRAINING_SHARE) * (batch_idx + 1) / batches
        self.callback(done, f"scoring batch {batch_idx + 1} of {batches}")


def resolve(job: Job, data: Data) -> Config:
    """The config of a job as the Runner gets it: the protocol's with architecture, weights, categories and seed."""
    values: dict[str, Any] = plain(job.protocol.config)
    model = values["model"]
    weights = None if job.weights is None else str(job.weights)
    model["backbone"] = backbone_config(model["backbone"], job.architecture.design, weights)
    data.fill_in(values)
    for part in ("train", "val"):
        loader = values[f"{part}_dataloader"]
        # mmengine's own function seeds workers alike every epoch; persistent workers would never be seeded again.
        loader["worker_init_fn"] = {"type": SEED_WORKER}
        loader["persistent_workers"] = False
    # Scored once, after training; the test part (test-dev) is for MMDetection's own tools.
    values["train_cfg"]["val_begin"] = values["train_cfg"]["max_epochs"] + 1
    for key in ("test_dataloader", "test_cfg", "test_evaluator"):
        values.pop(key, None)
    values.setdefault("val_cfg", {})
    values["default_hooks"] = {**training.default_hooks(), **(values.get("default_hooks") or {})}
    values["randomness"] = {**(values.get("randomness") or {}), "seed": job.seed}
    values["work_dir"] = str(job.work_dir)
    values["experiment_name"] = training.experiment_name(job.work_dir)
    last = training.last_checkpoint(job.work_dir)
    values["load_from"], values["resume"] = (None, False) if last is None else (str(last), True)
    return Config(values)


def train(job: Job, config: Config) -> Runner:
    """Train to the end, going on from the last checkpoint where there is one.

    Raises:
        FloatingPointError: the loss or a weight is no longer finite.
    """
    runner = Runner.from_cfg(config)
    training.silence_console(runner)
    hooks: list[Hook] = [
        training.EpochSeedHook(job.seed),
        training.FiniteLossHook(),
        training.ProgressHook(lambda fraction, doing: job.progress(TRAINING_SHARE * fraction, doing)),
        ScoringProgressHook(job.progress),
        training.PlainCheckpointHook(),
    ]
    for hook in hooks:
        runner.register_hook(hook)
    runner.train()
    training.check_finite(network(runner), job.work_dir)
    return runner


def score(runner: Runner, data: Data) -> dict[str, float]:
    """COCO's metrics of the trained network in percent.

    An area metric without an object of that size to find is undefined and left out.
    """
    found: Mapping[str, float] = runner.val()
    # CocoMetric returns nothing at all where the network detects nothing: it then found none of the objects.
    values = {key: found.get(name, 0.0) for key, name in COCO_NAMES.items()}
    undefined = {key for key in ("aps", "apm", "apl") if key not in data.val.sizes}
    # CocoMetric rounds to three places; so does this, lest 0.206 becomes 20.599999999999998.
    return {key: round(100 * value, 1) for key, value in values.items() if key not in undefined and value >= 0}


def network(runner: Runner) -> nn.Module:
    """The detector itself, without a wrapper for several devices."""
    module: nn.Module = runner.model.module if is_model_wrapper(runner.model) else runner.model
    return module
