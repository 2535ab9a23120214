"""PyTorch's GPU settings during a run."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator

import torch


@contextlib.contextmanager
def gpu_settings(tf32: bool, cudnn_benchmark: bool) -> Iterator[None]:
    """Set cuDNN in the block, and restore its settings afterwards; only its deterministic algorithms are used.

    Args:
        tf32: whether fp32 convolutions round their inputs to ten bits. Matrix products never do: in a supernet they are
            the weighted sums of candidates, which are bound by memory and would gain nothing.
        cudnn_benchmark: whether cuDNN tries its algorithms at the first batch of each shape.
    """
    cudnn = torch.backends.cudnn
    before = cudnn.allow_tf32, cudnn.benchmark, cudnn.deterministic
    cudnn.allow_tf32, cudnn.benchmark, cudnn.deterministic = tf32, cudnn_benchmark, True
    try:
        with warnings.catch_warnings():
            # The first steps run without a graph, which Adam would warn of.
            warnings.filterwarnings("ignore", "This instance was constructed with capturable=True", UserWarning)
            yield
    finally:
        cudnn.allow_tf32, cudnn.benchmark, cudnn.deterministic = before
