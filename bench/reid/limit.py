"""A part of a data set, for a quick try (`--limit N`): fewer identities, of whom there is enough to rank."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import replace

from bench.reid.listing import Image, Listing, relabelled

#: Images that an identity has on average; the first `limit / 4` identities are taken.
_IMAGES = 4


def limited(listing: Listing, limit: int) -> Listing:
    """The listing with at most so many images of each part, those of the first few identities.

    Every identity gives its images in turn, of its cameras in turn, so that a query keeps images from other cameras as
    long as there are two of an identity. The gallery is chosen first, from the identities that are asked for; only
    their queries are kept, and neither distractors nor junk.
    """
    asked = {identity for _, identity, _ in listing.query}
    gallery = _first([image for image in listing.gallery if image[1] in asked], limit)
    found = {identity for _, identity, _ in gallery}
    return replace(
        listing,
        train=relabelled(_first(listing.train, limit)),
        query=_first([image for image in listing.query if image[1] in found], limit),
        gallery=gallery,
        distractors=0,
        junk=0,
    )


def _first(images: Collection[Image], limit: int) -> list[Image]:
    identities = set(sorted({identity for _, identity, _ in images})[: max(2, limit // _IMAGES)])
    of_camera: dict[tuple[int, int], int] = defaultdict(int)
    places = []
    for image in images:
        _, identity, camera = image
        if identity in identities:
            places.append((of_camera[identity, camera], camera, image))
            of_camera[identity, camera] += 1
    of_identity: dict[int, int] = defaultdict(int)
    turns = []
    for _, _, image in sorted(places):
        turns.append((of_identity[image[1]], image[1], image))
        of_identity[image[1]] += 1
    return sorted(image for _, _, image in sorted(turns)[:limit])
