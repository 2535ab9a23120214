"""Image files, looked at before anything trains on them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, TypeVar

from PIL import UnidentifiedImageError

from backbones.errors import InputError
from search.data.reader import DECODING_ERRORS, FORMATS, decode, open_regular, opened, seen_size

Item = TypeVar("Item")

#: What a whole JPEG file ends in. Elsewhere than at the end (a thumbnail, bytes behind it) it says nothing.
_END = b"\xff\xd9"

#: Bytes at the end that are looked at, and how many zeros there are no part of an image.
_TAIL, _ZEROS = 4096, 16

#: Files that are opened at once: a network disk answers many as fast as one.
_AT_ONCE = 16


def check_images(images: Sequence[tuple[Path, tuple[int, int] | None]]) -> None:
    """Open every image, compare its width and height with what is annotated, if it is, and see whether it is whole.

    A JPEG file that ends as it should counts as whole; all others are decoded. So a file that was cut off is found, at
    a fifth of a millisecond a photograph; damage in the middle of one is not.

    Raises:
        InputError: names the first few files and what is wrong with them.
    """
    check_each(lambda image: _problem_of_file(*image), images)


def check_each(problem: Callable[[Item], str | None], items: Iterable[Item]) -> None:
    """Ask for the problem of every item, many at once.

    Raises:
        InputError: holds the first three problems, and how many more there are.
    """
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        problems = [found for found in pool.map(problem, items) if found is not None]
    if problems:
        more = f"; and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise InputError(f"{'; '.join(problems[:3])}{more}")


def problem_in(stream: BinaryIO, where: str, expected: tuple[int, int] | None = None) -> str | None:
    """What is wrong with the image in a stream, or None."""
    try:
        with opened(stream) as image:
            size = seen_size(image)
            # A mode that `decode` refuses is found by asking it.
            sound = image.format == "JPEG" and image.mode in ("RGB", "L", "CMYK")
        if not (sound and _ends_well(stream)):
            stream.seek(0)
            size = decode(stream, where).size
    except UnidentifiedImageError:
        return f"{where}: cannot be read as an image, or is cut off: of no known format (known: {', '.join(FORMATS)})"
    except InputError as error:
        return str(error).replace("as an image:", "as an image, or is cut off:", 1)
    except DECODING_ERRORS as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        return f"{where}: cannot be read as an image, or is cut off: {reason}"
    if expected is not None and size != expected:
        given, found = (f"{width}x{height}" for width, height in (expected, size))
        return f"{where}: is {found} pixels, not {given} as annotated: its boxes would lie elsewhere"
    return None


def _problem_of_file(file: Path, expected: tuple[int, int] | None) -> str | None:
    if not file.exists():
        return f"{file}: no such image"
    try:
        with open_regular(file) as stream:
            return problem_in(stream, str(file), expected)
    except OSError as error:
        return f"{file}: {error.strerror or error}"


def _ends_well(stream: BinaryIO) -> bool:
    """Whether a JPEG file ends as it should; zeros behind that are no harm, zeros instead of it are.

    Raises:
        OSError: the file ends in zeros, as a download does that was given up and had its whole length reserved.
    """
    stream.seek(-min(_TAIL, stream.seek(0, 2)), 2)
    tail = stream.read()
    written = tail.rstrip(b"\0")
    if written.endswith(_END):
        return True
    if len(tail) - len(written) >= _ZEROS:
        raise OSError("the file ends in zeros")
    return False
