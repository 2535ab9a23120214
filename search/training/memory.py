"""Memory of a run: GPU memory if there is a GPU, else that of the process."""

from __future__ import annotations

import gc
import json
import resource
from pathlib import Path

from backbones.errors import InputError
from backbones.files import read_json, write_text

_STATUS = Path("/proc/self/status")


def memory() -> int:
    """The memory in use in bytes: of the GPU if there is one, else of this process (0 if unknown)."""
    import torch

    if torch.cuda.is_available():
        return int(torch.cuda.memory_allocated())
    if not _STATUS.is_file():
        return 0
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024


def peak_memory() -> int:
    """The peak memory in bytes since `reset_peak_memory`: of the GPU if there is one, else of this process."""
    import torch

    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    if _STATUS.is_file():
        line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    # macOS counts bytes, and cannot reset the peak.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def growth(before: int) -> int:
    """The peak since `reset_peak_memory` minus an earlier `memory()`, at least 0."""
    return max(peak_memory() - before, 0)


def reset_peak_memory() -> None:
    """Reset the peak memory."""
    import torch

    if torch.cuda.is_available():
        # The peak begins at what is in use, which must not be a finished run's: a Runner and its loop form a circle.
        gc.collect()
        torch.cuda.reset_peak_memory_stats()
    elif _STATUS.is_file():
        # Linux: 5 resets the high-water mark (proc(5)).
        Path("/proc/self/clear_refs").write_text("5")


def note_peak(file: Path) -> None:
    """Write the peak in bytes to a file, unless the file has a higher one of an interrupted run."""
    write_text(file, json.dumps(max(peak_memory(), noted_peak(file))))


def noted_peak(file: Path) -> int:
    """Read the peak in bytes that `note_peak` wrote; 0 without a file.

    Raises:
        InputError: the file holds something else.
    """
    if not file.is_file():
        return 0
    peak = read_json(file)
    if type(peak) is not int or peak < 0:
        raise InputError(f"{file}: expected a number of bytes")
    return peak
