"""Run a search that trains one genotype after another: data in, genotype out."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import Any

from mmengine.device import get_device

from backbones.files import write_text
from backbones.genotype import Genotype
from search.data.batches import share_of
from search.data.proxies import ProxyData, load_proxy
from search.derive import Architecture, save_genotypes
from search.loop.diagnostics import PeakMemoryHook, save_diagnostics
from search.loop.epochs import concerns, imagenet_cost, save_curve
from search.result import SearchResult, claim
from search.sampling.samplers import Tried, best_of
from search.sampling.settings import SampledSettings
from search.sampling.training import Training, train_candidate
from search.space import edge_sources
from search.training.epoch_lines import read_epochs
from search.training.execution import gpu_settings
from search.training.parallel import from_main, is_main, world_size
from search.training.progress import ProgressCallback


def run_sampled(
    settings: SampledSettings,
    work_dir: Path,
    seed: int,
    progress: ProgressCallback = lambda fraction, doing: None,
) -> SearchResult:
    """Run a search, or resume an interrupted one in `work_dir`.

    Writes what `search.run.run_search` writes, with one stage, whose `epochs.jsonl` has a line for each candidate: its
    `genotype`, `accuracy` in % and cost. `architecture.json` has the best genotype, and α = 1 for its operations and 0
    for all others.

    Raises:
        InputError: as `run_search`.
        FloatingPointError: a training has diverged.
    """
    share_of(settings.batch_size, world_size())
    claim(work_dir, settings, seed, world_size())
    index = work_dir / "proxy.json" if is_main() else None
    data = load_proxy(settings.proxy, settings.batch_size, seed, index).to(get_device())
    folder = work_dir / "stage1"
    folder.mkdir(parents=True, exist_ok=True)
    peak = PeakMemoryHook(folder)
    log = folder / "epochs.jsonl"
    lines = read_epochs(log)[: settings.candidates]
    with gpu_settings(settings.execution.tf32, settings.execution.cudnn_benchmark):
        for number in range(len(lines), settings.candidates):

            def candidate_progress(fraction: float, doing: str, number: int = number) -> None:
                whole = (number + fraction) / settings.candidates
                progress(whole, f"candidate {number + 1} of {settings.candidates}, {doing}")

            lines.append(_try(settings, data, lines, number, folder, seed, candidate_progress))
            if is_main():
                write_text(log, "".join(json.dumps(line) + "\n" for line in lines))
                peak.note()
    best = best_of(_tried(lines))
    architecture = architecture_of_genotype(best.genotype, settings)
    if is_main():
        for place in (folder, work_dir):
            architecture.save(place / "architecture.json")
        save_genotypes(architecture, work_dir / "genotypes.json")
        save_curve(work_dir, 1)
        save_diagnostics(work_dir, 1)
    params = next(int(line["candidate_params"]) for line in lines if line["accuracy"] == best.accuracy)
    return SearchResult(best.genotype, architecture, best.accuracy, params, data.counts(), data.fingerprint, data.index)


def _try(
    settings: SampledSettings,
    data: ProxyData,
    lines: list[dict[str, Any]],
    number: int,
    folder: Path,
    seed: int,
    progress: ProgressCallback,
) -> dict[str, Any]:
    """Train the next candidate, and describe it."""
    # A generator of its own for each candidate, so that a resumed search draws what an uninterrupted one does.
    draw = random.Random(f"{seed}, {number}")
    genotype = settings.sampler.proposed(_tried(lines), settings.nodes, settings.operations, draw)
    own = folder / f"candidate{number + 1}"
    training: Training = train_candidate(settings, genotype, data, own, _seed_of(seed, number), progress)
    # The others are done with the folder, too.
    from_main(0)
    if is_main():
        shutil.rmtree(own)
    cost = imagenet_cost(genotype)
    return {
        "epoch": number + 1,
        "accuracy": training.accuracy,
        "candidate_params": training.params,
        "skip_count": genotype.skip_count,
        **cost.to_json(),
        "genotype": genotype.to_json(),
        "concerns": concerns(genotype, cost),
    }


def _seed_of(seed: int, number: int) -> int:
    return seed * 1_000_000 + number


def _tried(lines: list[dict[str, Any]]) -> list[Tried]:
    return [Tried(Genotype.from_json(line["genotype"]), line["accuracy"]) for line in lines]


def architecture_of_genotype(genotype: Genotype, settings: SampledSettings) -> Architecture:
    """The content of `architecture.json` for a genotype that was found without α."""
    rows: dict[str, list[list[float]]] = {}
    names = list(settings.operations)
    for cell in ("normal", "reduce"):
        chosen = {(source, place // 2 + 2): name for place, (name, source) in enumerate(getattr(genotype, cell))}
        rows[cell] = [[float(chosen.get(edge) == name) for name in names] for edge in edge_sources(settings.nodes)]
    return Architecture(
        alpha_normal=rows["normal"],
        alpha_reduce=rows["reduce"],
        operations_normal=[names] * len(rows["normal"]),
        operations_reduce=[names] * len(rows["reduce"]),
        nodes=settings.nodes,
        rule="darts",
        selected=genotype.to_json(),
    )
