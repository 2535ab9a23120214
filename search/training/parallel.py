"""One search over several processes, one a device: what `torchrun` starts and what keeps their models the same.

mmengine's own launcher is not used: it knows GPUs only, and wraps the model in `DistributedDataParallel`, which
averages what `backward` leaves in `.grad` and nothing that `torch.autograd.grad` returns, so that α and β would drift
apart from process to process. Gradients are averaged here instead, explicitly, in one call for all of them.

In a single process every function here does nothing.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor, distributed, nn

from backbones.errors import InputError

#: What torchrun sets in the environment of every process that it starts.
_TORCHRUN = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")


def rank() -> int:
    """The number of this process, from 0."""
    return distributed.get_rank() if _joined() else 0


def world_size() -> int:
    """The number of processes."""
    return distributed.get_world_size() if _joined() else 1


def is_main() -> bool:
    """Whether this is the process that writes files and shows progress."""
    return rank() == 0


@contextlib.contextmanager
def main_first() -> Iterator[None]:
    """A block that the first process runs before the others do, so that they find what it has made.

    Raises:
        SystemExit: in the others, where it failed in the first, which says why.
    """
    if world_size() == 1:
        yield
        return
    failed = torch.ones((), device="cuda" if distributed.get_backend() == "nccl" else "cpu")
    if is_main():
        try:
            yield
            failed.zero_()
        finally:
            distributed.broadcast(failed, src=0)
        return
    distributed.broadcast(failed, src=0)
    if failed.item():
        raise SystemExit(1)
    yield


@contextlib.contextmanager
def process_group(launcher: str) -> Iterator[None]:
    """Join the other processes, through NCCL on GPUs and gloo on CPUs, for the time of the block.

    Args:
        launcher: `pytorch` in a process that torchrun has started, `none` in a single one.

    Raises:
        InputError: not started as `launcher` says, or more processes on this machine than it has GPUs.
    """
    if launcher == "none":
        processes = os.environ.get("WORLD_SIZE", "1")
        if processes not in ("", "1"):
            raise InputError(
                f"torchrun started {processes} processes that would not know of each other: add --launcher pytorch"
            )
        yield
        return
    missing = [name for name in _TORCHRUN if name not in os.environ]
    if missing:
        raise InputError(
            f"--launcher {launcher}: {missing[0]} is not set; "
            "start with: torchrun --nproc-per-node N -m bench … --launcher pytorch"
        )
    backend, local = "gloo", int(os.environ["LOCAL_RANK"])
    if torch.cuda.is_available():
        devices = torch.cuda.device_count()
        if local >= devices:
            raise InputError(f"--launcher {launcher}: process {local + 1} on this machine, which has {devices} GPUs")
        torch.cuda.set_device(local)
        backend = "nccl"
    distributed.init_process_group(backend)
    try:
        yield
    finally:
        distributed.destroy_process_group()


def average(tensors: Sequence[Tensor]) -> list[Tensor]:
    """The mean of each tensor over the processes, in one call for all; they have one type and device.

    The result is the same in all processes bit for bit: every sum is made in one place and handed to the others.
    """
    # A network without BatchNorm has no statistics.
    if world_size() == 1 or not tensors:
        return list(tensors)
    flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
    distributed.all_reduce(flat)
    flat /= world_size()
    parts = flat.split([tensor.numel() for tensor in tensors])
    return [part.view(tensor.shape) for part, tensor in zip(parts, tensors, strict=True)]


def average_gradients(parameters: Sequence[nn.Parameter], also: Tensor) -> Tensor:
    """Average the parameters' `.grad` over the processes, in place of it, and `also`, which is returned."""
    if world_size() == 1:
        return also
    moving = [parameter for parameter in parameters if parameter.grad is not None]
    also, *gradients = average([also, *(parameter.grad for parameter in moving if parameter.grad is not None)])
    for parameter, gradient in zip(moving, gradients, strict=True):
        parameter.grad = gradient
    return also


class ReplicaHook(Hook):
    """Keep the model the same in all processes: parameters, buffers, and so what a checkpoint holds.

    All begin with the first process' parameters and buffers. Each normalises by its own part of a batch and so has
    running statistics of its own; they are averaged as an epoch ends, before a checkpoint is written, and all go on
    from the mean, as does a run that is resumed.
    """

    priority = "HIGH"

    def before_train(self, runner: Runner) -> None:
        if world_size() > 1:
            for value in runner.model.state_dict().values():
                distributed.broadcast(value, src=0)

    def after_train_epoch(self, runner: Runner) -> None:
        if world_size() == 1:
            return
        parameters = {name for name, _ in runner.model.named_parameters()}
        state = runner.model.state_dict()
        self._compare([value for name, value in state.items() if name in parameters])
        # A count of batches is a whole number, and the same everywhere.
        statistics = [value for name, value in state.items() if name not in parameters and value.is_floating_point()]
        for value, mean in zip(statistics, average(statistics), strict=True):
            value.copy_(mean)

    @staticmethod
    def _compare(parameters: Sequence[Tensor]) -> None:
        """Two processes that end with two architectures are an error that no later step would show."""
        here = torch.cat([parameter.reshape(-1) for parameter in parameters])
        main = here.clone()
        distributed.broadcast(main, src=0)
        # As bytes, so that two NaNs are equal: a loss that is not finite is told of elsewhere.
        same = torch.equal(here.view(torch.uint8), main.view(torch.uint8))
        differ = torch.tensor(0 if same else 1, device=here.device)
        distributed.all_reduce(differ, op=distributed.ReduceOp.MAX)
        if differ.item():
            raise RuntimeError("the processes no longer have the same parameters")


def _joined() -> bool:
    return distributed.is_available() and distributed.is_initialized()
