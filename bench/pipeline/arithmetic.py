"""Hours of a stage by its multiply-adds, in proportion to a run whose hours somebody has published.

What a search finds is not known before: a genotype of the zoo that the same protocol has found stands for it
(`STAND_INS`), and DARTS_V2 where none was published. A GPU does not compute every multiply-add at the same rate, so
networks with depthwise convolutions and dense ones have a reference each, and a search has another search.
"""

from __future__ import annotations

from collections.abc import Mapping

from backbones.errors import InputError
from bench.pipeline.assembly import Pipeline
from bench.pipeline.data_reports import PipelineData
from bench.pipeline.selection import Best
from bench.pipeline.settings import Expected, Reference
from bench.pipeline.stages import ArchitectureSource, Given, PipelineStage, Searched
from bench.records.record import Record
from bench.tasks.architectures import NamedArchitecture, resolve
from bench.tasks.contract import DataReport, Protocol, Task
from bench.tasks.registry import load_protocol
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


def stand_in(source: ArchitectureSource | None) -> NamedArchitecture | None:
    """What takes the place of an architecture that is not known yet; a baseline is known, and a search has none."""
    if source is None:
        return None
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

    def __init__(self, pipeline: Pipeline, data: PipelineData, found: Mapping[str, Record]) -> None:
        self._references = pipeline.by_multiply_adds
        self._expected = pipeline.expected
        self._data, self._found = data, found
        self._counted: dict[tuple[object, ...], Workload | None] = {}

    def of(self, stage: PipelineStage) -> tuple[float, Reference | Expected] | None:
        """A stage's hours, all devices together, and the run that they are in proportion to; None: there is none."""
        if self._references is None:
            return None
        known = all(title in self._found for title in stage.needs)
        architecture = stage.architecture(self._found) if known else stand_in(stage.source)
        workload = self._workload(stage.task, stage.protocol, architecture)
        like = self._references.searches.get(stage.protocol.name)
        if workload is None:
            return None
        if like is not None:
            other, expected = self._workload(*load_protocol(like), architecture), self._expected[like]
            return None if other is None else (expected.hours * workload.total / other.total, expected)
        kinds = {True: self._references.separable, False: self._references.dense, None: None}
        reference = kinds[workload.separable]
        return None if reference is None else (reference.hours * workload.total / reference.total, reference)

    def _workload(self, task: Task, protocol: Protocol, architecture: NamedArchitecture | None) -> Workload | None:
        key = (protocol.name, protocol.options, architecture and architecture.design)
        if key not in self._counted:
            report = self._data.of(task, protocol)
            counts = report.counts if isinstance(report, DataReport) else {}
            try:
                self._counted[key] = task.workload(protocol, architecture, counts)
            except InputError:
                # It tells of no number of images: unknown.
                self._counted[key] = None
        return self._counted[key]
