"""What a run ran with: versions, device, commit."""

from __future__ import annotations

import platform
import resource
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

#: The packages whose versions can change a number.
PACKAGES = (
    "wildnas",
    "torch",
    "torchvision",
    "mmengine",
    "mmdet",
    "mmcv",
    "mmcv-lite",
    "faster-coco-eval",
    "pycocotools",
    "torchreid",
    "timm",
    "numpy",
)


_STATUS = Path("/proc/self/status")


def package_versions() -> dict[str, str]:
    """Versions of the installed packages out of `PACKAGES`; one that is not installed is left out."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def describe() -> dict[str, Any]:
    """Versions, device and git commit, ready for a record; no name of the machine."""
    import torch

    gpu = torch.cuda.is_available()
    return {
        "python": platform.python_version(),
        "packages": package_versions(),
        "system": f"{platform.system()} {platform.machine()}",
        "device": torch.cuda.get_device_name() if gpu else "cpu",
        "threads": torch.get_num_threads(),
        "git_commit": git_commit(),
    }


def device_name() -> str:
    """The GPU, or the CPU with the threads that torch has on it."""
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else f"CPU, {torch.get_num_threads()} threads"


def git_commit() -> str | None:
    """The commit of the checkout that this code runs from, with `-dirty` where files differ; None outside of one."""
    here = Path(__file__).resolve().parent
    # An environment inside somebody's checkout is not a checkout of wildnas.
    if _git("-C", str(here), "ls-files", "--error-unmatch", Path(__file__).name) is None:
        return None
    return _git("-C", str(here), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")


def _git(*arguments: str) -> str | None:
    """What git prints, or None where it fails or is not there."""
    try:
        answer = subprocess.run(["git", *arguments], capture_output=True, text=True, timeout=10, check=False)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None


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
