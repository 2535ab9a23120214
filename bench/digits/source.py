"""Load scikit-learn's 1,797 digits of 8x8 pixels, with one split for all three data sets.

E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: The share of each class for training: 1,293 of the 1,797.
TRAIN_SHARE = 0.72

#: scikit-learn's pixels range from 0 to 16: each counts the inked pixels in 4x4 of the scan.
_FULL_INK = 16


@dataclass(frozen=True)
class Digits:
    """Some of the digits.

    Attributes:
        images: (N, 8, 8), 0 for paper to 255 for ink.
        labels: (N,), 0 to 9.
        sources: (N,), each image's index in `sklearn.datasets.load_digits`, its name in every data set.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    sources: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, positions: NDArray[np.int64]) -> Digits:
        return Digits(self.images[positions], self.labels[positions], self.sources[positions])


@dataclass(frozen=True)
class DigitsSplit:
    """The digits in two disjoint parts."""

    train: Digits
    val: Digits


def load_split(seed: int, train_share: float = TRAIN_SHARE) -> DigitsSplit:
    """Split the digits by class, with the same share of every class for training."""
    digits = _load()
    rng = np.random.default_rng([seed, 0])
    train: list[NDArray[np.int64]] = []
    val: list[NDArray[np.int64]] = []
    for label in range(10):
        of_class = rng.permutation(np.flatnonzero(digits.labels == label))
        cut = round(train_share * len(of_class))
        train.append(of_class[:cut])
        val.append(of_class[cut:])
    return DigitsSplit(digits.take(np.sort(np.concatenate(train))), digits.take(np.sort(np.concatenate(val))))


def _load() -> Digits:
    # Imported here because it takes seconds, which an existing folder does not need.
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = np.rint(bunch.images * (255 / _FULL_INK)).astype(np.uint8)
    return Digits(images, bunch.target.astype(np.int64), np.arange(len(images)))
