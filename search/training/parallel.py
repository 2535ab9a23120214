"""Run one search in several processes, one for each device, and keep their models equal.

mmengine's launcher is not used. It supports GPUs only, and wraps the model in `DistributedDataParallel`, which averages
gradients in `.grad` but not those that `torch.autograd.grad` returns, so that α and β would differ between processes.
Here gradients are averaged explicitly, all in one call.

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

#: Environment variables that torchrun sets for every process.
_TORCHRUN = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")


def rank() -> int:
    """The rank of this process, from 0."""
    return distributed.get_rank() if _joined() else 0


def world_size() -> int:
    """The number of processes."""
    return distributed.get_world_size() if _joined() else 1


def is_main() -> bool:
    """Whether this process has rank 0, which writes files and shows progress."""
    return rank() == 0


@contextlib.contextmanager
def main_first() -> Iterator[None]:
    """Run the block in the first process before the others, so that they find what it has made.

    Raises:
        SystemExit: in the other processes, if the block failed in the first, which reports the error.
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
    """Join the other processes in the block, through NCCL on GPUs and gloo on CPUs.

    Args:
        launcher: `pytorch` in a process that torchrun started, `none` in a single one.

    Raises:
        InputError: the process was not started as `launcher` says, or there are more processes than GPUs on this
            machine.
    """
    if launcher == "none":
        processes = os.environ.get("WORLD_SIZE", "1")
        if processes not in ("", "1"):
            raise InputError(f"torchrun started {processes} processes, but the launcher is none: use launcher pytorch")
        yield
        return
    missing = [name for name in _TORCHRUN if name not in os.environ]
    if missing:
        raise InputError(
            f"launcher {launcher}: {missing[0]} is not set; "
            "start with: torchrun --nproc-per-node N -m bench … --launcher pytorch"
        )
    backend, local = "gloo", int(os.environ["LOCAL_RANK"])
    if torch.cuda.is_available():
        devices = torch.cuda.device_count()
        if local >= devices:
            few = f"no GPU for process {local + 1} on this machine; expected {devices} processes at most"
            raise InputError(f"launcher {launcher}: {few}")
        torch.cuda.set_device(local)
        backend = "nccl"
    distributed.init_process_group(backend)
    try:
        yield
    finally:
        distributed.destroy_process_group()


def from_main(value: int) -> int:
    """The value that the first process passes, in all processes."""
    if world_size() == 1:
        return value
    shared = torch.tensor(value, device="cuda" if distributed.get_backend() == "nccl" else "cpu")
    distributed.broadcast(shared, src=0)
    return int(shared)


def wait_for_all() -> None:
    """Wait until every process is here; `from_main` does not wait for those that only listen."""
    if world_size() > 1:
        here = torch.zeros((), device="cuda" if distributed.get_backend() == "nccl" else "cpu")
        distributed.all_reduce(here)
        # On a GPU the call itself does not wait.
        here.item()


def average(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Average each tensor over the processes, in one call; all tensors have the same type and device.

    The result is the same in all processes bit for bit, since each sum is computed once and then distributed.
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
    """Average the parameters' `.grad` over the processes in place, and return the average of `also`."""
    if world_size() == 1:
        return also
    moving = [parameter for parameter in parameters if parameter.grad is not None]
    also, *gradients = average([also, *(parameter.grad for parameter in moving if parameter.grad is not None)])
    for parameter, gradient in zip(moving, gradients, strict=True):
        parameter.grad = gradient
    return also


class ReplicaHook(Hook):
    """Keep parameters and buffers equal in all processes, and so in checkpoints.

    All processes start with the parameters and buffers of the first. BatchNorm normalises each process' part of a
    batch, so running statistics differ. They are averaged at the end of an epoch, before a checkpoint is written, and
    all processes continue with the mean, as does a resumed run.
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
        # Counts of batches are integers, which are equal in all processes.
        statistics = [value for name, value in state.items() if name not in parameters and value.is_floating_point()]
        for value, mean in zip(statistics, average(statistics), strict=True):
            value.copy_(mean)

    @staticmethod
    def _compare(parameters: Sequence[Tensor]) -> None:
        """Check that parameters are equal; no later step would notice two different architectures."""
        here = torch.cat([parameter.reshape(-1) for parameter in parameters])
        main = here.clone()
        distributed.broadcast(main, src=0)
        # As bytes, so that NaNs are equal; FiniteLossHook reports them.
        same = torch.equal(here.view(torch.uint8), main.view(torch.uint8))
        differ = torch.tensor(0 if same else 1, device=here.device)
        distributed.all_reduce(differ, op=distributed.ReduceOp.MAX)
        if differ.item():
            raise RuntimeError("the processes no longer have the same parameters")


def _joined() -> bool:
    return distributed.is_available() and distributed.is_initialized()
