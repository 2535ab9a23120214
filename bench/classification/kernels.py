"""What an evaluation network issues, counted: for `wildnas speed classification --kernels`."""

from __future__ import annotations

import torch

from backbones.networks import CifarNetwork, ImageNetNetwork
from bench.classification.model import Classifier, build_network
from bench.classification.settings import ClassificationSettings
from bench.classification.speed import CLASSES
from bench.classification.width import channels_of
from bench.machine.kernels import count
from bench.tasks.architectures import Architecture

#: Images of a batch: their number is nothing to the number of operations.
_IMAGES = 2


def count_kernels(settings: ClassificationSettings, architecture: Architecture) -> dict[str, dict[str, int]]:
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
