"""What a run ran with: versions, device, commit."""

from __future__ import annotations

import platform
import resource
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

#: The packages whose versions can change a number.
PACKAGES = ("torch", "torchvision", "mmengine", "mmdet", "mmcv", "mmcv-lite", "torchreid", "numpy")


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


def git_commit() -> str | None:
    """The commit of the checkout that this code runs from, with `-dirty` where files differ; None outside of one."""
    here = Path(__file__).resolve().parent
    command = ["git", "-C", str(here), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None


def peak_memory() -> int:
    """The peak memory in bytes: of the GPU where there is one, else of this process so far."""
    import torch

    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts kilobytes, macOS bytes.
    return peak if sys.platform == "darwin" else peak * 1024


def reset_peak_memory() -> None:
    """Start counting anew where that is possible (on a GPU)."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
