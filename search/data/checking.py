"""Check image files before training."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, TypeVar

from PIL import UnidentifiedImageError

from backbones.errors import InputError
from search.data.reader import DECODING_ERRORS, FORMATS, decode, open_image, opened, seen_size

Item = TypeVar("Item")

#: The end marker of a JPEG file; only a marker at the end shows that the file is complete.
_END = b"\xff\xd9"

#: Bytes at the end that are examined, and the number of zeros there that shows an incomplete file.
_TAIL, _ZEROS = 4096, 16

#: Files that are opened at once, since a network disk answers many requests as fast as one.
_AT_ONCE = 16


def check_images(images: Sequence[tuple[Path, tuple[int, int] | None]]) -> None:
    """Check that every image is complete and has its annotated width and height, if any.

    A JPEG file with an end marker counts as complete; all others are decoded. This finds a file that is cut off in a
    fifth of a millisecond, but not damage in the middle of a file.

    Raises:
        InputError: names the first few files and what is wrong with them.
    """
    check_each(lambda image: _problem_of_file(*image), images)


def check_each(problem: Callable[[Item], str | None], items: Iterable[Item]) -> None:
    """Check every item in threads.

    Args:
        problem: describes the problem of an item, or returns None.

    Raises:
        InputError: names the first three problems, and the number of others.
    """
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        problems = [found for found in pool.map(problem, items) if found is not None]
    if problems:
        more = f"; and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise InputError(f"{'; '.join(problems[:3])}{more}")


def problem_in(stream: BinaryIO, where: str, expected: tuple[int, int] | None = None) -> str | None:
    """Describe what is wrong with the image in a stream, or return None."""
    try:
        with opened(stream) as image:
            size = seen_size(image)
            # Other modes are decoded, since `decode` may refuse them.
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
        with open_image(file) as stream:
            return problem_in(stream, str(file), expected)
    except InputError as error:
        return str(error)


def _ends_well(stream: BinaryIO) -> bool:
    """Whether a JPEG file ends in its end marker, possibly followed by zeros.

    Raises:
        OSError: the file ends in zeros instead, like an interrupted download with its whole length reserved.
    """
    stream.seek(-min(_TAIL, stream.seek(0, 2)), 2)
    tail = stream.read()
    written = tail.rstrip(b"\0")
    if written.endswith(_END):
        return True
    if len(tail) - len(written) >= _ZEROS:
        raise OSError("the file ends in zeros")
    return False
