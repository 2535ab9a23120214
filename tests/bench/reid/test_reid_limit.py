"""A part of a data set: at most so many images, of whom there is enough to train on and to rank."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from bench.reid.listing import Listing, identities_of, limited

SHOTS = st.tuples(st.integers(1, 6), st.integers(0, 2), st.integers(0, 9)).map(
    lambda shot: (f"{shot[0]:04d}_c{shot[1]}_{shot[2]}.jpg", shot[0], shot[1])
)
IMAGES = st.lists(SHOTS, min_size=1, max_size=40, unique=True).map(sorted)


@given(IMAGES, IMAGES, IMAGES, st.integers(1, 50))
def test_it_is_a_part_of_at_most_so_many_images(train: list, query: list, gallery: list, limit: int) -> None:
    whole = Listing(Path("x"), train, query, gallery)
    part = limited(whole, limit)
    for split in ("train", "query", "gallery"):
        images = getattr(part, split)
        assert len(images) <= limit
        assert {image[0] for image in images} <= {image[0] for image in getattr(whole, split)}
        assert images == sorted(images)
    assert identities_of(part.query) <= identities_of(part.gallery) <= identities_of(query)
    labels = identities_of(part.train)
    assert labels == set(range(len(labels)))


def test_identities_and_their_cameras_take_turns() -> None:
    images = [
        (f"{who:04d}_c{camera}_{shot}", who, camera) for who in range(1, 9) for camera in range(3) for shot in range(5)
    ]
    queries = [(f"{who:04d}_c0_q", who, 0) for who in range(1, 9)]
    part = limited(Listing(Path("x"), images, queries, [*images, ("0000_c0_1", 0, 0)], distractors=1), 12)
    # A quarter of 12 identities, with four images each: of all three cameras, and one again.
    assert Counter(who for _, who, _ in part.gallery) == {1: 4, 2: 4, 3: 4}
    assert Counter(camera for _, _, camera in part.gallery) == {0: 6, 1: 3, 2: 3}
    assert [who for _, who, _ in part.query] == [1, 2, 3]
    assert part.distractors == 0
    assert part.unmatched() == []


def test_a_small_part_has_two_identities() -> None:
    images = [(f"{who:04d}_c{camera}", who, camera) for who in range(1, 9) for camera in range(3)]
    queries = [image for image in images if image[2] == 0]
    for limit, expected in (
        (1, {1: 1}),
        (2, {1: 1, 2: 1}),
        (4, {1: 2, 2: 2}),
        (11, {1: 3, 2: 3}),
        (16, dict.fromkeys(range(1, 5), 3)),
    ):
        part = limited(Listing(Path("x"), images, queries, images, junk=2), limit)
        assert Counter(who for _, who, _ in part.gallery) == expected
        assert part.junk == 0


def test_of_a_turn_the_first_identities_stay_whatever_their_cameras() -> None:
    gallery = [("0001_c2", 1, 2), ("0002_c0", 2, 0)]
    queries = [("0001_c1", 1, 1), ("0002_c1", 2, 1)]
    assert limited(Listing(Path("x"), gallery, queries, gallery), 1).gallery == gallery[:1]
