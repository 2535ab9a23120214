"""draw what a trained detector finds in images"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from bench.commands.options import add_results


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "checkpoint", type=Path, metavar="CHECKPOINT", help="the checkpoint.pth that a detection run left below work/"
    )
    parser.add_argument("images", type=Path, nargs="+", metavar="IMAGE", help="image files, or folders of them")
    add_results(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the pictures go")
    parser.add_argument(
        "--threshold", type=_share, default=0.3, metavar="S", help="the least score that is drawn (default: 0.3)"
    )


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no number from 0 to 1")
    return share


def run(arguments: argparse.Namespace) -> int:
    from bench.detection.checkpoint import load
    from bench.detection.images import check_images
    from bench.records.digests import confirm_recorded

    pictures = _pictures(arguments.images, arguments.out)
    check_images([(file, None) for file in pictures])
    confirm_recorded(arguments.checkpoint, arguments.results)
    trained = load(arguments.checkpoint)

    from bench.console.visible import visible
    from bench.detection.inference import detect, draw

    categories = list(trained.categories)
    for (file, out), sample in zip(pictures.items(), detect(trained, list(enumerate(pictures))), strict=True):
        found = draw(sample, categories, file, out, arguments.threshold)
        names = ", ".join(f"{name} {100 * score:.0f} %" for name, score in found[:5])
        more = f" and {len(found) - 5} more" if len(found) > 5 else ""
        print(visible(f"{out}: {names or 'nothing'}{more}"))
    return 0


def _pictures(given: list[Path], out: Path) -> dict[Path, Path]:
    """The image files that are meant, and where the picture of each goes: below `out` as below the folder given."""
    from backbones.errors import InputError
    from bench.detection.inference import SUFFIXES, picture_name

    pictures: dict[Path, Path] = {}
    for path in given:
        if path.is_dir():
            files = sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
            # Pictures that were drawn before may lie among the images.
            files = [file for file in files if not _real(file).is_relative_to(_real(out))]
            if not files:
                raise InputError(f"{path}: no image in this folder ({', '.join(SUFFIXES)})")
            pictures.update({file: out / file.relative_to(path).with_name(picture_name(file)) for file in files})
        else:
            pictures[path] = out / picture_name(path)
    taken: dict[Path, Path] = {}
    for file, picture in pictures.items():
        if picture in taken:
            raise InputError(f"{file}: its picture would take the place of that of {taken[picture]}, {picture}")
        if _real(picture) == _real(file):
            raise InputError(f"{file}: its picture would take its own place; use another --out than {out}")
        taken[picture] = file
    return pictures


def _real(path: Path) -> Path:
    """Where a path leads; unlike `Path.resolve`, a link to itself is no error here, but for those who open it."""
    return Path(os.path.realpath(path))
