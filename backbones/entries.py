"""The genotypes that a text holds: each with the name or the epoch that it goes by, and the choice of one of them."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from backbones.errors import InputError
from backbones.literal import START, balanced

Value = TypeVar("Value")

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
#: `epoch 12`, `Epoch: [12]`, `epoch=012-050`, mmengine's `Epoch(train) [12][50/98]`.
_EPOCH = re.compile(r"\bepoch(?:\((?:train|val)\))?[\s:=#\[]{1,4}(\d{1,6})\b", re.IGNORECASE | re.ASCII)
_NAME = re.compile(r"([A-Za-z_]\w{0,79})\s*=\s*$", re.ASCII)
_ALIAS = re.compile(r"^([A-Za-z_]\w{0,79})[ \t]*=[ \t]*([A-Za-z_]\w{0,79})[ \t]*(?:#.*)?$", re.ASCII | re.MULTILINE)

#: A text with more that looks like a genotype and is none is no such file.
_MOST_UNREADABLE = 100

#: Names or epochs that a message lists.
_LISTED = 8

LAST = "last"


@dataclass(frozen=True)
class Entry(Generic[Value]):
    """One place of a text that holds a genotype.

    Attributes:
        value: the genotype, or why it cannot be read.
        name: what it is assigned to, `DARTS_V2` in `DARTS_V2 = Genotype(…)`.
        epoch: the last one that the text speaks of before it.
    """

    value: Value | InputError
    name: str | None
    epoch: int | None


def find_entries(text: str, where: str, build: Callable[[str], Value], python: bool = False) -> list[Entry[Value]]:
    """Every genotype of a text, in its order; those that are commented out only where there is no other.

    Args:
        build: makes a genotype of the text of one `Genotype(…)` or dict.
        python: whether the text is a Python file, in which a `#` begins a comment in the midst of a line, too.

    Raises:
        InputError: there is none.
    """
    text = _COLOUR.sub("", text)
    epochs = [(match.start(), int(match[1])) for match in _EPOCH.finditer(text)]
    places = [place for place, _ in epochs]
    entries: list[Entry[Value]] = []
    commented: list[Entry[Value]] = []
    # Most logs print the same genotype at every epoch: each text is parsed once.
    known: dict[str, Value | InputError] = {}
    unreadable = 0
    for start, call, out in _calls(text, where, python):
        value = call if isinstance(call, InputError) else known.get(call)
        if value is None:
            assert isinstance(call, str)
            try:
                value = build(call)
            except InputError as error:
                value = error
            known[call] = value
        unreadable += isinstance(value, InputError)
        if unreadable > _MOST_UNREADABLE:
            raise InputError(f"{where}: holds more than {_MOST_UNREADABLE} genotypes that cannot be read: {value}")
        name = _NAME.search(text, max(0, text.rfind("\n", 0, start)), start)
        before = bisect_right(places, start) - 1
        entry = Entry(value, name[1] if name else None, epochs[before][1] if before >= 0 else None)
        (commented if out else entries).append(entry)
    if not entries and not commented:
        raise InputError(f"{where}: holds no genotype; expected 'Genotype(normal=[…], …)' or JSON")
    return entries or commented


def _calls(text: str, where: str, python: bool) -> Iterator[tuple[int, str | InputError, bool]]:
    """Start, text (or what is wrong with it) and whether it is commented out, of everything like a genotype."""
    match = START.search(text)
    while match is not None:
        start = match.start()
        head = text[text.rfind("\n", 0, start) + 1 : start]
        out = head.lstrip().startswith("#") or (python and "#" in head)
        try:
            call: str | InputError = balanced(_uncommented(text, start) if out else text, 0 if out else start, where)
            length = match.end() - start if out else len(str(call))
        except InputError as error:
            call, length = error, match.end() - start
        yield start, call, out
        match = START.search(text, start + length)


def _uncommented(text: str, start: int) -> str:
    """The lines from `start` on that are comments, without their `#`."""
    first, *lines = text[start : start + 20_000].split("\n")
    kept = [first]
    for line in lines:
        if not line.lstrip().startswith("#"):
            break
        kept.append(line.lstrip().lstrip("#"))
    return "\n".join(kept)


def choose(entries: list[Entry[Value]], which: str | None, text: str, where: str) -> Value:
    """The genotype that is meant.

    Args:
        which: `last`, an epoch, or a name; where no epoch is known, a number counts the genotypes from 1. None takes
            the one that there is.
        text: the text, in which names may stand for others (`DARTS = DARTS_V2`).

    Raises:
        InputError: there are several, or none of these; lists their names or epochs. Or that one cannot be read.
    """
    if which is None:
        found = [entry for entry in entries if not isinstance(entry.value, InputError)] or entries[:1]
    elif which == LAST:
        found = entries[-1:]
    elif which.isascii() and which.isdecimal():
        number = int(which[:9])
        numbered = [entry for entry in entries if entry.epoch == number]
        known = any(entry.epoch is not None for entry in entries)
        found = numbered if known else entries[number - 1 : number] if number else []
    else:
        found = _named(entries, which, text)
    if not found:
        raise InputError(f"{where}: holds no genotype {which[:40]!r}; {_choices(entries)}" if which else where)
    values = {entry.value for entry in found}
    if len(values) > 1:
        of = "" if which is None else f" of {which[:40]!r}"
        raise InputError(
            f"{where}: holds {len(values)} different genotypes{of}; give the one that is meant: {_choices(entries)}"
        )
    value = values.pop()
    if isinstance(value, InputError):
        raise value
    return value


def _named(entries: list[Entry[Value]], name: str, text: str) -> list[Entry[Value]]:
    others = dict(_ALIAS.findall(text))
    # A name may stand for one that stands for another, though not in circles.
    for _ in range(len(others) + 1):
        found = [entry for entry in entries if entry.name == name]
        if found or name not in others:
            return found
        name = others[name]
    return []


def _choices(entries: list[Entry[Value]]) -> str:
    """What a message says of what there is to choose from."""
    sound = [entry for entry in entries if not isinstance(entry.value, InputError)]
    names = list(dict.fromkeys(entry.name for entry in sound if entry.name))
    epochs = list(dict.fromkeys(entry.epoch for entry in sound if entry.epoch is not None))
    if len(names) > 1:
        return f"FILE:NAME with one of {_listed(names)}"
    if len(epochs) > 1:
        return f"FILE@last, or FILE@EPOCH with one of {_listed([str(epoch) for epoch in epochs])}"
    return f"FILE@last, or FILE@1 to FILE@{len(entries)} in their order"


def _listed(names: list[str]) -> str:
    if len(names) <= _LISTED:
        return ", ".join(names)
    return f"{', '.join(names[: _LISTED - 1])} … {names[-1]} ({len(names)})"
