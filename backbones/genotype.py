"""A genotype: the two cells, normal and reduction, that a DARTS-family search finds."""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from backbones.entries import LAST, choose, find_entries
from backbones.errors import InputError
from backbones.files import confirm_regular
from backbones.literal import FIELDS, START, parse_call
from backbones.spellings import as_darts_spells

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

_LONGEST_JSON = 20_000
#: A log of a search has some hundred kilobytes.
_LARGEST_FILE = 1 << 26
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
        # Lists and ranges, as the papers' code has them, become tuples: equal genotypes are equal and hash alike.
        for cell in ("normal", "reduce"):
            edges, concat = getattr(self, cell), getattr(self, f"{cell}_concat")
            object.__setattr__(self, cell, _edges(cell, edges))
            object.__setattr__(self, f"{cell}_concat", _nodes(f"{cell}_concat", concat))
            _check_cell(cell, getattr(self, cell), getattr(self, f"{cell}_concat"))

    @classmethod
    def parse(cls, text: str, where: str = "genotype") -> Genotype:
        """Read what people paste: `Genotype(normal=[('sep_conv_3x3', 1), …], normal_concat=range(2, 6), …)` or JSON.

        The literal may stand inside a log line, more than once, and be spelled as any program of the family does
        (`backbones.spellings`). It is parsed, never evaluated.

        Raises:
            InputError: the text holds no genotype, several or a malformed one; names `where` and what is wrong.
        """
        return cls._chosen(text, where, None, python=False)

    @classmethod
    def read(cls, file: str | Path, which: str | None = None) -> Genotype:
        """The genotype in a file: JSON, or a text such as a log or a `genotypes.py`, in UTF-8 or UTF-16.

        Args:
            which: of several, `last`, the epoch that a log prints it after, or its name in a `genotypes.py`.

        Raises:
            InputError: the file cannot be read, holds no genotype, several without `which`, or a malformed one. One
                that cannot be read among others is no harm, unless it is meant.
        """
        confirm_regular(Path(file), _LARGEST_FILE)
        try:
            text = _text(Path(file).read_bytes())
        except OSError as error:
            raise InputError(f"{file}: cannot be read as text: {error}") from error
        return cls._chosen(text, str(file), which, python=str(file).endswith(".py"))

    @classmethod
    def _chosen(cls, text: str, where: str, which: str | None, python: bool) -> Genotype:
        stripped = text.strip()
        if stripped.startswith("{"):
            try:
                content = json.loads(stripped) if len(stripped) <= _LONGEST_JSON else None
            # ValueError: also a number of more than 4,300 digits, which Python does not convert.
            except (ValueError, RecursionError) as error:
                if not START.match(stripped):
                    raise InputError(f"{where}: not a genotype as JSON: {error}") from error
                # A printed dict is no JSON.
                content = None
            if content is not None:
                if which not in (None, LAST):
                    raise InputError(f"{where}: holds one genotype as JSON; leave out {str(which)[:40]!r}")
                return cls.from_json(as_darts_spells(content, where), where)
            if len(stripped) > _LONGEST_JSON and not START.match(stripped):
                size = f"{len(stripped)} characters"
                raise InputError(f"{where}: {size} are too long for a genotype ({_LONGEST_JSON} at most)")

        def build(call: str) -> Genotype:
            return cls.from_json(as_darts_spells(parse_call(call, where), where), where)

        return choose(find_entries(stripped, where, build, python), which, stripped, where)

    @classmethod
    def from_json(cls, content: Any, where: str = "genotype") -> Genotype:
        """The genotype of `{"normal": [["sep_conv_3x3", 0], …], "normal_concat": [2, …], "reduce": …, …}`.

        An object that has this under the key `genotype` will do too, such as `wildnas zoo show --json` prints.
        """
        if isinstance(content, Mapping) and isinstance(content.get("genotype"), Mapping):
            content = content["genotype"]
        if not isinstance(content, Mapping):
            raise InputError(f"{where}: expected an object with the keys {', '.join(FIELDS)}")
        missing = [key for key in FIELDS if key not in content]
        unknown = [str(key) for key in content if key not in FIELDS]
        if missing or unknown:
            problem = f"key {missing[0]!r} is missing" if missing else f"unknown key {unknown[0][:40]!r}"
            raise InputError(f"{where}: {problem}; a genotype has {', '.join(FIELDS)}")
        try:
            return cls(**{key: content[key] for key in FIELDS})
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
        fields = ", ".join(f"{name}={list(getattr(self, name))}" for name in FIELDS)
        return f"Genotype({fields})"

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON, the same on every machine and in every version."""
        canonical = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def nodes(self) -> int:
        """The number of intermediate nodes of the normal cell (DARTS: 4)."""
        return self.nodes_of("normal")

    def nodes_of(self, cell: str) -> int:
        """The number of intermediate nodes of a cell."""
        return len(getattr(self, cell)) // 2

    def operation_counts(self, cell: str = "normal") -> dict[str, int]:
        """How often each operation stands in a cell."""
        return dict(Counter(operation for operation, _ in getattr(self, cell)))

    def edge_levels(self, cell: str = "normal") -> tuple[int, ...]:
        """How deep each edge of a cell lies, in the order of its entries (P-DARTS 5.2.1 and Fig. 3e).

        Edges from input 0 (c_{k-2}) are of level 1 and those from input 1 (c_{k-1}), which is one cell deeper, of level
        2; an edge from an intermediate node is one level deeper than the deepest edge into that node. The paper does
        not define the level; this reading gives its "7 over 8 of level 1 and level 2" for DARTS_V2's normal cell,
        which counting both inputs alike does not (8 of 8).
        """
        return self._edge_levels(cell, inputs=(0, 1))

    def longest_path(self, cell: str = "normal") -> int:
        """The number of operations on the longest way through a cell, from one of its inputs to a concatenated node.

        Both inputs count alike: what lies between them is another cell's.
        """
        levels = self._edge_levels(cell, inputs=(0, 0))
        return max(max(levels[2 * node - 4 : 2 * node - 2]) for node in getattr(self, f"{cell}_concat"))

    def _edge_levels(self, cell: str, inputs: tuple[int, int]) -> tuple[int, ...]:
        """One more than the level of the node that an edge reads; the levels of the cell's two inputs are given."""
        depth, levels = list(inputs), list[int]()
        edges: tuple[Edge, ...] = getattr(self, cell)
        for first in range(0, len(edges), 2):
            levels += [depth[source] + 1 for _, source in edges[first : first + 2]]
            depth.append(max(levels[-2:]))
        return tuple(levels)

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


def _text(raw: bytes) -> str:
    """The text of a file: UTF-8, or UTF-16 as PowerShell writes it; what is neither becomes a sign of its own.

    Genotypes are ASCII; beside them a log may hold anything.
    """
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return raw.decode("utf-16", "replace")
    if raw[:4:2] == b"\0\0" or raw[1:4:2] == b"\0\0":
        return raw.decode("utf-16-be" if raw[0] == 0 else "utf-16-le", "replace")
    return raw.decode("utf-8-sig", "replace")
