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
    """Call in a process of its own, whose memory nothing else uses.

    Args:
        hint: the option for a smaller batch.

    Raises:
        InputError: memory is too small.
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            return pool.submit(call, *arguments).result()
        except (BrokenProcessPool, RuntimeError) as error:
            # The system killed the process, or an allocator of GPU or CPU failed.
            killed = isinstance(error, (BrokenProcessPool, torch.OutOfMemoryError))
            if killed or "allocate memory" in str(error):
                raise InputError(f"memory does not suffice for a step; a smaller batch may fit: {hint}") from error
            raise
