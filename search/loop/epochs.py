"""A search's log of every epoch: α, β and their genotype."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from backbones.cost import Cost, measure
from backbones.files import write_text
from backbones.genotype import OPERATIONS, Genotype
from backbones.networks import ImageNetNetwork
from search.derive import Architecture, derive
from search.loop.stages import architecture_of, bilevel_of
from search.settings import SearchSettings
from search.space import edge_sources
from search.training.epoch_lines import read_epochs
from search.training.parallel import is_main

_Row = np.ndarray[Any, np.dtype[np.float64]]

#: The mobile setting's limit of multiply-adds at 224 x 224 (PC-DARTS 4.3; P-DARTS 5.3).
MOBILE = 600_000_000


class EpochLogHook(Hook):
    """Write a line of JSON for every epoch, and its numbers to TensorBoard.

    A line has the supernet's `train_loss` and `train_accuracy` in % (means over the epoch's batches, each before its
    weight step), `alpha_normal`, `alpha_reduce` (raw, an edge a row), `beta_…` with edge normalisation, the mean
    entropies of their softmax in nats (`mean_entropy`), `weights_normal` and `weights_reduce` (`operation_weights`),
    `genotype`, its `skip_count`, `params`, `macs` and `published_macs` as an ImageNet network (C = 48, 14 cells), what
    the method schedules (`temperature`, `perturbation`, `auxiliary_skip`, `<penalty>_weight`) and measures
    (`eigenvalue`), and `concerns`.
    """

    def __init__(self, settings: SearchSettings, log: Path) -> None:
        self.settings = settings
        self.log = log
        self._known: dict[str, Cost] = {}
        self._steps: list[Tensor] = []

    def before_train_epoch(self, runner: Runner) -> None:
        self._steps.clear()

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict[str, Tensor] | None = None
    ) -> None:
        assert outputs is not None
        # Kept on the device, not to wait for it at every step.
        self._steps.append(torch.stack([outputs["loss"], outputs["accuracy"]]).detach())

    def after_train_epoch(self, runner: Runner) -> None:
        if not is_main():
            return
        bilevel = bilevel_of(runner)
        architecture = architecture_of(bilevel.supernet, self.settings)
        genotype = derive(architecture)
        cost = self._cost(genotype)
        loss, accuracy = torch.stack(self._steps).mean(dim=0).tolist()
        numbers: dict[str, float] = {
            "train_loss": loss,
            "train_accuracy": accuracy,
            "alpha_entropy_normal": mean_entropy(architecture, "normal"),
            "alpha_entropy_reduce": mean_entropy(architecture, "reduce"),
        }
        values: dict[str, Any] = {"alpha_normal": architecture.alpha_normal, "alpha_reduce": architecture.alpha_reduce}
        for cell in ("normal", "reduce"):
            beta = getattr(architecture, f"beta_{cell}")
            if beta is not None:
                values[f"beta_{cell}"] = beta
                numbers[f"beta_entropy_{cell}"] = beta_entropy(beta, self.settings.nodes)
        numbers |= {"skip_count": genotype.skip_count, **cost.to_json(), **bilevel.scheduled, **bilevel.measured}
        scalars = {f"search/{name}": value for name, value in numbers.items()}
        runner.visualizer.add_scalars(scalars, step=runner.epoch + 1)
        weights = {f"weights_{cell}": operation_weights(architecture, cell) for cell in ("normal", "reduce")}
        entry = {"epoch": runner.epoch + 1, **numbers, **weights, "genotype": genotype.to_json()}
        append_epoch(self.log, {**entry, "concerns": concerns(genotype, cost), **values})

    def _cost(self, genotype: Genotype) -> Cost:
        if genotype.digest not in self._known:
            # A genotype that did not change since the last epoch is not built again.
            self._known = {genotype.digest: imagenet_cost(genotype)}
        return self._known[genotype.digest]


def imagenet_cost(genotype: Genotype) -> Cost:
    """The cost of the papers' ImageNet network at 224 x 224."""
    with torch.device("meta"):
        return measure(ImageNetNetwork(genotype, auxiliary=False), (3, 224, 224))


