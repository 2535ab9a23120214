"""Classification as a task: check, run, speed."""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from mmengine.device import get_device

from backbones import weights
from backbones.design import TimmModel
from backbones.pretrained import Normalisation
from bench.classification.checkpoints import described
from bench.classification.loaders import Sources, evaluation_loader, find, training_loader
from bench.classification.model import Classifier, build_network
from bench.classification.scoring import score
from bench.classification.settings import ClassificationSettings
from bench.classification.speed import measure_speed
from bench.classification.training import train
from bench.classification.width import channels_of, network_cost, training_workload
from bench.tasks.architectures import NamedArchitecture
from bench.tasks.contract import DataReport, Job, Outcome, Protocol, Speed, Task, given
from bench.tasks.metrics import METRICS, TITLES
from bench.tasks.own_data import OwnData, as_options, class_parts
from bench.tasks.workload import Workload
from search.configs import parse
from search.training.parallel import is_main, main_first
from search.training.seeds import seed_everything

_LOG = logging.getLogger(__name__)


class ClassificationTask(Task):
    """Train an architecture and measure its error; detection and re-identification start from its weights."""

    name = "classification"
    version = 2
    title = TITLES["classification"]
    metrics = METRICS["classification"]
    scores_weights = True
    distributed = True
    silent = ("images.download", "images.decoding.workers", "execution.trackers")

    def neutral(self, config: Mapping[str, Any]) -> tuple[str, ...]:
        how = ("execution", "validate_every", *self.silent)
        # Other data show in their counts, if the protocol has expected ones.
        return (*how, "images.kind", "images.root", "images.train", "images.val") if config.get("expected") else how

    def validate(self, config: Mapping[str, Any], where: str) -> dict[str, Any]:
        return parse(ClassificationSettings, config, where).filled_in()

    def look(self, protocol: Protocol) -> None:
        for source in find(_settings(protocol)).listed:
            source.check()

    def own_data(self, config: Mapping[str, Any], folder: Path, work: Path) -> OwnData:
        train, val = class_parts(folder)
        images = config.get("images", {})
        values: dict[str, Any] = {"images.train": str(train), "images.val": str(val)}
        if images.get("kind", "folder") != "folder":
            values |= {"images.kind": "folder", "images.root": None}
        if images.get("memory", True):
            # A user's images seldom have the protocol's size.
            values["images.resize"] = True
        return OwnData(f"{folder}: images by class: train {train}, val {val}", as_options(values, config))

    def normalisation(self, config: Mapping[str, Any]) -> Normalisation | None:
        images = config["images"]
        return Normalisation(tuple(images["mean"]), tuple(images["std"]))

    def set_normalisation(self, config: dict[str, Any], by: Normalisation) -> None:
        config["images"].update(mean=list(by.mean), std=list(by.std))

    def divided(self, protocol: Protocol, parts: int) -> Protocol:
        config = copy.deepcopy(dict(protocol.config))
        config["execution"]["accumulate"] *= parts
        divided = replace(protocol, config=config)
        # Raises if the parts do not divide the batch.
        _settings(divided)
        return divided

    def check(self, protocol: Protocol) -> DataReport:
        return find(_settings(protocol)).report()

    def run(self, job: Job) -> Outcome:
        settings = _settings(job.protocol)
        sources = find(settings)
        channels = channels_of(job.design, settings, len(sources.train.classes))
        if job.evaluate_only:
            return self._score(job, settings, sources, channels)
        return self._train(job, settings, sources, channels)

    def _train(self, job: Job, settings: ClassificationSettings, sources: Sources, channels: int) -> Outcome:
        design, classes = job.design, sources.train.classes
        device = torch.device(get_device())
        # Epochs are seeded from 0 on; the largest word is for the initial weights.
        seed_everything(job.seed, 2**32 - 1)
        network = build_network(design, settings, channels, len(classes))
        resolved = _resolved(design, settings, channels)
        if job.weights is not None:
            report = weights.load(network, job.weights, design, job.new_classifier)
            _LOG.info("network from %s: %s", job.weights, report)
            resolved |= {"new_entries": list(report.new)} if report.new else {}
        model = Classifier(network, settings).to(device)
        training = training_loader(sources.train, settings, job.seed, device)
        curve = train(job, settings, model, training, evaluation_loader(sources.val, settings, device))
        tested = None
        if sources.test is not None:
            job.progress(1.0, "test")
            tested = score(model, evaluation_loader(sources.test, settings, device))
        job.progress(1.0, "done")
        checkpoint = job.work_dir / "checkpoint.pth"
        # Only the first process writes: the record has the digest of its file, and files differ in their bytes.
        with main_first():
            if is_main():
                weights.save(
                    network,
                    checkpoint,
                    task=self.name,
                    protocol=job.protocol.name,
                    design=design,
                    classes=list(classes),
                    **described(design, settings, channels),
                )
        found = curve.metrics()
        if tested is not None:
            # The held-out images choose among architectures, so the reported error is that on the test images.
            found = {**tested, "validation_error": found["top1_error"]}
        return Outcome(
            found,
            {f"{name} images": len(source.files) for name, source in sources.parts.items() if name != "train"},
            network_cost(design, settings, channels, len(classes)),
            checkpoint,
            pace=curve.pace(),
            curve=curve.file,
            resolved=resolved,
        )

    def _score(self, job: Job, settings: ClassificationSettings, sources: Sources, channels: int) -> Outcome:
        """Score given weights without training, on the images of the reported error."""
        design, classes = job.design, sources.train.classes
        assert job.weights is not None
        network = build_network(design, settings, channels, len(classes), auxiliary=False)
        _LOG.info("network from %s: %s", job.weights, weights.load(network, job.weights, design))
        device = torch.device(get_device())
        source = sources.test or sources.val
        job.progress(0.0, "evaluation")
        found = score(Classifier(network, settings).to(device), evaluation_loader(source, settings, device))
        job.progress(1.0, "evaluation")
        cost = network_cost(design, settings, channels, len(classes))
        counts = {"test images" if sources.test else "val images": len(source.files)}
        return Outcome(found, counts, cost, resolved=_resolved(design, settings, channels))

    def workload(
        self, protocol: Protocol, architecture: NamedArchitecture | None, counts: Mapping[str, int]
    ) -> Workload:
        return training_workload(_settings(protocol), given(architecture).design, counts)

    def speed(
        self, protocol: Protocol, architecture: NamedArchitecture | None, batch_size: int, repetitions: int = 5
    ) -> Speed:
        return measure_speed(_settings(protocol), given(architecture), batch_size, repetitions)


def _resolved(design: Any, settings: ClassificationSettings, channels: int) -> dict[str, Any]:
    """Collect the settings that the run has resolved."""
    if isinstance(design, TimmModel):
        # These keys of the protocol do not apply to a timm model.
        return {"auxiliary_weight": None, "drop_path": 0.0, "network": None, "channels": None, "layers": None}
    return {"channels": channels} if settings.channels != channels else {}


def _settings(protocol: Protocol) -> ClassificationSettings:
    return parse(ClassificationSettings, protocol.config, str(protocol.path))
