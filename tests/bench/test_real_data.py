"""The data of pipelines/real_mini, where `WILDNAS_DATA` says that they are, and what pretrained weights see in them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from timm.data import ImageNetInfo

from backbones import pretrained, weights
from backbones.build import build_classifier, design_of
from backbones.pretrained import IMAGENET
from bench.pipeline.assembly import load_pipeline
from bench.pipeline.survey import PipelineData, Status, survey
from bench.runs.run import Places
from bench.searches.task import search_settings
from bench.tasks.registry import load_protocol
from search.data.images import normalise
from search.data.proxies import load_proxy
from search.data.reader import read_picture

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


def test_weights_classify_better_with_the_mean_of_their_card() -> None:
    """The order alone; Tiny ImageNet is a part of ImageNet, so that no accuracy on it means anything."""
    card = pretrained.get("tf_efficientnet_lite0")
    design = design_of(card.architecture)
    network = build_classifier(design, "imagenet", 48, 14, num_classes=1000, auxiliary=False).eval()
    weights.load(network, pretrained.find(card, Path("nowhere")), design)
    folder = Path(os.environ["WILDNAS_DATA"]) / "tiny_imagenet_20" / "val"
    classes = ImageNetInfo("imagenet-1k").label_names()
    images, labels = [], []
    for wnid in sorted(path.name for path in folder.iterdir()):
        for file in sorted((folder / wnid).iterdir())[:5]:
            images.append(torch.from_numpy(np.array(read_picture(file).resize((160, 160), Image.Resampling.BICUBIC))))
            labels.append(classes.index(wnid))
    pixels = torch.stack(images).permute(0, 3, 1, 2)
    right = {}
    with torch.inference_mode():
        for name, normalisation in {"card": card.normalisation, "other": IMAGENET}.items():
            inputs = normalise(pixels, normalisation.mean, normalisation.std)
            top5 = torch.cat([network(batch).topk(5).indices for batch in inputs.split(25)])
            right[name] = int((top5 == torch.tensor(labels)[:, None]).any(dim=1).sum())
    assert right["card"] > 50 > right["other"]
