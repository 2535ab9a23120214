"""Time and memory of ranking random features, compared with torchreid's evaluation on the same distances."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch

from bench.machine import environment
from bench.machine.timing import isolated
from bench.reid.distances import distance_blocks
from bench.reid.ranking import Labels, rank_blocks


@dataclass(frozen=True)
class Size:
    """Numbers of a test set's queries, gallery images, query identities and cameras."""

    name: str
    queries: int
    gallery: int
    identities: int
    cameras: int


#: Sizes from Zheng et al. 2015 and Wei et al. 2018.
SIZES = {
    "market1501": Size("market1501", 3368, 15913, 750, 6),
    "msmt17": Size("msmt17", 11659, 82161, 3060, 15),
}


@dataclass(frozen=True)
class RankingSpeed:
    """Seconds of one ranking.

    Attributes:
        distances, ranking: for computing all distances, and for the rest of the ranking.
        peak_memory: growth of the process' memory, or the GPU's, in bytes, including the features.
        references: seconds of torchreid's `evaluate_rank`, without the distances, on `reference_queries` queries, for
            `python` and, if it is built, `cython`.
    """

    size: Size
    dimensions: int
    device: str
    distances: float
    ranking: float
    peak_memory: int
    reference_queries: int
    references: dict[str, float]

    def scaled(self, reference: str) -> float:
        """Extrapolate a reference's seconds to all queries, which it ranks one by one."""
        return self.references[reference] * self.size.queries / self.reference_queries

    def to_json(self) -> dict[str, Any]:
        scaled = {name: self.scaled(name) for name in self.references}
        return {**asdict(self), "references_scaled": scaled}


def measure_ranking(size: Size, dimensions: int = 768, reference_queries: int = 0, seed: int = 0) -> RankingSpeed:
    """Rank random features of a data set's size; call it in a process of its own, for the memory to be right.

    Args:
        reference_queries: the number of queries that torchreid ranks too, 0 for none.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    # A warm-up that loads the libraries of matrix products and sorting.
    queries, gallery, query, shown = _made(Size("warm-up", 300, 300, 5, 2), 8, device, seed)
    rank_blocks(distance_blocks(queries, gallery, "euclidean"), query, shown)
    before = environment.memory()
    environment.reset_peak_memory()
    queries, gallery, query, shown = _made(size, dimensions, device, seed)
    clock = _Clock(device)
    start = clock.now()
    rank_blocks(clock.watch(distance_blocks(queries, gallery, "euclidean")), query, shown)
    both = clock.now() - start
    peak = environment.peak_memory() - before
    references = {}
    if reference_queries:
        part = min(reference_queries, size.queries)
        references = _references(queries[:part], gallery, query[slice(part)], shown)
    return RankingSpeed(
        size=size,
        dimensions=dimensions,
        device=environment.device_name(),
        distances=clock.spent,
        ranking=both - clock.spent,
        peak_memory=peak,
        reference_queries=min(reference_queries, size.queries),
        references=references,
    )


def _made(
    size: Size, dimensions: int, device: torch.device, seed: int
) -> tuple[torch.Tensor, torch.Tensor, Labels, Labels]:
    draw = torch.Generator().manual_seed(seed)

    def labels(count: int) -> Labels:
        identities = torch.randint(1, size.identities + 1, (count,), generator=draw)
        return Labels(identities, torch.randint(size.cameras, (count,), generator=draw)).to(device)

    queries, gallery = (torch.randn(count, dimensions, generator=draw) for count in (size.queries, size.gallery))
    return queries.to(device), gallery.to(device), labels(size.queries), labels(size.gallery)


def _references(queries: torch.Tensor, gallery: torch.Tensor, query: Labels, shown: Labels) -> dict[str, float]:
    """Time torchreid's evaluation of the same distances, and check that its mean average precision is the same."""
    from bench.reid.torchreid_compat import import_torchreid

    rank = import_torchreid("metrics.rank")
    blocks = [block.cpu() for block in distance_blocks(queries, gallery, "euclidean")]
    distances = torch.cat(blocks).numpy()
    labels = [each.cpu().numpy() for each in (query.identities, shown.identities, query.cameras, shown.cameras)]
    ours = rank_blocks(blocks, query.to("cpu"), shown.to("cpu"))
    seconds = {}
    for name in ("python", "cython") if rank.IS_CYTHON_AVAI else ("python",):
        start = time.perf_counter()
        with contextlib.redirect_stdout(None):
            _, mean = rank.evaluate_rank(distances, *labels, max_rank=20, use_cython=name == "cython")
        seconds[name] = time.perf_counter() - start
        # It orders ties differently, and its Cython code adds in single precision.
        if abs(mean - ours.mean_average_precision) > 1e-4:
            raise AssertionError(f"torchreid's {name} ranking has mAP {mean}, ours {ours.mean_average_precision}")
    return seconds


class _Clock:
    """Time a ranking, and separately the blocks of distances that it iterates over."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.spent = 0.0

    def now(self) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()

    def watch(self, blocks: Iterator[torch.Tensor]) -> Iterator[torch.Tensor]:
        while True:
            start = self.now()
            block = next(blocks, None)
            self.spent += self.now() - start
            if block is None:
                return
            yield block


def measure_rankings(names: Sequence[str], dimensions: int, reference_queries: int) -> Iterator[RankingSpeed]:
    """Time rankings of these test sets' sizes (`SIZES`), each in a process of its own.

    Raises:
        InputError: the memory is too small.
    """
    for name in dict.fromkeys(names):
        what = (SIZES[name], dimensions, reference_queries)
        yield isolated(measure_ranking, *what, hint="a smaller --dimensions")
