"""What stands in for a CUDA graph on a CPU."""

from __future__ import annotations

from collections.abc import Callable

import torch

from search.loop.graph import Tensors


class Recorded:
    """A capture as a CPU can have it: the call is kept and called again, its results at one address each."""

    def __init__(self) -> None:
        self.warm_ups = 0
        self.replayed = 0

    def warm_up(self, call: Callable[[], Tensors]) -> Tensors:
        self.warm_ups += 1
        return call()

    def capture(self, call: Callable[[], Tensors]) -> Callable[[], Tensors]:
        results: Tensors = {}

        def replay() -> Tensors:
            self.replayed += 1
            for name, value in call().items():
                results.setdefault(name, torch.empty_like(value)).copy_(value)
            return results

        return replay
