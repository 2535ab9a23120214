"""Measure a call in a process of its own."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

import torch

from backbones.errors import InputError

_Result = TypeVar("_Result")


def isolated(call: Callable[..., _Result], *arguments: Any, hint: str) -> _Result:
    """Call in a process of its own, whose memory nothing else has grown.

    Args:
        hint: how the user makes the batch smaller.

    Raises:
        InputError: memory does not suffice.
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            return pool.submit(call, *arguments).result()
        except (BrokenProcessPool, RuntimeError) as error:
            # A process that the system has killed, a GPU's allocator, the CPU's.
            killed = isinstance(error, (BrokenProcessPool, torch.OutOfMemoryError))
            if killed or "allocate memory" in str(error):
                raise InputError(f"memory does not suffice for a step; a smaller batch may fit: {hint}") from error
            raise
