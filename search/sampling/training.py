"""Train one genotype for a few epochs, and measure its accuracy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapperDict
from mmengine.runner import Runner
from torch import Tensor, nn
from torch.nn import functional as F

from backbones.genotype import Genotype
from backbones.networks import CifarNetwork, ImageNetNetwork
from search.data.augment import prepare
from search.data.proxies import ProxyData, architecture_batches, pair_loader
from search.loop.momentum import MomentumSGD
from search.sampling.settings import SampledSettings
from search.training.deferred import ClippingOptimWrapper
from search.training.hooks import (
    EpochSeedHook,
    FiniteLossHook,
    PlainCheckpointHook,
    ProgressHook,
    check_finite,
    runner_settings,
    silence_console,
)
from search.training.parallel import ReplicaHook, average_gradients
from search.training.progress import ProgressCallback
from search.training.resuming import resume_point
from search.training.seeds import seed_everything


@dataclass(frozen=True)
class Training:
    """Result of a short training.

    Attributes:
        accuracy: on the images that were held out, in %.
        params: the network's parameters.
    """

    accuracy: float
    params: int


def build_candidate(settings: SampledSettings, genotype: Genotype, classes: int) -> nn.Module:
    """Build the network of a genotype, without auxiliary head and drop-path."""
    kind = CifarNetwork if settings.stem == "cifar" else ImageNetNetwork
    return kind(genotype, settings.channels, settings.layers, classes, auxiliary=False)


class Candidate(BaseModel):
    """A network in training by mmengine's Runner; several processes average their gradients."""

    def __init__(self, network: nn.Module, settings: SampledSettings) -> None:
        super().__init__()
        self.network = network
        self.settings = settings

    def forward(self, images: Tensor) -> Tensor:
        """uint8 `(N, 3, H, W)` to logits `(N, num_classes)`; augmented in training mode."""
        inputs = prepare(images, self.settings.proxy, self.training)
        with torch.autocast(inputs.device.type, torch.bfloat16, enabled=self.settings.precision == "bf16"):
            logits: Tensor = self.network(inputs)
        return logits.float()

    def train_step(self, data: dict[str, Tensor], optim_wrapper: OptimWrapperDict) -> dict[str, Tensor]:
        """Step the weights; the loss and the accuracy in % before the step stay on the device."""
        device = next(self.parameters()).device
        images, labels = (data[f"weight_{name}"].to(device, non_blocking=True) for name in ("images", "labels"))
        optimiser = optim_wrapper["weights"]
        optimiser.optimizer.follow()
        logits = self(images)
        loss = F.cross_entropy(logits, labels)
        accuracy = 100 * (logits.detach().argmax(dim=1) == labels).float().mean()
        optimiser.backward(loss)
        both = average_gradients(list(self.parameters()), also=torch.stack([loss.detach(), accuracy]))
        optimiser.step()
        optimiser.zero_grad()
        return {"loss": both[0], "accuracy": both[1]}


def train_candidate(
    settings: SampledSettings, genotype: Genotype, data: ProxyData, folder: Path, seed: int, progress: ProgressCallback
) -> Training:
    """Train a genotype, or resume its training in `folder`.

    Raises:
        FloatingPointError: the training has diverged.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # As in `search.run`: the initial weights take the largest epoch number.
    seed_everything(seed, 2**32 - 1)
    model = Candidate(build_candidate(settings, genotype, len(data.classes)), settings)
    resume = resume_point(folder, settings.epochs)
    optimiser = settings.weights
    sgd = MomentumSGD(model.parameters(), optimiser.lr, optimiser.momentum, optimiser.weight_decay)
    clip = None if optimiser.clip_norm is None else {"max_norm": optimiser.clip_norm}
    cosine = {"type": "CosineAnnealingLR", "T_max": settings.epochs, "eta_min": optimiser.final_lr}
    runner = Runner(
        model=model,
        train_dataloader=pair_loader(data, settings.batch_size, seed),
        train_cfg={"by_epoch": True, "max_epochs": settings.epochs},
        optim_wrapper=OptimWrapperDict(weights=ClippingOptimWrapper(sgd, clip_grad=clip)),
        param_scheduler={"weights": [cosine]},
        custom_hooks=[
            EpochSeedHook(seed),
            ReplicaHook(),
            FiniteLossHook(),
            PlainCheckpointHook(),
            ProgressHook(progress),
        ],
        **runner_settings(folder, seed, resume, settings.execution.trackers),
    )
    silence_console(runner)
    runner.train()
    check_finite(model, folder)
    params = sum(parameter.numel() for parameter in model.parameters())
    return Training(_accuracy(model, data, settings.batch_size), params)


@torch.no_grad()
def _accuracy(model: Candidate, data: ProxyData, batch_size: int) -> float:
    model.eval()
    correct = 0
    for images, labels in architecture_batches(data, batch_size):
        correct += int((model(images).argmax(dim=1) == labels).sum())
    return 100.0 * correct / len(data.architecture_part)