def concerns(genotype: Genotype, cost: Cost) -> list[str]:
    """List warnings for a user before a genotype is retrained."""
    found = []
    edges = len(genotype.normal)
    if 2 * genotype.skip_count > edges:
        found.append(
            f"skip collapse: {genotype.skip_count} of the normal cell's {edges} edges are skip connections "
            "(P-DARTS 4.3.2); `wildnas derive --max-skips` restricts them"
        )
    if cost.published_macs > MOBILE:
        found.append(
            f"{cost.published_macs / 1e6:.0f} M multiply-adds at 224 x 224 with C = 48: over the mobile setting's "
            f"{MOBILE // 10**6} M (PC-DARTS 4.3)"
        )
    return found


def append_epoch(log: Path, entry: dict[str, Any]) -> None:
    """Add an epoch's line to a log, and remove lines of this epoch or later of an interrupted run."""
    earlier = [json.dumps(known) for known in read_epochs(log) if known["epoch"] < entry["epoch"]]
    write_text(log, "\n".join([*earlier, json.dumps(entry)]) + "\n")


#: The keys of α and β in an epoch's line, which are most of it.
_RAW = ("alpha_normal", "alpha_reduce", "beta_normal", "beta_reduce")

#: The file of all epochs of a finished search.
CURVE = "curve.jsonl"


def save_curve(work_dir: Path, stages: int) -> None:
    """Write `CURVE`: the epochs of all stages, each with its `stage` (from 1) and without α and β."""
    lines = []
    for stage in range(1, stages + 1):
        for known in read_epochs(work_dir / f"stage{stage}" / "epochs.jsonl"):
            entry = {key: value for key, value in known.items() if key not in _RAW}
            lines.append(json.dumps({"stage": stage, **entry}))
    write_text(work_dir / CURVE, "\n".join(lines) + "\n")


def operation_weights(architecture: Architecture, cell: str) -> dict[str, float]:
    """Average the weight of each operation over all edges of a cell; an edge without the operation counts as 0.

    Weights are softmax(α), or those of another relaxation divided by their sum on the edge. The result is in the order
    of `OPERATIONS` and sums to 1.
    """
    totals: dict[str, float] = {}
    rows, operations = _shares(architecture, cell), getattr(architecture, f"operations_{cell}")
    for row, names in zip(rows, operations, strict=True):
        for name, weight in zip(names, row, strict=True):
            totals[name] = totals.get(name, 0.0) + float(weight) / len(rows)
    return {name: totals[name] for name in OPERATIONS if name in totals}


def alpha_entropy(alpha: list[list[float]]) -> float:
    """Mean over the edges of the entropy of softmax(α), in nats."""
    return float(np.mean([_entropy(np.array(row)) for row in alpha]))


def mean_entropy(architecture: Architecture, cell: str) -> float:
    """Mean over the edges of the entropy of the candidates' weights, in nats; see `operation_weights`."""
    if getattr(architecture, f"weights_{cell}") is None:
        return alpha_entropy(getattr(architecture, f"alpha_{cell}"))
    return float(np.mean([_entropy_of(row) for row in _shares(architecture, cell)]))


def _shares(architecture: Architecture, cell: str) -> list[_Row]:
    """The candidates' weights on each edge, which sum to 1."""
    given = getattr(architecture, f"weights_{cell}")
    if given is None:
        return [_softmax(np.array(row)) for row in getattr(architecture, f"alpha_{cell}")]
    return [np.array(row) / np.sum(row) for row in given]


def beta_entropy(beta: list[float], nodes: int) -> float:
    """Mean over the nodes of the entropy of softmax(β) over the edges into a node, in nats."""
    targets = np.array([target for _, target in edge_sources(nodes)])
    return float(np.mean([_entropy(np.array(beta)[targets == node]) for node in range(2, nodes + 2)]))


def _entropy(values: _Row) -> float:
    return _entropy_of(_softmax(values))


def _entropy_of(weights: _Row) -> float:
    # A weight that underflowed to 0 adds nothing.
    logarithms = np.log(weights, out=np.zeros_like(weights), where=weights > 0)
    return float(-(weights * logarithms).sum())


def _softmax(values: _Row) -> _Row:
    weights: _Row = np.exp(values - values.max())
    return weights / weights.sum()
