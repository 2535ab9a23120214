"""What an evaluation network issues, counted: for `wildnas speed classification --kernels`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from backbones.errors import InputError
from backbones.networks import CifarNetwork, ImageNetNetwork
from bench.classification.model import Classifier, build_network
from bench.classification.settings import ClassificationSettings
from bench.classification.speed import CLASSES
from bench.classification.width import channels_of
from bench.machine.kernels import count
from bench.tasks.architectures import NamedArchitecture, resolve
from bench.tasks.speed import protocols_for
from search.configs import parse

#: Images of a batch: their number is nothing to the number of operations.
_IMAGES = 2


def count_networks(
    kind: str, architectures: Sequence[str], names: Sequence[str], options: Sequence[str]
) -> list[dict[str, Any]]:
    """Count each architecture's training pass and inference.

    Args:
        kind: the task, which has to be classification.
        names: of the protocols: one for all architectures, or one for each.

    Raises:
        InputError: an unknown name, or a task or protocol whose networks are not counted.
    """
    if kind != "classification":
        raise InputError(f"--kernels: of classification and search, not of {kind}")
    found = []
    for name, protocol in zip(architectures, protocols_for(kind, names, options, len(architectures)), strict=True):
        architecture = resolve(name)
        settings = parse(ClassificationSettings, protocol.config, protocol.name)
        for step, counts in count_kernels(settings, architecture).items():
            found.append({"architecture": architecture.name, "protocol": protocol.name, "step": step, **counts})
    return found


def count_kernels(settings: ClassificationSettings, architecture: NamedArchitecture) -> dict[str, dict[str, int]]:
    """Counts (`bench.machine.kernels.Issued.counts`) of `forward and backward` in training, and of `inference`.

    With contiguous maps, for which a CPU has no arithmetic of its own.
    """
    execution = settings.execution.model_copy(update={"channels_last": False, "compile": False})
    settings = settings.model_copy(update={"execution": execution})
    size, classes = settings.images.image_size, settings.expected.get("classes", CLASSES[settings.network])
    torch.manual_seed(0)
    channels = channels_of(architecture.design, settings, classes)
    network = build_network(architecture.design, settings, channels, classes)
    if isinstance(network, (CifarNetwork, ImageNetNetwork)):
        network.drop_path_rate = settings.drop_path
    model = Classifier(network, settings)
    data = {
        "images": torch.randint(256, (_IMAGES, 3, size, size), dtype=torch.uint8),
        "labels": torch.randint(classes, (_IMAGES,)),
    }

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
