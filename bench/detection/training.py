"""Run one detection job: resolve the Runner's config, train with exact resume, and score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import nn

from backbones.errors import InputError
from bench.detection.coco_data import Data
from bench.detection.coco_metric import COCO_METRIC, WildnasCocoMetric
from bench.detection.components import LOG_PROCESSOR, RUNTIME_INFO, SEED_WORKER, model_config
from bench.detection.pairs import restore_pairs
from bench.detection.precision import BF16_WRAPPER, keep_losses_full
from bench.tasks.contract import Job
from search.configs import nearest, plain
from search.data.reader import plain_worker_errors
from search.training import hooks as training
from search.training.parallel import ReplicaHook, world_size
from search.training.progress import ProgressCallback
from search.training.resuming import resume_point
from search.training.trackers import tracker_configs

#: The share of a job's progress that is training; the rest is scoring.
TRAINING_SHARE = 0.9

#: Metrics of a record, with the names of MMDetection's `CocoMetric`.
COCO_NAMES = {
    "ap": "coco/bbox_mAP",
    "ap50": "coco/bbox_mAP_50",
    "ap75": "coco/bbox_mAP_75",
    "aps": "coco/bbox_mAP_s",
    "apm": "coco/bbox_mAP_m",
    "apl": "coco/bbox_mAP_l",
}


class ScoringProgressHook(Hook):
    """Report the progress of the scoring after every batch."""

    priority = "VERY_LOW"

    def __init__(self, callback: ProgressCallback) -> None:
        self.callback = callback

    def after_val_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        batches = len(runner.val_dataloader)
        done = TRAINING_SHARE + (1 - TRAINING_SHARE) * (batch_idx + 1) / batches
        self.callback(done, f"scoring batch {batch_idx + 1} of {batches}")


def resolve(job: Job, data: Data) -> Config:
    """Resolve a job's config for the Runner: the protocol's, with architecture, weights, categories and seed.

    Raises:
        InputError: settings that exclude each other, or that this machine does not support.
    """
    values: dict[str, Any] = plain(job.protocol.config)
    weights = None if job.weights is None else str(job.weights)
    values["model"] = model_config(values, job.design, weights)
    _use_our_metric(values, job.work_dir)
    data.fill_in(values, job.work_dir)
    _set_precision(values)
    for part in ("train", "val"):
        loader = values[f"{part}_dataloader"]
        # mmengine's own function gives workers the same seed every epoch, and persistent workers keep their first.
        loader["worker_init_fn"] = {"type": SEED_WORKER}
        loader["persistent_workers"] = False
    # Scored once, after training; `bench.detection.test_dev` exports the test part.
    values["train_cfg"]["val_begin"] = values["train_cfg"]["max_epochs"] + 1
    for key in ("test_dataloader", "test_cfg", "test_evaluator"):
        values.pop(key, None)
    values.setdefault("val_cfg", {})
    values["default_hooks"] = _hooks(values.get("default_hooks") or {})
    processor = values.get("log_processor") or {}
    if processor.get("type", "LogProcessor") == "LogProcessor":
        values["log_processor"] = {**processor, "type": LOG_PROCESSOR}
    values["randomness"] = {**(values.get("randomness") or {}), "seed": job.seed}
    values["work_dir"] = str(job.work_dir)
    values["experiment_name"] = training.experiment_name(job.work_dir)
    _write_curves(values, values.pop("execution")["trackers"])
    last = resume_point(job.work_dir, values["train_cfg"]["max_epochs"])
    values["load_from"], values["resume"] = (None, False) if last is None else (str(last), True)
    if world_size() > 1:
        # The process group exists already. mmengine passes the GPU's number, and a CPU must have none.
        values["launcher"] = "pytorch"
        if not torch.cuda.is_available():
            values["model_wrapper_cfg"] = {"type": "MMDistributedDataParallel", "device_ids": None}
    # mmengine writes the config into its log and into every checkpoint; each time, formatting it would take a second.
    return Config(restore_pairs(values), format_python_code=False)


def _hooks(own: Mapping[str, Any]) -> dict[str, Any]:
    """All trainings' default hooks, and a protocol's own; losses are read from the device at its log's interval."""
    hooks = {**training.default_hooks(), **own}
    interval = (hooks["logger"] or {}).get("interval", training.LOG_INTERVAL)
    return {"runtime_info": {"type": RUNTIME_INFO, "interval": interval}, **hooks}


