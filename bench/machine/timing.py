"""Time a call, on the CPU or a GPU, and measure in a process of its own."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

import torch

from backbones.errors import InputError
from bench.machine.memory import is_out_of_memory

#: Number of calls before the first timed one.
WARM_UP = 2

_Result = TypeVar("_Result")


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


def isolated(call: Callable[..., _Result], *arguments: Any, hint: str) -> _Result:
    """Call in a process of its own, whose memory nothing else uses.

    Args:
        hint: the option for a smaller batch.

    Raises:
        InputError: memory is too small.
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            return pool.submit(call, *arguments).result()
        except (BrokenProcessPool, RuntimeError, MemoryError) as error:
            # A broken pool: the system killed the process.
            if isinstance(error, BrokenProcessPool) or is_out_of_memory(error):
                raise InputError(f"memory does not suffice for a step; a smaller batch may fit: {hint}") from error
            raise
