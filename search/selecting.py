"""Select a genotype from the trained supernet of a search's last stage (`search.loop.removal`)."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from backbones.errors import InputError
from backbones.files import write_text
from backbones.genotype import Genotype
from search.data.proxies import ProxyData, drawn_batches, pair_loader
from search.derive import Architecture
from search.loop.bilevel import Bilevel, build_bilevel, build_optimisers
from search.loop.graph import replays
from search.loop.ownership import OwnerHook, confirm_owner, owner_of
from search.loop.removal import Removals
from search.loop.stages import build_supernet
from search.methods.selection import ByPerturbation
from search.settings import SearchSettings, Stage
from search.space import SearchSpace
from search.supernet import SuperNet
from search.training.execution import gpu_settings
from search.training.hooks import (
    EpochSeedHook,
    FiniteLossHook,
    PlainCheckpointHook,
    ProgressHook,
    check_finite,
    runner_settings,
    silence_console,
)
from search.training.parallel import ReplicaHook, is_main
from search.training.progress import ProgressCallback
from search.training.resuming import resume_point, whole
from search.training.seeds import seed_everything

#: The file of the selected genotype, in the selection's folder.
FOUND = "genotype.json"


class _DecisionHook(Hook):
    """Make the decisions of a step before the epochs of tuning that follow it."""

    def __init__(self, removals: Removals, tune_epochs: int) -> None:
        self.removals = removals
        self.tune_epochs = tune_epochs
        self._taken = 0

    def before_train_epoch(self, runner: Runner) -> None:
        # A resumed tuning takes the earlier ones from the file.
        while self._taken * self.tune_epochs <= runner.epoch:
            self.removals.take(self._taken)
            self._taken += 1


def run_selection(
    settings: SearchSettings,
    space: SearchSpace,
    architecture: Architecture,
    data: ProxyData,
    work_dir: Path,
    seed: int,
    progress: ProgressCallback,
) -> Genotype:
    """Select by perturbation, or resume an interrupted selection.

    Writes `decisions.jsonl`, `genotype.json` and checkpoints of the tuning to `selection/`.

    Args:
        space, architecture: of the last stage.
        work_dir: folder of the search.

    Raises:
        InputError: the last stage has left no checkpoint.
    """
    rule = settings.selection
    assert isinstance(rule, ByPerturbation)
    folder = work_dir / "selection"
    if (folder / FOUND).is_file():
        return Genotype.read(folder / FOUND)
    number = len(settings.stages)
    model = _trained(settings, space, architecture, data, work_dir / f"stage{number}", [seed, number - 1])
    folder.mkdir(exist_ok=True)
    seed = seed * 1_000 + number
    batches = drawn_batches(data, settings.batch_size, rule.batches, seed)
    removals = Removals(model, batches, folder / "decisions.jsonl", seed)
    with gpu_settings(settings.execution.tf32, settings.execution.cudnn_benchmark):
        if rule.tune_epochs:
            _tune(settings, rule, model, removals, data, folder, seed, progress)
        else:
            for step in range(removals.steps):
                removals.take(step)
                progress((step + 1) / removals.steps, f"decision {step + 1} of {removals.steps}")
    genotype = removals.genotype()
    if is_main():
        write_text(folder / FOUND, json.dumps(genotype.to_json()) + "\n")
    return genotype


def _trained(
    settings: SearchSettings,
    space: SearchSpace,
    architecture: Architecture,
    data: ProxyData,
    folder: Path,
    seeds: list[int],
) -> Bilevel:
    """The supernet that a stage has left, with the α and β that it has learned."""
    stage: Stage = settings.stages[-1]
    whose = owner_of(settings, seeds)
    file = resume_point(folder, stage.epochs, lambda file, content: confirm_owner(file, content, whose))
    if file is None:
        raise InputError(f"{folder}: has no checkpoint to select from; remove it to train the stage again")
    seed_everything(seeds[0], 0)
    supernet = build_supernet(SuperNet, settings, stage, space, len(data.classes)).to(data.device)
    model = build_bilevel(settings, supernet, replays(settings.execution.graph))
    model.load_state_dict(whole(file, stage.epochs)["state_dict"])
    with torch.no_grad():
        for name, parameter in supernet.architecture_parameters().items():
            parameter.copy_(torch.tensor(getattr(architecture, name)))
    # As after the last epoch.
    model.set_epoch(stage.epochs - 1, stage.epochs)
    return model


def _tune(
    settings: SearchSettings,
    rule: ByPerturbation,
    model: Bilevel,
    removals: Removals,
    data: ProxyData,
    folder: Path,
    seed: int,
    progress: ProgressCallback,
) -> None:
    """Decide and tune in turns; α and β of what is not decided move, too, as in the authors' code."""
    epochs = removals.steps * rule.tune_epochs
    whose = owner_of(settings, [seed])
    resume = resume_point(folder, epochs, lambda file, content: confirm_owner(file, content, whose))
    optimisers = build_optimisers(
        model.supernet, settings.weights.model_copy(update={"lr": rule.tune_lr}), settings.architecture
    )
    cosine = {"type": "CosineAnnealingLR", "T_max": epochs, "eta_min": min(settings.weights.final_lr, rule.tune_lr)}
    model.train_architecture = True
    decisions = _DecisionHook(removals, rule.tune_epochs)
    runner = Runner(
        model=model,
        train_dataloader=pair_loader(data, settings.batch_size, seed),
        train_cfg={"by_epoch": True, "max_epochs": epochs},
        optim_wrapper=optimisers,
        param_scheduler={"weights": [cosine], "architecture": []},
        custom_hooks=[
            EpochSeedHook(seed),
            ReplicaHook(),
            decisions,
            FiniteLossHook(),
            PlainCheckpointHook(),
            OwnerHook(whose),
            ProgressHook(progress),
        ],
        **runner_settings(folder, seed, resume, settings.execution.trackers),
    )
    silence_console(runner)
    runner.train()
    model.replays = None
    check_finite(model, folder)
    for step in range(removals.steps):
        # A tuning that was finished before has made none in this process.
        removals.take(step)
