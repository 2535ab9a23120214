"""Random states by seed, epoch and process: a resumed run draws what an uninterrupted one does."""

from __future__ import annotations

import random

import numpy as np
import torch


def seed_everything(seed: int, epoch: int, process: int = 0) -> None:
    """Seed Python, NumPy and torch from a seed, an epoch and a process' number, far apart for neighbours of each."""
    spawned = (process,) if process else ()
    words = np.random.SeedSequence([seed, epoch], spawn_key=spawned).generate_state(2)
    random.seed(int(words[0]))
    np.random.seed(int(words[0]))
    torch.manual_seed(int(words[1]))


def epoch_generator(seed: int, epoch: int) -> torch.Generator:
    """The generator that orders an epoch's batches: the same wherever the epoch is begun."""
    return torch.Generator().manual_seed((seed * 100_003 + epoch) % 2**63)


def seed_worker(worker_id: int) -> None:
    """Seed NumPy and Python in a data-loader worker from torch's seed of it, which changes every epoch."""
    seed = torch.initial_seed() % 2**32
    random.seed(seed)
    np.random.seed(seed)
