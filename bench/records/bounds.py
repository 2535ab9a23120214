"""Bounds on the values of a JSON file from outside, so that one file cannot break a table of many."""

from __future__ import annotations

import math
from typing import Any

#: The largest record and the largest curve, in bytes; the most lines of a curve.
LARGEST_RECORD = 16 << 20
LARGEST_CURVE = 64 << 20
MOST_EPOCHS = 20_000

_DEEPEST = 32
_LARGEST_INTEGER = 10**18
#: A score such as SynFlow's is a product over all layers; its square is still a number.
_LARGEST_NUMBER = 1e100
_LONGEST_TEXT = 20_000
_LONGEST_KEY = 300

#: Keys of texts that tables and the page show as names.
_NAMES = ("task", "protocol", "method", "timm", "unit", "record", "name", "role", "path", "started", "finished")
_LONGEST_NAME = 500


def confirm_bounded(content: Any, key: str = "", holes: bool = False) -> None:
    """Check that numbers, texts and nesting are small enough to compute with, print and write again.

    Args:
        key: key of `content`, with dots between the levels.
        holes: whether NaN and infinity are allowed, as missing numbers.

    Raises:
        ValueError: names the key.
    """
    if not _plain(content):
        _confirm(content, key, key.rpartition(".")[2], 0, holes)


def _plain(content: Any) -> bool:
    """Whether all is so far below the bounds that no key must be looked at: most of the content of most files."""
    level = [content]
    for _ in range(_DEEPEST + 1):
        below: list[Any] = []
        for value in level:
            kind = type(value)
            if kind is str:
                if len(value) > _LONGEST_NAME or not value.isascii():
                    return False
            elif kind is float or kind is int:
                if not -_LARGEST_INTEGER <= value <= _LARGEST_INTEGER:
                    return False
            elif kind is dict:
                if not all(len(name) <= _LONGEST_KEY and name.isascii() for name in value):
                    return False
                below += value.values()
            elif kind is list:
                below += value
        if not below:
            return True
        level = below
    return False


def _confirm(value: Any, key: str, last: str, depth: int, holes: bool) -> None:
    if depth > _DEEPEST:
        raise ValueError(f"key {_short(key)!r}: expected at most {_DEEPEST} levels of nesting")
    if isinstance(value, dict):
        for name, item in value.items():
            _confirm_text(name, key, _LONGEST_KEY)
            _confirm(item, f"{key}.{name}" if key else name, name, depth + 1, holes)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _confirm(item, f"{key}.{index}", last, depth + 1, holes)
    elif isinstance(value, str):
        _confirm_text(value, key, _LONGEST_NAME if last in _NAMES else _LONGEST_TEXT)
    elif isinstance(value, float) and not math.isfinite(value):
        if not holes:
            raise ValueError(f"key {_short(key)!r}: expected a finite number (got {value})")
    elif isinstance(value, (int, float)):
        largest = _LARGEST_NUMBER if isinstance(value, float) else _LARGEST_INTEGER
        if not -largest <= value <= largest:
            raise ValueError(f"key {_short(key)!r}: expected a number of at most {largest:.0e}")


def _confirm_text(text: str, key: str, longest: int) -> None:
    if len(text) > longest:
        raise ValueError(f"key {_short(key)!r}: expected a text of at most {longest:,} characters (got {len(text):,})")
    if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError(f"key {_short(key)!r}: holds an unpaired surrogate; expected text")


def _short(key: str) -> str:
    return key.encode("ascii", "backslashreplace").decode()[:120]


#: Keys of a record's config that tables compute with, with their types; for every task.
_COMPUTED = {"macs_limit": (int, float), "input_size": (int,), "parts": (int,), "limit": (int,)}


def confirm_config(config: Any) -> None:
    """Check that the config's values that tables compute with are numbers.

    Raises:
        ValueError: names the key.
    """
    for key, kinds in _COMPUTED.items():
        value = config.get(key) if isinstance(config, dict) else None
        if value is not None and type(value) not in kinds:
            raise ValueError(f"key 'config.{key}': expected a number or null (got {str(value)[:60]!r})")


def confirm_environment(environment: Any) -> None:
    """Check the number of processes, by which tables multiply costs.

    Raises:
        ValueError: names the key.
    """
    processes = environment.get("processes", 1) if isinstance(environment, dict) else 1
    if type(processes) is not int or processes < 1:
        raise ValueError(
            f"key 'environment.processes': expected a whole number, 1 or more (got {str(processes)[:60]!r})"
        )


def confirm_record(content: dict[str, Any]) -> None:
    """Check the content of a record, or some of its sections.

    Raises:
        ValueError: names the key.
    """
    confirm_bounded(content)
    confirm_config(content.get("config"))
    confirm_environment(content.get("environment"))
