"""Escape control characters in texts from files, so that none acts on a terminal or a page."""

from __future__ import annotations

import re

#: Control characters, and characters that change the direction of a text or break a line.
_ACTING = "\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff"
_UNSEEN = re.compile(f"[{_ACTING}\ud800-\udfff]")

#: First characters that make a spreadsheet read a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")

_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")


def visible(text: str) -> str:
    r"""Escape control characters, such as `\x1b`; tabs and line breaks stay."""
    return _UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def harmless_cell(text: str) -> str:
    """Escape a text for a cell of a CSV file: an apostrophe keeps a spreadsheet from reading a formula."""
    runs = text.lstrip(" ").startswith(_FORMULA) and not _NUMBER.fullmatch(text)
    return f"'{visible(text)}" if runs else visible(text)
