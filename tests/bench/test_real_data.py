"""The data of pipelines/real_mini, where `WILDNAS_DATA` says that they are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench.pipeline.assembly import load_pipeline
from bench.pipeline.survey import PipelineData, Status, survey
from bench.runs.run import Places
from bench.searches.task import search_settings
from bench.tasks.registry import load_protocol
from search.data.proxies import load_proxy

pytestmark = pytest.mark.skipif("WILDNAS_DATA" not in os.environ, reason="WILDNAS_DATA is not set")


def test_every_stage_of_the_pipeline_finds_its_data(tmp_path: Path) -> None:
    pipeline = load_pipeline("pipelines/real_mini")
    places = Places(tmp_path / "results", tmp_path / "work", replace=True)
    seen = survey(pipeline, places, PipelineData())
    assert len(seen) == 11
    assert {look.status for look in seen} == {Status.READY, Status.WAITING}


def test_the_search_s_halves_are_read() -> None:
    settings = search_settings("search/cifar10_mini_pc_darts")
    data = load_proxy(settings.proxy, settings.batch_size, seed=0)
    assert data.images.shape[1:] == (3, 32, 32)
    assert data.counts() == {"weight images": 1000, "architecture images": 1000, "classes": 10}


def test_coco_s_own_annotations_are_counted() -> None:
    task, protocol = load_protocol("detection/coco_mini_ssd")
    counts = task.check(protocol).counts
    assert (counts["train images"], counts["val images"]) == (294, 188)
