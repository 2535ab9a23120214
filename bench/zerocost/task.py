"""Zero-cost scores as a task: an architecture's scores at initialisation, on one batch."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from mmengine.device import get_device
from torch import Tensor

from backbones.errors import InputError
from bench.classification.loaders import Sources, evaluation_loader, find
from bench.classification.model import build_network
from bench.classification.speed import measure_speed
from bench.classification.width import channels_of, network_cost, training_workload
from bench.tasks.architectures import NamedArchitecture
from bench.tasks.contract import DataReport, Job, Outcome, Protocol, Speed, Task, given
from bench.tasks.metrics import METRICS, TITLES
from bench.tasks.workload import Workload
from bench.zerocost.scores import compute_scores
from bench.zerocost.settings import TRAINING, ZerocostSettings
from search.configs import parse
from search.data.augment import prepare
from search.data.images import ImageSource
from search.training.seeds import seed_everything

_LOG = logging.getLogger(__name__)

#: Forward and backward passes over the batch for all scores together; GraSP's second derivative counts as two.
_PASSES = 7


class ZerocostTask(Task):
    """Score an architecture; nothing is trained, and no weights are saved."""

    name = "zerocost"
    title = TITLES["zerocost"]
    metrics = METRICS["zerocost"]
    takes_weights = False
    silent = (*TRAINING, "images.download", "images.decoding.workers")

    def neutral(self, config: Mapping[str, Any]) -> tuple[str, ...]:
        paths = ("images.kind", "images.root", "images.train", "images.val") if config.get("expected") else ()
        return (*self.silent, *paths)

    def validate(self, config: Mapping[str, Any], where: str) -> dict[str, Any]:
        return parse(ZerocostSettings, config, where).filled_in()

    def check(self, protocol: Protocol) -> DataReport:
        return _sources(_settings(protocol)).report()

    def run(self, job: Job) -> Outcome:
        if job.weights is not None:
            raise InputError(
                f"{job.weights}: {job.protocol.name} scores networks at initialisation; expected no weights"
            )
        settings, design = _settings(job.protocol), job.design
        source = _sources(settings).train
        classes = len(source.classes)
        device = torch.device(get_device())
        images, labels = draw_batch(source, settings, device)
        channels = channels_of(design, settings, classes)
        # The same initial weights as a classification with this seed.
        seed_everything(job.seed, 2**32 - 1)
        network = build_network(design, settings, channels, classes, auxiliary=False).to(device)
        cost = network_cost(design, settings, channels, classes)
        found = compute_scores(network, design, cost, images, labels, job.seed, job.progress)
        for name, reason in found.undefined.items():
            _LOG.info("%s: undefined: %s", name, reason)
        resolved: dict[str, Any] = {"seconds": found.seconds}
        if found.undefined:
            resolved["undefined"] = found.undefined
        if channels and channels != settings.channels:
            resolved["channels"] = channels
        return Outcome(found.values, {"batch images": len(images)}, cost, resolved=resolved)

    def workload(
        self, protocol: Protocol, architecture: NamedArchitecture | None, counts: Mapping[str, int]
    ) -> Workload:
        settings = _settings(protocol)
        training = training_workload(settings, given(architecture).design, counts)
        return replace(training, epochs=_PASSES, images=min(training.images, settings.batch.size))

    def speed(
        self, protocol: Protocol, architecture: NamedArchitecture | None, batch_size: int, repetitions: int = 5
    ) -> Speed:
        return measure_speed(_settings(protocol), given(architecture), batch_size, repetitions)


def _settings(protocol: Protocol) -> ZerocostSettings:
    settings = parse(ZerocostSettings, protocol.config, str(protocol.path))
    # The loader gives the whole batch at once; the protocol's own batch_size is for training.
    return settings.model_copy(update={"batch_size": settings.batch.size})


def _sources(settings: ZerocostSettings) -> Sources:
    # 2 passes the check for training; `draw_batch` checks the number of images.
    return find(settings.model_copy(update={"batch_size": 2}))


def draw_batch(source: ImageSource, settings: ZerocostSettings, device: torch.device) -> tuple[Tensor, Tensor]:
    """Draw training images without repetition, prepared but not augmented: `(N, 3, H, W)`, and labels `(N,)`.

    Raises:
        InputError: there are too few training images, or one cannot be read.
    """
    count, size = len(source.files), settings.batch.size
    if count < size:
        raise InputError(f"{source.root}: {count} training images are fewer than batch.size={size}")
    order = torch.randperm(count, generator=torch.Generator().manual_seed(settings.batch.seed))
    chosen = source.select(sorted(order[:size].tolist()), range(len(source.classes)))
    batches = list(evaluation_loader(chosen, settings, device))
    images, labels = (torch.cat([batch[key] for batch in batches]) for key in ("images", "labels"))
    return prepare(images, settings.images, training=False), labels
