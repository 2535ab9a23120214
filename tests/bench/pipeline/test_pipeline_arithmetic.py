"""Hours by multiply-adds, of workloads that are given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from backbones.errors import InputError
from bench.pipeline import arithmetic
from bench.pipeline.arithmetic import OTHERS, STAND_INS, Arithmetic, stand_in
from bench.pipeline.assembly import Pipeline
from bench.pipeline.settings import ByMultiplyAdds, Expected, Reference
from bench.pipeline.stages import Best, Given, PipelineStage, Searched
from bench.pipeline.survey import PipelineData
from bench.tasks.architectures import NamedArchitecture, resolve
from bench.tasks.contract import Protocol
from bench.tasks.workload import Workload
from tests.bench.runs.quick import QuickTask, quick_protocol


@dataclass
class CountedTask(QuickTask):
    """A task whose workload stands in the protocol's config; without one it is unknown."""

    counted: int = 0

    def workload(
        self, protocol: Protocol, architecture: NamedArchitecture | None, counts: Mapping[str, int]
    ) -> Workload:
        self.counted += 1
        if "macs" not in protocol.config:
            raise InputError("nobody knows")
        assert counts == {"train images": 20, "val images": 5}
        return Workload(3, 20, protocol.config["macs"], protocol.config["separable"])


def made(name: str, **config: Any) -> PipelineStage:
    protocol = replace(quick_protocol(**config), name=name)
    return PipelineStage(name, CountedTask(), protocol, Given(resolve("PDARTS"), 0), None)


def reference(source: str) -> Reference:
    # 3 x 2 x 5 x 7 multiply-adds in 10 hours.
    return Reference(hours=10, epochs=2, images=5, macs=7, source=source)


def estimates(stages: list[PipelineStage], by: ByMultiplyAdds | None) -> Arithmetic:
    expected = {"search/like": Expected(hours=8, source="theirs")}
    pipeline = Pipeline("p", {stage.title: stage for stage in stages}, (), expected, {}, by)
    return Arithmetic(pipeline, PipelineData(), {})


def test_hours_are_as_the_multiply_adds_of_networks_of_one_kind() -> None:
    separable, dense, unknown = made("x", macs=14, separable=True), made("y", macs=7, separable=False), made("z")
    stages = [separable, dense, unknown, made("supernet", macs=7, separable=None)]
    both = estimates(stages, ByMultiplyAdds(separable=reference("s"), dense=reference("d")))
    # 3 x 3 x 20 x 14 to 3 x 2 x 5 x 7.
    assert both.of(separable) == (pytest.approx(10 * 3 * 20 * 14 / (2 * 5 * 7)), reference("s"))
    assert both.of(dense) == (pytest.approx(10 * 3 * 20 * 7 / (2 * 5 * 7)), reference("d"))
    assert both.of(unknown) is None
    assert both.of(stages[3]) is None
    only = estimates(stages, ByMultiplyAdds(dense=reference("d")))
    assert only.of(separable) is None
    assert estimates(stages, None).of(separable) is None


def test_a_search_is_estimated_by_another_search(monkeypatch: pytest.MonkeyPatch) -> None:
    like = made("search/like", macs=4, separable=None)
    monkeypatch.setattr(arithmetic, "load_protocol", lambda name: (like.task, like.protocol))
    stage = made("search/x", macs=10, separable=None)
    by = ByMultiplyAdds(searches={"search/x": "search/like"})
    found = estimates([stage], by).of(stage)
    assert found == (pytest.approx(8 * 10 / 4), Expected(hours=8, source="theirs"))
    like = made("search/like")
    assert estimates([stage], by).of(stage) is None


def test_a_network_is_counted_once() -> None:
    stage = made("x", macs=14, separable=True)
    both = estimates([stage], ByMultiplyAdds(separable=reference("s")))
    assert both.of(stage) == both.of(stage)
    assert isinstance(stage.task, CountedTask)
    assert stage.task.counted == 1
    unknown = made("z")
    for _ in range(2):
        both.of(unknown)
    assert isinstance(unknown.task, CountedTask)
    assert unknown.task.counted == 1


def test_unknown_architectures_have_published_ones_in_their_place() -> None:
    def name(source: Any) -> str | None:
        found = stand_in(source)
        return None if found is None else found.name

    def search(protocol: str) -> Searched:
        return Searched(PipelineStage(protocol, CountedTask(), replace(quick_protocol(), name=protocol), None, 0))

    assert name(None) is None
    assert name(Given(resolve("GDAS_V1"), 0)) == "GDAS_V1"
    assert name(search("search/pc_darts_imagenet")) == "PC_DARTS_image"
    assert name(search("search/mine")) == "DARTS_V2"
    first = PipelineStage("first", CountedTask(), quick_protocol(), search("search/p_darts_cifar10"), None)
    second = PipelineStage("second", CountedTask(), quick_protocol(), search("search/mine"), None)
    assert name(Best("b", (first, second))) == "PDARTS"
    assert all(resolve(genotype).name == genotype for genotype in (*STAND_INS.values(), OTHERS))
