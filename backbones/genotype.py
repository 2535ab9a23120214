"""A genotype: the two cells, normal and reduction, that a DARTS-family search finds."""

from __future__ import annotations

import ast
import hashlib
import json
import random
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from backbones.errors import InputError

#: The operations that a genotype may name; `backbones.operations` builds them. Kept here: reading needs no torch.
OPERATIONS = (
    "none",
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "sep_conv_7x7",
    "dil_conv_3x3",
    "dil_conv_5x5",
    "conv_7x1_1x7",
)

#: One entry of a cell: the operation and the index of the node it reads (0 and 1 are the cell's inputs).
Edge = tuple[str, int]

_FIELDS = ("normal", "normal_concat", "reduce", "reduce_concat")
_LONGEST_TEXT = 20_000
_MOST_NODES = 32


@dataclass(frozen=True)
class Genotype:
    """Two cells, each a sequence of edges, two into every intermediate node in order, and the nodes it concatenates.

    Entries `2 * k` and `2 * k + 1` of a cell lead into intermediate node `k + 2`. The order of these two is kept as
    given: it does not change the network, but weights of the original code are numbered by it.
    """

    normal: tuple[Edge, ...]
    normal_concat: tuple[int, ...]
    reduce: tuple[Edge, ...]
    reduce_concat: tuple[int, ...]

    def __post_init__(self) -> None:
        for cell in ("normal", "reduce"):
            _check_cell(cell, getattr(self, cell), getattr(self, f"{cell}_concat"))

    @classmethod
    def parse(cls, text: str, where: str = "genotype") -> Genotype:
        """Read what people paste: `Genotype(normal=[('sep_conv_3x3', 1), …], normal_concat=range(2, 6), …)` or JSON.

        The text may stand inside a log line. It is parsed, never evaluated.

        Raises:
            InputError: the text holds no genotype, or a malformed one; names `where` and what is wrong.
        """
        if len(text) > _LONGEST_TEXT:
            raise InputError(f"{where}: {len(text)} characters are too long for a genotype ({_LONGEST_TEXT} at most)")
        stripped = text.strip()
        if stripped.startswith("{"):
            try:
                content = json.loads(stripped)
            # ValueError: also a number of more than 4,300 digits, which Python does not convert.
            except (ValueError, RecursionError) as error:
                raise InputError(f"{where}: not a genotype as JSON: {error}") from error
            return cls.from_json(content, where)
        return cls.from_json(_read_call(stripped, where), where)

    @classmethod
    def from_json(cls, content: Any, where: str = "genotype") -> Genotype:
        """The genotype of `{"normal": [["sep_conv_3x3", 0], …], "normal_concat": [2, …], "reduce": …, …}`."""
        if not isinstance(content, Mapping):
            raise InputError(f"{where}: expected an object with the keys {', '.join(_FIELDS)}")
        missing = [key for key in _FIELDS if key not in content]
        unknown = [str(key) for key in content if key not in _FIELDS]
        if missing or unknown:
            problem = f"key {missing[0]!r} is missing" if missing else f"unknown key {unknown[0][:40]!r}"
            raise InputError(f"{where}: {problem}; a genotype has {', '.join(_FIELDS)}")
        try:
            return cls(
                normal=_edges("normal", content["normal"]),
                normal_concat=_nodes("normal_concat", content["normal_concat"]),
                reduce=_edges("reduce", content["reduce"]),
                reduce_concat=_nodes("reduce_concat", content["reduce_concat"]),
            )
        except InputError as error:
            raise InputError(f"{where}: {error}") from None

    @classmethod
    def random(cls, seed: int, nodes: int = 4) -> Genotype:
        """A genotype drawn uniformly from the DARTS space: two different inputs a node, any operation but `none`."""
        draw = random.Random(seed)
        choices = [name for name in OPERATIONS if name not in ("none", "sep_conv_7x7", "conv_7x1_1x7")]

        def cell() -> tuple[Edge, ...]:
            inputs = (sorted(draw.sample(range(node), 2)) for node in range(2, nodes + 2))
            return tuple((draw.choice(choices), source) for pair in inputs for source in pair)

        concat = tuple(range(2, nodes + 2))
        return cls(normal=cell(), normal_concat=concat, reduce=cell(), reduce_concat=concat)

    def to_json(self) -> dict[str, Any]:
        return {
            "normal": [list(edge) for edge in self.normal],
            "normal_concat": list(self.normal_concat),
            "reduce": [list(edge) for edge in self.reduce],
            "reduce_concat": list(self.reduce_concat),
        }

    def __str__(self) -> str:
        fields = ", ".join(f"{name}={list(getattr(self, name))}" for name in _FIELDS)
        return f"Genotype({fields})"

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON, the same on every machine and in every version."""
        canonical = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def nodes(self) -> int:
        """The number of intermediate nodes of the normal cell (DARTS: 4)."""
        return len(self.normal) // 2

    def operation_counts(self, cell: str = "normal") -> dict[str, int]:
        """How often each operation stands in a cell."""
        return dict(Counter(operation for operation, _ in getattr(self, cell)))

    @property
    def skip_count(self) -> int:
        """The number of skip connections in the normal cell, which P-DARTS restricts (4.3.2)."""
        return self.operation_counts("normal").get("skip_connect", 0)


def _check_cell(name: str, edges: Sequence[Edge], concat: Sequence[int]) -> None:
    if not edges or len(edges) % 2:
        raise InputError(
            f"{name}: {len(edges)} edges; every intermediate node takes two, so the count is even and not 0"
        )
    nodes = len(edges) // 2
    if nodes > _MOST_NODES:
        raise InputError(f"{name}: {nodes} intermediate nodes; {_MOST_NODES} at most")
    for place, (operation, source) in enumerate(edges):
        node = place // 2 + 2
        if operation not in OPERATIONS:
            raise InputError(f"{name}[{place}]: unknown operation {operation[:40]!r}; known: {', '.join(OPERATIONS)}")
        if not 0 <= source < node:
            raise InputError(f"{name}[{place}]: node {node} cannot read node {source}; it can read 0 to {node - 1}")
    if not concat:
        raise InputError(f"{name}_concat: no node to concatenate")
    for place, node in enumerate(concat):
        if not 2 <= node < nodes + 2:
            raise InputError(f"{name}_concat[{place}]: node {node} is none of the intermediate nodes 2 to {nodes + 1}")
    if len(set(concat)) != len(concat):
        raise InputError(f"{name}_concat: a node stands in it twice")


def _edges(name: str, content: Any) -> tuple[Edge, ...]:
    if not isinstance(content, (list, tuple)):
        raise InputError(f"{name}: expected a list of (operation, node) pairs")
    edges = []
    for place, entry in enumerate(content):
        if not (isinstance(entry, (list, tuple)) and len(entry) == 2):
            raise InputError(f"{name}[{place}]: expected an (operation, node) pair")
        operation, source = entry
        if not isinstance(operation, str):
            raise InputError(f"{name}[{place}]: the operation is a name, such as 'sep_conv_3x3'")
        if not _is_small(source):
            raise InputError(f"{name}[{place}]: the node is a small whole number")
        edges.append((operation, source))
    return tuple(edges)


def _nodes(name: str, content: Any) -> tuple[int, ...]:
    if not isinstance(content, (list, tuple, range)):
        raise InputError(f"{name}: expected a list of nodes or range(first, last + 1)")
    for place, node in enumerate(content):
        if not _is_small(node):
            raise InputError(f"{name}[{place}]: expected a small whole number")
    return tuple(content)


def _is_small(value: Any) -> bool:
    # A number of thousands of digits could not even be named in a message.
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10_000


def _read_call(text: str, where: str) -> dict[str, Any]:
    """The keyword arguments of the first `Genotype(…)` in a text, every value a literal or a `range(…)`."""
    start = text.find("Genotype(")
    if start < 0:
        raise InputError(f"{where}: holds no genotype; expected 'Genotype(normal=[…], …)' or JSON")
    call = _balanced(text[start:], where)
    try:
        with warnings.catch_warnings():
            # Such as of an invalid escape sequence in what someone pasted.
            warnings.simplefilter("ignore")
            expression = ast.parse(call, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise InputError(f"{where}: not a genotype: {error}") from error
    if not isinstance(expression, ast.Call) or expression.args:
        raise InputError(f"{where}: expected Genotype(normal=…, normal_concat=…, reduce=…, reduce_concat=…)")
    content: dict[str, Any] = {}
    for keyword in expression.keywords:
        if keyword.arg is None or keyword.arg in content:
            name = repr(keyword.arg)[:40]
            raise InputError(f"{where}: keyword {name} cannot be used or stands twice")
        content[keyword.arg] = _literal(keyword.value, f"{where}: {keyword.arg[:40]}")
    return content


def _balanced(text: str, where: str) -> str:
    """The text up to the parenthesis that closes its first one, so that a log line may go on behind it."""
    depth = 0
    for place, character in enumerate(text):
        depth += (character in "([{") - (character in ")]}")
        if depth > 50:
            raise InputError(f"{where}: nested too deeply for a genotype")
        if depth == 0 and character in ")]}":
            return text[: place + 1]
    raise InputError(f"{where}: the genotype is cut off: a parenthesis is not closed")


def _literal(value: ast.expr, where: str) -> Any:
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "range":
        try:
            bounds = [ast.literal_eval(argument) for argument in value.args]
        except (ValueError, TypeError, RecursionError, MemoryError) as error:
            raise InputError(f"{where}: range() takes whole numbers") from error
        whole = all(isinstance(bound, int) and abs(bound) <= _MOST_NODES + 2 for bound in bounds)
        if value.keywords or not whole or not 1 <= len(bounds) <= 2:
            raise InputError(f"{where}: expected range(first, last + 1) within 2 to {_MOST_NODES + 2}")
        return list(range(*bounds))
    try:
        return ast.literal_eval(value)
    except (ValueError, TypeError, RecursionError, MemoryError) as error:
        raise InputError(f"{where}: expected a literal list, not code") from error
