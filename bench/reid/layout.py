"""Re-identification data sets as they lie on disk: which image shows whom, taken by which camera.

The layouts are those of torchreid, whose own readers are not used for four reasons: they list files in the order of the
file system (so a seed would train differently on another machine), they look for identity and camera in the whole
path (a folder named `run_1_c3` makes every image identity 1 of camera 3), they try to download what is missing, and
they stop at assertions. Nothing is ever downloaded here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from backbones.errors import InputError

#: One image: its file, the identity on it, the camera (from 0), as torchreid's data sets hold it.
Image = tuple[str, int, int]

_JUNK = -1
_DISTRACTOR = 0


@dataclass(frozen=True)
class Listing:
    """The images of a data set, in order of their names; training identities are numbered from 0.

    Attributes:
        folder: the data set's folder.
        distractors: how many of the gallery's images show nobody that is asked for.
        junk: how many gallery images nobody scores; they are not in `gallery`.
        annotations: files beside the images that say what is where.
    """

    folder: Path
    train: list[Image]
    query: list[Image]
    gallery: list[Image]
    distractors: int = 0
    junk: int = 0
    annotations: tuple[Path, ...] = ()


def read_layout(dataset: str, data_root: Path) -> Listing:
    """The listing of a data set below `data_root`.

    Raises:
        InputError: a folder or file is missing, or a name or a line cannot be understood.
    """
    listing = _READERS[dataset](data_root)
    for split in ("train", "query", "gallery"):
        if not getattr(listing, split):
            raise InputError(f"{listing.folder}: no {split} images (.jpg); {_EXPECTED[dataset]}")
    return listing


def _market1501(data_root: Path) -> Listing:
    folder = data_root / "market1501" / "Market-1501-v15.09.15"
    # The older of the two layouts that torchreid reads.
    if not folder.is_dir() and (folder.parent / "bounding_box_train").is_dir():
        folder = folder.parent
    train, query, gallery = _named_folders("market1501", folder)
    for images, what in ((train, "training image"), (query, "query")):
        wrong = [file for file, identity, _ in images if identity in (_JUNK, _DISTRACTOR)]
        if wrong:
            raise InputError(f"{wrong[0]}: a {what} cannot be junk (identity -1) or a distractor (identity 0)")
    scored = [image for image in gallery if image[1] != _JUNK]
    distractors = sum(identity == _DISTRACTOR for _, identity, _ in scored)
    return Listing(folder, _relabelled(train), query, scored, distractors, len(gallery) - len(scored))


def _dukemtmcreid(data_root: Path) -> Listing:
    folder = data_root / "dukemtmc-reid" / "DukeMTMC-reID"
    train, query, gallery = _named_folders("dukemtmcreid", folder)
    return Listing(folder, _relabelled(train), query, gallery)


def _named_folders(dataset: str, folder: Path) -> tuple[list[Image], list[Image], list[Image]]:
    names = ("bounding_box_train", "query", "bounding_box_test")
    for name in names:
        _require_folder(folder / name, dataset)
    train, query, gallery = (_read_names(folder / name) for name in names)
    return train, query, gallery


def _read_names(folder: Path) -> list[Image]:
    images, unknown = [], []
    # Market-1501 comes with a Thumbs.db in each folder: only .jpg counts.
    for path in sorted(folder.glob("*.jpg")):
        found = re.match(r"(-?\d+)_c([1-9]\d*)", path.name)
        if found:
            images.append((str(path), int(found[1]), int(found[2]) - 1))
        else:
            unknown.append(path.name)
    if unknown:
        more = f" and {len(unknown) - 3} more" if len(unknown) > 3 else ""
        raise InputError(
            f"{folder}: cannot read identity and camera from {', '.join(unknown[:3])}{more}; expected names like "
            "0002_c1s1_000451_03.jpg (identity 2, camera 1)"
        )
    return images


def _msmt17(data_root: Path) -> Listing:
    parent = data_root / "msmt17"
    versions = {"MSMT17_V1": ("train", "test"), "MSMT17_V2": ("mask_train_v2", "mask_test_v2")}
    version = next((name for name in versions if (parent / name).is_dir()), "MSMT17_V1")
    folder = parent / version
    train, test = (folder / name for name in versions[version])
    for images in (train, test):
        _require_folder(images, "msmt17")
    # As torchreid: the validation list is not trained on, for comparability with published results.
    parts = {"train": train, "query": test, "gallery": test}
    lists = {split: folder / f"list_{split}.txt" for split in parts}
    read = {split: _read_list(lists[split], images) for split, images in parts.items()}
    annotations = tuple(lists.values())
    return Listing(folder, _relabelled(read["train"]), read["query"], read["gallery"], annotations=annotations)


def _read_list(file: Path, folder: Path) -> list[Image]:
    if not file.is_file():
        raise InputError(f"{file}: missing; {_EXPECTED['msmt17']}")
    images = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        found = re.fullmatch(r"(\S+) (\d+)", line.strip())
        camera = re.match(r"[^_]+_[^_]+_0*([1-9]\d*)_", PurePosixPath(found[1]).name) if found else None
        if not found or not camera:
            raise InputError(
                f"{file}:{number}: expected '0000/0000_000_01_0303morning_0008_0.jpg 0', not {line[:80]!r}"
            )
        name = PurePosixPath(found[1])
        if name.is_absolute() or ".." in name.parts:
            raise InputError(f"{file}:{number}: {name} leads out of {folder}")
        if not (folder / name).is_file():
            raise InputError(f"{folder / name}: missing, but {file.name} line {number} names it")
        images.append((str(folder / name), int(found[2]), int(camera[1]) - 1))
    return sorted(images)


def _relabelled(images: list[Image]) -> list[Image]:
    labels = {identity: label for label, identity in enumerate(sorted({identity for _, identity, _ in images}))}
    return [(file, labels[identity], camera) for file, identity, camera in images]


def _require_folder(folder: Path, dataset: str) -> None:
    if not folder.is_dir():
        raise InputError(f"{folder}: missing; {_EXPECTED[dataset]}")


_READERS: Mapping[str, Callable[[Path], Listing]] = {
    "market1501": _market1501,
    "dukemtmcreid": _dukemtmcreid,
    "msmt17": _msmt17,
}

_EXPECTED = {
    "market1501": "expected Market-1501 below data_root: market1501/Market-1501-v15.09.15/ with bounding_box_train/, "
    "query/ and bounding_box_test/; nothing is downloaded",
    "dukemtmcreid": "expected a local copy of DukeMTMC-reID below data_root: dukemtmc-reid/DukeMTMC-reID/ with "
    "bounding_box_train/, query/ and bounding_box_test/; its authors withdrew the data set, so there is no download",
    "msmt17": "expected MSMT17 below data_root: msmt17/MSMT17_V1/ with train/, test/, list_train.txt, list_query.txt "
    "and list_gallery.txt (or MSMT17_V2/ with mask_train_v2/, mask_test_v2/); nothing is downloaded",
}
