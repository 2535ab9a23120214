"""Versions, device and git commit of a run."""

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

#: Packages whose versions can change a result.
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
    """Versions of those of `PACKAGES` that are installed."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def describe() -> dict[str, Any]:
    """Versions, device and git commit for a record, without the machine's name."""
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
    """Name of the GPU, or the CPU with the number of torch's threads."""
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else f"CPU, {torch.get_num_threads()} threads"


def precise_device() -> str:
    """Name of the GPU, or the CPU's model with the number of torch's threads: what a time belongs to."""
    name = device_name()
    model = _cpu_model()
    return name.replace("CPU", model, 1) if name.startswith("CPU, ") and model else name


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    found = (line.partition(":")[2] for line in lines if line.startswith("model name"))
    return " ".join(next(found, platform.processor()).split())[:100]


def git_commit() -> str | None:
    """Commit of the checkout that this code runs from, with `-dirty` if files differ; None outside of a checkout."""
    here = Path(__file__).resolve().parent
    # A virtual environment can lie inside another project's checkout.
    if _git("-C", str(here), "ls-files", "--error-unmatch", Path(__file__).name) is None:
        return None
    return _git("-C", str(here), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")


def _git(*arguments: str) -> str | None:
    """Output of git, or None if it fails or is not installed."""
    try:
        answer = subprocess.run(["git", *arguments], capture_output=True, text=True, timeout=10, check=False)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None
