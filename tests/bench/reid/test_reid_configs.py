"""Every protocol of re-identification: it validates, and its network can be built."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import pytest
import torch
from pydantic import TypeAdapter

from backbones.cost import measure
from bench.reid.engine import build_optimisation
from bench.reid.model import backbone_of, build_pcb
from bench.reid.schema import ReidConfig, Reranking
from bench.reid.task import ReidTask
from bench.tasks.architectures import resolve
from bench.tasks.contract import Protocol
from bench.tasks.registry import load_protocol
from search.configs import config_names, load_config

NAMES = config_names("reid")


def read(name: str) -> Protocol:
    loaded = load_config(name)
    return Protocol(loaded.name, loaded.path, ReidTask().validate(loaded.values, str(loaded.path)))


def test_the_papers_protocols_are_all_there() -> None:
    papers = {f"reid/{dataset}_p{parts}" for dataset in ("market1501", "dukemtmcreid", "msmt17") for parts in (1, 3, 6)}
    assert papers <= set(NAMES)
    # The embedded digits are whole as they are; the mini market is a part of something.
    reduced = [name for name in NAMES if read(name).reasons(pretrained=True)]
    assert reduced == [name for name in NAMES if "mini" in name]
    assert len(reduced) == 7
    for name in sorted(set(NAMES) - set(reduced) - {"reid/digits_p3", "reid/digits_study_p3"}):
        expected = read(name).config["expected"]
        assert set(expected) == {"train images", "query images", "gallery images"}
        assert read(name).reasons(True, expected) == ()


def test_the_backbones_multiply_adds_are_those_of_the_paper() -> None:
    # P-DARTS Table 5, "x+": those of the unchanged network at 224 x 224.
    config = ReidConfig.model_validate({**read("reid/market1501_p6").config, "last_stride": 2})
    cost = measure(backbone_of(config, resolve("PDARTS").design), (3, 224, 224))
    assert round(cost.published_macs / 1e6) == 556
    resnet = build_pcb(config, resolve("timm:resnet50").design, identities=751)
    # "Feat. Dim" of ResNet-50.
    assert resnet.backbone_dim == 2048


def test_what_a_protocol_lacks_can_be_asked_for_on_the_command_line() -> None:
    def config(option: str) -> ReidConfig:
        _, protocol = load_protocol("reid/market1501_p3", [option])
        return ReidConfig.model_validate(protocol.config)

    assert config("parts=4").rerank is None
    # Zhong et al. 2017, on Market-1501.
    for option in ("rerank={}", "rerank.k1=20"):
        assert config(option).rerank == Reranking(k1=20, k2=6, weight=0.3)
    assert config("reduced_dim=None").reduced_dim is None
    assert config("limit=8").limit == 8


@pytest.mark.parametrize("name", NAMES)
def test_a_protocol_validates_and_its_network_extracts(name: str) -> None:
    config = ReidConfig.model_validate(read(name).config)
    with torch.device("meta"):
        pcb = build_pcb(config, resolve("PDARTS").genotype, identities=751)
        images = torch.empty(2, 3, config.height, config.width)
    assert pcb.eval()(images).shape == (2, pcb.feature_dim)
    if config.channels == 48:
        # P-DARTS Table 5: the feature of a part has 768 numbers.
        assert pcb.feature_dim == 768 * config.parts
    optimiser, _ = build_optimisation(pcb, config, pretrained=True)
    slow, fast = (group["lr"] for group in optimiser.param_groups)
    assert slow == pytest.approx(fast * config.backbone_learning_rate_factor)
    optimiser, _ = build_optimisation(pcb, config, pretrained=False)
    assert len({group["lr"] for group in optimiser.param_groups}) == 1


@pytest.mark.skipif("WILDNAS_DATA" not in os.environ, reason="WILDNAS_DATA is not set")
def test_the_mini_market_is_found() -> None:
    if not (Path(os.environ["WILDNAS_DATA"]) / "reid" / "market1501").is_dir():
        pytest.skip("no reid/market1501 below WILDNAS_DATA")
    counts = ReidTask().check(read("reid/market_mini_p3")).counts
    assert counts["train images"] == 1205
    # Of 108 queries and 621 gallery images, 8 are of identities that no query asks for.
    assert (counts["query images"], counts["gallery images"]) == (108 + 621 - 8, 108 + 621)


@pytest.mark.parametrize(
    ("key", "least", "most"),
    [
        ("limit", 1, 2**53),
        ("parts", 1, 256),
        ("height", 8, 4096),
        ("width", 8, 4096),
        ("channels", 2, 4096),
        ("layers", 3, 200),
        ("reduced_dim", 1, 65_536),
        ("batch_size", 2, 65_536),
        ("test_batch_size", 1, 65_536),
        ("epochs", 0, 1_000_000),
        ("instances", 2, 65_536),
        ("workers", 0, 1024),
        ("k1", 1, 10_000),
        ("k2", 1, 10_000),
    ],
)
def test_a_number_of_a_config_has_its_bounds(key: str, least: int, most: int) -> None:
    field = (Reranking if key in Reranking.model_fields else ReidConfig).model_fields[key]
    number = TypeAdapter(Annotated[(int, *field.metadata)])
    step = 2 if key == "channels" else 1
    assert [number.validate_python(value) for value in (least, most)] == [least, most]
    for value in (least - step, most + step):
        with pytest.raises(ValueError, match="Input should be"):
            number.validate_python(value)
