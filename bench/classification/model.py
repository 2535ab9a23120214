"""The classifier as mmengine's Runner trains it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import Tensor, nn
from torch.nn import functional as F

from backbones.build import build_classifier
from backbones.design import Design
from backbones.networks import CifarNetwork, ImageNetNetwork
from bench.classification.settings import ClassificationSettings
from search.augment import prepare


def build_network(design: Design, settings: ClassificationSettings, classes: int) -> nn.Module:
    """The papers' evaluation network of a genotype, or a timm model."""
    return build_classifier(
        design,
        network=settings.network,
        channels=settings.channels,
        layers=settings.layers,
        num_classes=classes,
        auxiliary=settings.auxiliary_weight is not None,
    )


class Classifier(BaseModel):
    """A network with its loss: uint8 images `(N, 3, H, W)` and labels `(N,)` in."""

    def __init__(self, network: nn.Module, settings: ClassificationSettings) -> None:
        super().__init__()
        self.network = network
        self.settings = settings

    def forward(self, images: Tensor, labels: Tensor, mode: str = "tensor") -> Any:
        """`loss`: the dict of losses; `predict`: a result for each image; `tensor`: logits."""
        inputs = prepare(images, self.settings.images, self.training)
        out = self.network(inputs.contiguous(memory_format=torch.channels_last))
        if mode == "loss":
            return self._losses(out, labels)
        logits = out[0] if isinstance(out, tuple) else out
        if mode == "predict":
            return list(zip(logits, labels, strict=True))
        return logits

    def _losses(self, out: Tensor | tuple[Tensor, Tensor], labels: Tensor) -> dict[str, Tensor]:
        smoothing = self.settings.label_smoothing
        if not isinstance(out, tuple):
            return {"loss_main": F.cross_entropy(out, labels, label_smoothing=smoothing)}
        weight = self.settings.auxiliary_weight
        assert weight is not None
        return {
            "loss_main": F.cross_entropy(out[0], labels, label_smoothing=smoothing),
            "loss_auxiliary": weight * F.cross_entropy(out[1], labels, label_smoothing=smoothing),
        }


class ErrorMetric(BaseMetric):
    """Top-1 and top-5 error in %."""

    def process(self, data_batch: Any, data_samples: Sequence[tuple[Tensor, Tensor]]) -> None:
        for logits, label in data_samples:
            if not bool(torch.isfinite(logits).all()):
                raise FloatingPointError("the trained network's outputs are not finite: it has diverged")
            # Rank of the right class; equal logits count against it, so that a constant output is no success.
            rank = int((logits >= logits[label]).sum()) - 1
            self.results.append(rank)

    def compute_metrics(self, results: list[int]) -> dict[str, float]:
        count = len(results)
        return {
            "top1_error": 100.0 * sum(rank >= 1 for rank in results) / count,
            "top5_error": 100.0 * sum(rank >= 5 for rank in results) / count,
        }


class DropPathHook(Hook):
    """Let the drop-path rate grow linearly with the epochs (DARTS' evaluation); timm models are left as they are."""

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def before_train_epoch(self, runner: Runner) -> None:
        network = runner.model.network
        if isinstance(network, (CifarNetwork, ImageNetNetwork)):
            network.drop_path_rate = self.rate * runner.epoch / runner.max_epochs
