"""A whole search: data in, genotype out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from mmengine.runner import Runner

from backbones.errors import InputError
from backbones.files import read_json, write_text
from backbones.genotype import Genotype
from search.bilevel import Bilevel, build_optimisers
from search.configs import portable
from search.derive import Architecture, derive, read_architecture
from search.progress import ProgressCallback
from search.proxies import ProxyData, load_proxy, pair_loader
from search.settings import SearchSettings, Stage
from search.space import SearchSpace
from search.stages import StageHook, architecture_of, next_space
from search.supernet import SuperNet
from search.training import (
    EpochSeedHook,
    FiniteLossHook,
    PlainCheckpointHook,
    ProgressHook,
    default_hooks,
    experiment_name,
    last_checkpoint,
    seed_everything,
    silence_console,
)


@dataclass(frozen=True)
class SearchResult:
    """What a search found.

    Attributes:
        genotype: derived by the search's rule and skip restriction.
        architecture: the learned parameters, as in `architecture.json`.
        accuracy: of the last stage's supernet on the architecture half, in %.
        params: weights of the last stage's supernet.
        counts, fingerprint: of the proxy's data.
    """

    genotype: Genotype
    architecture: Architecture
    accuracy: float
    params: int
    counts: dict[str, int]
    fingerprint: str


def run_search(
    settings: SearchSettings,
    work_dir: Path,
    seed: int,
    progress: ProgressCallback = lambda fraction, doing: None,
) -> SearchResult:
    """Search, resuming what an interrupted search left in `work_dir`.

    Leaves `architecture.json` there, `stage<k>/` with logs and checkpoints, and a line for every epoch in
    `stage<k>/epochs.jsonl`.

    Raises:
        InputError: the proxy's data are missing, unreadable or too few, or `work_dir` holds the work of another search;
            before any training starts.
    """
    _claim(work_dir, settings, seed)
    data = load_proxy(settings.proxy, settings.batch_size, seed)
    space = SearchSpace.full(settings.nodes, settings.operations)
    architecture: Architecture | None = None
    accuracy, params = float("nan"), 0
    costs = [stage.epochs * stage.layers for stage in settings.stages]
    for place, stage in enumerate(settings.stages):
        space = next_space(space, architecture, settings.stages, place)
        before, share = sum(costs[:place]) / sum(costs), costs[place] / sum(costs)

        def stage_progress(
            fraction: float, doing: str, before: float = before, share: float = share, place: int = place
        ) -> None:
            progress(before + share * fraction, f"search stage {place + 1} of {len(settings.stages)}, {doing}")

        folder = work_dir / f"stage{place + 1}"
        finished = folder / "architecture.json"
        if finished.is_file():
            architecture = read_architecture(finished)
            summary = read_json(folder / "summary.json")
        else:
            architecture, summary = _run_stage(settings, stage, space, data, folder, [seed, place], stage_progress)
        accuracy, params = summary["accuracy"], summary["params"]
    assert architecture is not None
    architecture.save(work_dir / "architecture.json")
    return SearchResult(derive(architecture), architecture, accuracy, params, data.counts(), data.folder.fingerprint())


def _claim(work_dir: Path, settings: SearchSettings, seed: int) -> None:
    """Note in the folder whose it is; refuse one that another search has worked in."""
    note = json.dumps({"seed": seed, "settings": portable(settings.model_dump(mode="json"))}, indent=1) + "\n"
    file = work_dir / "search.json"
    if file.is_file() and file.read_text(encoding="utf-8") != note:
        raise InputError(
            f"{work_dir}: holds the work of a search with other settings or another seed; use another folder"
        )
    write_text(file, note)


def _run_stage(
    settings: SearchSettings,
    stage: Stage,
    space: SearchSpace,
    data: ProxyData,
    folder: Path,
    seeds: list[int],
    progress: ProgressCallback,
) -> tuple[Architecture, dict[str, float]]:
    """Train one stage's supernet from fresh weights, α and β (P-DARTS 4.3.2)."""
    folder.mkdir(parents=True, exist_ok=True)
    seed = seeds[0] * 1_000 + seeds[1]
    # Epochs count from 0; the largest word draws the initial weights.
    seed_everything(seed, 2**32 - 1)
    supernet = SuperNet(
        space,
        channels=stage.channels,
        layers=stage.layers,
        num_classes=len(data.folder.classes),
        partial_channels=settings.partial_channels,
        edge_normalisation=settings.edge_normalisation,
        stem=settings.stem,
    )
    model = Bilevel(supernet, settings.proxy)
    resume = last_checkpoint(folder)
    cosine = {"type": "CosineAnnealingLR", "T_max": stage.epochs, "eta_min": settings.weights.final_lr}
    runner = Runner(
        model=model,
        work_dir=str(folder),
        train_dataloader=pair_loader(data, settings.batch_size, seed),
        train_cfg={"by_epoch": True, "max_epochs": stage.epochs},
        optim_wrapper=build_optimisers(supernet, settings.weights, settings.architecture),
        # The architecture optimiser has a fixed rate (PC-DARTS 4.2).
        param_scheduler={"weights": [cosine], "architecture": []},
        default_hooks=default_hooks(),
        custom_hooks=[
            EpochSeedHook(seed),
            StageHook(stage, settings, folder / "epochs.jsonl"),
            FiniteLossHook(),
            PlainCheckpointHook(),
            ProgressHook(progress),
        ],
        load_from=str(resume) if resume else None,
        resume=resume is not None,
        # Of no effect on the search, which EpochSeedHook seeds; NumPy takes 32 bits only.
        randomness={"seed": seed % 2**32},
        experiment_name=experiment_name(folder),
    )
    silence_console(runner)
    runner.train()
    architecture = architecture_of(supernet, settings)
    summary = {
        "accuracy": _accuracy(model, data, settings.batch_size),
        "params": sum(parameter.numel() for parameter in supernet.weight_parameters()),
    }
    write_text(folder / "summary.json", json.dumps(summary))
    architecture.save(folder / "architecture.json")
    return architecture, summary


@torch.no_grad()
def _accuracy(model: Bilevel, data: ProxyData, batch_size: int) -> float:
    """Accuracy of the supernet on the architecture half, in %."""
    model.eval()
    correct = 0
    for indices in data.architecture_half.split(batch_size):
        logits = model(data.images[indices].to(model.device))
        correct += int((logits.argmax(dim=1).cpu() == data.labels[indices]).sum())
    return 100.0 * correct / len(data.architecture_half)
