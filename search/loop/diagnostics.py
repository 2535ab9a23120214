"""Diagnostics of a finished search's stages (P-DARTS 4.3.2, 5.2.1 and 5.2.2)."""

from __future__ import annotations

import gc
import json
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from mmengine.hooks import Hook
from mmengine.runner import Runner

from backbones.errors import InputError
from backbones.files import write_text
from search.derive import Architecture, derive, read_architecture
from search.training.memory import note_peak, noted_peak, reset_peak_memory
from search.training.parallel import is_main

#: The file of the diagnostics, in the search's folder.
DIAGNOSTICS = "diagnostics.json"

#: The file of the peak memory in bytes: in a stage's folder of that stage, in the search's folder between stages.
PEAK_MEMORY = "peak_memory.json"


def save_diagnostics(work_dir: Path, stages: int) -> None:
    """Write `diagnostics.json` from the results of the stages.

    `{"connection_levels": [[2, 5, 1, 0, 0], …], "kept_operations": {"normal": [5, 7], "reduce": [6, 6]},
    "stage_peak_memory": [9800000000, …]}`: see `connection_levels` (of each stage's genotype, null if none can be
    derived), `kept_operations` (from each stage to the next) and `PeakMemoryHook` (of each stage).

    Raises:
        InputError: a stage's file is missing or damaged.
    """
    folders = [work_dir / f"stage{index}" for index in range(1, stages + 1)]
    learned = [read_architecture(folder / "architecture.json") for folder in folders]
    content = {
        "connection_levels": [connection_levels(architecture) for architecture in learned],
        "kept_operations": {
            cell: [kept_operations(*pair, cell) for pair in pairwise(learned)] for cell in ("normal", "reduce")
        },
        "stage_peak_memory": [noted_peak(folder / PEAK_MEMORY) for folder in folders],
    }
    write_text(work_dir / DIAGNOSTICS, json.dumps(content, indent=1) + "\n")


def connection_levels(architecture: Architecture) -> list[int] | None:
    """Count the edges of the genotype's normal cell by level 1, 2, … (P-DARTS 5.2.1, Fig. 3 (e)).

    A cell of n nodes has levels up to n + 1 (`Genotype.edge_levels`). None if no genotype can be derived.
    """
    try:
        levels = Counter(derive(architecture).edge_levels("normal"))
    except InputError:
        return None
    return [levels[level] for level in range(1, architecture.nodes + 2)]


def kept_operations(before: Architecture, after: Architecture, cell: str) -> int:
    """Count the edges of a cell whose candidate of the largest α is the same in two stages (P-DARTS, footnote 1).

    `none` counts like any other candidate, since the paper speaks of "most significant operations".
    """
    return sum(one == other for one, other in zip(_largest(before, cell), _largest(after, cell), strict=True))


def _largest(architecture: Architecture, cell: str) -> Sequence[str]:
    rows = zip(getattr(architecture, f"alpha_{cell}"), getattr(architecture, f"operations_{cell}"), strict=True)
    return [names[max(range(len(names)), key=lambda index: (row[index], -index))] for row, names in rows]


class PeakMemoryHook(Hook):
    """Record the peak memory of a stage, including interrupted tries (P-DARTS 5.2.2, Table 2).

    With several processes, it is that of the first one's device.

    Args:
        folder: of the stage, in the search's folder.
    """

    def __init__(self, folder: Path) -> None:
        self.file = folder / PEAK_MEMORY
        if is_main():
            note_peak(folder.parent / PEAK_MEMORY)
        # The Runner of the stage before is a reference cycle that keeps its supernet alive.
        gc.collect()
        reset_peak_memory()

    def after_train_epoch(self, runner: Runner) -> None:
        self.note()

    def note(self) -> None:
        if is_main():
            note_peak(self.file)


def peak_of_search(work_dir: Path, stages: int) -> int:
    """The peak memory of a search so far in bytes, including interrupted tries and finished stages."""
    folders = [work_dir, *(work_dir / f"stage{index}" for index in range(1, stages + 1))]
    return max(noted_peak(folder / PEAK_MEMORY) for folder in folders)
