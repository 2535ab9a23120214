"""What PyTorch is told of a GPU for the time of a run."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator

import torch


@contextlib.contextmanager
def gpu_settings(tf32: bool, cudnn_benchmark: bool) -> Iterator[None]:
    """A block with these settings of cuDNN; those before are restored.

    Args:
        tf32: whether convolutions of fp32 round their inputs to ten bits. Products of matrices never do: in a supernet
            they are the weighted sums of candidates, bound by memory, and would gain nothing.
        cudnn_benchmark: whether cuDNN tries its algorithms at the first batch of each shape.
    """
    cudnn = torch.backends.cudnn
    before = cudnn.allow_tf32, cudnn.benchmark
    cudnn.allow_tf32, cudnn.benchmark = tf32, cudnn_benchmark
    try:
        with warnings.catch_warnings():
            # The first steps run without the graph that they prepare; Adam would warn of it.
            warnings.filterwarnings("ignore", "This instance was constructed with capturable=True", UserWarning)
            yield
    finally:
        cudnn.allow_tf32, cudnn.benchmark = before
