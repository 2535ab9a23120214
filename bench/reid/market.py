"""Read Market-1501's layout: three folders of images with identity and camera in their names."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from backbones.errors import InputError
from bench.reid.listing import DISTRACTOR, JUNK, Listing, read_names, relabelled, require_folder
from search.data.names import SUFFIXES

TRAIN, QUERY, GALLERY = "bounding_box_train", "query", "bounding_box_test"

_FOLDERS = f"with {TRAIN}/, {QUERY}/ and {GALLERY}/"

EXPECTED = {
    "market1501": f"expected Market-1501 below data_root: market1501/Market-1501-v15.09.15/ {_FOLDERS}; "
    "nothing is downloaded",
    "dukemtmcreid": f"expected a local copy of DukeMTMC-reID below data_root: dukemtmc-reid/DukeMTMC-reID/ {_FOLDERS}; "
    "its authors withdrew the data set, so there is no download",
    "market_folder": f"expected data_root to be a folder in Market-1501's layout, {_FOLDERS}",
}


def read_market1501(data_root: Path) -> Listing:
    folder = data_root / "market1501" / "Market-1501-v15.09.15"
    # The older of the two layouts that torchreid reads.
    if not folder.is_dir() and (folder.parent / TRAIN).is_dir():
        folder = folder.parent
    return _read(folder, "market1501", distractors=True)


def read_dukemtmcreid(data_root: Path) -> Listing:
    # Its identities count from 1, and it has neither distractors with identity 0 nor junk.
    return _read(data_root / "dukemtmc-reid" / "DukeMTMC-reID", "dukemtmcreid", distractors=False)


def read_market_folder(folder: Path) -> Listing:
    return _read(folder, "market_folder", distractors=False)


def read_test_folders(folder: Path) -> Listing:
    """Read query and gallery of a folder in Market-1501's layout; training images may be missing."""
    for name in (QUERY, GALLERY):
        require_folder(folder / name, EXPECTED["market_folder"])
    # Only Market-1501 itself has distractors with identity 0.
    listing = _listing(folder, (QUERY, GALLERY), distractors=folder.name.startswith("Market-1501"))
    for images, name in ((listing.query, QUERY), (listing.gallery, GALLERY)):
        if not images:
            raise InputError(f"{folder / name}: no images; expected files with {', '.join(SUFFIXES)}")
    return listing


def _read(folder: Path, dataset: str, distractors: bool) -> Listing:
    for name in (TRAIN, QUERY, GALLERY):
        require_folder(folder / name, EXPECTED[dataset])
    return _listing(folder, (TRAIN, QUERY, GALLERY), distractors)


def _listing(folder: Path, parts: tuple[str, ...], distractors: bool) -> Listing:
    """List these folders; with `distractors`, identity 0 marks distractors, as in Market-1501."""
    passed_over: Counter[str] = Counter()
    read = {name: read_names(folder / name, passed_over) for name in parts}
    train, query, gallery = read.get(TRAIN, []), read[QUERY], read[GALLERY]
    for images, what in ((train, "training image"), (query, "query")):
        for file, identity, _ in images:
            if identity == JUNK or (distractors and identity == DISTRACTOR):
                raise InputError(f"{file}: a {what} cannot be junk (identity -1) or a distractor (identity 0)")
    scored = [image for image in gallery if image[1] != JUNK]
    strangers = sum(distractors and identity == DISTRACTOR for _, identity, _ in scored)
    junk = len(gallery) - len(scored)
    return Listing(folder, relabelled(train), query, scored, strangers, junk, passed_over=passed_over)
