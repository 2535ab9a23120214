"""PCB, the part-based convolutional baseline, over any backbone (Sun et al. 2018)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from backbones.errors import InputError


class Parts(NamedTuple):
    """PCB's training output, lists with a tensor for every part.

    Attributes:
        logits: `(N, identities)`.
        vectors: the features, `(N, C)` or `(N, reduced_dim)`, not normalised.
    """

    logits: list[Tensor]
    vectors: list[Tensor]


class PCB(nn.Module):
    """PCB: stripes of the backbone's last map, each with its own reduction and classifier of identities.

    The last map `(N, C, H, W)` is averaged over `parts` horizontal stripes to one vector g of C numbers each. A 1x1
    convolution with BatchNorm and ReLU reduces g to h of `reduced_dim` numbers, the input of the part's classifier.

    The output is `Parts` in training. In evaluation it is `(N, feature_dim)`: the parts' vectors, each normalised to
    length 1, concatenated.

    Args:
        backbone: returns one map or several, of which the last is used, and has their widths as `feature_channels`.
        identities: the number of training identities.
        parts: the number of stripes; if it does not divide the map's height, neighbouring stripes share a row.
        reduced_dim: the length of h, or None to classify g itself.
        feature: `before` (g, as in P-DARTS Table 5, whose "feature dim" 768 is C) or `after` (h) the reduction.
        dropout: the rate of dropout on g in training.

    Raises:
        InputError: `parts` is below 1 or, in the forward pass, above the map's rows.
    """

    def __init__(
        self,
        backbone: nn.Module,
        identities: int,
        parts: int = 6,
        reduced_dim: int | None = 256,
        feature: Literal["before", "after"] = "before",
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        if parts < 1:
            raise InputError(f"parts={parts}: expected at least 1")
        if feature not in ("before", "after"):
            raise InputError(f"feature={feature!r}: expected 'before' or 'after' the reduction")
        self.backbone = backbone
        self.parts = parts
        self.feature = feature
        channels: int = backbone.feature_channels[-1]  # type: ignore[index, assignment]
        width = channels if reduced_dim is None else reduced_dim
        self.dropout = nn.Dropout(dropout)
        self.reductions = nn.ModuleList(
            nn.Identity() if reduced_dim is None else _reduction(channels, reduced_dim) for _ in range(parts)
        )
        self.classifiers = nn.ModuleList(_classifier(width, identities) for _ in range(parts))
        #: The width of the backbone's last map.
        self.backbone_dim = channels
        #: Length of the evaluation feature.
        self.feature_dim = parts * (channels if feature == "before" else width)

    def forward(self, x: Tensor) -> Parts | Tensor:
        maps = self.backbone(x)
        last: Tensor = maps[-1] if isinstance(maps, Sequence) else maps
        stripes = self._pool(last)
        if self.training:
            reduced = [part.flatten(1) for part in self._reduce([self.dropout(stripe) for stripe in stripes])]
            logits = [classify(part) for classify, part in zip(self.classifiers, reduced, strict=True)]
            return Parts(logits, [part.flatten(1) for part in stripes] if self.feature == "before" else reduced)
        vectors = stripes if self.feature == "before" else self._reduce(stripes)
        return torch.cat([F.normalize(vector.flatten(1).float()) for vector in vectors], dim=1)

    def _pool(self, last: Tensor) -> list[Tensor]:
        rows, columns = last.shape[-2:]
        if self.parts > rows:
            raise InputError(
                f"parts={self.parts}: expected at most {rows}, since the backbone's last map is {rows} x {columns}"
            )
        # Adaptive pooling has the same borders, but its backward pass is not deterministic on CUDA.
        borders = [(part * rows // self.parts, -(-(part + 1) * rows // self.parts)) for part in range(self.parts)]
        return [last[:, :, top:bottom].mean(dim=(2, 3), keepdim=True) for top, bottom in borders]

    def _reduce(self, stripes: list[Tensor]) -> list[Tensor]:
        return [reduce(stripe) for reduce, stripe in zip(self.reductions, stripes, strict=True)]


def _reduction(channels: int, reduced_dim: int) -> nn.Sequential:
    # ReLU and initialisation as in the authors' code (syfafterzy/PCB_RPP_for_reID), where the parts share a reduction.
    convolution = nn.Conv2d(channels, reduced_dim, 1, bias=False)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out")
    return nn.Sequential(convolution, nn.BatchNorm2d(reduced_dim), nn.ReLU(inplace=True))


def _classifier(width: int, identities: int) -> nn.Linear:
    classifier = nn.Linear(width, identities)
    nn.init.normal_(classifier.weight, std=0.001)
    nn.init.zeros_(classifier.bias)
    return classifier
