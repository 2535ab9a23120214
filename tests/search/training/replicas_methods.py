"""What each process of test_parallel_methods.py does: `torchrun … replicas_methods.py SETTINGS_JSON FOLDER`."""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path

import torch
from mmengine.runner import Runner
from torch import Tensor

from search.run import run_search
from search.sampling.run import run_sampled
from search.sampling.settings import SampledSettings, parse_search
from search.training import parallel


class Stopped(Exception):
    pass


def main(searches: dict[str, dict[str, object]], folder: Path) -> None:
    epochs: list[dict[str, Tensor]] = []
    after = parallel.ReplicaHook.after_train_epoch

    def recorded(hook: parallel.ReplicaHook, runner: Runner) -> None:
        after(hook, runner)
        epochs.append({name: value.clone() for name, value in runner.model.state_dict().items()})

    parallel.ReplicaHook.after_train_epoch = recorded
    state: dict[str, object] = {}
    for name, values in searches.items():
        settings = parse_search(values, name)
        search = run_sampled if isinstance(settings, SampledSettings) else run_search
        epochs.clear()
        result = search(settings, folder / name, 1)  # type: ignore[arg-type]
        state[name] = {"epochs": list(epochs), "genotype": result.genotype.digest, "accuracy": result.accuracy}
        calls = itertools.count()

        def stop(fraction: float, doing: str, calls: itertools.count[int] = calls) -> None:
            # In the middle: the third step of four or more.
            if next(calls) == 2:
                raise Stopped

        try:
            search(settings, folder / f"{name} resumed", 1, stop)  # type: ignore[arg-type]
        except Stopped:
            state[f"{name} resumed"] = search(settings, folder / f"{name} resumed", 1) == result  # type: ignore[arg-type]
    torch.save(state, folder / f"rank{parallel.rank()}.pth")


if __name__ == "__main__":
    with parallel.process_group("pytorch"):
        main(json.loads(sys.argv[1]), Path(sys.argv[2]))
