"""The runs whose records lie in `frozen/`: keys, names and files that no rearrangement of the code may change.

The records were written on 2026-11-29 by commit d887ef9, the last one before the packages were rearranged, with

    PYTHONPATH=<a checkout of d887ef9> python tests/bench/runs/frozen_runs.py tests/bench/runs/frozen

They are never written anew: a change that makes other runs raises the version of a task (`Task.version`), and adds
records of that version here.
"""

from __future__ import annotations

import json
import os
import runpy
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

#: Records by their names, weights, and a genotype of a user's own.
FROZEN = Path(__file__).parent / "frozen"

#: The name of the folder of a user's own configs, which is a part of their protocols' names.
OWN = "mine"

TINY = {
    "classification/digits": ("embedded=None", "epochs=1", "batch_size=128", "channels=4", "layers=3"),
    "classification/digits_selection": ("embedded=None", "epochs=1", "batch_size=128", "channels=4", "layers=3"),
    "detection/digits_ssd": (
        "embedded=None",
        "train_cfg.max_epochs=1",
        "model.backbone.channels=4",
        "model.backbone.layers=3",
    ),
    "reid/digits_p3": ("embedded=None", "epochs=1", "batch_size=64", "channels=4", "layers=3", "reduced_dim=8"),
}

_SEARCH = ("embedded=None", "proxy.augmentation.crop_padding=0", "nodes=2", "batch_size=128")
_STAGE = "'epochs': 2, 'frozen_epochs': 1, 'channels': 4"


@dataclass(frozen=True)
class FrozenRun:
    """An evaluation, or without `arch` a search; `weights` is a file in `frozen/`."""

    protocol: str
    arch: str = ""
    seed: int = 0
    options: tuple[str, ...] = ()
    weights: str = ""
    evaluate_only: bool = False

    @property
    def command(self) -> list[str]:
        """The command that runs it, in a folder to which `frozen/` has been copied under the name `frozen`."""
        options = ["--cfg-options", *self.options]
        if not self.arch:
            return ["search", self.protocol, "--seed", str(self.seed), *options]
        weights = ["--weights", f"frozen/{self.weights}"] if self.weights else []
        weights += ["--eval-only"] if self.evaluate_only else []
        seeds = [] if self.evaluate_only else ["--seeds", str(self.seed)]
        return ["evaluate", self.arch, "--on", self.protocol, *seeds, *weights, *options]


def _tiny(protocol: str, arch: str, *more: str, **others: object) -> FrozenRun:
    return FrozenRun(protocol, arch, options=(*TINY[protocol], *more), **others)  # type: ignore[arg-type]


RUNS = (
    FrozenRun(
        "search/digits_pc_darts",
        options=(*_SEARCH, f"stages=[{{{_STAGE}, 'layers': 3}}]"),
    ),
    FrozenRun(
        "search/digits_p_darts",
        seed=3,
        options=(
            *_SEARCH,
            # P-DARTS' configs clip α's gradient since.
            "architecture.clip_norm=None",
            f"stages=[{{{_STAGE}, 'layers': 3, 'skip_dropout': 0.0}}, "
            f"{{{_STAGE}, 'layers': 4, 'skip_dropout': 0.4, 'keep': 4}}]",
        ),
    ),
    _tiny("classification/digits", "PDARTS"),
    _tiny("classification/digits", "PDARTS", "drop_path=0.1", "optimiser.lr=0.05", seed=1),
    _tiny("classification/digits", "DARTS_V2", "limit=256"),
    _tiny("classification/digits", "random:3", seed=2),
    _tiny("classification/digits", "frozen/own.json"),
    _tiny("classification/digits", "timm:mobilenetv3_small_050"),
    _tiny("classification/digits", "random:0", weights="weights.pth"),
    _tiny("classification/digits", "random:0", weights="weights.pth", evaluate_only=True),
    _tiny("classification/digits_selection", "DARTS_V1"),
    _tiny("detection/digits_ssd", "PDARTS"),
    _tiny("detection/digits_ssd", "PDARTS", "limit=16", "train_dataloader.batch_size=4", seed=1),
    _tiny("detection/digits_ssd", "random:0", weights="weights.pth"),
    _tiny("detection/digits_ssd", "timm:mobilenetv3_small_050", "limit=8"),
    _tiny("reid/digits_p3", "PDARTS"),
    _tiny("reid/digits_p3", "DARTS_V2", "parts=2", "learning_rate=0.01", seed=5),
    _tiny("reid/digits_p3", "random:0", weights="weights.pth"),
    _tiny("reid/digits_p3", "timm:mobilenetv3_small_050"),
)

