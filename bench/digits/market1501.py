"""The digits as Market-1501: an identity is one handwritten digit, seen by three cameras.

L. Zheng et al., Scalable Person Re-identification: A Benchmark, 2015. As there, the gallery has distractors (identity
0), which match no query, and junk (identity -1), which is not scored, and a file's name has identity, camera and
sequence, frame, and box. `identities.json` maps each identity to a digit of `sklearn.datasets.load_digits`.

Each of the ten classes has the same number of identities, so that one 3 must be told from another 3.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.digits.cameras import CAMERAS, shoot
from bench.digits.source import Digits, DigitsSplit

TRAIN_IDENTITIES_PER_CLASS = 24
TEST_IDENTITIES_PER_CLASS = 6
DISTRACTORS_PER_CLASS = 3

#: Shots of an identity by each camera, for training and in the gallery; a query is one more shot.
SHOTS = 2

#: Shots without any digit, by each camera.
JUNK_SHOTS = 2

_DISTRACTOR, _JUNK = 0, -1


def write_market1501(
    folder: Path, split: DigitsSplit, seed: int, test_per_class: int = TEST_IDENTITIES_PER_CLASS
) -> dict[str, int]:
    """Write the three folders; train identities are the split's train digits, all others its val digits.

    Returns:
        The numbers of identities and images.
    """
    rng = np.random.default_rng([seed, 2])
    (train,) = _draw_groups(split.train, (TRAIN_IDENTITIES_PER_CLASS,), rng)
    test, distractors = _draw_groups(split.val, (test_per_class, DISTRACTORS_PER_CLASS), rng)
    data = folder / "Market-1501-v15.09.15"
    frames = count(1)
    pids = range(1, 1 + len(train))
    test_pids = range(1 + len(train), 1 + len(train) + len(test))

    train_images = _write_shots(data / "bounding_box_train", pids, train.images, SHOTS, frames, rng)
    gallery = data / "bounding_box_test"
    gallery_images = _write_shots(gallery, test_pids, test.images, SHOTS, frames, rng)
    queries = _write_shots(data / "query", test_pids, test.images, 1, frames, rng)
    others = [_DISTRACTOR] * len(distractors)
    distractor_images = _write_shots(gallery, others, distractors.images, 1, frames, rng)
    blank = np.zeros_like(test.images[:JUNK_SHOTS])
    junk_images = _write_shots(gallery, [_JUNK] * JUNK_SHOTS, blank, 1, frames, rng)

    sources = zip([*pids, *test_pids], [*train.sources.tolist(), *test.sources.tolist()], strict=True)
    identities = {f"{pid:04d}": source for pid, source in sources}
    (folder / "identities.json").write_text(json.dumps(identities), encoding="utf-8")
    return {
        "train identities": len(train),
        "train images": train_images,
        "test identities": len(test),
        "query images": queries,
        "gallery images": gallery_images,
        "distractor images": distractor_images,
        "junk images": junk_images,
    }


def _draw_groups(digits: Digits, per_class: tuple[int, ...], rng: np.random.Generator) -> list[Digits]:
    """Draw disjoint groups in random order, with the given number of digits of every class."""
    classes = [rng.permutation(np.flatnonzero(digits.labels == label)) for label in range(10)]
    groups = []
    start = 0
    for size in per_class:
        members = np.concatenate([of_class[start : start + size] for of_class in classes])
        groups.append(digits.take(rng.permutation(members)))
        start += size
    return groups


def _write_shots(
    folder: Path,
    pids: Sequence[int],
    images: NDArray[np.uint8],
    shots: int,
    frames: Iterator[int],
    rng: np.random.Generator,
) -> int:
    """Write `shots` shots of each image by each camera into the folder; return the number of files."""
    folder.mkdir(parents=True, exist_ok=True)
    for pid, image in zip(pids, images, strict=True):
        identity = f"{pid:04d}" if pid != _JUNK else "-1"
        for number, camera in enumerate(CAMERAS, start=1):
            for _ in range(shots):
                name = f"{identity}_c{number}s1_{next(frames):06d}_00.jpg"
                shoot(camera, image, rng).save(folder / name, quality=95, subsampling=0)
    return len(pids) * len(CAMERAS) * shots
