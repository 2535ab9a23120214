"""Augmentation equals what a plain loop over images does."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from search.data.augment import cutout, random_crop, random_flip


def distinct(n: int, size: int = 6) -> torch.Tensor:
    """Images in which every pixel has a value of its own, and none is 0."""
    return torch.arange(1, n * 3 * size * size + 1).view(n, 3, size, size)


@pytest.mark.parametrize("padding", [1, 2])
def test_random_crop_cuts_a_window_of_the_padded_image(padding: int) -> None:
    torch.manual_seed(0)
    images = distinct(200)
    out = random_crop(images, padding)
    places = set()
    for image, cropped in zip(images, out, strict=True):
        padded = np.pad(image.numpy(), ((0, 0), (padding, padding), (padding, padding)))
        found = [
            (row, column)
            for row, column in itertools.product(range(2 * padding + 1), repeat=2)
            if (padded[:, row : row + 6, column : column + 6] == cropped.numpy()).all()
        ]
        assert len(found) == 1
        places.update(found)
    assert len(places) == (2 * padding + 1) ** 2


def test_random_crop_keeps_the_type() -> None:
    assert random_crop(torch.zeros(2, 3, 4, 5, dtype=torch.uint8), 2).dtype == torch.uint8


def test_random_flip_mirrors_about_half() -> None:
    torch.manual_seed(0)
    images = distinct(200)
    out = random_flip(images)
    mirrored = 0
    for image, flipped in zip(images.numpy(), out.numpy(), strict=True):
        same = (image == flipped).all()
        assert same or (image[:, :, ::-1] == flipped).all()
        mirrored += not same
    # 200 draws of probability 1/2: standard deviation 7.
    assert 65 < mirrored < 135


@pytest.mark.parametrize("length", [1, 2, 4])
def test_cutout_blanks_a_square_around_a_pixel(length: int) -> None:
    torch.manual_seed(0)
    images = distinct(150).float()
    out = cutout(images, length)
    centres = set()
    for image, cut in zip(images.numpy(), out.numpy(), strict=True):
        found = []
        for row, column in itertools.product(range(6), repeat=2):
            # DeVries and Taylor's code: from centre - length // 2 to centre + length // 2, cut off at the border.
            expected = image.copy()
            top, left = row - length // 2, column - length // 2
            expected[:, max(top, 0) : max(top + length, 0), max(left, 0) : max(left + length, 0)] = 0
            if (expected == cut).all():
                found.append((row, column))
        assert len(found) == 1
        centres.update(found)
    assert len(centres) > 30
