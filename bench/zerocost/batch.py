"""Draw the batch that architectures are scored on."""

from __future__ import annotations

import torch
from torch import Tensor

from backbones.errors import InputError
from bench.classification.loaders import evaluation_loader
from bench.zerocost.settings import ZerocostSettings
from search.data.augment import prepare
from search.data.images import ImageSource


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
