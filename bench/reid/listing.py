"""What is read from a re-identification data set: which image shows whom, taken by which camera."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from backbones.errors import InputError
from search.data.names import sift

#: One image: its file, the identity on it, the camera (one less than in its name), as torchreid's data sets hold it.
Image = tuple[str, int, int]

#: Digits that an identity or a camera has at most: it is held in 64 bits.
_DIGITS = 18

#: The identity of gallery images that nobody scores (Market-1501: bad detections).
JUNK = -1

#: The identity of gallery images that show nobody who is asked for (Market-1501).
DISTRACTOR = 0


@dataclass(frozen=True)
class Listing:
    """The images of a data set, in order of their names; training identities are numbered from 0.

    Attributes:
        folder: the data set's folder.
        distractors: how many of the gallery's images show nobody that is asked for.
        junk: how many gallery images nobody scores; they are not in `gallery`.
        annotations: files beside the images that say what is where.
        passed_over: how many of what lie in the folders and are no image (`search.data.names`).
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
        """The queries whose identity no other camera has seen in the gallery: no ranking can find them."""
        cameras = cameras_of(self.gallery)
        return [image for image in self.query if not cameras.get(image[1], set()) - {image[2]}]


def all_asked(listing: Listing) -> Listing:
    """The listing with every test image of an identity that is asked for as a query against all test images.

    None is found by itself: images of the query's own identity and camera are left out of its ranking.
    """
    asked = identities_of(listing.query)
    every = sorted({*listing.query, *listing.gallery})
    return replace(listing, query=[image for image in every if image[1] in asked], gallery=every)


def cameras_of(images: list[Image]) -> dict[int, set[int]]:
    """The cameras that have seen each identity."""
    cameras: dict[int, set[int]] = {}
    for _, identity, camera in images:
        cameras.setdefault(identity, set()).add(camera)
    return cameras


def identities_of(images: list[Image]) -> set[int]:
    return {identity for _, identity, _ in images}


def relabelled(images: list[Image]) -> list[Image]:
    """The images with identities numbered from 0."""
    labels = {identity: label for label, identity in enumerate(sorted(identities_of(images)))}
    return [(file, labels[identity], camera) for file, identity, camera in images]


def require_folder(folder: Path, expected: str) -> None:
    if not folder.is_dir():
        raise InputError(f"{folder}: missing; {expected}")


def read_names(folder: Path, passed_over: Counter[str]) -> list[Image]:
    """The images of a folder by their names, `<identity>_c<camera>…`, as Market-1501's are.

    A camera may have zeros before it (VeRi's `c001`) and may be 0; `C001` is the same. Other files are counted.

    Raises:
        InputError: names that cannot be read so; names the first three.
    """
    images, unknown = [], []
    for name in sift((entry.name for entry in os.scandir(folder) if not entry.is_dir()), passed_over):
        found = re.match(r"(-?\d+)_c(\d+)", name, re.ASCII | re.IGNORECASE)
        if found and max(map(len, found.groups())) <= _DIGITS:
            # Torchreid counts cameras from 0; camera 0 becomes -1, which is a name like another.
            images.append((str(folder / name), int(found[1]), int(found[2]) - 1))
        else:
            unknown.append(name)
    if unknown:
        more = f" and {len(unknown) - 3} more" if len(unknown) > 3 else ""
        raise InputError(
            f"{folder}: cannot read identity and camera from {', '.join(name[:80] for name in unknown[:3])}{more}; "
            f"expected names like 0002_c1s1_000451_03.jpg (identity 2, camera 1), {_DIGITS} digits at most"
        )
    return images
