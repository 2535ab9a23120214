"""say what this machine can run, and what is missing"""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    pass


def run(arguments: argparse.Namespace) -> int:
    import platform

    import torch

    from bench.embedded import digits_root
    from bench.environment import package_versions
    from search.configs import data_folder

    versions = package_versions()
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "none; everything runs on the CPU"
    data = Path(data_folder("WILDNAS_DATA"))
    made = "made" if digits_root().is_dir() else "made when first needed"
    rows = [
        ("Python", platform.python_version()),
        ("packages", ", ".join(f"{name} {version}" for name, version in versions.items())),
        ("threads", str(torch.get_num_threads())),
        ("GPU", device),
        ("search, classification", _needs(versions, "torch", "mmengine")),
        ("detection", _needs(versions, "mmdet")),
        ("NMS", "mmcv's, compiled" if _compiled_mmcv() else "torchvision's (mmcv-lite has none)"),
        ("OpenCV", _opencv()),
        ("re-identification", _needs(versions, "torchreid")),
        ("embedded digits", f"{digits_root()} ({made})"),
        ("data ($WILDNAS_DATA)", f"{data} ({_folders(data)})"),
    ]
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        print(f"{name:<{width}}  {value}")
    return 0


def _needs(versions: dict[str, str], *names: str) -> str:
    missing = [name for name in names if name not in versions]
    return f"not possible: pip install {' '.join(missing)}" if missing else "ready"


def _opencv() -> str:
    """Whether OpenCV loads: its ordinary build needs libGL and X11, which a server may lack."""
    try:
        import cv2
    except ImportError as error:
        return f"cannot be loaded ({error}): pip uninstall opencv-python, then pip install opencv-python-headless"
    return f"ready ({cv2.__version__})"


def _compiled_mmcv() -> bool:
    """Whether mmcv's compiled operations are installed, asked without importing mmcv."""
    package = importlib.util.find_spec("mmcv")
    folders = package.submodule_search_locations if package else None
    return any(list(Path(folder).glob("_ext*.so")) for folder in folders or ())


def _folders(data: Path) -> str:
    if not data.is_dir():
        return "no such folder: only the embedded digits can be used"
    return ", ".join(sorted(path.name for path in data.iterdir() if path.is_dir())) or "empty"
