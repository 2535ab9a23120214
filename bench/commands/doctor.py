"""say what this machine can run, and what is missing"""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--gpu", action="store_true", help="compute and time on the GPU, in under five minutes")
    parser.add_argument("--json", action="store_true", help="with --gpu, as one JSON object")


def run(arguments: argparse.Namespace) -> int:
    if arguments.gpu:
        return _gpu(arguments.json)
    import platform

    import torch

    from bench.digits.embedded import digits_root
    from bench.machine.environment import package_versions
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
        *_compiled_operations(versions),
        ("COCO metrics", _coco_metrics()),
        ("OpenCV", _opencv()),
        ("re-identification", _needs(versions, "torchreid")),
        ("embedded digits", f"{digits_root()} ({made})"),
        ("data ($WILDNAS_DATA)", f"{data} ({_folders(data)})"),
    ]
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        print(f"{name:<{width}}  {value}")
    return 0


def _gpu(as_json: bool) -> int:
    """Whether the GPU computes what it should, and how fast; 1 where it does not."""
    import json
    import sys

    from tabulate import tabulate

    from bench.machine.gpu import examine_gpu

    found = examine_gpu(lambda doing: print(f"{doing} …", file=sys.stderr))
    if as_json:
        print(json.dumps(found))
    else:
        marks = {True: "as it should be", False: "TOO FAR APART", None: ""}
        rows = [[row["what"], f"{row['value']:.4g}", row["unit"], marks[row["sound"]]] for row in found["rows"]]
        print(f"{found['device']}; {found['seconds']:.0f} s")
        print(tabulate(rows, ["", "value", "unit", ""], tablefmt="github", disable_numparse=True))
    return 0 if found["sound"] else 1


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
    """Which mmcv is used for detection, and whose NMS."""
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