#: A search and a random genotype, each retrained and brought from there into a detector and a re-identifier.
PIPELINE_STAGES = 7


def write_miniature(root: Path) -> None:
    """The digits with few canvases."""
    from bench.digits.classification import write_classification
    from bench.digits.coco import write_coco
    from bench.digits.market1501 import write_market1501
    from bench.digits.source import load_split

    split = load_split(0)
    write_classification(root / "classification", split, 0)
    write_coco(root / "coco", split, 0, train_canvases=32, val_canvases=12)
    write_market1501(root / "market1501", split, 0)


def write_pipeline(folder: Path, configs: Path) -> Path:
    """A user's own pipeline with own protocols, in a folder of the name `OWN`.

    Args:
        configs: the folder of the configs that come with wildnas, which these inherit.
    """
    assert folder.name == OWN
    folder.mkdir()
    (folder / "search.py").write_text(
        f"_base_ = {str(configs / 'search/digits_pc_darts.py')!r}\n"
        "embedded = None\nproxy = dict(augmentation=dict(crop_padding=0))\nnodes = 2\nbatch_size = 128\n"
        f"stages = [{{{_STAGE}, 'layers': 3}}]\n"
    )
    train = "embedded = None\nepochs = 1\nchannels = 4\nlayers = 3\n"
    (folder / "train.py").write_text(
        f"_base_ = {str(configs / 'classification/digits.py')!r}\n{train}batch_size = 128\n"
    )
    (folder / "detect.py").write_text(
        f"_base_ = {str(configs / 'detection/digits_ssd.py')!r}\nembedded = None\n"
        "train_cfg = dict(max_epochs=1)\nmodel = dict(backbone=dict(channels=4, layers=3))\n"
    )
    (folder / "identify.py").write_text(
        f"_base_ = {str(configs / 'reid/digits_p3.py')!r}\n{train}batch_size = 64\nreduced_dim = 8\n"
    )
    (folder / "pipeline.py").write_text(
        f"task = 'pipeline'\nsearches = ['{OWN}/search.py']\nbaselines = ['random:0']\nretrain = '{OWN}/train.py'\n"
        f"transfers = ['{OWN}/detect.py', '{OWN}/identify.py']\n"
    )
    return folder / "pipeline.py"


def write(target: Path) -> None:
    """Run everything in the folder where this is called, and keep the records and the weights that others use."""
    from backbones import zoo
    from search.configs import config_root

    os.environ["WILDNAS_DIGITS"] = "digits"
    write_miniature(Path("digits"))
    pipeline = write_pipeline(Path(OWN).absolute(), config_root())
    _command("run", str(pipeline))
    frozen = Path("frozen")
    frozen.mkdir()
    (frozen / "own.json").write_text(json.dumps(zoo.get("PC_DARTS_cifar").genotype.to_json(), indent=1) + "\n")
    trained = next(Path("work/classification").glob(f"local-{OWN}-train/random-s0-*/seed0/*/checkpoint.pth"))
    shutil.copy(trained, frozen / "weights.pth")
    for run in RUNS:
        _command(*run.command)
    shutil.copytree("results/records", frozen / "records", ignore=shutil.ignore_patterns("*.curve.jsonl"))
    shutil.copytree(frozen, target, dirs_exist_ok=True)


def _command(*arguments: str) -> None:
    """Run `python -m bench` in this process, in a tree of any layout."""
    sys.argv[1:] = arguments
    try:
        runpy.run_module("bench", run_name="__main__")
    except SystemExit as end:
        if end.code:
            raise RuntimeError(f"{arguments}: exit code {end.code}") from end


if __name__ == "__main__":
    write(Path(sys.argv[1]).absolute())
