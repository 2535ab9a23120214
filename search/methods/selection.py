"""How a genotype is selected from a trained supernet, where the largest α of the `rule` does not decide."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from search.configs import Schema


class ByThreshold(Schema):
    """Keep of a node's two best edges those whose weight exceeds `threshold` (FairDARTS, Chu et al., ECCV 2020).

    An edge at or below it becomes `none`. A node keeps its best edge in any case, since a genotype's nodes need an
    input; the paper does not say what becomes of a node without any.
    """

    type: Literal["threshold"]
    threshold: float = Field(ge=0, lt=1)


class ByPerturbation(Schema):
    """Select by the supernet's accuracy without each candidate (DARTS-PT, Wang et al., ICLR 2021, algorithm 1).

    In random order, every edge takes the operation whose removal costs most accuracy on the images for α. Then, in
    random order, every node drops the edge whose removal costs least, until two are left. After each decision the
    supernet is tuned.
    """

    type: Literal["perturbation"]
    #: Epochs of tuning after each decision, which is one of each cell.
    tune_epochs: int = Field(default=0, ge=0)
    #: The learning rate of the weights falls from `tune_lr` to `weights.final_lr` over all tuning, by a cosine.
    tune_lr: float = Field(default=0.0025, gt=0)
    #: Batches of the images for α on which accuracy is measured, the same ones for all; None takes all.
    batches: int | None = Field(default=None, ge=1)


SelectionRule = Annotated[ByThreshold | ByPerturbation, Field(discriminator="type")]
