"""Schema of a search that trains one genotype after another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from backbones.genotype import OPERATIONS, SEARCH_OPERATIONS
from search.configs import Schema, parse
from search.data.settings import Proxy
from search.sampling.samplers import Sampler
from search.settings import SearchExecution, SearchSettings, WeightOptimiser


class SampledSettings(Schema):
    """A search protocol without a supernet.

    The part of the proxy that is for α elsewhere measures accuracy here.
    """

    task: Literal["search"]
    method: str
    reduced: list[str] = []
    embedded: Literal["digits"] | None = None
    expected: dict[str, int] = {}
    proxy: Proxy
    nodes: int = Field(default=4, ge=1, le=6)
    operations: list[str] = list(SEARCH_OPERATIONS)
    stem: Literal["cifar", "imagenet"] = "cifar"
    sampler: Sampler
    #: The number of genotypes that are trained.
    candidates: int = Field(ge=1, le=1_000_000)
    #: Epochs, cells and initial width of each training.
    epochs: int = Field(ge=1, le=1_000_000)
    layers: int = Field(ge=3, le=200)
    channels: int = Field(ge=2, le=4096, multiple_of=2)
    batch_size: int = Field(ge=2, le=1_048_576)
    precision: Literal["fp32", "bf16"] = "fp32"
    weights: WeightOptimiser
    #: `graph` and `arithmetic`, which are a supernet's, have no effect.
    execution: SearchExecution = Field(default=SearchExecution(), exclude=True)

    @model_validator(mode="after")
    def _fits(self) -> SampledSettings:
        odd = [name for name in self.operations if name not in OPERATIONS or self.operations.count(name) > 1]
        if odd:
            raise ValueError(f"operations: {odd[0]!r} is unknown or appears twice; known: {', '.join(OPERATIONS)}")
        if not set(self.operations) - {"none"}:
            raise ValueError("operations: expected at least one besides 'none'")
        return self


def parse_search(values: Mapping[str, Any], where: str) -> SearchSettings | SampledSettings:
    """Validate a search config; one with a `sampler` has no supernet.

    Raises:
        InputError: as `search.configs.parse`.
    """
    if "sampler" in values:
        return parse(SampledSettings, values, where)
    return parse(SearchSettings, values, where)
