"""Read MSMT17's layout: lists of images with their identities, and the camera in the name."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from backbones.errors import InputError
from bench.reid.listing import Image, Listing, relabelled, require_folder

EXPECTED = (
    "expected MSMT17 below data_root: msmt17/MSMT17_V1/ with train/, test/, list_train.txt, list_query.txt and "
    "list_gallery.txt (or MSMT17_V2/ with mask_train_v2/, mask_test_v2/); nothing is downloaded"
)

_VERSIONS = {"MSMT17_V1": ("train", "test"), "MSMT17_V2": ("mask_train_v2", "mask_test_v2")}


def read_msmt17(data_root: Path) -> Listing:
    parent = data_root / "msmt17"
    version = next((name for name in _VERSIONS if (parent / name).is_dir()), "MSMT17_V1")
    folder = parent / version
    train, test = (folder / name for name in _VERSIONS[version])
    for images in (train, test):
        require_folder(images, EXPECTED)
    # Without the validation list, as in torchreid, to be comparable with published results.
    parts = {"train": train, "query": test, "gallery": test}
    lists = {split: folder / f"list_{split}.txt" for split in parts}
    read = {split: _read_list(lists[split], images) for split, images in parts.items()}
    annotations = tuple(lists.values())
    return Listing(folder, relabelled(read["train"]), read["query"], read["gallery"], annotations=annotations)


def _read_list(file: Path, folder: Path) -> list[Image]:
    if not file.is_file():
        raise InputError(f"{file}: missing; {EXPECTED}")
    images = []
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except ValueError as error:
        raise InputError(f"{file}: cannot be read as text: {error}") from error
    for number, line in enumerate(lines, start=1):
        found = re.fullmatch(r"(\S+) (\d{1,18})", line.strip(), re.ASCII)
        camera = re.match(r"[^_]+_[^_]+_0*([1-9]\d{0,17})_", PurePosixPath(found[1]).name) if found else None
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
