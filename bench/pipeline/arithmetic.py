"""Hours of a stage by its multiply-adds, in proportion to a run whose hours somebody has published.

What a search finds is not known before: a genotype of the zoo that the same protocol has found stands for it
(`STAND_INS`), and DARTS_V2 where none was published. A GPU does not compute every multiply-add at the same rate, so
networks with depthwise convolutions and dense ones have a reference each, and a search has another search.
"""

from __future__ import annotations

from collections.abc import Mapping

from backbones.errors import InputError
from bench.pipeline.assembly import Pipeline
from bench.pipeline.data import Data
from bench.pipeline.selection import Best
from bench.pipeline.settings import Expected, Reference
from bench.pipeline.stages import EvaluationStage, Given, Searched, SearchStage, Source, Stage
from bench.records.record import Record
from bench.searches.task import SearchData, SearchProtocol, load_search
from bench.searches.workload import search_macs
from bench.tasks.architectures import Architecture, resolve
from bench.tasks.contract import DataReport
from bench.tasks.workload import Workload

#: What a search protocol has found and somebody has published; of P-DARTS' three genotypes, that of CIFAR-10 alone is.
STAND_INS = {
    "search/darts_v1_cifar10": "DARTS_V1",
    "search/darts_v2_cifar10": "DARTS_V2",
    "search/p_darts_cifar10": "PDARTS",
    "search/pc_darts_cifar10": "PC_DARTS_cifar",
    "search/pc_darts_imagenet": "PC_DARTS_image",
}
OTHERS = "DARTS_V2"


def stand_in(source: Source) -> Architecture:
    """What takes the place of an architecture that is not known yet; a baseline is known."""
    if isinstance(source, Given):
        return source.given
    if isinstance(source, Best):
        return stand_in(source.candidates[0].source)
    assert isinstance(source, Searched)
    return resolve(STAND_INS.get(source.search.protocol.name, OTHERS))


class Arithmetic:
    """Knows the references; every network is counted once.

    Args:
        found: the records of what is done, by title: what a search has found needs no stand-in.
    """

    def __init__(self, pipeline: Pipeline, data: Data, found: Mapping[str, Record]) -> None:
        self._references = pipeline.by_multiply_adds
        self._expected = pipeline.expected
        self._data, self._found = data, found
        self._counted: dict[tuple[object, ...], Workload | None] = {}
        self._searches: dict[tuple[object, ...], float | None] = {}

    def of(self, stage: Stage) -> tuple[float, Reference | Expected] | None:
        """A stage's hours, all devices together, and the run that they are in proportion to; None: there is none."""
        if self._references is None:
            return None
        if isinstance(stage, SearchStage):
            return self._of_search(stage, self._references.searches.get(stage.protocol.name))
        workload = self._workload(stage)
        if workload is None:
            return None
        reference = self._references.separable if workload.separable else self._references.dense
        return None if reference is None else (reference.hours * workload.total / reference.total, reference)

    def _of_search(self, stage: SearchStage, like: str | None) -> tuple[float, Expected] | None:
        if like is None:
            return None
        reference = load_search(like)
        macs, others = self._search(stage.protocol, stage.seed), self._search(reference, stage.seed)
        return (
            None
            if macs is None or others is None
            else (self._expected[like].hours * macs / others, self._expected[like])
        )

    def _workload(self, stage: EvaluationStage) -> Workload | None:
        known = all(title in self._found for title in stage.source.needs)
        architecture = stage.source.architecture(self._found) if known else stand_in(stage.source)
        key = (stage.protocol.name, stage.protocol.options, architecture.design)
        if key not in self._counted:
            report = self._data.of(stage.task, stage.protocol)
            counts = report.counts if isinstance(report, DataReport) else {}
            try:
                self._counted[key] = stage.task.workload(stage.protocol, architecture, counts)
            except InputError:
                # It tells of no number of images: unknown.
                self._counted[key] = None
        return self._counted[key]

    def _search(self, protocol: SearchProtocol, seed: int) -> float | None:
        key = (protocol.name, protocol.options)
        if key not in self._searches:
            data = self._data.of_search(protocol, seed)
            counts = data.counts if isinstance(data, SearchData) else {}
            try:
                self._searches[key] = search_macs(protocol.settings, counts)
            except InputError:
                self._searches[key] = None
        return self._searches[key]
