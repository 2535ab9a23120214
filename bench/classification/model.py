"""The classifier as mmengine's Runner trains it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, Sampler

from backbones.errors import InputError
from backbones.genotype import Genotype
from backbones.networks import CifarNetwork, ImageNetNetwork
from bench.classification.settings import ClassificationSettings
from search.images import augment, cutout, normalise


def build_network(genotype: Genotype, settings: ClassificationSettings, classes: int) -> CifarNetwork | ImageNetNetwork:
    """The papers' evaluation network of a genotype."""
    network = CifarNetwork if settings.network == "cifar" else ImageNetNetwork
    return network(
        genotype,
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
        settings = self.settings
        augmentation = settings.images.augmentation
        if self.training:
            images = augment(images, augmentation.crop_padding, augmentation.flip)
        inputs = normalise(images, settings.images.mean, settings.images.std)
        if self.training and augmentation.cutout:
            inputs = cutout(inputs, augmentation.cutout)
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
    """Let the drop-path rate grow linearly with the epochs (DARTS' evaluation)."""

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def before_train_epoch(self, runner: Runner) -> None:
        runner.model.network.drop_path_rate = self.rate * runner.epoch / runner.max_epochs


class Batches(Dataset[dict[str, Tensor]]):
    """Images in memory, indexed by a tensor of indices: a whole batch at once."""

    def __init__(self, images: Tensor, labels: Tensor) -> None:
        self.images = images
        self.labels = labels

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, indices: Tensor) -> dict[str, Tensor]:
        return {"images": self.images[indices], "labels": self.labels[indices]}


class BatchSampler(Sampler[Tensor]):
    """Batches of indices; shuffled ones follow from seed and epoch and leave out the last short one."""

    def __init__(self, count: int, batch_size: int, seed: int | None) -> None:
        if seed is not None and count < batch_size:
            raise InputError(f"{count} training images are fewer than batch_size={batch_size}")
        self.count = count
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return self.count // self.batch_size if self.seed is not None else -(-self.count // self.batch_size)

    def __iter__(self) -> Iterator[Tensor]:
        if self.seed is None:
            order = torch.arange(self.count)
        else:
            generator = torch.Generator().manual_seed(self.seed * 100_003 + self.epoch)
            order = torch.randperm(self.count, generator=generator)
        for batch in range(len(self)):
            yield order[batch * self.batch_size : (batch + 1) * self.batch_size]


def batch_loader(images: Tensor, labels: Tensor, batch_size: int, seed: int | None) -> DataLoader[dict[str, Tensor]]:
    """A loader whose items are whole batches; a seed shuffles, None keeps the order and the last short batch."""
    return DataLoader(Batches(images, labels), sampler=BatchSampler(len(images), batch_size, seed), batch_size=None)
