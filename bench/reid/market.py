"""Market-1501's layout: three folders of images whose names tell identity and camera."""

from __future__ import annotations

from pathlib import Path

from backbones.errors import InputError
from bench.reid.listing import DISTRACTOR, JUNK, Image, Listing, read_names, relabelled, require_folder

TRAIN, QUERY, GALLERY = "bounding_box_train", "query", "bounding_box_test"

_FOLDERS = f"with {TRAIN}/, {QUERY}/ and {GALLERY}/"

EXPECTED = {
    "market1501": f"expected Market-1501 below data_root: market1501/Market-1501-v15.09.15/ {_FOLDERS}; "
    "nothing is downloaded",
    "dukemtmcreid": f"expected a local copy of DukeMTMC-reID below data_root: dukemtmc-reid/DukeMTMC-reID/ {_FOLDERS}; "
    "its authors withdrew the data set, so there is no download",
    "market_folder": f"expected data_root to be a folder in Market-1501's layout, {_FOLDERS}",
}

#: What Market-1501's own images are, and what other people's may be.
_JPEG, _ANY = (".jpg",), (".jpg", ".jpeg", ".png")


def read_market1501(data_root: Path) -> Listing:
    folder = data_root / "market1501" / "Market-1501-v15.09.15"
    # The older of the two layouts that torchreid reads.
    if not folder.is_dir() and (folder.parent / TRAIN).is_dir():
        folder = folder.parent
    return _read(folder, "market1501", _JPEG)


def read_dukemtmcreid(data_root: Path) -> Listing:
    # Its identities count from 1 and all are asked for, or are plain wrong answers: nothing is junk.
    return _read(data_root / "dukemtmc-reid" / "DukeMTMC-reID", "dukemtmcreid", _JPEG)


def read_market_folder(folder: Path) -> Listing:
    return _read(folder, "market_folder", _ANY)


def read_test_folders(folder: Path) -> Listing:
    """Query and gallery of a folder in Market-1501's layout; it may lack training images."""
    for name in (QUERY, GALLERY):
        require_folder(folder / name, EXPECTED["market_folder"])
    listing = _listing(folder, [], read_names(folder / QUERY, _ANY), read_names(folder / GALLERY, _ANY))
    for images, name in ((listing.query, QUERY), (listing.gallery, GALLERY)):
        if not images:
            raise InputError(f"{folder / name}: no images ({', '.join(_ANY)})")
    return listing


def _read(folder: Path, dataset: str, suffixes: tuple[str, ...]) -> Listing:
    for name in (TRAIN, QUERY, GALLERY):
        require_folder(folder / name, EXPECTED[dataset])
    train, query, gallery = (read_names(folder / name, suffixes) for name in (TRAIN, QUERY, GALLERY))
    return _listing(folder, train, query, gallery)


def _listing(folder: Path, train: list[Image], query: list[Image], gallery: list[Image]) -> Listing:
    for images, what in ((train, "training image"), (query, "query")):
        wrong = [file for file, identity, _ in images if identity in (JUNK, DISTRACTOR)]
        if wrong:
            raise InputError(f"{wrong[0]}: a {what} cannot be junk (identity -1) or a distractor (identity 0)")
    scored = [image for image in gallery if image[1] != JUNK]
    distractors = sum(identity == DISTRACTOR for _, identity, _ in scored)
    return Listing(folder, relabelled(train), query, scored, distractors, len(gallery) - len(scored))
