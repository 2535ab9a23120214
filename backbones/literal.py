"""`Genotype(normal=[…], …)` in a text such as a log line: parsed as Python's syntax, never evaluated."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from typing import Any

from backbones.errors import InputError

_START = re.compile(r"(?<![A-Za-z0-9_])Genotype\s*\(")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_FIELDS = ("normal", "normal_concat", "reduce", "reduce_concat")
_LONGEST_CALL = 20_000
_DEEPEST = 50
#: No cell has so many nodes that a `range` in it would go further.
_LAST_NODE = 100


def read_calls(text: str, where: str) -> Iterator[dict[str, Any]]:
    """The keyword arguments of every `Genotype(…)` in a text, each value a literal or a `range(…)`.

    Raises:
        InputError: there is none, or one is cut off, too long, nested too deeply, or holds anything but literals.
    """
    text = _COLOUR.sub("", text)
    match = _START.search(text)
    if match is None:
        raise InputError(f"{where}: holds no genotype; expected 'Genotype(normal=[…], …)' or JSON")
    # Most logs print the same genotype at every epoch: each text is parsed once.
    seen = set[str]()
    while match is not None:
        call = _balanced(text, match.start(), where)
        if call not in seen:
            seen.add(call)
            yield _arguments(call, where)
        match = _START.search(text, match.start() + len(call))


def _balanced(text: str, start: int, where: str) -> str:
    """The text up to the parenthesis that closes its first one, so that a log line may go on behind it."""
    depth = 0
    for place in range(start, min(len(text), start + _LONGEST_CALL)):
        character = text[place]
        depth += (character in "([{") - (character in ")]}")
        if depth > _DEEPEST:
            raise InputError(f"{where}: nested too deeply for a genotype")
        if depth == 0 and character in ")]}":
            return text[start : place + 1]
    if len(text) - start > _LONGEST_CALL:
        raise InputError(f"{where}: more than {_LONGEST_CALL} characters are too long for a genotype")
    raise InputError(f"{where}: the genotype is cut off: a parenthesis is not closed")


def _arguments(call: str, where: str) -> dict[str, Any]:
    try:
        with warnings.catch_warnings():
            # Such as of an invalid escape sequence in what someone pasted.
            warnings.simplefilter("ignore")
            expression = ast.parse(call, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise InputError(f"{where}: not a genotype: {error}") from error
    if not isinstance(expression, ast.Call) or len(expression.args) > len(_FIELDS):
        raise InputError(f"{where}: expected Genotype(normal=…, normal_concat=…, reduce=…, reduce_concat=…)")
    content = {name: _literal(value, f"{where}: {name}") for name, value in zip(_FIELDS, expression.args, strict=False)}
    for keyword in expression.keywords:
        if keyword.arg is None or keyword.arg in content:
            name = repr(keyword.arg)[:40]
            raise InputError(f"{where}: keyword {name} cannot be used or stands twice")
        content[keyword.arg] = _literal(keyword.value, f"{where}: {keyword.arg[:40]}")
    return content


def _literal(value: ast.expr, where: str) -> Any:
    named = value.func.id if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) else None
    if isinstance(value, ast.Call) and named in ("list", "tuple") and len(value.args) == 1 and not value.keywords:
        return _literal(value.args[0], where)
    if isinstance(value, ast.Call) and named == "range":
        try:
            bounds = [ast.literal_eval(argument) for argument in value.args]
        except (ValueError, TypeError, RecursionError, MemoryError) as error:
            raise InputError(f"{where}: range() takes whole numbers") from error
        whole = all(isinstance(bound, int) and abs(bound) <= _LAST_NODE for bound in bounds)
        if value.keywords or not whole or not 1 <= len(bounds) <= 3 or 0 in bounds[2:]:
            raise InputError(f"{where}: expected range(first, last + 1) within 2 to {_LAST_NODE}")
        return list(range(*bounds))
    try:
        return ast.literal_eval(value)
    except (ValueError, TypeError, RecursionError, MemoryError) as error:
        raise InputError(f"{where}: expected a literal list, not code") from error
