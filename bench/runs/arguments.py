"""Check the arguments of the library's calls before anything runs."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

from backbones.errors import InputError
from bench.console.arguments import LARGEST_SEED
from search.configs import nearest

#: Most stages that a machine runs at the same time.
MOST_JOBS = 256


def check_choice(name: str, value: Any, known: Sequence[str | None]) -> None:
    """Check that a value is one of the known ones.

    Raises:
        InputError: it is not.
    """
    if value not in known:
        raise InputError(
            f"{name} {value!r}: unknown; {nearest(str(value), [name for name in known if name is not None])}"
        )


def check_options(options: Any) -> None:
    """Check that options are a sequence of texts; one text alone would be read letter by letter.

    Raises:
        InputError: they are not.
    """
    if not isinstance(options, (list, tuple)) or not all(isinstance(option, str) for option in options):
        raise InputError(f"options {options!r}: expected a list of texts, such as ['epochs=10']")


def check_seeds(seeds: Any) -> None:
    """Check that seeds are a sequence of whole numbers from 0 to `LARGEST_SEED`.

    Raises:
        InputError: they are not, or there is none.
    """
    if isinstance(seeds, str) or not hasattr(seeds, "__iter__") or not len(seeds):
        raise InputError(f"seeds {seeds!r}: expected a list of whole numbers, such as [0, 1]")
    for seed in seeds:
        if not _whole(seed) or not 0 <= seed <= LARGEST_SEED:
            raise InputError(f"seed {seed!r}: expected a whole number from 0 to {LARGEST_SEED}")


def check_limit(limit: Any) -> None:
    """Check that a number of images is None or 1 or more.

    Raises:
        InputError: it is not.
    """
    if limit is not None and (not _whole(limit) or limit < 1):
        raise InputError(f"limit {limit!r}: expected a whole number, 1 or more, or None for all images")


def check_jobs(jobs: Any, engine: str) -> None:
    """Check the number of stages that run at the same time.

    Raises:
        InputError: it is no whole number from 1 to `MOST_JOBS`, or another engine divides the machine.
    """
    if not _whole(jobs) or not 1 <= jobs <= MOST_JOBS:
        raise InputError(f"jobs {jobs!r}: expected a whole number from 1 to {MOST_JOBS}")
    if jobs > 1 and engine != "local":
        raise InputError(f"jobs {jobs}: is for engine 'local'; {engine} starts as many stages as its machines hold")


def _whole(value: Any) -> bool:
    try:
        operator.index(value)
    except TypeError:
        return False
    return not isinstance(value, bool)
