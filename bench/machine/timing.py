"""Timing of a call, on the CPU or a GPU."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

#: Calls before the first that is timed.
WARM_UP = 2


def repeat(call: Callable[[], object], repetitions: int) -> list[float]:
    """Seconds of each of several calls after a warm-up, the device idle before and after each."""
    seconds = []
    for place in range(WARM_UP + repetitions):
        _wait()
        start = time.perf_counter()
        call()
        _wait()
        if place >= WARM_UP:
            seconds.append(time.perf_counter() - start)
    return seconds


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
