"""What each process does that test_classification_processes.py starts: `torchrun … THIS_FILE CONFIG FOLDER`.

Run without torchrun it is the one process that the two are compared with.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bench.classification.curve import TrainingCurve
from bench.classification.loaders import evaluation_loader, find, training_loader
from bench.classification.model import Classifier
from bench.classification.settings import ClassificationSettings
from bench.classification.training import train
from bench.tasks.architectures import resolve
from bench.tasks.contract import Job, Protocol
from bench.tasks.registry import get_task
from search.training import parallel
from search.training.progress import ProgressCallback

CPU = torch.device("cpu")


class Interrupted(Exception):
    pass


def bare_network() -> nn.Sequential:
    """Without BatchNorm: that of a process normalises its own images only."""
    torch.manual_seed(3)
    return nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(6 * 6 * 6, 3))


def job_of(config: dict[str, Any], folder: Path, progress: ProgressCallback = lambda *told: None) -> Job:
    protocol = Protocol("classification/tiny", Path("tiny.py"), get_task("classification").validate(config, "tiny.py"))
    folder.mkdir(parents=True, exist_ok=True)
    return Job(protocol, resolve("PDARTS"), 0, folder, progress=progress)


def bare(config: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The weights and the curve that a network without BatchNorm ends with."""
    job = job_of(config, folder)
    settings, network = ClassificationSettings.model_validate(job.protocol.config), bare_network()
    sources = find(settings)
    loaders = (
        training_loader(sources.train, settings, 0, CPU),
        evaluation_loader(sources.val, settings, CPU),
    )
    curve: TrainingCurve = train(job, settings, Classifier(network, settings), *loaders)
    return {"weights": network.state_dict(), "metrics": curve.metrics()}


def whole(config: dict[str, Any], folder: Path, progress: ProgressCallback = lambda *told: None) -> dict[str, Any]:
    """What the task comes to with cells, and the weights as this process has them."""
    outcome = get_task("classification").run(job_of(config, folder, progress))
    assert outcome.checkpoint is not None
    state = torch.load(outcome.checkpoint, weights_only=True)["state_dict"]
    return {"weights": state, "metrics": dict(outcome.metrics)}


def main(config: dict[str, Any], folder: Path) -> None:
    def interrupt(fraction: float, doing: str) -> None:
        if "epoch 3" in doing:
            raise Interrupted

    state: dict[str, Any] = {}
    for accumulate in (1, 2):
        changed = {**config, "execution": {"accumulate": accumulate}}
        state[f"bare{accumulate}"] = bare(changed, folder / f"bare{accumulate}")
    cells = {**config, "auxiliary_weight": 0.4, "drop_path": 0.3, "ema": 0.8}
    state["whole"] = whole(cells, folder / "whole")
    try:
        whole(cells, folder / "resumed", interrupt)
    except Interrupted:
        state["resumed"] = whole(cells, folder / "resumed")
    torch.save(state, folder / f"rank{parallel.rank()}.pth")


if __name__ == "__main__":
    with parallel.process_group("pytorch" if "RANK" in os.environ else "none"):
        main(json.loads(sys.argv[1]), Path(sys.argv[2]))
