"""Reduce a data set for a quick try (`--limit N`) to fewer identities that can still be ranked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import replace

from bench.reid.listing import Image, Listing, relabelled

#: Images of an identity, on average; the first `limit / 4` identities are taken.
_IMAGES = 4


def limited(listing: Listing, limit: int) -> Listing:
    """Keep at most `limit` images of each part, from the first few identities.

    Identities take turns, and so do the cameras of an identity, so that a query keeps images from other cameras if two
    images of its identity are kept. The gallery is chosen first, from the queries' identities; queries of other
    identities, distractors and junk are dropped.
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
    shots = []
    for image in images:
        _, identity, camera = image
        if identity in identities:
            shots.append((of_camera[identity, camera], camera, image))
            of_camera[identity, camera] += 1
    of_identity: dict[int, int] = defaultdict(int)
    turns = []
    for _, _, image in sorted(shots):
        turns.append((of_identity[image[1]], image[1], image))
        of_identity[image[1]] += 1
    return sorted(image for _, _, image in sorted(turns)[:limit])
