"""Augment whole batches on their device."""

from __future__ import annotations

import torch
from torch import Tensor

from search.data.images import normalise
from search.data.settings import Preparation


def random_crop(images: Tensor, padding: int) -> Tensor:
    """Pad every image by zeros and crop a random window of its original size, `(N, C, H, W)` in and out."""
    n, _, height, width = images.shape
    padded = torch.nn.functional.pad(images, (padding,) * 4)
    rows = torch.randint(2 * padding + 1, (n, 1), device=images.device) + torch.arange(height, device=images.device)
    columns = torch.randint(2 * padding + 1, (n, 1), device=images.device) + torch.arange(width, device=images.device)
    batch = torch.arange(n, device=images.device).view(n, 1, 1, 1)
    channel = torch.arange(images.shape[1], device=images.device).view(1, -1, 1, 1)
    return padded[batch, channel, rows.view(n, 1, height, 1), columns.view(n, 1, 1, width)]


def random_flip(images: Tensor) -> Tensor:
    """Mirror every image left to right with probability 1/2, `(N, C, H, W)` in and out."""
    flip = torch.rand(images.shape[0], 1, 1, 1, device=images.device) < 0.5
    return torch.where(flip, images.flip(-1), images)


def cutout(images: Tensor, length: int) -> Tensor:
    """Set a square of `length` pixels around a random centre to zero (DeVries and Taylor 2017).

    The square is clipped at the border. Apply it to normalised images, `(N, C, H, W)` in and out.
    """
    n, _, height, width = images.shape
    centre_y = torch.randint(height, (n, 1, 1, 1), device=images.device)
    centre_x = torch.randint(width, (n, 1, 1, 1), device=images.device)
    y = torch.arange(height, device=images.device).view(1, 1, height, 1) - centre_y + length // 2
    x = torch.arange(width, device=images.device).view(1, 1, 1, width) - centre_x + length // 2
    inside = (y >= 0) & (y < length) & (x >= 0) & (x < length)
    return images.masked_fill(inside, 0.0)


def augment(images: Tensor, crop_padding: int, flip: bool) -> Tensor:
    """Crop and flip a uint8 batch at random; padding is black, since DARTS' pipeline crops before normalising."""
    if crop_padding:
        images = random_crop(images, crop_padding)
    return random_flip(images) if flip else images


def prepare(images: Tensor, how: Preparation, training: bool) -> Tensor:
    """Convert uint8 `(N, 3, H, W)` to a network's input, augmented in training."""
    augmentation = how.augmentation
    if training:
        images = augment(images, augmentation.crop_padding, augmentation.flip)
    images = normalise(images, how.mean, how.std)
    if training and augmentation.cutout:
        images = cutout(images, augmentation.cutout)
    return images
