"""The losses of PCB, summed over its parts."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bench.reid.pcb import Parts
from bench.reid.schema import ReidConfig
from bench.reid.torchreid_compat import TripletLoss


class PcbLoss(nn.Module):
    """The sum of the parts' cross-entropies (Sun et al. 2018), and of their triplet losses if the protocol has any.

    torchreid's own engines take the mean over the parts instead. The triplet loss is torchreid's (hardest positive and
    negative of the batch, Hermans et al. 2017), on each part's vector before normalisation. The paper's PCB has none.
    """

    def __init__(self, config: ReidConfig) -> None:
        super().__init__()
        # Not torchreid's `CrossEntropyLoss`, which is the same loss but builds its targets on the CPU at every step.
        self.cross_entropy = nn.CrossEntropyLoss(label_smoothing=0.1 if config.label_smooth else 0.0)
        self.triplet = TripletLoss(config.margin) if config.loss == "softmax_triplet" else None
        self.triplet_weight = config.triplet_weight

    def forward(self, parts: Parts, identities: Tensor) -> dict[str, Tensor]:
        """Compute the terms of the loss by name, from PCB's training output and identities `(N,)`."""
        terms = {"softmax": self._sum(self.cross_entropy, parts.logits, identities)}
        if self.triplet is not None:
            terms["triplet"] = self.triplet_weight * self._sum(self.triplet, parts.vectors, identities)
        return terms

    @staticmethod
    def _sum(criterion: nn.Module, inputs: list[Tensor], identities: Tensor) -> Tensor:
        return torch.stack([criterion(values.float(), identities) for values in inputs]).sum()
