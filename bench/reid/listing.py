"""The images of a re-identification data set with their identities and cameras."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from backbones.errors import InputError
from search.data.names import sift

#: One image: its file, the identity on it, the camera (one less than in its name), as torchreid's data sets hold it.
Image = tuple[str, int, int]

#: The largest number of digits of an identity or a camera, which must fit into 64 bits.
_DIGITS = 18

#: The identity of gallery images that are not scored (Market-1501: bad detections).
JUNK = -1

#: The identity of gallery images that show no query's identity (Market-1501).
DISTRACTOR = 0


#: Images of an identity in a limited data set, on average; the first `limit / 4` identities are taken.
_IMAGES = 4


@dataclass(frozen=True)
class Listing:
    """The images of a data set, sorted by name; training identities are numbered from 0.

    Attributes:
        folder: the data set's folder.
        distractors: number of gallery images that show no query's identity.
        junk: number of gallery images that are not scored; they are not in `gallery`.
        annotations: files with the images' labels, beside the images.
        passed_over: number of other files in the folders, by kind (`search.data.names`).
    """

    folder: Path
    train: list[Image]
    query: list[Image]
    gallery: list[Image]
    distractors: int = 0
    junk: int = 0
    annotations: tuple[Path, ...] = ()
    passed_over: Mapping[str, int] = field(default_factory=dict)

    def unmatched(self) -> list[Image]:
        """List the queries without a gallery image of their identity from another camera."""
        cameras = cameras_of(self.gallery)
        return [image for image in self.query if not cameras.get(image[1], set()) - {image[2]}]


def all_asked(listing: Listing) -> Listing:
    """Make every test image of a query's identity a query against all test images.

    No query finds itself, since images of its own identity and camera are left out of its ranking.
    """
    asked = identities_of(listing.query)
    every = sorted({*listing.query, *listing.gallery})
    return replace(listing, query=[image for image in every if image[1] in asked], gallery=every)


def cameras_of(images: list[Image]) -> dict[int, set[int]]:
    """Collect the cameras of each identity."""
    cameras: dict[int, set[int]] = {}
    for _, identity, camera in images:
        cameras.setdefault(identity, set()).add(camera)
    return cameras


def identities_of(images: Iterable[Image]) -> set[int]:
    return {identity for _, identity, _ in images}


def relabelled(images: list[Image]) -> list[Image]:
    """Number the identities from 0."""
    labels = {identity: label for label, identity in enumerate(sorted(identities_of(images)))}
    return [(file, labels[identity], camera) for file, identity, camera in images]


def require_folder(folder: Path, expected: str) -> None:
    if not folder.is_dir():
        raise InputError(f"{folder}: missing; {expected}")


def read_names(folder: Path, passed_over: Counter[str]) -> list[Image]:
    """List the images of a folder with Market-1501's names, `<identity>_c<camera>…`.

    A camera may have leading zeros (VeRi's `c001`), may be 0 and may have a capital `C`. Other files are counted.

    Raises:
        InputError: image names without identity and camera; the message has the first three.
    """
    images, unknown = [], []
    for name in sift((entry.name for entry in os.scandir(folder) if not entry.is_dir()), passed_over):
        found = re.match(r"(-?\d+)_c(\d+)", name, re.ASCII | re.IGNORECASE)
        if found and max(map(len, found.groups())) <= _DIGITS:
            # torchreid counts cameras from 0; camera 0 becomes -1, which does no harm.
            images.append((str(folder / name), int(found[1]), int(found[2]) - 1))
        else:
            unknown.append(name)
    if unknown:
        more = f" and {len(unknown) - 3} more" if len(unknown) > 3 else ""
        raise InputError(
            f"{folder}: cannot read identity and camera from {', '.join(name[:80] for name in unknown[:3])}{more}; "
            f"expected names like 0002_c1s1_000451_03.jpg (identity 2, camera 1), with at most {_DIGITS} digits"
        )
    return images


def limited(listing: Listing, limit: int) -> Listing:
    """Keep at most `limit` images of each part for a quick try, from the first identities.

    Identities take turns, and so do the cameras of an identity, so that a query keeps images from other cameras if two
    images of its identity are kept. The gallery is chosen first, from the queries' identities; queries of other
    identities, distractors and junk are dropped.
    """
    asked = identities_of(listing.query)
    gallery = _first([image for image in listing.gallery if image[1] in asked], limit)
    found = identities_of(gallery)
    return replace(
        listing,
        train=relabelled(_first(listing.train, limit)),
        query=_first([image for image in listing.query if image[1] in found], limit),
        gallery=gallery,
        distractors=0,
        junk=0,
    )


def _first(images: Collection[Image], limit: int) -> list[Image]:
    identities = set(sorted(identities_of(images))[: max(2, limit // _IMAGES)])
    kept = [image for image in images if image[1] in identities]
    shots = sorted((turn, image[2], image) for turn, image in _turns(kept, lambda image: image[1:]))
    ordered = (image for *_, image in shots)
    people = sorted((turn, image[1], image) for turn, image in _turns(ordered, lambda image: image[1]))
    return sorted(image for *_, image in people[:limit])


def _turns(images: Iterable[Image], owner: Callable[[Image], Any]) -> Iterator[tuple[int, Image]]:
    """Yield each image with the number of its owner's images before it."""
    counts: Counter[Any] = Counter()
    for image in images:
        yield counts[owner(image)], image
        counts[owner(image)] += 1
