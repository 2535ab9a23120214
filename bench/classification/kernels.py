"""Count the operations that an evaluation network issues, for `wildnas speed classification --kernels`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from backbones.errors import InputError
from bench.classification.settings import ClassificationSettings
from bench.classification.speed import random_task, set_drop_path
from bench.machine.kernels import count
from bench.tasks.architectures import NamedArchitecture, resolve
from bench.tasks.speed import protocols_for
from search.configs import parse

#: Images in a batch; the number of operations does not depend on it.
_IMAGES = 2


def count_networks(
    kind: str, architectures: Sequence[str], names: Sequence[str], options: Sequence[str]
) -> list[dict[str, Any]]:
    """Count each architecture's training pass and inference.

    Args:
        kind: the task, which must be classification.
        names: names of protocols: one for all architectures, or one for each.

    Raises:
        InputError: an unknown name, or another task.
    """
    if kind != "classification":
        raise InputError(f"kernels: not available for {kind}; expected classification or search")
    found = []
    for name, protocol in zip(architectures, protocols_for(kind, names, options, len(architectures)), strict=True):
        architecture = resolve(name)
        settings = parse(ClassificationSettings, protocol.config, protocol.name)
        for step, counts in count_kernels(settings, architecture).items():
            found.append({"architecture": architecture.name, "protocol": protocol.name, "step": step, **counts})
    return found


def count_kernels(settings: ClassificationSettings, architecture: NamedArchitecture) -> dict[str, dict[str, int]]:
    """Count (`bench.machine.kernels.Issued.counts`) `forward and backward` in training, and `inference`.

    Maps are contiguous, so that a CPU runs PyTorch's own operations.
    """
    execution = settings.execution.model_copy(update={"channels_last": False, "compile": False})
    settings = settings.model_copy(update={"execution": execution})
    model, data = random_task(settings, architecture.design, _IMAGES, torch.device("cpu"))
    set_drop_path(model, settings.drop_path)

    def forward_and_backward() -> None:
        model.zero_grad(set_to_none=True)
        loss = sum(model(**data, mode="loss").values())
        assert isinstance(loss, torch.Tensor)
        loss.backward()

    model.train()
    forward_and_backward()
    training = count(forward_and_backward)
    model.eval()
    with torch.no_grad():
        return {"forward and backward": training, "inference": count(lambda: model(**data))}
