"""Estimate a stage's hours by its multiply-adds, in proportion to a run with published hours.

A search's genotype is unknown before it runs: a published genotype of the same protocol stands in (`STAND_INS`), or
DARTS_V2 if none was published. Networks with depthwise convolutions, dense networks and searches each have their own
reference, because a GPU computes their multiply-adds at different rates.
"""

from __future__ import annotations

from collections.abc import Mapping

from backbones.errors import InputError
from bench.pipeline.assembly import Pipeline
from bench.pipeline.settings import Expected, Reference
from bench.pipeline.stages import ArchitectureSource, Best, Given, PipelineStage, Searched
from bench.pipeline.survey import PipelineData
from bench.records.record import Record
from bench.tasks.architectures import NamedArchitecture, resolve
from bench.tasks.contract import DataReport, Protocol, Task
from bench.tasks.registry import load_protocol
from bench.tasks.workload import Workload

#: Published genotypes by search protocol; of P-DARTS' three genotypes only that of CIFAR-10 was published.
STAND_INS = {
    "search/darts_v1_cifar10": "DARTS_V1",
    "search/darts_v2_cifar10": "DARTS_V2",
    "search/p_darts_cifar10": "PDARTS",
    "search/pc_darts_cifar10": "PC_DARTS_cifar",
    "search/pc_darts_imagenet": "PC_DARTS_image",
}
OTHERS = "DARTS_V2"


def stand_in(source: ArchitectureSource | None) -> NamedArchitecture | None:
    """Architecture in the place of one that is unknown yet; a baseline itself, and None for a search."""
    if source is None:
        return None
    if isinstance(source, Given):
        return source.given
    if isinstance(source, Best):
        return stand_in(source.candidates[0].source)
    assert isinstance(source, Searched)
    return resolve(STAND_INS.get(source.search.protocol.name, OTHERS))


class Arithmetic:
    """Estimates by multiply-adds; every network is counted once.

    Args:
        found: records of the stages that are done, by title.
    """

    def __init__(self, pipeline: Pipeline, data: PipelineData, found: Mapping[str, Record]) -> None:
        self._references = pipeline.by_multiply_adds
        self._expected = pipeline.expected
        self._data, self._found = data, found
        self._counted: dict[tuple[object, ...], Workload | None] = {}

    def of(self, stage: PipelineStage) -> tuple[float, Reference | Expected] | None:
        """Hours of a stage, summed over its devices, and the reference; None if there is no reference."""
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
                # The number of images is unknown.
                self._counted[key] = None
        return self._counted[key]
