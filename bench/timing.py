"""Timing of a call, on the CPU or a GPU."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch


def repeat(call: Callable[[], object], repetitions: int, warm_up: int = 2) -> list[float]:
    """Seconds of each of several calls after a warm-up that is not timed."""
    seconds = []
    for place in range(warm_up + repetitions):
        start = time.perf_counter()
        call()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        if place >= warm_up:
            seconds.append(time.perf_counter() - start)
    return seconds
