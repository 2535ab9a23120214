"""Memory of a run: of the GPU where there is one, else of the process."""

from __future__ import annotations

import json
import resource
from pathlib import Path

from backbones.errors import InputError
from backbones.files import read_json, write_text

_STATUS = Path("/proc/self/status")


def memory() -> int:
    """The bytes that are in use: of the GPU where there is one, else by this process (0 where that is not known)."""
    import torch

    if torch.cuda.is_available():
        return int(torch.cuda.memory_allocated())
    if not _STATUS.is_file():
        return 0
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024


def peak_memory() -> int:
    """The peak memory in bytes since `reset_peak_memory`: of the GPU where there is one, else of this process."""
    import torch

    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    if _STATUS.is_file():
        line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    # macOS counts bytes, and cannot start anew.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def growth(before: int) -> int:
    """How far the peak since `reset_peak_memory` lies above what `memory` gave before; 0 where it has not grown."""
    return max(peak_memory() - before, 0)


def reset_peak_memory() -> None:
    """Start counting the peak anew."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    elif _STATUS.is_file():
        # Linux: 5 resets the high-water mark (proc(5)).
        Path("/proc/self/clear_refs").write_text("5")


def note_peak(file: Path) -> None:
    """Write the peak in bytes to a file, unless the file has a higher one from an interrupted run."""
    write_text(file, json.dumps(max(peak_memory(), noted_peak(file))))


def noted_peak(file: Path) -> int:
    """The peak in bytes that `note_peak` has written; 0 where there is no file.

    Raises:
        InputError: the file holds something else.
    """
    if not file.is_file():
        return 0
    peak = read_json(file)
    if type(peak) is not int or peak < 0:
        raise InputError(f"{file}: expected a number of bytes")
    return peak
