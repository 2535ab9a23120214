"""Seed random generators by seed, epoch and process, so that a resumed run draws what an uninterrupted one does."""

from __future__ import annotations

import random

import numpy as np
import torch


def seed_everything(seed: int, epoch: int, process: int = 0) -> None:
    """Seed Python, NumPy and torch from a seed, an epoch and a process' rank; neighbours get unrelated states."""
    spawned = (process,) if process else ()
    words = np.random.SeedSequence([seed, epoch], spawn_key=spawned).generate_state(2)
    random.seed(int(words[0]))
    np.random.seed(int(words[0]))
    torch.manual_seed(int(words[1]))


def epoch_generator(seed: int, epoch: int) -> torch.Generator:
    """The generator that orders an epoch's batches, the same in every process and after a resume."""
    return torch.Generator().manual_seed((seed * 100_003 + epoch) % 2**63)


def seed_worker(worker_id: int) -> None:
    """Seed NumPy and Python in a data-loader worker from its torch seed, which changes every epoch."""
    seed = torch.initial_seed() % 2**32
    random.seed(seed)
    np.random.seed(seed)
