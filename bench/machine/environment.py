"""What a run ran with: versions, device, commit."""

from __future__ import annotations

import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

from search.training.memory import growth as growth
from search.training.memory import memory as memory
from search.training.memory import peak_memory as peak_memory
from search.training.memory import reset_peak_memory as reset_peak_memory

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
