"""The bilevel loop: an architecture step on one part of the proxy, a weight step on the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapperDict
from torch import Tensor
from torch.func import functional_call
from torch.nn import functional as F

from search.data.augment import prepare
from search.data.settings import Proxy
from search.loop.curvature import largest_eigenvalue
from search.loop.graph import Replays
from search.loop.momentum import MomentumSGD
from search.loop.penalties import Penalties
from search.loop.second_order import unrolled_gradient
from search.methods.draws import SameDraws
from search.settings import ArchitectureOptimiser, SearchSettings, WeightOptimiser
from search.supernet import SuperNet
from search.training.deferred import ClippingOptimWrapper
from search.training.parallel import average, average_gradients


class Batch(NamedTuple):
    """A batch as the supernet takes it: augmented images `(N, 3, H, W)` and labels `(N,)`."""

    images: Tensor
    labels: Tensor


class Bilevel(BaseModel):
    """A supernet in bilevel training by mmengine's Runner (DARTS 2.3, algorithm 1).

    With several processes, a batch is this process' part of the global batch, and every gradient is averaged over the
    processes before an optimiser uses it (`search.training.parallel`).

    Args:
        order: 1, which takes the weights as constant (DARTS 2.3 with ξ = 0), or 2 (`search.loop.second_order`).
        precision: `fp32`, or `bf16` for the supernet under autocast.
        replays: runs the steps as CUDA graphs; None runs them without graphs.
        levels: 2, or 1, which moves α, β and the weights by one pass over the weights' batch (SNAS).
        penalties: added to the loss of α.

    Attributes:
        train_architecture: whether α and β move; off in the warm-up epochs.
        scheduled: the method's values in the present epoch, by name; see `set_epoch`.
        measured: what was measured after the present epoch, by name.
    """

    def __init__(
        self,
        supernet: SuperNet,
        proxy: Proxy,
        order: int = 1,
        precision: str = "fp32",
        replays: Replays | None = None,
        levels: int = 2,
        penalties: Penalties | None = None,
    ) -> None:
        super().__init__()
        self.supernet = supernet
        self.proxy = proxy
        self.order = order
        self.precision = precision
        self.replays = replays
        self.levels = levels
        self.penalties = penalties or Penalties()
        self.train_architecture = False
        self.scheduled: dict[str, float] = {}
        self.measured: dict[str, float] = {}

    def set_epoch(self, epoch: int, epochs: int) -> None:
        """Set the schedules of the method's parts to an epoch, counted from 0, of a stage of so many epochs."""
        self.scheduled = {
            **self.supernet.weighting.set_epoch(epoch, epochs),
            **self.penalties.set_epoch(epoch, epochs),
        }

    def forward(self, images: Tensor) -> Tensor:
        """uint8 `(N, 3, H, W)` to logits `(N, num_classes)`; augmented in training mode."""
        return self._logits(prepare(images, self.proxy, self.training))

    def evaluated(self, images: Tensor, buffers: dict[str, Tensor]) -> Tensor:
        """uint8 `(N, 3, H, W)` to logits without augmentation, with `buffers` in place of the supernet's."""
        return self._logits(prepare(images, self.proxy, False), buffers)

    def train_step(self, data: dict[str, Tensor], optim_wrapper: OptimWrapperDict) -> dict[str, Tensor]:
        """Step α and β, unless they are frozen, then the weights; the losses stay on the device."""
        data = {name: value.to(self.device, non_blocking=True) for name, value in data.items()}
        optim_wrapper["weights"].optimizer.follow()
        if self.replays is None:
            return self.both_steps(data, optim_wrapper)
        # Steps with the same values of these issue the same operations.
        supernet = self.supernet
        kind = (self.train_architecture, supernet.drops_skips, supernet.weighting.will_perturb, self.training)
        return self.replays(kind, data, lambda batch: self.both_steps(batch, optim_wrapper))

    def both_steps(self, data: dict[str, Tensor], optim_wrapper: OptimWrapperDict) -> dict[str, Tensor]:
        """Run `train_step` on data on the device, without any copy from or to the host."""
        # A capture that failed half way has left gradients that were never computed.
        optim_wrapper["weights"].zero_grad()
        optim_wrapper["architecture"].zero_grad()
        # Augmented once for both steps, since the second order unrolls the weight step that follows.
        batch = self.batch(data, "weight")
        if self.train_architecture and self.levels == 1:
            return self.weight_step(batch, optim_wrapper["weights"], optim_wrapper["architecture"])
        log: dict[str, Tensor] = {}
        if self.train_architecture:
            log["loss_architecture"] = self.architecture_step(self.batch(data, "architecture"), batch, optim_wrapper)
        return {**log, **self.weight_step(batch, optim_wrapper["weights"])}

    @property
    def device(self) -> torch.device:
        return next(self.supernet.parameters()).device

    def batch(self, data: dict[str, Tensor], half: str) -> Batch:
        """Augment the batch of one part (`weight` or `architecture`)."""
        return Batch(prepare(data[f"{half}_images"], self.proxy, self.training), data[f"{half}_labels"])

    def _logits(self, images: Tensor, tensors: dict[str, Tensor] | None = None) -> Tensor:
        """Compute the supernet's logits, with `tensors` in place of its parameters and buffers of these names."""
        with torch.autocast(images.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            logits = functional_call(self.supernet, tensors, images) if tensors else self.supernet(images)
        # Full precision for the loss; double stays double.
        return logits.to(torch.promote_types(logits.dtype, torch.float32))

    def _loss(self, batch: Batch, tensors: dict[str, Tensor] | None = None) -> Tensor:
        return F.cross_entropy(self._logits(batch.images, tensors), batch.labels)

    def architecture_step(self, batch: Batch, weight_batch: Batch, optimisers: OptimWrapperDict) -> Tensor:
        """Step α and β by the gradient of the loss on the architecture part; weights and their `.grad` stay.

        Returns:
            the loss without the penalties.
        """
        parameters = list(self.supernet.architecture_parameters().values())
        self._require_grad(parameters, True)
        if self.order == 1:
            loss, gradients = self._first_order(batch, parameters)
        else:
            loss, gradients = self._second_order(batch, weight_batch, parameters, optimisers["weights"].optimizer)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        self._step_architecture(optimisers["architecture"])
        return loss

    def _step_architecture(self, optimiser: ClippingOptimWrapper) -> None:
        """Add the gradient of the penalties to that of α, and step."""
        if self.penalties.penalties:
            alphas = [self.supernet.alpha_normal, self.supernet.alpha_reduce]
            # The same in all processes.
            for alpha, gradient in zip(alphas, self.penalties.gradients(alphas)[1], strict=True):
                assert alpha.grad is not None
                alpha.grad = alpha.grad + gradient
        optimiser.step()
        optimiser.zero_grad()

    def _first_order(self, batch: Batch, architecture: list[torch.nn.Parameter]) -> tuple[Tensor, list[Tensor]]:
        # The hand-written backward passes compute the gradient of every weight that requires one, needed or not.
        weights = self.supernet.weight_parameters()
        self._require_grad(weights, False)
        loss = self._loss(batch)
        loss, *gradients = average([loss.detach(), *torch.autograd.grad(loss, architecture)])
        self._require_grad(weights, True)
        return loss, gradients

    def _second_order(
        self,
        batch: Batch,
        weight_batch: Batch,
        architecture: list[torch.nn.Parameter],
        optimiser: MomentumSGD,
    ) -> tuple[Tensor, list[Tensor]]:
        """Compute the gradient through one step of the weights.

        As in the first order, running statistics count each batch once a step: that of the architecture part in the
        pass at w', that of the weight part in the weight step. The three other passes over the weight part update
        copies, which are discarded.
        """
        names_of_architecture = self.supernet.architecture_parameters()
        weights = {name: value for name, value in self.supernet.named_parameters() if name not in names_of_architecture}
        copies = {name: buffer.clone() for name, buffer in self.supernet.named_buffers()}
        # The same dropout masks and sampled channels in all three passes, so that they are one function of w and α.
        draws = SameDraws()

        def train_loss(values: Sequence[Tensor]) -> Tensor:
            with draws.again():
                return self._loss(weight_batch, {**dict(zip(weights, values, strict=True)), **copies})

        def validation_loss(values: Sequence[Tensor]) -> Tensor:
            return self._loss(batch, dict(zip(weights, values, strict=True)))

        moving = list(weights.values())
        return unrolled_gradient(train_loss, validation_loss, moving, architecture, optimiser, average)

    def curvature(self, data: dict[str, Tensor]) -> float:
        """Compute the largest eigenvalue of the Hessian of the loss for α, on images for α that are not augmented.

        In full precision and by the arithmetic `stacked`, the only one whose backward pass can be differentiated.
        """
        images = prepare(data["architecture_images"].to(self.device), self.proxy, False)
        supernet, alphas = self.supernet, [self.supernet.alpha_normal, self.supernet.alpha_reduce]
        # Running statistics stay as they are.
        copies = {name: buffer.clone() for name, buffer in supernet.named_buffers()}
        arithmetic, supernet.arithmetic = supernet.arithmetic, "stacked"
        self._require_grad(supernet.weight_parameters(), False)
        self._require_grad(alphas, True)
        try:
            logits = functional_call(supernet, copies, images)
            loss = F.cross_entropy(logits, data["architecture_labels"].to(self.device))
            return largest_eigenvalue(loss, alphas, average)
        finally:
            supernet.arithmetic = arithmetic
            self._require_grad(supernet.weight_parameters(), True)

    def weight_step(
        self, batch: Batch, optimiser: ClippingOptimWrapper, architecture: ClippingOptimWrapper | None = None
    ) -> dict[str, Tensor]:
        """Step the weights by the gradient of the loss.

        Args:
            architecture: steps α and β, too, by the gradient of the same pass.

        Returns:
            the loss and the accuracy in % before the step, and the gradient's norm if it is clipped.
        """
        parameters = list(self.supernet.architecture_parameters().values())
        self._require_grad(parameters, architecture is not None)
        with self.supernet.weighting.perturbed():
            logits = self._logits(batch.images)
        loss = F.cross_entropy(logits, batch.labels)
        accuracy = 100 * (logits.detach().argmax(dim=1) == batch.labels).to(loss.dtype).mean()
        optimiser.backward(loss)
        both = torch.stack([loss.detach(), accuracy])
        moving = self.supernet.weight_parameters() + (parameters if architecture is not None else [])
        loss, accuracy = average_gradients(moving, also=both)
        optimiser.step()
        optimiser.zero_grad()
        if architecture is not None:
            self._step_architecture(architecture)
        norm = optimiser.grad_norm
        log = {"loss": loss, "accuracy": accuracy}
        return log if norm is None else {**log, "grad_norm": norm}

    @staticmethod
    def _require_grad(parameters: list[torch.nn.Parameter], required: bool) -> None:
        for parameter in parameters:
            parameter.requires_grad_(required)


def build_bilevel(settings: SearchSettings, supernet: SuperNet, replays: Replays | None = None) -> Bilevel:
    """Build the loop's model of a search."""
    method = settings.architecture
    penalties = Penalties(method.penalties)
    return Bilevel(supernet, settings.proxy, settings.order, settings.precision, replays, method.levels, penalties)


def build_optimisers(
    supernet: SuperNet, weights: WeightOptimiser, architecture: ArchitectureOptimiser
) -> OptimWrapperDict:
    """Build momentum SGD for the weights and Adam for α and β."""
    sgd = MomentumSGD(supernet.weight_parameters(), weights.lr, weights.momentum, weights.weight_decay)
    adam = torch.optim.Adam(
        supernet.architecture_parameters().values(),
        lr=architecture.lr,
        betas=architecture.betas,
        weight_decay=architecture.weight_decay,
        fused=True,
        capturable=True,
    )
    return OptimWrapperDict(
        weights=ClippingOptimWrapper(sgd, clip_grad=_clip(weights.clip_norm)),
        # α and β together, as in the authors' code, after averaging over the processes.
        architecture=ClippingOptimWrapper(adam, clip_grad=_clip(architecture.clip_norm)),
    )


def _clip(norm: float | None) -> dict[str, float] | None:
    return None if norm is None else {"max_norm": norm}
