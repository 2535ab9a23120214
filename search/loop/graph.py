"""Capture a step of the search as a CUDA graph once, then replay it with one call.

A GPU runs the thousands of kernels of a step in less time than Python needs to issue them. A graph holds the kernels
with the addresses that they read and write, so everything that changes from step to step must be at fixed addresses:
the batch is copied into buffers, and rates are tensors (`search.loop.momentum`, `SuperNet.skip_dropout`). Random
numbers come from the device's generator, which a replay advances like the step itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable
from typing import Protocol

import torch
from torch import Tensor

from backbones.errors import InputError
from search.training.parallel import world_size

#: Steps that run before the capture; they create what is created once, such as the optimisers' state.
WARM_UP = 3

Tensors = dict[str, Tensor]

_log = logging.getLogger(__name__)


class Capture(Protocol):
    """Interface of a method to capture calls."""

    def warm_up(self, call: Callable[[], Tensors]) -> Tensors:
        """Run a call in the way that is needed before its capture."""

    def capture(self, call: Callable[[], Tensors]) -> Callable[[], Tensors]:
        """Record a call without running it; return a function that runs it and gives its results at fixed addresses."""


class CudaCapture:
    """Capture with `torch.cuda.CUDAGraph`."""

    def __init__(self) -> None:
        self._stream = torch.cuda.Stream()

    def warm_up(self, call: Callable[[], Tensors]) -> Tensors:
        """Run on a separate stream, like the capture."""
        current = torch.cuda.current_stream()
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            results = call()
        current.wait_stream(self._stream)
        return results

    def capture(self, call: Callable[[], Tensors]) -> Callable[[], Tensors]:
        """Record on the stream of the warm-up; PyTorch registers the default generator with every graph.

        Raises:
            RuntimeError: the call does something that a graph cannot hold. The stream and the generator are then as
                they were before.
        """
        graph = torch.cuda.CUDAGraph()
        generator = torch.cuda.default_generators[self._stream.device_index]
        before = generator.clone_state()
        try:
            # `torch.cuda.graph` leaves its stream current where the capture fails; this outer block does not. Threads
            # that load data may use the GPU meanwhile.
            with (
                torch.cuda.stream(self._stream),
                torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local"),
            ):
                results = call()
        except RuntimeError:
            # A failed capture leaves the generator as if it still ran; the next random number would raise an error.
            generator.graphsafe_set_state(before)
            raise

        def replay() -> Tensors:
            graph.replay()
            return results

        return replay


class Replays:
    """Run steps, from the fourth on as replays of a graph.

    Args:
        required: whether a step that cannot be captured is an error; if not, steps run without a graph.

    Attributes:
        captures: number of captured graphs.
        reason: why a capture failed; None if none did.
    """

    def __init__(self, capture: Capture, required: bool = False) -> None:
        self.captures = 0
        self.reason: str | None = None
        self._capture = capture
        self._required = required
        self._key: Hashable = None
        self._calls = 0
        self._buffers: Tensors = {}
        self._replay: Callable[[], Tensors] | None = None

    def __call__(self, key: Hashable, data: Tensors, step: Callable[[Tensors], Tensors]) -> Tensors:
        """Run a step on a batch.

        Args:
            key: the kind of step; steps with equal keys and batch shapes issue the same operations.

        Raises:
            InputError: the step cannot be captured, but `required` is set.
        """
        if self.reason is not None:
            return step(data)
        key = (key, *((name, value.shape, value.dtype) for name, value in data.items()))
        if key != self._key:
            # Free the memory of the previous graph first.
            self._key, self._calls, self._replay = key, 0, None
            self._buffers = {name: torch.empty_like(value) for name, value in data.items()}
        for name, value in data.items():
            self._buffers[name].copy_(value, non_blocking=True)
        self._calls += 1
        if self._calls <= WARM_UP:
            return self._capture.warm_up(lambda: step(self._buffers))
        if self._replay is None:
            try:
                self._replay = self._capture.capture(lambda: step(self._buffers))
            except RuntimeError as error:
                self.reason = _first_reason(error)
                if self._required:
                    raise InputError(f"execution.graph='on': a step cannot be captured: {self.reason}") from error
                _log.warning("steps run without a CUDA graph: %s", self.reason)
                return step(data)
            self.captures += 1
        return self._replay()


def _first_reason(error: BaseException) -> str:
    """Return the first line of the first error; ending a failed capture raises another one, which says less."""
    while error.__context__ is not None:
        error = error.__context__
    return (str(error).splitlines() or [type(error).__name__])[0]


def replays(graph: str) -> Replays | None:
    """Make the object that runs the steps of a stage as CUDA graphs, or None to run them without graphs.

    Args:
        graph: `execution.graph` of a search: `auto`, `on` or `off`.

    Raises:
        InputError: `graph` is `on`, but no graph is possible.
    """
    if graph == "off":
        return None
    reason = refusal()
    if reason is None:
        return Replays(CudaCapture(), required=graph == "on")
    if graph == "on":
        raise InputError(f"execution.graph='on': {reason}; 'auto' continues without a graph")
    # On a CPU this is expected, so it is not shown on the console.
    _log.log(logging.WARNING if torch.cuda.is_available() else logging.INFO, "no CUDA graph: %s", reason)
    return None


def refusal() -> str | None:
    """Return why CUDA graphs are not possible here, or None if they are."""
    if not torch.cuda.is_available():
        return "there is no GPU"
    if world_size() > 1:
        return "capturing the NCCL operations of several processes is untested"
    return None
