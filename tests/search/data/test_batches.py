from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from backbones.errors import InputError
from search.data.batches import BatchSampler

Batches = list[tuple[list[int], list[int]]]


def batches(sampler: BatchSampler, epoch: int = 0) -> Batches:
    sampler.set_epoch(epoch)
    found = [(first.tolist(), second.tolist()) for first, second in sampler]
    assert len(found) == len(sampler)
    return found


def test_batches_follow_from_seed_and_epoch() -> None:
    weight, architecture = torch.arange(0, 20, 2), torch.arange(1, 21, 2)
    runs = [
        batches(BatchSampler((weight, architecture), 4, seed), epoch)
        for seed in (0, 1, 5_000_000)
        for epoch in (0, 1, 2)
    ]
    assert runs[1] == batches(BatchSampler((weight, architecture), 4, 0), 1)
    assert all(one != other for place, one in enumerate(runs) for other in runs[:place])
    for run in runs:
        first, second = ([index for pair in run for index in pair[part]] for part in (0, 1))
        assert len(set(first)) == len(set(second)) == 8
        assert set(first) <= set(weight.tolist())
        assert set(second) <= set(architecture.tolist())


@settings(deadline=None, max_examples=60)
@given(
    weight=st.integers(1, 40), architecture=st.integers(1, 40), share=st.integers(1, 4), world_size=st.integers(1, 4)
)
def test_the_processes_share_every_global_batch(weight: int, architecture: int, share: int, world_size: int) -> None:
    parts = torch.arange(weight), 100 + torch.arange(architecture)
    size = share * world_size
    alone = batches(BatchSampler(parts, size, seed=7), epoch=3)
    shares = [batches(BatchSampler(parts, size, 7, rank, world_size), epoch=3) for rank in range(world_size)]
    for batch, together in enumerate(alone):
        for part in (0, 1):
            assert [len(one[batch][part]) for one in shares] == [share] * world_size
            assert [index for one in shares for index in one[batch][part]] == together[part]


@settings(deadline=None, max_examples=60)
@given(weight=st.integers(4, 60), architecture=st.integers(1, 60), size=st.integers(1, 6))
def test_a_shorter_architecture_part_is_begun_anew(weight: int, architecture: int, size: int) -> None:
    run = batches(BatchSampler((torch.arange(weight), torch.arange(architecture)), size, seed=0))
    assert len(run) == weight // size
    first, second = ([index for pair in run for index in pair[part]] for part in (0, 1))
    assert len(set(first)) == len(first) == len(second)
    # Every pass has every image once.
    for start in range(0, len(second), architecture):
        one = second[start : start + architecture]
        assert len(set(one)) == len(one)


def test_passes_differ_in_order() -> None:
    (_, second), *_ = batches(BatchSampler((torch.arange(20), torch.arange(10)), 20, seed=0))
    assert second[:10] != second[10:]


def test_a_batch_that_cannot_be_shared_is_refused() -> None:
    with pytest.raises(InputError, match=r"batch_size=6: expected a multiple of the number of processes, 4"):
        BatchSampler((torch.arange(9), torch.arange(9)), 6, 0, rank=1, world_size=4)


@settings(deadline=None, max_examples=60)
@given(count=st.integers(1, 60), share=st.integers(1, 4), accumulate=st.integers(1, 4), world_size=st.integers(1, 3))
def test_accumulated_batches_are_the_whole_ones_in_parts(
    count: int, share: int, accumulate: int, world_size: int
) -> None:
    size, part = share * accumulate * world_size, torch.arange(count)
    whole = [batch.tolist() for (batch,) in BatchSampler((part,), size, seed=5)]
    assert len(whole) == count // size
    together: list[list[int]] = [[] for _ in whole]
    for rank in range(world_size):
        sampler = BatchSampler((part,), size, 5, rank, world_size, accumulate)
        pieces = [batch.tolist() for (batch,) in sampler]
        assert len(pieces) == len(sampler) == len(whole) * accumulate
        assert all(len(piece) == share for piece in pieces)
        for place, piece in enumerate(pieces):
            together[place // accumulate] += piece
    assert [sorted(batch) for batch in together] == [sorted(batch) for batch in whole]


def test_what_cannot_be_divided_is_refused() -> None:
    with pytest.raises(InputError, match="batch_size=6 gives 3 images a process, which accumulate=2 does not divide"):
        BatchSampler((torch.arange(9),), 6, 0, 0, 2, accumulate=2)
