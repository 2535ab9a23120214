"""Classify the names in a data set: images, hidden files, and files that are passed over and counted."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping

from backbones.errors import InputError

#: Suffixes of image files in lower case; any case matches.
SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")

#: Files of operating systems, beside names that begin with a dot.
_OF_THE_SYSTEM = ("__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini")

#: The prefix of counts of files that are passed over, in a data report and in a record.
PASSED_OVER = "passed over: "

#: The kinds of images at other depths than `<class>/<image>`.
TOO_DEEP, TOO_HIGH = "images deeper than <class>/<image>", "images outside of a class folder"


def is_hidden(name: str) -> bool:
    """Whether the name of a file or folder begins with a dot or belongs to an operating system.

    For example macOS' `._x.jpg`, `.DS_Store` and `__MACOSX`, Jupyter's `.ipynb_checkpoints`, Windows' `Thumbs.db`.
    """
    return name.startswith(".") or name.lower() in _OF_THE_SYSTEM


def is_image(name: str) -> bool:
    """Whether a name has an image's suffix, in any case."""
    return os.path.splitext(name)[1].lower() in SUFFIXES


def kind_of(name: str) -> str:
    """The kind of a file that is passed over for its suffix, such as `.txt files`."""
    suffix = os.path.splitext(name)[1].lower()
    return f"{suffix} files" if suffix else "files without a suffix"


def sift(names: Iterable[str], passed_over: Counter[str]) -> list[str]:
    """Sort the names of images, and count other names by kind; hidden names are ignored.

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
    """Return the name if it is valid UTF-8.

    Raises:
        InputError: the name is not UTF-8, such as one from another system; shows its bytes escaped.
    """
    try:
        name.encode()
    except UnicodeEncodeError as error:
        shown = os.fsencode(name).decode("utf-8", "backslashreplace")
        raise InputError(f"{shown}: the name is not UTF-8; rename it (convmv does many at once)") from error
    return name


def as_counts(passed_over: Mapping[str, int]) -> dict[str, int]:
    """Counts for a data report and a record; kinds without files are left out."""
    return {f"{PASSED_OVER}{kind}": count for kind, count in sorted(passed_over.items()) if count}
