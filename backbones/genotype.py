"""A genotype: the two cells, normal and reduction, that a DARTS-family search finds."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

from backbones.entries import LAST, choose, find_entries
from backbones.errors import InputError
from backbones.files import confirm_regular
from backbones.literal import FIELDS, START, parse_call
from backbones.spellings import as_darts_spells

#: The operations that a genotype may name. They are listed here, not in `backbones.operations`, which needs torch.
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
    "noise",
)

#: The eight candidates of the search space in DARTS order (PC-DARTS 4.1; P-DARTS 5.1.1 "identical to DARTS").
SEARCH_OPERATIONS = tuple(name for name in OPERATIONS if name not in ("sep_conv_7x7", "conv_7x1_1x7", "noise"))

#: One entry of a cell: the operation, and the index of the node that it reads (0 and 1 are the cell's inputs).
Edge = tuple[str, int]

_LONGEST_JSON = 20_000
#: In bytes; the log of a search has a few hundred kilobytes.
_LARGEST_FILE = 1 << 26
_MOST_NODES = 32


@dataclass(frozen=True)
class Genotype:
    """The normal and the reduction cell, each as its edges and the nodes that it concatenates.

    Entries `2 * k` and `2 * k + 1` of a cell lead into intermediate node `k + 2`. Their order is kept as given: it does
    not change the network, but weights of the original code are numbered by it.
    """

    normal: tuple[Edge, ...]
    normal_concat: tuple[int, ...]
    reduce: tuple[Edge, ...]
    reduce_concat: tuple[int, ...]

    def __post_init__(self) -> None:
        # Lists and ranges, as in the papers' code, become tuples, so that genotypes compare and hash by content.
        for cell in ("normal", "reduce"):
            edges, concat = getattr(self, cell), getattr(self, f"{cell}_concat")
            object.__setattr__(self, cell, _edges(cell, edges))
            object.__setattr__(self, f"{cell}_concat", _nodes(f"{cell}_concat", concat))
            _check_cell(cell, getattr(self, cell), getattr(self, f"{cell}_concat"))

    @classmethod
    def parse(cls, text: str, where: str = "genotype") -> Genotype:
        """Parse `Genotype(normal=[('sep_conv_3x3', 1), …], normal_concat=range(2, 6), …)` or JSON.

        The literal may be part of a log, appear more than once, and follow any spelling in `backbones.spellings`. It
        is never evaluated.

        Raises:
            InputError: the text holds no genotype, several different ones or a malformed one; names `where`.
        """
        return cls._chosen(text, where, None, python=False)

    @classmethod
    def read(cls, file: str | Path, which: str | None = None) -> Genotype:
        """Read a genotype from a file: JSON, or a text such as a log or a `genotypes.py`, in UTF-8 or UTF-16.

        Args:
            which: the choice among several: `last`, the epoch of a log, or the name in a `genotypes.py`.

        Raises:
            InputError: the file cannot be read, holds no genotype, or several without `which`; or the chosen one is
                malformed.
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
        """Build a genotype from `{"normal": [["sep_conv_3x3", 0], …], "normal_concat": [2, …], "reduce": …, …}`.

        The object may also hold this under the key `genotype`, as `wildnas zoo show --json` prints it.
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
        """Draw a genotype uniformly from the DARTS space."""
        return cls.drawn(Random(seed), nodes)

    @classmethod
    def drawn(cls, draw: Random, nodes: int = 4, operations: Sequence[str] = SEARCH_OPERATIONS) -> Genotype:
        """Draw a genotype uniformly: two different inputs a node, and any of the operations but `none` on each."""
        choices = [name for name in operations if name != "none"]

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
        """Count the edges of a cell by operation."""
        return dict(Counter(operation for operation, _ in getattr(self, cell)))

    def edge_levels(self, cell: str = "normal") -> tuple[int, ...]:
        """The level of each edge of a cell, in the order of its entries (P-DARTS 5.2.1 and Fig. 3e).

        Edges from input 0 (c_{k-2}) have level 1. Edges from input 1 (c_{k-1}), which is one cell deeper, have level 2.
        An edge from an intermediate node is one level deeper than the deepest edge into that node. The paper does not
        define the level. This reading gives its "7 over 8 of level 1 and level 2" for DARTS_V2's normal cell; counting
        both inputs alike would give 8 of 8.
        """
        return self._edge_levels(cell, inputs=(0, 1))

    def longest_path(self, cell: str = "normal") -> int:
        """The number of operations on the longest path of a cell, from either input to a concatenated node."""
        levels = self._edge_levels(cell, inputs=(0, 0))
        return max(max(levels[2 * node - 4 : 2 * node - 2]) for node in getattr(self, f"{cell}_concat"))

    def _edge_levels(self, cell: str, inputs: tuple[int, int]) -> tuple[int, ...]:
        """The level of each edge, one more than that of its source; `inputs` has the levels of the cell's inputs."""
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
    for index, (operation, source) in enumerate(edges):
        node = index // 2 + 2
        if operation not in OPERATIONS:
            raise InputError(f"{name}[{index}]: unknown operation {operation[:40]!r}; known: {', '.join(OPERATIONS)}")
        if not 0 <= source < node:
            raise InputError(f"{name}[{index}]: node {node} cannot read node {source}; it can read 0 to {node - 1}")
    if not concat:
        raise InputError(f"{name}_concat: no node to concatenate")
    for index, node in enumerate(concat):
        if not 2 <= node < nodes + 2:
            raise InputError(f"{name}_concat[{index}]: node {node}: expected an intermediate node, 2 to {nodes + 1}")
    if len(set(concat)) != len(concat):
        raise InputError(f"{name}_concat: a node appears twice")


def _edges(name: str, content: Any) -> tuple[Edge, ...]:
    if not isinstance(content, (list, tuple)):
        raise InputError(f"{name}: expected a list of (operation, node) pairs")
    edges = []
    for index, entry in enumerate(content):
        if not (isinstance(entry, (list, tuple)) and len(entry) == 2):
            raise InputError(f"{name}[{index}]: expected an (operation, node) pair")
        operation, source = entry
        if not isinstance(operation, str):
            raise InputError(f"{name}[{index}]: expected the name of an operation, such as 'sep_conv_3x3'")
        if not _is_small(source):
            raise InputError(f"{name}[{index}]: expected a small whole number as the node")
        edges.append((operation, source))
    return tuple(edges)


def _nodes(name: str, content: Any) -> tuple[int, ...]:
    if not isinstance(content, (list, tuple, range)):
        raise InputError(f"{name}: expected a list of nodes or range(first, last + 1)")
    for index, node in enumerate(content):
        if not _is_small(node):
            raise InputError(f"{name}[{index}]: expected a small whole number")
    return tuple(content)


def _is_small(value: Any) -> bool:
    # Python refuses to print a number of thousands of digits in a message.
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10_000


def _text(raw: bytes) -> str:
    """Decode UTF-8, or UTF-16 as PowerShell writes it; invalid bytes are replaced.

    Genotypes are ASCII, but a log may hold any other bytes.
    """
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return raw.decode("utf-16", "replace")
    if raw[:4:2] == b"\0\0" or raw[1:4:2] == b"\0\0":
        return raw.decode("utf-16-be" if raw[0] == 0 else "utf-16-le", "replace")
    return raw.decode("utf-8-sig", "replace")
