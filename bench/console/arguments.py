"""Types of arguments on the command line."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass


#: NumPy's generators take no larger seed.
LARGEST = 2**32 - 1


def positive(text: str) -> int:
    """A count: a whole number, 1 or more."""
    number = whole(text)
    if number < 1:
        raise argparse.ArgumentTypeError("expected 1 or more")
    return number


def whole(text: str) -> int:
    """A seed or a limit: a whole number, 0 or more."""
    if not text.isdecimal() or len(text) > 10 or int(text) > LARGEST:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no whole number from 0 to {LARGEST}")
    return int(text)
