"""Build the classifier that mmengine's Runner trains."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn
from torch.nn import functional as F

from backbones.build import build_classifier
from backbones.design import Design, TimmModel
from backbones.networks import CifarNetwork, ImageNetNetwork
from backbones.timm_backbone import confirm_size
from bench.classification.settings import ClassificationSettings
from search.data.augment import prepare


def build_network(
    design: Design, settings: ClassificationSettings, channels: int, classes: int, auxiliary: bool = True
) -> nn.Module:
    """Build the papers' evaluation network of a genotype, or a timm model.

    Args:
        channels: the width, `settings.channels` or the result of `fit`.
        auxiliary: whether to build the auxiliary head, if the protocol has one.

    Raises:
        InputError: a timm model takes no images of the protocol's size, such as a transformer of a fixed one.
    """
    network = build_classifier(
        design,
        network=settings.network,
        channels=channels,
        layers=settings.layers,
        num_classes=classes,
        auxiliary=auxiliary and settings.auxiliary_weight is not None,
    )
    if isinstance(design, TimmModel):
        size = settings.images.image_size
        confirm_size(network, (3, size, size), design.name)
    return network


class Classifier(BaseModel):
    """A network with its loss: uint8 images `(N, 3, H, W)` and labels `(N,)` in."""

    def __init__(self, network: nn.Module, settings: ClassificationSettings) -> None:
        super().__init__()
        self.settings = settings
        self._layout = torch.channels_last if settings.execution.channels_last else torch.contiguous_format
        self.network = network.to(memory_format=self._layout)  # type: ignore[call-overload]
        if isinstance(network, (CifarNetwork, ImageNetNetwork)):
            network.channels_last = settings.execution.channels_last
        if settings.execution.compile:
            # In place, so that the names of weights do not change.
            network.compile()

    def init_weights(self) -> None:
        """Keep the weights: mmengine calls this before a training, and many of timm's models would draw new ones."""

    def forward(self, images: Tensor, labels: Tensor, mode: str = "tensor") -> Any:
        """Return the dict of losses (`loss`), `[counts]` of `count_errors` (`predict`) or the logits (`tensor`)."""
        inputs = prepare(images, self.settings.images, self.training).contiguous(memory_format=self._layout)
        autocast = self.settings.execution.precision == "bf16"
        with torch.autocast(inputs.device.type, torch.bfloat16, enabled=autocast):
            out = self.network(inputs)
        logits, auxiliary = out if isinstance(out, tuple) else (out, None)
        if mode == "loss":
            return self._losses(logits, auxiliary, labels)
        return [count_errors(logits.float(), labels)] if mode == "predict" else logits

    def _losses(self, logits: Tensor, auxiliary: Tensor | None, labels: Tensor) -> dict[str, Tensor]:
        smoothing = self.settings.label_smoothing
        # The losses are computed in float32.
        losses = {"loss_main": F.cross_entropy(logits.float(), labels, label_smoothing=smoothing)}
        if auxiliary is not None:
            weight = self.settings.auxiliary_weight
            assert weight is not None
            losses["loss_auxiliary"] = weight * F.cross_entropy(auxiliary.float(), labels, label_smoothing=smoothing)
        return losses


def count_errors(logits: Tensor, labels: Tensor) -> Tensor:
    """Count images, top-1 errors, top-5 errors and images with non-finite logits in a batch, int64 `(4,)`.

    Args:
        logits: `(N, classes)`.
        labels: `(N,)`.
    """
    right = logits.gather(1, labels[:, None])
    # Rank of the right class; equal logits count against it, so that a constant output is an error.
    rank = (logits >= right).sum(dim=1) - 1
    broken = ~torch.isfinite(logits).all(dim=1)
    images = torch.full((), len(labels), device=labels.device)
    return torch.stack([images, (rank >= 1).sum(), (rank >= 5).sum(), broken.sum()])
