"""The weights of the candidates in a pass: relaxation of α, perturbation, auxiliary skip connections."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from search.methods.auxiliary import AuxiliarySkip, with_auxiliary
from search.methods.perturbation import RandomSmoothing
from search.methods.relaxation import Relaxation, Softmax, temperature_of
from search.methods.schedule import Schedule
from search.space import CellRows


class Weighting(nn.Module):
    """α of a cell, `(edges, candidates)`, to the weights of the operations on its edges, `(edges, operations)`.

    In evaluation the weights are the relaxation's expected ones. It has no parameters, and its buffers are in no
    checkpoint.

    Args:
        space: candidates of every edge.
        relaxation: None is softmax(α).
        perturbation, auxiliary_skip: further parts of the method, if it has them.

    Attributes:
        rows: operations on every edge; the candidates, and one more where an auxiliary skip connection needs it.
        perturbs: whether the weights are perturbed in this pass; see `perturbed`.
        held: by cell, whether an edge's weights are fixed, bool `(edges, 1)`, and to what, `(edges, candidates)`
            (`search.loop.removal`).
        kept: by cell, 0 for an edge that is removed as a whole, and else 1, `(edges,)`.
    """

    def __init__(
        self,
        space: CellRows,
        relaxation: Relaxation | None = None,
        perturbation: RandomSmoothing | None = None,
        auxiliary_skip: AuxiliarySkip | None = None,
    ) -> None:
        super().__init__()
        self.relaxation = relaxation = relaxation or Softmax()
        self.perturbation = perturbation
        self.perturbs = False
        self.held: dict[str, tuple[Tensor, Tensor]] = {}
        self.kept: dict[str, Tensor] = {}
        self.rows = space
        schedules = {
            "temperature": temperature_of(relaxation),
            "perturbation": None if perturbation is None else perturbation.epsilon,
            "auxiliary_skip": None if auxiliary_skip is None else auxiliary_skip.weight,
        }
        self._schedules: dict[str, Schedule] = {
            name: schedule for name, schedule in schedules.items() if schedule is not None and not schedule.is_zero
        }
        #: The schedules' values in this epoch, in Python and on the device, where a replayed step reads them.
        self._values = {name: schedule.start for name, schedule in self._schedules.items()}
        for name, value in self._values.items():
            self.register_buffer(f"{name}_now", torch.tensor(value), persistent=False)
        self._auxiliary = "auxiliary_skip" in self._schedules
        if self._auxiliary:
            self.rows, places = with_auxiliary(space)
            for cell, columns in places.items():
                place = F.one_hot(torch.tensor(columns), len(getattr(self.rows, cell)[0]))
                self.register_buffer(f"place_{cell}", place.to(torch.get_default_dtype()), persistent=False)

    def set_epoch(self, epoch: int, epochs: int) -> dict[str, float]:
        """Set temperature, perturbation and auxiliary weight to those of an epoch, counted from 0.

        Returns:
            what was set, by name.
        """
        self._values = {name: schedule.at(epoch, epochs) for name, schedule in self._schedules.items()}
        for name, value in self._values.items():
            self._now(name).fill_(value)
        return dict(self._values)

    @property
    def will_perturb(self) -> bool:
        """Whether this epoch's weight steps are perturbed."""
        return self._values.get("perturbation", 0.0) > 0

    @contextlib.contextmanager
    def perturbed(self) -> Iterator[None]:
        """Perturb the weights of training passes in the block."""
        self.perturbs = self.will_perturb
        try:
            yield
        finally:
            self.perturbs = False

    def forward(self, alpha: Tensor, cell: str) -> Tensor:
        """Compute the weights of `normal` or `reduce`."""
        if self.training:
            timed = "temperature" in self._schedules
            weights = self.relaxation.weights(alpha, self._now("temperature") if timed else None)
        else:
            weights = self.relaxation.expected(alpha)
        if self.perturbs and self.training:
            assert self.perturbation is not None
            weights = self.perturbation.perturbed(weights, self._now("perturbation"))
        if cell in self.held:
            weights = torch.where(self.held[cell][0], self.held[cell][1], weights)
        if self._auxiliary:
            place = self.get_buffer(f"place_{cell}")
            unused = place.shape[1] - weights.shape[1]
            weights = (F.pad(weights, (0, unused)) if unused else weights) + self._now("auxiliary_skip") * place
        return weights

    def _now(self, name: str) -> Tensor:
        return self.get_buffer(f"{name}_now")
