"""Find the genotypes in a text, each with its name or epoch, and choose one of them."""

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

#: A text with more malformed genotypes than this is refused.
_MOST_UNREADABLE = 100

#: The most names or epochs that a message lists.
_LISTED = 8

LAST = "last"


@dataclass(frozen=True)
class TextEntry(Generic[Value]):
    """A genotype in a text.

    Attributes:
        value: the genotype, or why it cannot be read.
        name: the variable that it is assigned to, `DARTS_V2` in `DARTS_V2 = Genotype(…)`.
        epoch: the last epoch that the text names before it.
    """

    value: Value | InputError
    name: str | None
    epoch: int | None


def find_entries(text: str, where: str, build: Callable[[str], Value], python: bool = False) -> list[TextEntry[Value]]:
    """Find every genotype in a text, in order; commented ones only if there is no other.

    Args:
        build: makes a genotype from the text of one `Genotype(…)` or dict.
        python: whether the text is Python, where a `#` in the middle of a line begins a comment, too.

    Raises:
        InputError: the text holds no genotype.
    """
    text = _COLOUR.sub("", text)
    epochs = [(match.start(), int(match[1])) for match in _EPOCH.finditer(text)]
    offsets = [offset for offset, _ in epochs]
    entries: list[TextEntry[Value]] = []
    commented: list[TextEntry[Value]] = []
    # Each text is parsed once, since most logs print the same genotype at every epoch.
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
        before = bisect_right(offsets, start) - 1
        entry = TextEntry(value, name[1] if name else None, epochs[before][1] if before >= 0 else None)
        (commented if out else entries).append(entry)
    if not entries and not commented:
        raise InputError(f"{where}: holds no genotype; expected 'Genotype(normal=[…], …)' or JSON")
    return entries or commented


def _calls(text: str, where: str, python: bool) -> Iterator[tuple[int, str | InputError, bool]]:
    """Give start, text (or error) and whether it is commented out, for everything that looks like a genotype."""
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
    """The comment lines from `start` on, without their `#`."""
    first, *lines = text[start : start + 20_000].split("\n")
    kept = [first]
    for line in lines:
        if not line.lstrip().startswith("#"):
            break
        kept.append(line.lstrip().lstrip("#"))
    return "\n".join(kept)


def choose(entries: list[TextEntry[Value]], which: str | None, text: str, where: str) -> Value:
    """Choose one of the genotypes.

    Args:
        which: `last`, an epoch, or a name. Where no epoch is known, a number counts the genotypes from 1. None takes
            the only one.
        text: the text, which may hold aliases (`DARTS = DARTS_V2`).

    Raises:
        InputError: several genotypes match, or none (the message lists names or epochs); or the one cannot be read.
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
        raise InputError(f"{where}: holds {len(values)} different genotypes{of}; choose one: {_choices(entries)}")
    value = values.pop()
    if isinstance(value, InputError):
        raise value
    return value


def _named(entries: list[TextEntry[Value]], name: str, text: str) -> list[TextEntry[Value]]:
    others = dict(_ALIAS.findall(text))
    # An alias may name another alias; the count of steps ends a circle.
    for _ in range(len(others) + 1):
        found = [entry for entry in entries if entry.name == name]
        if found or name not in others:
            return found
        name = others[name]
    return []


def _choices(entries: list[TextEntry[Value]]) -> str:
    """Describe for a message how to choose a genotype."""
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
