"""Report what this machine can run, and what is missing."""

from __future__ import annotations

from pathlib import Path


def describe_machine() -> list[tuple[str, str]]:
    """List what is installed and ready, as names and texts."""
    import platform

    import torch

    from bench.digits.recipe import digits_root
    from bench.machine.environment import package_versions
    from search.configs import data_folder

    versions = package_versions()
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "none; everything runs on the CPU"
    data = Path(data_folder("WILDNAS_DATA"))
    made = "made" if digits_root().is_dir() else "made when first needed"
    return [
        ("Python", platform.python_version()),
        ("packages", ", ".join(f"{name} {version}" for name, version in versions.items())),
        ("threads", str(torch.get_num_threads())),
        ("GPU", device),
        ("search, classification", _needs(versions, "torch", "mmengine")),
        ("detection", _needs(versions, "mmdet")),
        *_compiled_operations(versions),
        ("COCO metrics", _coco_metrics()),
        ("OpenCV", _opencv()),
        ("re-identification", _needs(versions, "torchreid")),
        ("embedded digits", f"{digits_root()} ({made})"),
        ("data ($WILDNAS_DATA)", f"{data} ({_folders(data)})"),
    ]


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


def _compiled_operations(versions: dict[str, str]) -> list[tuple[str, str]]:
    """Name the mmcv that detection uses, and the NMS."""
    from backbones.errors import InputError
    from bench.detection.mmcv_ext import provide_mmcv_ext

    installed = " and ".join(f"{name} {versions[name]}" for name in ("mmcv", "mmcv-lite") if name in versions)
    if not installed:
        return [("mmcv", "not installed: pip install mmcv-lite")]
    try:
        stand_in = provide_mmcv_ext()
    except (InputError, ImportError) as error:
        # An ImportError is OpenCV's, which mmcv imports; its row says more.
        return [("mmcv", f"{installed}: {error}")]
    if stand_in:
        others = "SSD and RetinaNet run; a detector that needs another compiled operation says which"
        return [("mmcv", f"{installed}, without compiled operations: {others}"), ("NMS", "torchvision's")]
    return [("mmcv", f"{installed}, with compiled operations"), ("NMS", "mmcv's, compiled")]


def _coco_metrics() -> str:
    from backbones.errors import InputError
    from bench.detection.coco_evaluation import choose, describe

    try:
        return describe(choose())
    except InputError as error:
        return str(error)


def _folders(data: Path) -> str:
    if not data.is_dir():
        return "no such folder: only the embedded digits can be used"
    return ", ".join(sorted(path.name for path in data.iterdir() if path.is_dir())) or "empty"
