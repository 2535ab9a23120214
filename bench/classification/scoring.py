"""Compute top-1 and top-5 error over all processes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.device import get_device
from mmengine.evaluator import BaseMetric
from torch import Tensor, distributed, nn
from torch.utils.data import DataLoader

from search.training.parallel import world_size


def errors(counts: Sequence[Tensor]) -> dict[str, float]:
    """Compute errors in % from the counts of `count_errors`, summed over all processes.

    Raises:
        FloatingPointError: the outputs for an image are not finite.
    """
    # Zeros first, since a process may have no images.
    none = torch.zeros(4, dtype=torch.int64, device=get_device())
    total = torch.stack([none, *counts]).sum(dim=0)
    if world_size() > 1:
        distributed.all_reduce(total)
    images, first, fifth, broken = total.tolist()
    if broken:
        raise FloatingPointError(
            f"the network's outputs for {broken} of {images} images are not finite: it has diverged"
        )
    return {"top1_error": 100.0 * first / images, "top5_error": 100.0 * fifth / images}


class ErrorMetric(BaseMetric):
    """`top1_error` and `top5_error` in %, counted on the device without waiting for each batch."""

    def process(self, data_batch: Any, data_samples: Sequence[Tensor]) -> None:
        self.results.extend(data_samples)

    def compute_metrics(self, results: list[Tensor]) -> dict[str, float]:
        return errors(results)

    def evaluate(self, size: int) -> dict[str, float]:
        # The base class would gather the results of all processes and cut them to `size` images.
        found = self.compute_metrics(self.results)
        self.results.clear()
        return found


@torch.no_grad()
def score(model: nn.Module, loader: DataLoader[Any]) -> dict[str, float]:
    """Compute the errors of a `Classifier` on the images of a loader."""
    model.eval()
    return errors([counts for batch in loader for counts in model(**batch, mode="predict")])
