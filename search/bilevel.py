"""The bilevel loop: an architecture step on one half of the proxy, a weight step on the other."""

from __future__ import annotations

import torch
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper, OptimWrapperDict
from torch import Tensor
from torch.nn import functional as F

from search.augment import prepare
from search.settings import ArchitectureOptimiser, Proxy, WeightOptimiser
from search.supernet import SuperNet


class Bilevel(BaseModel):
    """A supernet as mmengine's Runner trains it, first order (DARTS 2.3 with ξ = 0).

    Attributes:
        train_architecture: whether α and β move; off in the warm-up epochs.
    """

    def __init__(self, supernet: SuperNet, proxy: Proxy) -> None:
        super().__init__()
        self.supernet = supernet
        self.proxy = proxy
        self.train_architecture = False

    def forward(self, images: Tensor) -> Tensor:
        """uint8 `(N, 3, H, W)` to logits `(N, num_classes)`; augmented in training mode."""
        return self.supernet(prepare(images, self.proxy, self.training))

    def train_step(self, data: dict[str, Tensor], optim_wrapper: OptimWrapperDict) -> dict[str, Tensor]:
        data = {name: value.to(self.device, non_blocking=True) for name, value in data.items()}
        log: dict[str, Tensor] = {}
        if self.train_architecture:
            log["loss_architecture"] = self._architecture_step(data, optim_wrapper["architecture"])
        log["loss"] = self._weight_step(data, optim_wrapper["weights"])
        return log

    @property
    def device(self) -> torch.device:
        return next(self.supernet.parameters()).device

    def _architecture_step(self, data: dict[str, Tensor], optimiser: OptimWrapper) -> Tensor:
        """Move α and β along the gradient of the loss on the architecture half; no gradient of a weight is made."""
        parameters = list(self.supernet.architecture_parameters().values())
        self._require_grad(parameters, True)
        loss = F.cross_entropy(self(data["architecture_images"]), data["architecture_labels"])
        for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            parameter.grad = gradient
        optimiser.step()
        optimiser.zero_grad()
        return loss.detach()

    def _weight_step(self, data: dict[str, Tensor], optimiser: OptimWrapper) -> Tensor:
        # The weights' gradient does not need that of α and β.
        self._require_grad(list(self.supernet.architecture_parameters().values()), False)
        loss = F.cross_entropy(self(data["weight_images"]), data["weight_labels"])
        optimiser.update_params(loss)
        return loss.detach()

    @staticmethod
    def _require_grad(parameters: list[torch.nn.Parameter], required: bool) -> None:
        for parameter in parameters:
            parameter.requires_grad_(required)


def build_optimisers(
    supernet: SuperNet, weights: WeightOptimiser, architecture: ArchitectureOptimiser
) -> OptimWrapperDict:
    """Momentum SGD for the weights and Adam for α and β, which are in no other optimiser."""
    sgd = torch.optim.SGD(
        supernet.weight_parameters(),
        lr=weights.lr,
        momentum=weights.momentum,
        weight_decay=weights.weight_decay,
        foreach=True,
    )
    adam = torch.optim.Adam(
        supernet.architecture_parameters().values(),
        lr=architecture.lr,
        betas=architecture.betas,
        weight_decay=architecture.weight_decay,
    )
    clip = None if weights.clip_norm is None else {"max_norm": weights.clip_norm}
    return OptimWrapperDict(weights=OptimWrapper(sgd, clip_grad=clip), architecture=OptimWrapper(adam))
