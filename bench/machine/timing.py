"""Time a call, on the CPU or a GPU."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

#: Number of calls before the first timed one.
WARM_UP = 2


def repeat(call: Callable[[], object], repetitions: int) -> list[float]:
    """Measure seconds of several calls after a warm-up; the device is idle before and after each."""
    seconds = []
    for index in range(WARM_UP + repetitions):
        _wait()
        start = time.perf_counter()
        call()
        _wait()
        if index >= WARM_UP:
            seconds.append(time.perf_counter() - start)
    return seconds


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
