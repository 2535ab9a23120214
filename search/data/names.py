"""Which names in a data set are images, which are no data at all, and which are passed over and counted."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping

from backbones.errors import InputError

#: Endings of image files, in lower case; names may have them in any case.
SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")

#: What operating systems leave in folders, beside names that begin with a dot.
_OF_THE_SYSTEM = ("__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini")

#: How counts of what is passed over begin, in a data report and in a record.
PASSED_OVER = "passed over: "

#: The kinds of images that lie elsewhere than `<class>/<image>`.
TOO_DEEP, TOO_HIGH = "images deeper than <class>/<image>", "images outside of a class folder"


def is_hidden(name: str) -> bool:
    """Whether the name of a file or folder begins with a dot or is one that an operating system leaves behind.

    macOS' `._x.jpg`, `.DS_Store` and `__MACOSX`, Jupyter's `.ipynb_checkpoints`, Windows' `Thumbs.db`.
    """
    return name.startswith(".") or name.lower() in _OF_THE_SYSTEM


def is_image(name: str) -> bool:
    """Whether a name has an image's ending, in any case."""
    return os.path.splitext(name)[1].lower() in SUFFIXES


def kind_of(name: str) -> str:
    """The kind of a file that is passed over for its ending, such as `.txt files`."""
    suffix = os.path.splitext(name)[1].lower()
    return f"{suffix} files" if suffix else "files without a suffix"


def sift(names: Iterable[str], passed_over: Counter[str]) -> list[str]:
    """The names that are images', sorted; the others, but for hidden ones, are counted by their kind.

    Raises:
        InputError: an image's name is not UTF-8.
    """
    found = []
    for name in names:
        if is_hidden(name):
            continue
        if is_image(name):
            found.append(confirm_text(name))
        else:
            passed_over[kind_of(name)] += 1
    return sorted(found)


def confirm_text(name: str) -> str:
    """The name, if it is a text that can be written down.

    Raises:
        InputError: its bytes are no UTF-8, as those of another system's names; shows them escaped.
    """
    try:
        name.encode()
    except UnicodeEncodeError as error:
        shown = os.fsencode(name).decode("utf-8", "backslashreplace")
        raise InputError(f"{shown}: the name is not UTF-8; rename it (convmv does many at once)") from error
    return name


def as_counts(passed_over: Mapping[str, int]) -> dict[str, int]:
    """Counts for a data report and a record: none where nothing was passed over."""
    return {f"{PASSED_OVER}{kind}": count for kind, count in sorted(passed_over.items()) if count}
