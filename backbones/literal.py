"""Parse `Genotype(normal=[…], …)` or `{'normal': […], …}` as Python syntax, without evaluating it."""

from __future__ import annotations

import ast
import re
import warnings
from typing import Any

from backbones.errors import InputError

#: The beginning of a genotype: the tuple that the papers' code prints, or a dict that begins with one of its fields.
START = re.compile(
    r"(?<![A-Za-z0-9_])Genotype\s*\(|\{\s*(['\"])(?:normal|reduce|recurrent)(?:_concat)?\1\s*:", re.ASCII
)

FIELDS = ("normal", "normal_concat", "reduce", "reduce_concat")
LONGEST_CALL = 20_000
_DEEPEST = 50
#: The largest bound of a `range`; no cell has more nodes.
_LAST_NODE = 100

#: Functions that may wrap a printed number or list, by the last part of their name: `np.int64(0)`, `list(…)`.
_AROUND = re.compile(r"u?int(8|16|32|64|_|c)?|float(16|32|64|_)?|str_?|list|tuple|array|asarray|tensor")


def balanced(text: str, start: int, where: str) -> str:
    """Cut the text from `start` to the bracket that closes its first bracket.

    Brackets in strings and in comments do not count.

    Raises:
        InputError: the bracket is not closed, or the text is too long or nested too deeply.
    """
    depth, quote, position = 0, "", start
    end = min(len(text), start + LONGEST_CALL)
    while position < end:
        character = text[position]
        if quote:
            position += character == "\\"
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character == "#":
            line = text.find("\n", position, end)
            position = end if line < 0 else line
        elif character in "([{":
            depth += 1
            if depth > _DEEPEST:
                raise InputError(f"{where}: nested too deeply for a genotype")
        elif character in ")]}":
            depth -= 1
            if depth <= 0:
                return text[start : position + 1]
        position += 1
    if len(text) - start > LONGEST_CALL:
        raise InputError(f"{where}: too long for a genotype; expected {LONGEST_CALL} characters at most")
    raise InputError(f"{where}: the genotype is cut off: a bracket is not closed")


def parse_call(call: str, where: str) -> dict[str, Any]:
    """Parse the arguments of `Genotype(…)`, or the items of a dict, each a literal or a `range(…)`.

    Raises:
        InputError: the text is not Python syntax, or holds anything but literals.
    """
    try:
        with warnings.catch_warnings():
            # Python warns of invalid escape sequences in pasted text.
            warnings.simplefilter("ignore")
            expression = ast.parse(call, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise InputError(f"{where}: not a genotype: {error}") from error
    if isinstance(expression, ast.Dict):
        content: dict[str, Any] = _value(expression, where)
        return content
    if not isinstance(expression, ast.Call) or len(expression.args) > len(FIELDS):
        raise InputError(f"{where}: expected Genotype(normal=…, normal_concat=…, reduce=…, reduce_concat=…)")
    content = {name: _value(value, f"{where}: {name}") for name, value in zip(FIELDS, expression.args, strict=False)}
    for keyword in expression.keywords:
        if keyword.arg is None or keyword.arg in content:
            name = repr(keyword.arg)[:40]
            raise InputError(f"{where}: keyword {name} cannot be used or appears twice")
        content[keyword.arg] = _value(keyword.value, f"{where}: {keyword.arg[:40]}")
    return content


def _value(node: ast.expr, where: str) -> Any:
    """The value of a literal; `balanced` limits the depth of the recursion."""
    if isinstance(node, ast.Constant) and (node.value is None or type(node.value) in (str, int, float, bool)):
        return node.value
    if isinstance(node, (ast.List, ast.Tuple)):
        return [_value(item, where) for item in node.elts]
    if isinstance(node, ast.Dict):
        keys = [key.value if isinstance(key, ast.Constant) else None for key in node.keys]
        if all(isinstance(key, str) for key in keys) and len(set(keys)) == len(keys):
            return {key: _value(item, where) for key, item in zip(keys, node.values, strict=True)}
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
        number = node.operand.value
        if type(number) in (int, float):
            return -number  # type: ignore[operator]
    if isinstance(node, ast.Call) and (name := _last_name(node.func)) is not None:
        if name == "range":
            return _range(node, where)
        if _AROUND.fullmatch(name) and len(node.args) == 1:
            # Keywords, such as a tensor's device, do not change the numbers.
            return _value(node.args[0], where)
    raise InputError(f"{where}: expected a literal list, not code")


def _last_name(function: ast.expr) -> str | None:
    """`int64` of `np.int64`, `numpy.int64` or `int64`."""
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        return function.attr
    return function.id if isinstance(function, ast.Name) else None


def _range(call: ast.Call, where: str) -> list[int]:
    bounds = [_value(argument, where) for argument in call.args]
    whole = all(type(bound) is int and abs(bound) <= _LAST_NODE for bound in bounds)
    if call.keywords or not whole or not 1 <= len(bounds) <= 3 or 0 in bounds[2:]:
        raise InputError(f"{where}: expected range(first, last + 1) of whole numbers within 2 to {_LAST_NODE}")
    return list(range(*bounds))
