from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from search.data.folders import list_image_folder
from search.data.images import ImageSource
from search.data.settings import Proxy
from search.data.split import Split, draw_split


@dataclass(frozen=True)
class Listed(ImageSource):
    """A list of files that are nowhere: a split must not want them."""

    def fingerprint(self) -> str:
        raise AssertionError

    def open(self, index: int) -> Image.Image:
        raise AssertionError


def listed(*sizes: int) -> Listed:
    labels = [label for label, size in enumerate(sizes) for _ in range(size)]
    files = [f"c{label:02d}/{n:04d}.png" for label, size in enumerate(sizes) for n in range(size)]
    return Listed(Path("nowhere"), tuple(f"c{label:02d}" for label in range(len(sizes))), tuple(files), tuple(labels))


def proxy(**changes: Any) -> Proxy:
    return Proxy(root="nowhere", image_size=8, mean=(0.5,) * 3, std=(0.5,) * 3, **changes)


def per_class(source: ImageSource, part: torch.Tensor) -> list[int]:
    return torch.tensor(source.labels)[part].bincount(minlength=len(source.classes)).tolist()


def check(split: Split) -> None:
    """Disjoint, ascending, nothing twice."""
    for part in (split.weight, split.architecture, split.classes):
        assert part.dtype == torch.int64
        assert (part.diff() > 0).all()
    assert not set(split.weight.tolist()) & set(split.architecture.tolist())


@settings(deadline=None, max_examples=60)
@given(
    sizes=st.lists(st.integers(20, 60), min_size=2, max_size=6),
    percent=st.tuples(st.integers(5, 50), st.integers(5, 50)),
    seed=st.integers(0, 2**63),
)
def test_every_class_gives_its_fractions(sizes: list[int], percent: tuple[int, int], seed: int) -> None:
    source = listed(*sizes)
    how = proxy(fractions=tuple(value / 100 for value in percent))
    split = draw_split(source, how, seed)
    check(split)
    for part, share in ((split.weight, percent[0]), (split.architecture, percent[1])):
        assert per_class(source, part) == [math.floor(Fraction(share, 100) * size) for size in sizes]
    again = draw_split(source, how, seed)
    assert torch.equal(again.weight, split.weight)
    assert torch.equal(again.architecture, split.architecture)


@settings(deadline=None, max_examples=40)
@given(
    sizes=st.lists(st.integers(1, 30), min_size=2, max_size=8),
    data=st.data(),
    seed=st.integers(0, 2**63),
)
def test_halves_of_the_drawn_classes(sizes: list[int], data: st.DataObject, seed: int) -> None:
    source = listed(*sizes)
    count = data.draw(st.integers(2, len(sizes)))
    split = draw_split(source, proxy(classes=count), seed)
    check(split)
    drawn = split.classes.tolist()
    assert len(drawn) == count
    assert len(split.weight) == len(split.architecture) == sum(sizes[label] for label in drawn) // 2
    for part in (split.weight, split.architecture):
        assert {label for label, n in enumerate(per_class(source, part)) if n} <= set(drawn)


def test_the_papers_imagenet_draws() -> None:
    """PC-DARTS 4.3 takes 10 % and 2.5 %; P-DARTS 5.3 takes 100 classes; the two go together."""
    source = listed(*[1300] * 120)
    split = draw_split(source, proxy(fractions=(0.10, 0.025)), 0)
    assert per_class(source, split.weight) == [130] * 120
    assert per_class(source, split.architecture) == [32] * 120
    assert split.classes.tolist() == list(range(120))
    subset = draw_split(source, proxy(classes=100), 0)
    assert len(subset.weight) == len(subset.architecture) == 65_000
    both = draw_split(source, proxy(classes=100, fractions=(0.10, 0.025)), 0)
    assert both.classes.tolist() == subset.classes.tolist()
    assert sorted(per_class(source, both.weight)) == [0] * 20 + [130] * 100


def test_fractions_are_counted_as_they_are_written() -> None:
    """In floating point 0.29 of 100 is 28."""
    source = listed(100, 100)
    split = draw_split(source, proxy(fractions=(0.29, 0.71)), 0)
    assert (per_class(source, split.weight), per_class(source, split.architecture)) == ([29, 29], [71, 71])


def test_seeds_draw_other_classes_and_images() -> None:
    source = listed(*[20] * 30)
    splits = [draw_split(source, proxy(classes=10, fractions=(0.5, 0.25)), seed) for seed in range(5)]
    assert len({tuple(split.classes.tolist()) for split in splits}) == 5
    alike = [draw_split(source, proxy(fractions=(0.5, 0.25)), seed) for seed in range(5)]
    assert len({split.index(source) for split in alike}) == 5


def test_the_order_on_disk_does_not_matter(tmp_path: Path) -> None:
    files = [f"c{label}/{n}.png" for label in (2, 0, 10) for n in (5, 3, 11, 1)]
    indices = set()
    for place, order in enumerate((files, files[::-1])):
        for file in order:
            (tmp_path / str(place) / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / str(place) / file).touch()
        source = list_image_folder(tmp_path / str(place))
        for how in (proxy(), proxy(fractions=(0.5, 0.25)), proxy(classes=2)):
            indices.add(draw_split(source, how, 4).index(source))
    assert len(indices) == 3
