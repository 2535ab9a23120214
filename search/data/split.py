"""Split a proxy's images into those for the weights and those for α and β, by seed and the list of files."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import torch
from torch import Tensor

from backbones.errors import InputError
from backbones.files import write_text
from search.data.images import ImageSource
from search.data.settings import Proxy


@dataclass(frozen=True)
class Split:
    """Two disjoint parts of a source's images.

    Attributes:
        classes: labels of the drawn classes, ascending.
        weight, architecture: ascending indices of the source's files, int64 `(N,)`.
    """

    classes: Tensor
    weight: Tensor
    architecture: Tensor

    def index(self, source: ImageSource) -> str:
        """The split as JSON: the drawn classes, and the paths of the images of both parts."""
        content = {
            "classes": [source.classes[label] for label in self.classes.tolist()],
            "weight": [source.files[index] for index in self.weight.tolist()],
            "architecture": [source.files[index] for index in self.architecture.tolist()],
        }
        return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def draw_split(source: ImageSource, proxy: Proxy, seed: int) -> Split:
    """Draw the classes if `proxy.classes` is set (P-DARTS 5.3), then the images of both parts.

    Without `fractions` the parts are halves of all images (PC-DARTS 4.2; P-DARTS 5.1); of an odd number, one image is
    left out. With `fractions`, each part gets its share of every class (PC-DARTS 4.3), rounded down so that no part
    exceeds its fraction.

    Raises:
        InputError: `proxy.classes` is larger than the number of classes, or a fraction gives no image of a class.
    """
    generator = torch.Generator().manual_seed(seed)
    classes = torch.arange(len(source.classes))
    if proxy.classes is not None:
        if proxy.classes > len(classes):
            raise InputError(f"{source.root}: proxy.classes={proxy.classes}, but there are only {len(classes)} classes")
        classes = classes[torch.randperm(len(classes), generator=generator)[: proxy.classes]].sort().values
    labels = torch.tensor(source.labels)
    if proxy.fractions is None:
        images = torch.isin(labels, classes).nonzero().flatten()
        order = images[torch.randperm(len(images), generator=generator)]
        half = len(order) // 2
        parts = [order[:half], order[half : 2 * half]]
    else:
        parts = _stratified(source, classes, labels, proxy.fractions, generator)
    return Split(classes, parts[0].sort().values, parts[1].sort().values)


def _stratified(
    source: ImageSource, classes: Tensor, labels: Tensor, fractions: tuple[float, float], generator: torch.Generator
) -> list[Tensor]:
    # As decimals, so that 0.29 of 100 images is 29; floating point would give 28.
    shares = [Fraction(str(fraction)) for fraction in fractions]
    # Labels are ascending, so the files of a class are contiguous.
    ends = labels.bincount(minlength=len(source.classes)).cumsum(0).tolist()
    chosen: tuple[list[Tensor], list[Tensor]] = ([], [])
    for label in classes.tolist():
        start = ends[label - 1] if label else 0
        order = start + torch.randperm(ends[label] - start, generator=generator)
        taken = 0
        for part, share in zip(chosen, shares, strict=True):
            count = math.floor(share * len(order))
            if not count:
                raise InputError(
                    f"{source.root}/{source.classes[label]}: proxy.fractions has {float(share)}, which gives none of "
                    f"this class' {len(order)} images; expected 1/{len(order)} or more"
                )
            part.append(order[taken : taken + count])
            taken += count
    return [torch.cat(part) for part in chosen]


def digest_of(index: str) -> str:
    """SHA-256 of an index file's text."""
    return f"sha256:{hashlib.sha256(index.encode()).hexdigest()}"


def keep_index(file: Path, index: str) -> None:
    """Write the index file of a search, or check that the existing one lists the same images.

    Raises:
        InputError: it lists other images, so the data have changed since the search began.
    """
    if not file.exists():
        write_text(file, index)
    elif file.read_bytes() != index.encode():
        raise InputError(
            f"{file}: lists other images than the proxy's data give now; restore the data, or use another folder"
        )
