from __future__ import annotations

import numpy as np
from sklearn.datasets import load_digits

from bench.digits.source import load_split


def test_split_holds_every_digit_once():
    split = load_split(0)
    sources = np.concatenate([split.train.sources, split.val.sources])
    assert sorted(sources) == list(range(1797))


def test_images_and_labels_are_those_of_their_source():
    bunch = load_digits()
    val = load_split(0).val
    np.testing.assert_array_equal(val.labels, bunch.target[val.sources])
    np.testing.assert_allclose(val.images, bunch.images[val.sources] * 255 / 16, atol=0.5)


def test_classes_have_equal_shares():
    split = load_split(0)
    train, val = np.bincount(split.train.labels), np.bincount(split.val.labels)
    np.testing.assert_allclose(train / (train + val), 0.72, atol=0.005)


def test_seed_decides_the_split():
    again, other = load_split(0), load_split(1)
    np.testing.assert_array_equal(load_split(0).train.sources, again.train.sources)
    assert set(again.val.sources) != set(other.val.sources)
