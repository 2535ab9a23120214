"""Every protocol of re-identification: it validates, and its network can be built."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import pytest
import torch
from pydantic import TypeAdapter

from backbones.build import build_backbone
from backbones.cost import measure
from backbones.pretrained import IMAGENET, Normalisation
from bench.reid.engine import build_optimisation
from bench.reid.model import backbone_of, build_pcb, training_workload
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


#: Of numbers with a point: the key, values that are taken, and values beside them that are not.
BOUNDS = [
    ("dropout", (0.0, 0.99), (-0.01, 1.0)),
    ("margin", (0.0, 9.0), (-0.01,)),
    ("triplet_weight", (0.01, 9.0), (0.0,)),
    ("learning_rate", (1e-9, 9.0), (0.0,)),
    ("backbone_learning_rate_factor", (1e-9, 9.0), (0.0,)),
    ("momentum", (0.01, 0.99), (-0.01, 1.0)),
    ("weight_decay", (0.0, 9.0), (-1e-9,)),
    ("gamma", (1e-9, 9.0), (0.0,)),
    ("rerank.weight", (0.0, 1.0), (-0.01, 1.01)),
    ("data_root", ("x",), ("",)),
    ("mean", ([0.0, 0.5, 1.0], None), ([0.5, 0.5], [0.5] * 4)),
    ("channels", (2, 4096), (3,)),
    ("last_stride", (1, 2), (0, 3)),
]


@pytest.mark.parametrize(("key", "taken", "refused"), BOUNDS, ids=[key for key, *_ in BOUNDS])
def test_a_key_has_its_bounds(key: str, taken: tuple[object, ...], refused: tuple[object, ...]) -> None:
    def config(value: object) -> ReidConfig:
        beside: dict[str, object] = {"std": [0.5] * 3} if key == "mean" and value is not None else {}
        name, _, inner = key.partition(".")
        return ReidConfig.model_validate({**LEAST, **beside, name: {inner: value} if inner else value})

    for value in taken:
        config(value)
    for value in refused:
        with pytest.raises(ValueError, match=key.replace(".", r"\.")):
            config(value)


LEAST: dict[str, object] = {"task": "reid", "dataset": "market1501", "data_root": "x", "parts": 6}


def test_what_a_config_does_not_say_is_pcb_s() -> None:
    """Sun et al. 2018, 4.1, and torchreid's defaults beside it."""
    assert ReidConfig.model_validate(LEAST).model_dump() == {
        **LEAST,
        "reduced": [],
        "expected": {},
        "pretrained": False,
        "embedded": None,
        "limit": None,
        "queries": "own",
        "height": 384,
        "width": 128,
        "channels": 48,
        "layers": 14,
        "last_stride": 1,
        "reduced_dim": 256,
        "feature": "before",
        "dropout": 0.5,
        "batch_size": 64,
        "test_batch_size": 100,
        "epochs": 60,
        "loss": "softmax",
        "margin": 0.3,
        "triplet_weight": 1.0,
        "instances": 4,
        "optimiser": "sgd",
        "learning_rate": 0.1,
        "backbone_learning_rate_factor": 0.1,
        "momentum": 0.9,
        "nesterov": True,
        "weight_decay": 5e-4,
        "schedule": "multi_step",
        "milestones": [40],
        "gamma": 0.1,
        "label_smooth": False,
        "transforms": ["random_flip"],
        "precision": "fp32",
        "workers": 4,
        "metric": "euclidean",
        "rerank": None,
    }


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"mean": [0.5] * 3}, "mean and std belong together"),
        ({"std": [0.5] * 3}, "mean and std belong together"),
        ({"mean": [0.5] * 3, "std": [0.5, 0.0, 0.5]}, "expected three numbers above 0"),
        ({"mean": [0.5] * 3, "std": [0.5, -0.1, 0.5]}, "expected three numbers above 0"),
        ({"parts": 25}, "parts=25: expected at most 24, the rows of the last map at height=384 and last_stride=1"),
        ({"parts": 13, "last_stride": 2}, "parts=13: expected at most 12"),
        ({"momentum": 0.0}, "nesterov=True: needs momentum above 0"),
        ({"loss": "softmax_triplet", "batch_size": 66}, "batch_size=66: expected a multiple of instances=4"),
        ({"loss": "softmax_triplet", "batch_size": 4}, "batch_size=4: .* at least twice as large"),
        ({"loss": "softmax_triplet", "batch_size": 2}, "batch_size=2: expected a multiple"),
    ],
)
def test_keys_that_do_not_go_together_are_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        ReidConfig.model_validate({**LEAST, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"mean": [0.5] * 3, "std": [0.01] * 3},
        {"parts": 24},
        {"parts": 12, "last_stride": 2},
        {"momentum": 0.0, "nesterov": False},
        {"momentum": 0.0, "optimiser": "adam"},
        {"loss": "softmax_triplet", "batch_size": 8},
        {"batch_size": 66},
        {"batch_size": 2},
    ],
)
def test_keys_that_go_together_are_taken(changes: dict[str, object]) -> None:
    ReidConfig.model_validate({**LEAST, **changes})


def test_a_config_knows_its_colours_and_the_identities_of_a_batch() -> None:
    plain = ReidConfig.model_validate(LEAST)
    assert plain.normalisation == IMAGENET
    own = ReidConfig.model_validate({**LEAST, "mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6]})
    assert own.normalisation == Normalisation((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))
    assert own.model_dump()["std"] == [0.4, 0.5, 0.6]
    assert plain.batch_identities == 1
    assert ReidConfig.model_validate({**LEAST, "loss": "softmax_triplet"}).batch_identities == 16


def test_other_ways_of_the_same_run_have_its_key() -> None:
    task = ReidTask()
    keys = ("precision", "workers", "test_batch_size", "execution")
    assert task.neutral({}) == task.neutral({"expected": {}}) == keys
    assert task.neutral({"expected": {"train images": 1}}) == (*keys, "data_root")
    validated = task.validate({**LEAST, "execution": {"trackers": ["wandb"]}}, "x.py")
    assert validated["execution"] == {"trackers": ["wandb"]}
    assert task.normalisation(validated) == IMAGENET
    task.set_normalisation(validated, Normalisation((0.1, 0.2, 0.3), (0.4, 0.5, 0.6)))
    assert (validated["mean"], validated["std"]) == ([0.1, 0.2, 0.3], [0.4, 0.5, 0.6])


def test_a_backbone_is_counted_once_for_all_parts_and_data(monkeypatch: pytest.MonkeyPatch) -> None:
    built = []

    def counting(*arguments: object, **settings: object) -> object:
        built.append(settings)
        return build_backbone(*arguments, **settings)  # type: ignore[arg-type]

    monkeypatch.setattr("bench.reid.model.build_backbone", counting)
    design = resolve("random:7").design
    # A size that no other test has counted.
    changes = {"height": 64, "width": 24, "channels": 4, "layers": 3, "epochs": 7}
    workloads = [
        training_workload(ReidConfig.model_validate({**LEAST, **changes, "parts": parts}), design, {"train images": 9})
        for parts in (1, 2)
    ]
    assert workloads[0] == workloads[1]
    assert built == [{"channels": 4, "layers": 3, "out_strides": (32,), "last_stride": 1}]
    assert (workloads[0].epochs, workloads[0].images, workloads[0].separable) == (7, 9, True)
    with torch.device("meta"):
        backbone = build_backbone(design, channels=4, layers=3, out_strides=(32,), last_stride=1)
    assert workloads[0].macs == measure(backbone, (3, 64, 24)).published_macs