def _use_our_metric(values: dict[str, Any], work_dir: Path) -> None:
    """Replace MMDetection's `CocoMetric` by `WildnasCocoMetric`."""
    evaluator = values["val_evaluator"]
    if evaluator.get("type") not in ("CocoMetric", COCO_METRIC):
        raise InputError(f"val_evaluator.type={evaluator.get('type')!r}: expected 'CocoMetric' or {COCO_METRIC!r}")
    known = ("type", "ann_file", "limit", "evaluator", "collect_dir", *WildnasCocoMetric.SETTINGS)
    for key in evaluator:
        if key not in known and key != "_scope_":
            raise InputError(f"val_evaluator: unknown key {key!r}; {nearest(key, known)}")
    evaluator.update(type=COCO_METRIC, collect_dir=str(work_dir / "collected"))
    imports = values.get("custom_imports") or {"imports": [], "allow_failed_imports": False}
    modules = imports["imports"] if isinstance(imports["imports"], list) else [imports["imports"]]
    values["custom_imports"] = {**imports, "imports": [*modules, "bench.detection.coco_metric"]}


def _set_precision(values: dict[str, Any]) -> None:
    """Train under autocast if `precision` is `bf16`."""
    wrapper = values["optim_wrapper"]
    kind = wrapper.get("type", "OptimWrapper")
    if values.pop("precision", "fp32") == "bf16":
        if kind not in ("OptimWrapper", BF16_WRAPPER):
            raise InputError(f"precision='bf16' needs optim_wrapper.type='OptimWrapper', not {kind!r}")
        wrapper["type"] = BF16_WRAPPER
        values["custom_imports"]["imports"].append("bench.detection.precision")
    elif kind == "AmpOptimWrapper" and not torch.cuda.is_available():
        raise InputError("optim_wrapper.type='AmpOptimWrapper' needs a GPU; precision='bf16' trains on a CPU as well")


def _write_curves(values: dict[str, Any], trackers: Sequence[str]) -> None:
    """Write losses and learning rates for TensorBoard beside mmengine's own file, in the run's folder."""
    visualizer = {"type": "DetLocalVisualizer", **(values.get("visualizer") or {})}
    backends = list(visualizer.get("vis_backends") or [{"type": "LocalVisBackend"}])
    if all(backend["type"] != "TensorboardVisBackend" for backend in backends):
        backends.append({"type": "TensorboardVisBackend"})
    backends += tracker_configs(trackers)
    # mmengine keeps one visualizer per name, which would go on writing into its first run's folder.
    values["visualizer"] = {**visualizer, "vis_backends": backends, "name": values["experiment_name"]}


def train(job: Job, config: Config) -> Runner:
    """Train to the end, from the last checkpoint if there is one.

    All processes of a group (`search.training.parallel.process_group`) call this, with a `work_dir` that they share;
    each trains on its share of the images with batches of the config's size.

    Raises:
        FloatingPointError: the loss or a weight is no longer finite.
    """
    runner = Runner.from_cfg(config)
    training.silence_console(runner)
    keep_losses_full(network(runner))
    hooks: list[Hook] = [
        training.EpochSeedHook(job.seed),
        ReplicaHook(),
        training.FiniteLossHook(),
        training.ProgressHook(lambda fraction, doing: job.progress(TRAINING_SHARE * fraction, doing)),
        ScoringProgressHook(job.progress),
        training.PlainCheckpointHook(),
    ]
    for hook in hooks:
        runner.register_hook(hook)
    with plain_worker_errors():
        runner.train()
    training.check_finite(network(runner), job.work_dir)
    return runner


def score(runner: Runner) -> dict[str, float]:
    """Compute COCO's metrics of the trained network in percent, rounded to hundredths.

    An area metric is left out if the data have no object of that size.
    """
    with plain_worker_errors():
        found: Mapping[str, float] = runner.val()
    runner.visualizer.close()
    return {key: round(100 * found[name], 2) for key, name in COCO_NAMES.items() if name in found}


def network(runner: Runner) -> nn.Module:
    """Return the detector itself, without a wrapper for several devices."""
    module: nn.Module = runner.model.module if is_model_wrapper(runner.model) else runner.model
    return module
