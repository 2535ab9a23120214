"""Types of command-line arguments."""

from __future__ import annotations

import argparse

#: Largest seed of NumPy's generators.
LARGEST_SEED = 2**32 - 1


def positive(text: str) -> int:
    """Parse a count: a whole number, 1 or more."""
    return _number(text, 1)


def whole(text: str) -> int:
    """Parse a seed or a limit: a whole number, 0 or more."""
    return _number(text, 0)


def _number(text: str, least: int) -> int:
    if not text.isdecimal() or len(text) > 10 or not least <= int(text) <= LARGEST_SEED:
        raise argparse.ArgumentTypeError(f"expected a whole number from {least} to {LARGEST_SEED} (got {text[:40]!r})")
    return int(text)
