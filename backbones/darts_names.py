"""Translate names of weights of the original DARTS, PC-DARTS and P-DARTS code to the names used here.

The modules are the same in both; the names differ at the edges of a cell: `cells.3._ops.2.op.1.weight` there is
`cells.3.operations.2.op.1.weight` here, and `conv_7x1_1x7` is a bare sequence there (`cells.3._ops.2.1.weight`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

_EDGE = re.compile(r"^(cells\.\d+)\._ops\.(\d+)\.(\d+\.)?")
#: BatchNorm's counter of batches, the only entry that is no floating-point number.
COUNTER = ".num_batches_tracked"


def renamed(state: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the entries of a state dict to this project's names; names that are already so are kept.

    BatchNorm's counters, which PyTorch has since 0.4.1, are not in the authors' older files: where a file has none at
    all they are 0. No running average depends on them (its momentum is fixed).
    """
    ours = {_EDGE.sub(_edge, name): value for name, value in state.items()}
    if not any(name.endswith(COUNTER) for name in ours):
        ours |= {name: torch.zeros_like(value) for name, value in wanted.items() if name.endswith(COUNTER)}
    return ours


def _edge(match: re.Match[str]) -> str:
    cell, index, bare = match.groups()
    return f"{cell}.operations.{index}." + (f"op.{bare}" if bare else "")
