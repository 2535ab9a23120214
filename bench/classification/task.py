"""The classification task: check, run, speed."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from torch import Tensor
from torch.utils.data import DataLoader

from backbones import cost, weights
from backbones.errors import InputError
from bench.architectures import Architecture
from bench.classification.batches import batch_loader
from bench.classification.model import Classifier, DropPathHook, ErrorMetric, build_network
from bench.classification.settings import ClassificationSettings, Optimiser
from bench.contract import DataReport, Job, Outcome, Protocol, Speed, Task
from bench.embedded import ensure_embedded
from bench.metrics import METRICS, TITLES
from bench.timing import repeat
from search.configs import parse
from search.images import ImageSource
from search.sources import list_images
from search.training import (
    EpochSeedHook,
    FiniteLossHook,
    PlainCheckpointHook,
    ProgressHook,
    check_finite,
    default_hooks,
    experiment_name,
    last_checkpoint,
    seed_everything,
    silence_console,
)

_LOG = logging.getLogger(__name__)


class ClassificationTask(Task):
    """From an architecture to its error, and to the weights that detection and re-identification start from."""

    name = "classification"
    title = TITLES["classification"]
    metrics = METRICS["classification"]

    def validate(self, config: Mapping[str, Any], where: str) -> dict[str, Any]:
        return parse(ClassificationSettings, config, where).model_dump(mode="json")

    def check(self, protocol: Protocol) -> DataReport:
        train, val = _folders(_settings(protocol))
        return DataReport(
            {"train images": len(train.files), "val images": len(val.files), "classes": len(train.classes)},
            f"{train.fingerprint()},{val.fingerprint()}",
        )

    def run(self, job: Job) -> Outcome:
        settings = _settings(job.protocol)
        train, val = _folders(settings)
        size = settings.images.image_size
        train_images, val_images = train.read(size), val.read(size)
        # Epochs count from 0; the largest word draws the initial weights.
        seed_everything(job.seed, 2**32 - 1)
        network = build_network(job.architecture.design, settings, len(train.classes))
        if job.weights is not None:
            report = weights.load(network, job.weights, job.architecture.design)
            _LOG.info("network from %s: %s", job.weights, report)
        network_cost = cost.measure(network, (3, size, size))
        train_loader = batch_loader(train_images, torch.tensor(train.labels), settings.batch_size, job.seed)
        val_loader = batch_loader(val_images, torch.tensor(val.labels), 2 * settings.batch_size, None)
        runner = _runner(job, settings, network, train_loader, val_loader)
        runner.train()
        check_finite(network, job.work_dir)
        job.progress(1.0, "evaluation")
        metrics = runner.val()
        checkpoint = weights.save(
            network,
            job.work_dir / "checkpoint.pth",
            task=self.name,
            protocol=job.protocol.name,
            design=job.architecture.design,
            channels=settings.channels,
            layers=settings.layers,
            classes=list(train.classes),
        )
        values = {metric.key: metrics[metric.key] for metric in self.metrics}
        return Outcome(values, {"val images": len(val.files)}, network_cost, checkpoint)

    def speed(self, protocol: Protocol, architecture: Architecture, batch_size: int, repetitions: int = 5) -> Speed:
        settings = _settings(protocol)
        size = settings.images.image_size
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        model = Classifier(build_network(architecture.design, settings, 10), settings).to(device)
        wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, foreach=True))
        data = {
            "images": torch.randint(256, (batch_size, 3, size, size), dtype=torch.uint8, device=device),
            "labels": torch.randint(10, (batch_size,), device=device),
        }
        train = repeat(lambda: model.train_step(data, wrapper), repetitions)
        model.eval()
        with torch.no_grad():
            inference = repeat(lambda: model(**data), repetitions)
        return Speed.of(batch_size, train, inference)


def _runner(
    job: Job,
    settings: ClassificationSettings,
    network: torch.nn.Module,
    train_loader: DataLoader[dict[str, Tensor]],
    val_loader: DataLoader[dict[str, Tensor]],
) -> Runner:
    optimiser = settings.optimiser
    sgd = torch.optim.SGD(
        network.parameters(),
        lr=optimiser.lr,
        momentum=optimiser.momentum,
        weight_decay=optimiser.weight_decay,
        foreach=True,
    )
    clip = None if optimiser.clip_norm is None else {"max_norm": optimiser.clip_norm}
    resume = last_checkpoint(job.work_dir)
    runner = Runner(
        model=Classifier(network, settings),
        work_dir=str(job.work_dir),
        train_dataloader=train_loader,
        val_dataloader=val_loader,
        # The one evaluation comes after the training, so that a run resumed at its very end has it too.
        train_cfg={"by_epoch": True, "max_epochs": settings.epochs, "val_begin": settings.epochs + 1},
        val_cfg={},
        val_evaluator=[ErrorMetric()],
        optim_wrapper=OptimWrapper(sgd, clip_grad=clip),
        param_scheduler=schedule(optimiser, settings.epochs),
        default_hooks=default_hooks(),
        custom_hooks=[
            EpochSeedHook(job.seed),
            DropPathHook(settings.drop_path),
            FiniteLossHook(),
            PlainCheckpointHook(),
            ProgressHook(job.progress),
        ],
        load_from=str(resume) if resume else None,
        resume=resume is not None,
        randomness={"seed": job.seed},
        experiment_name=experiment_name(job.work_dir),
    )
    silence_console(runner)
    return runner


def schedule(optimiser: Optimiser, epochs: int) -> list[dict[str, Any]]:
    """mmengine's schedulers: a linear warm-up, then cosine or linear down to 0, stepping after each epoch."""
    warm = optimiser.warmup_epochs
    schedulers: list[dict[str, Any]] = []
    if warm:
        schedulers.append({"type": "LinearLR", "start_factor": 1.0 / (warm + 1), "begin": 0, "end": warm})
    if optimiser.schedule == "cosine":
        main: dict[str, Any] = {"type": "CosineAnnealingLR", "T_max": epochs - warm, "eta_min": 0.0}
    else:
        main = {"type": "LinearLR", "start_factor": 1.0, "end_factor": 0.0}
    return [*schedulers, {**main, "begin": warm, "end": epochs}]


def _settings(protocol: Protocol) -> ClassificationSettings:
    return parse(ClassificationSettings, protocol.config, str(protocol.path))


def _folders(settings: ClassificationSettings) -> tuple[ImageSource, ImageSource]:
    ensure_embedded(settings.embedded)
    train, val = list_images(settings.images.train), list_images(settings.images.val)
    if train.classes != val.classes:
        odd = sorted(set(train.classes) ^ set(val.classes))[0]
        raise InputError(f"{Path(val.root)}: class folder {odd!r} is not in both {train.root} and {val.root}")
    if len(train.files) < settings.batch_size:
        raise InputError(f"{train.root}: {len(train.files)} images are fewer than batch_size={settings.batch_size}")
    return train, val
