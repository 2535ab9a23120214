"""The losses of PCB, summed over its parts."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bench.reid.pcb import Parts
from bench.reid.schema import ReidConfig
from bench.reid.torchreid_compat import TripletLoss


class PcbLoss(nn.Module):
    """The sum of the parts' cross-entropies (Sun et al. 2018), and of their triplet losses where there are any.

    torchreid's own engines take the mean over the parts instead. A part's triplet loss is torchreid's (the hardest
    positive and negative of the batch, Hermans et al. 2017), on the vector by which the part is ranked, not yet
    normalised; PCB has none, so this is a choice of ours.
    """

    def __init__(self, config: ReidConfig) -> None:
        super().__init__()
        # The same loss as torchreid's `CrossEntropyLoss`, which builds its targets on the CPU at every step.
        self.cross_entropy = nn.CrossEntropyLoss(label_smoothing=0.1 if config.label_smooth else 0.0)
        self.triplet = TripletLoss(config.margin) if config.loss == "softmax_triplet" else None
        self.triplet_weight = config.triplet_weight

    def forward(self, parts: Parts, identities: Tensor) -> dict[str, Tensor]:
        """The terms of the loss by name.

        Args:
            parts: what PCB gives in training.
            identities: `(N,)`.
        """
        terms = {"softmax": self._sum(self.cross_entropy, parts.logits, identities)}
        if self.triplet is not None:
            terms["triplet"] = self.triplet_weight * self._sum(self.triplet, parts.vectors, identities)
        return terms

    @staticmethod
    def _sum(criterion: nn.Module, inputs: list[Tensor], identities: Tensor) -> Tensor:
        return torch.stack([criterion(values.float(), identities) for values in inputs]).sum()
