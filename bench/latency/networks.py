"""The whole network of an architecture under a protocol, untrained, as it is deployed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from backbones.cost import Cost, measure
from backbones.errors import InputError
from bench.export.networks import Exportable
from bench.tasks.architectures import NamedArchitecture
from bench.tasks.contract import Protocol

#: Number of identities of Market-1501; the embedding does not depend on it.
_IDENTITIES = 751


@dataclass(frozen=True)
class Deployed:
    """Networks with equal weights.

    Attributes:
        single: for one image, a detector with NMS.
        batched: for many images, a detector before NMS.
        cost: of the whole network for one image.
    """

    single: Exportable
    batched: Exportable
    cost: Cost


def deployed(kind: str, protocol: Protocol, architecture: NamedArchitecture) -> Deployed:
    """Build the network that a protocol of a task would train.

    Raises:
        InputError: the task or the protocol's detector has no export.
    """
    confirm_deployed(kind)
    torch.manual_seed(0)
    return _builders()[kind](protocol, architecture)


def confirm_deployed(kind: str) -> None:
    """Raise InputError for a task whose networks are not deployed."""
    if kind not in _builders():
        raise InputError(f"{kind}: its networks are not deployed; expected {', '.join(_builders())}")


def _builders() -> dict[str, Callable[[Protocol, NamedArchitecture], Deployed]]:
    return {"classification": _classifier, "detection": _detector, "reid": _embedding}


def _same(network: nn.Module, shape: tuple[int, int, int], output: str) -> Deployed:
    whole = Exportable(network.eval(), shape, (output,))
    return Deployed(whole, whole, measure(network, shape))


def _classifier(protocol: Protocol, architecture: NamedArchitecture) -> Deployed:
    from bench.classification.model import build_network
    from bench.classification.settings import ClassificationSettings
    from bench.classification.speed import CLASSES
    from bench.classification.width import channels_of
    from search.configs import parse

    settings = parse(ClassificationSettings, protocol.config, str(protocol.path))
    classes = settings.expected.get("classes", CLASSES[settings.network])
    channels = channels_of(architecture.design, settings, classes)
    network = build_network(architecture.design, settings, channels, classes, auxiliary=False)
    size = settings.images.image_size
    return _same(network, (3, size, size), "logits")


def _embedding(protocol: Protocol, architecture: NamedArchitecture) -> Deployed:
    from bench.reid.model import build_pcb
    from bench.reid.schema import ReidConfig
    from search.configs import parse

    config = parse(ReidConfig, protocol.config, str(protocol.path))
    return _same(build_pcb(config, architecture.design, _IDENTITIES), (3, config.height, config.width), "embedding")


def _detector(protocol: Protocol, architecture: NamedArchitecture) -> Deployed:
    from bench.detection.components import model_config, untrained
    from bench.detection.cost import detector_cost
    from bench.export.detectors import RawSsd, SsdWithNms

    detector: Any = untrained(model_config(protocol.config, architecture.design, weights=None))
    if type(detector).__name__ != "WildnasSSD":
        raise InputError(f"{protocol.name}: builds a {type(detector).__name__}; only SSD has an export")
    detector.eval()
    raw = RawSsd(detector)
    shape = (3, raw.size, raw.size)
    single = Exportable(SsdWithNms(raw, detector.test_cfg).eval(), shape, ("boxes", "scores", "labels"), batched=False)
    batched = Exportable(raw.eval(), shape, ("boxes", "scores"))
    return Deployed(single, batched, detector_cost(detector, raw.size, raw.size))
