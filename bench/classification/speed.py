"""Images per second of one training step and of inference, on random images."""

from __future__ import annotations

import torch
from torch import Tensor

from backbones.design import Design
from backbones.networks import CifarNetwork, ImageNetNetwork
from bench.classification.model import Classifier, build_network
from bench.classification.settings import ClassificationSettings
from bench.classification.width import channels_of
from bench.machine import environment
from bench.machine.timing import repeat
from bench.tasks.architectures import NamedArchitecture
from bench.tasks.contract import Speed
from search.training.deferred import ClippingOptimWrapper

#: Number of classes if the config has no expected one: CIFAR-10's, ImageNet's.
CLASSES = {"cifar": 10, "imagenet": 1000}


def measure_speed(
    settings: ClassificationSettings, architecture: NamedArchitecture, batch_size: int, repetitions: int
) -> Speed:
    """Time whole training steps, with augmentation and optimiser, and passes in evaluation mode."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    before = environment.memory()
    environment.reset_peak_memory()
    model, data = random_task(settings, architecture.design, batch_size, device)
    optimiser = settings.optimiser
    sgd = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=optimiser.momentum, foreach=True)
    clip = None if optimiser.clip_norm is None else {"max_norm": optimiser.clip_norm}
    wrapper = ClippingOptimWrapper(sgd, clip_grad=clip)
    one = {name: value[:1] for name, value in data.items()}
    sample = _sample(model, data)
    set_drop_path(model, settings.drop_path)
    train = repeat(lambda: model.train_step(data, wrapper), repetitions)
    peak = environment.growth(before)
    model.eval()
    with torch.no_grad():
        inference = repeat(lambda: model(**data), repetitions)
        latency = repeat(lambda: model(**one), repetitions)
    return Speed.of(
        batch_size,
        train,
        inference,
        device=environment.device_name(),
        precision=settings.execution.precision,
        latency=latency,
        peak_memory=peak,
        sample=sample,
    )


def random_task(
    settings: ClassificationSettings, design: Design, batch_size: int, device: torch.device
) -> tuple[Classifier, dict[str, Tensor]]:
    """Build a protocol's classifier with seed 0, and a batch of random images and labels."""
    size, classes = settings.images.image_size, settings.expected.get("classes", CLASSES[settings.network])
    channels = channels_of(design, settings, classes)
    torch.manual_seed(0)
    model = Classifier(build_network(design, settings, channels, classes), settings).to(device)
    images = torch.randint(256, (batch_size, 3, size, size), dtype=torch.uint8, device=device)
    return model, {"images": images, "labels": torch.randint(classes, (batch_size,), device=device)}


def set_drop_path(model: Classifier, rate: float) -> None:
    """Set the drop-path rate; timm models have none."""
    if isinstance(model.network, (CifarNetwork, ImageNetNetwork)):
        model.network.drop_path_rate = rate


@torch.no_grad()
def _sample(model: Classifier, data: dict[str, Tensor]) -> list[float]:
    """Compute the loss of a training step and the logits of an evaluation, before any update."""
    model.eval()
    logits = model(**data).float().flatten().tolist()
    model.train()
    losses = model(**data, mode="loss").values()
    return [float(sum(losses)), *logits]
