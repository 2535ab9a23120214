"""The zero-cost task: an architecture's scores at initialisation, on one batch."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from mmengine.device import get_device

from backbones.errors import InputError
from bench.classification.loaders import Sources, find
from bench.classification.model import build_network
from bench.classification.width import channels_of, network_cost
from bench.tasks.architectures import NamedArchitecture
from bench.tasks.contract import DataReport, Job, Outcome, Protocol, Speed, Task, given
from bench.tasks.metrics import METRICS, TITLES
from bench.tasks.workload import Workload
from bench.zerocost.batch import draw_batch
from bench.zerocost.scores import compute_scores
from bench.zerocost.settings import TRAINING, ZerocostSettings
from search.configs import parse
from search.training.seeds import seed_everything

_LOG = logging.getLogger(__name__)

#: Forward and backward passes over the batch that all scores take together, GraSP's second derivative being two.
_PASSES = 7


class ZerocostTask(Task):
    """From an architecture to its scores; nothing is trained, and no weights are left."""

    name = "zerocost"
    title = TITLES["zerocost"]
    metrics = METRICS["zerocost"]
    takes_weights = False
    silent = (*TRAINING, "images.download", "images.decoding.workers")

    def neutral(self, config: Mapping[str, Any]) -> tuple[str, ...]:
        places = ("images.kind", "images.root", "images.train", "images.val") if config.get("expected") else ()
        return (*self.silent, *places)

    def validate(self, config: Mapping[str, Any], where: str) -> dict[str, Any]:
        settings = parse(ZerocostSettings, config, where)
        values = settings.model_dump(mode="json")
        # A dump leaves out what changes no result; a run needs it.
        values["images"]["download"] = settings.images.download
        values["images"]["decoding"]["workers"] = settings.images.decoding.workers
        return values

    def check(self, protocol: Protocol) -> DataReport:
        return _sources(_settings(protocol)).report()

    def run(self, job: Job) -> Outcome:
        if job.weights is not None:
            raise InputError(
                f"{job.weights}: {job.protocol.name} scores networks as they are initialised, without weights"
            )
        settings, design = _settings(job.protocol), job.design
        source = _sources(settings).train
        classes = len(source.classes)
        device = torch.device(get_device())
        images, labels = draw_batch(source, settings, device)
        channels = channels_of(design, settings, classes)
        # The same initial weights as those of the classification under this seed.
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
        from bench.classification.workload import training_workload

        settings = _settings(protocol)
        training = training_workload(settings, given(architecture).design, counts)
        return replace(training, epochs=_PASSES, images=min(training.images, settings.batch.size))

    def speed(
        self, protocol: Protocol, architecture: NamedArchitecture | None, batch_size: int, repetitions: int = 5
    ) -> Speed:
        from bench.classification.speed import measure_speed

        return measure_speed(_settings(protocol), given(architecture), batch_size, repetitions)


def _settings(protocol: Protocol) -> ZerocostSettings:
    settings = parse(ZerocostSettings, protocol.config, str(protocol.path))
    # A loader gives out the whole batch at once; the protocol's own size is that of its training.
    return settings.model_copy(update={"batch_size": settings.batch.size})


def _sources(settings: ZerocostSettings) -> Sources:
    # How many images a batch takes is looked at when it is drawn: a training's batch plays no part.
    return find(settings.model_copy(update={"batch_size": 2}))
