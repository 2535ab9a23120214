"""Run a whole search: data in, genotype out."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from mmengine.device import get_device
from mmengine.runner import Runner

from backbones.errors import InputError
from backbones.files import read_json, write_text
from search.data.batches import share_of
from search.data.proxies import ProxyData, architecture_batches, load_proxy, pair_loader
from search.derive import Architecture, derive, read_architecture, save_genotypes
from search.loop.bilevel import Bilevel, build_bilevel, build_optimisers
from search.loop.diagnostics import PeakMemoryHook, save_diagnostics
from search.loop.early import CurvatureHook, EarlyStopHook, take_epoch
from search.loop.epochs import EpochLogHook, save_curve
from search.loop.graph import replays
from search.loop.ownership import OwnerHook, confirm_owner, owner_of
from search.loop.stages import StageHook, architecture_of, build_supernet, carry_architecture, next_space
from search.methods.selection import ByPerturbation
from search.methods.stopping import Curvature
from search.result import SearchResult, claim
from search.selecting import run_selection
from search.settings import SearchSettings, Stage
from search.space import SearchSpace
from search.supernet import SuperNet
from search.training.epoch_lines import read_epochs
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
from search.training.parallel import ReplicaHook, is_main, world_size
from search.training.progress import ProgressCallback
from search.training.resuming import epochs_done, resume_point
from search.training.seeds import seed_everything

#: The keys of a finished stage's `summary.json`.
_SUMMARY = ("accuracy", "params")


def run_search(
    settings: SearchSettings,
    work_dir: Path,
    seed: int,
    progress: ProgressCallback = lambda fraction, doing: None,
) -> SearchResult:
    """Run a search, or resume an interrupted one in `work_dir`.

    Writes `proxy.json`, `architecture.json`, `genotypes.json`, `diagnostics.json` and `curve.jsonl` there, `stage<k>/`
    with logs and checkpoints, and a line for every epoch in `stage<k>/epochs.jsonl`.

    With several processes (`search.training.parallel.process_group`), each calls this function with a shared
    `work_dir`; the first process writes there, and all return the same result.

    Raises:
        InputError: before any training, if the proxy's data are missing, unreadable or too few, `work_dir` belongs to
            another search, or a batch cannot be divided among the processes.
        FloatingPointError: the search has diverged.
    """
    share_of(settings.batch_size, world_size())
    claim(work_dir, settings, seed, world_size())
    index = work_dir / "proxy.json" if is_main() else None
    data = load_proxy(settings.proxy, settings.batch_size, seed, index).to(get_device())
    space = settings.space()
    architecture: Architecture | None = None
    accuracy, params = float("nan"), 0
    costs = [stage.epochs * stage.layers for stage in settings.stages]
    if isinstance(settings.selection, ByPerturbation):
        # A selection counts like its tuning, or like one epoch.
        costs.append(max(1, settings.selection.tune_epochs * len(space.edges)) * settings.stages[-1].layers)
    for number, stage in enumerate(settings.stages):
        space = next_space(space, architecture, settings.stages, number, seed)
        before, share = sum(costs[:number]) / sum(costs), costs[number] / sum(costs)

        def stage_progress(
            fraction: float, doing: str, before: float = before, share: float = share, number: int = number
        ) -> None:
            progress(before + share * fraction, f"search stage {number + 1} of {len(settings.stages)}, {doing}")

        folder = work_dir / f"stage{number + 1}"
        finished = folder / "architecture.json"
        if finished.is_file():
            architecture, summary = _finished_stage(folder, space)
            read_epochs(folder / "epochs.jsonl", int(summary.get("epochs", stage.epochs)))
        else:
            carried = architecture if settings.initial_alpha == "carried" else None
            architecture, summary = _run_stage(
                settings, stage, space, data, folder, [seed, number], stage_progress, carried
            )
        accuracy, params = summary["accuracy"], int(summary["params"])
    assert architecture is not None
    if isinstance(settings.selection, ByPerturbation):
        done = 1 - costs[-1] / sum(costs)

        def selection_progress(fraction: float, doing: str) -> None:
            progress(done + (1 - done) * fraction, f"selection, {doing}")

        selected = run_selection(settings, space, architecture, data, work_dir, seed, selection_progress)
        architecture = architecture.model_copy(update={"selected": selected.to_json()})
    if is_main():
        architecture.save(work_dir / "architecture.json")
        save_genotypes(architecture, work_dir / "genotypes.json")
        save_curve(work_dir, len(settings.stages))
        save_diagnostics(work_dir, len(settings.stages))
    counts, digest = data.counts(), data.fingerprint
    return SearchResult(derive(architecture), architecture, accuracy, params, counts, digest, data.index)


def _finished_stage(folder: Path, space: SearchSpace) -> tuple[Architecture, dict[str, float]]:
    """Read the results of a finished stage.

    Raises:
        InputError: a file is malformed, or belongs to another search.
    """
    architecture, summary = read_architecture(folder / "architecture.json"), read_json(folder / "summary.json")
    rows = [list(row) for row in space.normal], [list(row) for row in space.reduce]
    if (architecture.operations_normal, architecture.operations_reduce) != rows:
        other = "candidates differ from this stage's; does it belong to another search?"
        raise InputError(f"{folder / 'architecture.json'}: {other}")
    if not isinstance(summary, dict) or not all(_is_number(summary.get(key)) for key in _SUMMARY):
        raise InputError(f"{folder / 'summary.json'}: expected an object with the numbers {' and '.join(_SUMMARY)}")
    return architecture, summary


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and -(10**18) < value < 10**18  # type: ignore[operator]


def _run_stage(
    settings: SearchSettings,
    stage: Stage,
    space: SearchSpace,
    data: ProxyData,
    folder: Path,
    seeds: list[int],
    progress: ProgressCallback,
    carried: Architecture | None,
) -> tuple[Architecture, dict[str, float]]:
    """Train one stage's supernet from fresh weights, α and β (P-DARTS 4.3.2).

    Args:
        carried: the architecture whose α and β the stage begins with, if any (its footnote 1).
    """
    folder.mkdir(parents=True, exist_ok=True)
    peak = PeakMemoryHook(folder)
    seed = seeds[0] * 1_000 + seeds[1]
    # The initial weights take the largest epoch number, which no epoch has.
    seed_everything(seed, 2**32 - 1)
    supernet = build_supernet(SuperNet, settings, stage, space, len(data.classes))
    if carried is not None:
        carry_architecture(supernet, carried)
    model = build_bilevel(settings, supernet, replays(settings.execution.graph))
    whose = owner_of(settings, seeds)
    resume = resume_point(folder, stage.epochs, lambda file, content: confirm_owner(file, content, whose))
    read_epochs(folder / "epochs.jsonl", epochs_done(resume))
    rule = settings.architecture.stop
    stop = None if rule is None else EarlyStopHook(rule, folder / "epochs.jsonl")
    cosine = {"type": "CosineAnnealingLR", "T_max": stage.epochs, "eta_min": settings.weights.final_lr}
    runner = Runner(
        model=model,
        train_dataloader=pair_loader(data, settings.batch_size, seed),
        train_cfg={"by_epoch": True, "max_epochs": stage.epochs},
        optim_wrapper=build_optimisers(supernet, settings.weights, settings.architecture),
        # The architecture optimiser has a fixed rate (PC-DARTS 4.2).
        param_scheduler={"weights": [cosine], "architecture": []},
        custom_hooks=[
            EpochSeedHook(seed),
            ReplicaHook(),
            StageHook(stage, settings),
            *([CurvatureHook()] if isinstance(rule, Curvature) else []),
            EpochLogHook(settings, folder / "epochs.jsonl"),
            *([stop] if stop is not None else []),
            peak,
            FiniteLossHook(),
            PlainCheckpointHook(),
            OwnerHook(whose),
            ProgressHook(progress),
        ],
        **runner_settings(folder, seed, resume, settings.execution.trackers),
    )
    silence_console(runner)
    with gpu_settings(settings.execution.tf32, settings.execution.cudnn_benchmark):
        runner.train()
        # Free the memory of the graph before the next stage.
        model.replays = None
        check_finite(model, folder)
        trained = runner.epoch
        last = stop.chosen if stop is not None and stop.chosen is not None else trained
        if last < trained:
            take_epoch(supernet, folder / "epochs.jsonl", last)
        # In evaluation, a schedule has the value of the epoch that α and β are of.
        model.set_epoch(last - 1, stage.epochs)
        accuracy = _accuracy(model, data, settings.batch_size)
    architecture = architecture_of(supernet, settings)
    summary = {
        "accuracy": accuracy,
        "params": sum(parameter.numel() for parameter in supernet.weight_parameters()),
    }
    if last < stage.epochs:
        summary |= {"epochs": trained, "chosen_epoch": last}
    peak.note()
    if is_main():
        write_text(folder / "summary.json", json.dumps(summary))
        architecture.save(folder / "architecture.json")
    return architecture, summary


@torch.no_grad()
def _accuracy(model: Bilevel, data: ProxyData, batch_size: int) -> float:
    """Measure the accuracy of the supernet on the images for α and β, in %."""
    model.eval()
    correct = 0
    for images, labels in architecture_batches(data, batch_size):
        correct += int((model(images).argmax(dim=1) == labels).sum())
    return 100.0 * correct / len(data.architecture_part)
