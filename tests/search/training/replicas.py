"""What each of the processes that test_parallel.py starts does: `torchrun … replicas.py SETTINGS_JSON FOLDER`."""

from __future__ import annotations

import itertools
import json
import sys
import time
from pathlib import Path

import torch
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.runner import Runner
from torch import Tensor

from backbones.genotype import SEARCH_OPERATIONS
from search.loop import bilevel
from search.loop.bilevel import Bilevel
from search.loop.momentum import MomentumSGD
from search.run import run_search
from search.settings import SearchSettings
from search.space import SearchSpace
from search.supernet import SuperNet
from search.training import parallel
from search.training.deferred import ClippingOptimWrapper


def images_in_double(images: Tensor, how: object, training: bool) -> Tensor:
    return images.double() / 128 - 1


def bilevel_of(settings: SearchSettings, order: int) -> Bilevel:
    """In float64, the same in every process."""
    torch.manual_seed(1)
    net = SuperNet(SearchSpace.full(2, SEARCH_OPERATIONS), 4, 3, 3, 2, edge_normalisation=True)
    model = Bilevel(net, settings.proxy, order).double().train()
    model.train_architecture = True
    return model


def batch_of() -> dict[str, Tensor]:
    """Eight images of each half."""
    draws = torch.Generator().manual_seed(0)
    return {
        f"{half}_{kind}": torch.randint(0, 256, (8, 3, 8, 8), dtype=torch.uint8, generator=draws)
        if kind == "images"
        else torch.arange(8) % 3
        for half in ("weight", "architecture")
        for kind in ("images", "labels")
    }


def gradient_step(model: Bilevel, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """A step in which α and β move by the whole of their gradient, and the losses."""
    net = model.supernet
    before = {name: value.detach().clone() for name, value in net.architecture_parameters().items()}
    weights = MomentumSGD(net.weight_parameters(), lr=0.1, momentum=0.0, weight_decay=0.0)
    architecture = torch.optim.SGD(net.architecture_parameters().values(), lr=1.0)
    log = model.train_step(
        batch, OptimWrapperDict(weights=ClippingOptimWrapper(weights), architecture=OptimWrapper(architecture))
    )
    moved = {name: before[name] - value.detach() for name, value in net.architecture_parameters().items()}
    return {**moved, **log, "classifier": net.classifier.weight.detach().clone()}


class Stopped(Exception):
    pass


def stop(fraction: float, doing: str) -> None:
    if "stage 2 of" in doing and "epoch 2 of" in doing:
        raise Stopped


def main(settings: SearchSettings, folder: Path) -> None:
    rank, processes = parallel.rank(), parallel.world_size()
    state: dict[str, object] = {}

    batch = {name: value.chunk(processes)[rank] for name, value in batch_of().items()}
    prepare, bilevel.prepare = bilevel.prepare, images_in_double
    for order in (1, 2):
        state[f"gradient{order}"] = gradient_step(bilevel_of(settings, order), batch)
    bilevel.prepare = prepare

    epochs: list[dict[str, Tensor]] = []
    numbers = itertools.count()
    after = parallel.ReplicaHook.after_train_epoch

    def recorded(hook: parallel.ReplicaHook, runner: Runner) -> None:
        before = {name: value.clone() for name, value in runner.model.state_dict().items()}
        after(hook, runner)
        if next(numbers) == 0:
            state["before_averaging"] = before
        epochs.append({name: value.clone() for name, value in runner.model.state_dict().items()})

    parallel.ReplicaHook.after_train_epoch = recorded
    result = run_search(settings, folder / "whole", 1)
    state["epochs"] = list(epochs)
    state["drawn"] = torch.rand(4)

    try:
        run_search(settings, folder / "resumed", 1, stop)
    except Stopped:
        epochs.clear()
    late = folder / "late"
    if rank == 1:
        time.sleep(0.5)
        late.touch()
    parallel.wait_for_all()
    state["waited"] = late.exists()
    state["same"] = run_search(settings, folder / "resumed", 1) == result
    state["resumed_epochs"] = list(epochs)
    torch.save(state, folder / f"rank{rank}.pth")


if __name__ == "__main__":
    with parallel.process_group("pytorch"):
        main(SearchSettings.model_validate(json.loads(sys.argv[1])), Path(sys.argv[2]))
