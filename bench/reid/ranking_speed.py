"""Seconds and memory of ranking random features, beside torchreid's evaluation on the same distances."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch

from bench.machine import environment
from bench.machine.isolation import isolated
from bench.reid.distances import distance_blocks
from bench.reid.ranking import Labels, rank_blocks, rank_features


@dataclass(frozen=True)
class Size:
    """A test set: how many queries, gallery images, identities that are asked for, and cameras."""

    name: str
    queries: int
    gallery: int
    identities: int
    cameras: int


#: Zheng et al. 2015 and Wei et al. 2018.
SIZES = {
    "market1501": Size("market1501", 3368, 15913, 750, 6),
    "msmt17": Size("msmt17", 11659, 82161, 3060, 15),
}


@dataclass(frozen=True)
class RankingSpeed:
    """Seconds of one ranking.

    Attributes:
        distances, ranking: of computing all distances, and of what is left of ranking by them.
        peak_memory: bytes that the process, or on a GPU its memory, grew by while ranking, the features included.
        references: seconds of torchreid's `evaluate_rank`, without the distances, on `reference_queries` queries, as
            they were measured, for `python` and, where that is built, `cython`.
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
        """Seconds of a reference for all queries: it ranks each by itself."""
        return self.references[reference] * self.size.queries / self.reference_queries

    def to_json(self) -> dict[str, Any]:
        scaled = {name: self.scaled(name) for name in self.references}
        return {**asdict(self), "references_scaled": scaled}


def measure_ranking(size: Size, dimensions: int = 768, reference_queries: int = 0, seed: int = 0) -> RankingSpeed:
    """Rank made features of a data set's size; meant for a process of its own, whose memory nothing else has grown.

    Args:
        reference_queries: how many of the queries torchreid ranks too, 0 for none.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    # Loads the libraries of matrix products and of sorting, so that they count neither as time nor as memory.
    rank_features(*_made(Size("warm-up", 300, 300, 5, 2), 8, device, seed))
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
        return Labels(identities.to(device), torch.randint(size.cameras, (count,), generator=draw).to(device))

    queries, gallery = (torch.randn(count, dimensions, generator=draw) for count in (size.queries, size.gallery))
    return queries.to(device), gallery.to(device), labels(size.queries), labels(size.gallery)


def _references(queries: torch.Tensor, gallery: torch.Tensor, query: Labels, shown: Labels) -> dict[str, float]:
    """Seconds of torchreid's evaluation of the same distances; it has to come to the same mean average precision."""
    from bench.reid.torchreid_compat import import_torchreid

    rank = import_torchreid("metrics.rank")
    blocks = [block.cpu() for block in distance_blocks(queries, gallery, "euclidean")]
    distances = torch.cat(blocks).numpy()
    labels = [each.cpu().numpy() for each in (query.identities, shown.identities, query.cameras, shown.cameras)]
    ours = rank_blocks(blocks, Labels(query.identities.cpu(), query.cameras.cpu()), Labels(*_on_cpu(shown)))
    seconds = {}
    for name in ("python", "cython") if rank.IS_CYTHON_AVAI else ("python",):
        start = time.perf_counter()
        with contextlib.redirect_stdout(None):
            _, mean = rank.evaluate_rank(distances, *labels, max_rank=20, use_cython=name == "cython")
        seconds[name] = time.perf_counter() - start
        # Ties among the float distances fall otherwise there, and its Cython adds in single precision.
        if abs(mean - ours.mean_average_precision) > 1e-4:
            raise AssertionError(f"torchreid's {name} ranking has mAP {mean}, ours {ours.mean_average_precision}")
    return seconds


def _on_cpu(labels: Labels) -> tuple[torch.Tensor, torch.Tensor]:
    return labels.identities.cpu(), labels.cameras.cpu()


class _Clock:
    """Times a ranking, and apart from it the distances that it asks for one block after another."""

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
    """Time rankings of the sizes of these test sets (`SIZES`), each in a process of its own.

    Raises:
        InputError: memory does not suffice.
    """
    for name in dict.fromkeys(names):
        what = (SIZES[name], dimensions, reference_queries)
        yield isolated(measure_ranking, *what, hint="a smaller --dimensions")
