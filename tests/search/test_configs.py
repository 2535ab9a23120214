from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import OrderedDict
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.logging import MMLogger

from backbones.errors import InputError
from search.configs import (
    config_names,
    config_root,
    find_config,
    load_config,
    nearest,
    parse,
    parse_option,
    plain,
    portable,
)
from search.data.settings import Augmentation
from search.derive import Architecture
from search.loop.stages import next_space
from search.sampling.settings import parse_search
from search.settings import SearchSettings
from search.space import SearchSpace
from search.supernet import SuperNet
from tests.search.methods.published import OTHERS


def settings(name: str, *options: str) -> SearchSettings:
    loaded = load_config(name, options)
    return parse(SearchSettings, loaded.values, str(loaded.path))


def complaint(text: str, tmp_path: Path, *options: str) -> str:
    """The one line that a config's text gets."""
    file = tmp_path / "mine.py"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        settings(str(file), *options)
    message = str(caught.value)
    assert str(file) in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize("name", config_names("search"))
def test_every_search_config_is_valid_and_plain(name: str) -> None:
    loaded = load_config(name)
    assert loaded.name == name
    assert json.loads(json.dumps(loaded.values)) == loaded.values
    found = parse_search(loaded.values, name)
    assert found.task == "search"
    # A shortened protocol says so.
    assert bool(found.reduced) == ("mini" in name)


@dataclass(frozen=True)
class Paper:
    """What a paper says of a search; nothing here comes from a config.

    Attributes:
        nodes: as PC-DARTS counts them, with the two input nodes.
        stages: cells, channels, candidates an edge, dropout, epochs, frozen epochs.
        weights: SGD's first and last rate, weight decay.
        alpha: Adam's rate.
        clip: the norm that the gradient of α and β is clipped at (the authors' code).
        skips: M.
        images: of the data set; in equal halves where `fractions` is None.
    """

    stages: list[tuple[int, int, int, float, int, int]]
    batch: int
    weights: tuple[float, float, float]
    alpha: float
    rule: str
    nodes: int = 6
    k: int = 1
    en: bool = False
    order: int = 1
    skips: int | None = None
    images: str = "cifar10"
    fractions: tuple[float, float] | None = None
    classes: int | None = None
    random: bool = False
    clip: float | None = None
    carried: bool = False


#: DARTS, appendix A.1.1.
DARTS = Paper([(8, 16, 8, 0, 50, 0)], 64, (0.025, 0, 3e-4), 3e-4, "darts")
#: PC-DARTS 4.2 and 4.3.
PC = Paper([(8, 16, 8, 0, 50, 15)], 256, (0.1, 0, 3e-4), 6e-4, "pc-darts", k=4, en=True)
PC_IMAGENET = Paper(
    *([(8, 16, 8, 0, 50, 35)], 1024, (0.5, 0, 3e-5), 6e-3, "pc-darts"),
    **{"k": 2, "en": True, "images": "imagenet", "fractions": (0.1, 0.025), "clip": 5},
)


def p_darts(dropout: tuple[float, float, float], cells: tuple[int, int, int] = (5, 11, 17)) -> Paper:
    """P-DARTS 5.1.1."""
    stages = [
        (depth, 16, candidates, rate, 25, 10) for depth, candidates, rate in zip(cells, (8, 5, 3), dropout, strict=True)
    ]
    return Paper(stages, 96, (0.025, 0, 3e-4), 6e-4, "p-darts", skips=2, clip=5)


def epochs(of: Paper, count: int) -> Paper:
    cells, channels, candidates, dropout, _, frozen = of.stages[0]
    return replace(of, stages=[(cells, channels, candidates, dropout, count, frozen)])


PAPERS = {
    "pc_darts_cifar10": PC,
    # Fig. 3; the batch grows with K (3.2), the rate with the batch.
    "pc_darts_cifar10_k1": replace(PC, k=1, batch=64, weights=(0.025, 0, 3e-4)),
    "pc_darts_cifar10_k2": replace(PC, k=2, batch=128, weights=(0.05, 0, 3e-4)),
    "pc_darts_cifar10_k8": replace(PC, k=8, batch=512, weights=(0.2, 0, 3e-4)),
    # Table 3; its fourth row is the method, its second K = 1.
    "pc_darts_cifar10_no_en": replace(PC, en=False, rule="darts"),
    "pc_darts_cifar10_k1_no_en": replace(PC, k=1, batch=64, weights=(0.025, 0, 3e-4), en=False, rule="darts"),
    "pc_darts_imagenet": PC_IMAGENET,
    "pc_darts_imagenet_k1": replace(PC_IMAGENET, k=1, batch=512, weights=(0.25, 0, 3e-5)),
    "pc_darts_imagenet_no_en": replace(PC_IMAGENET, en=False, rule="darts"),
    "pc_darts_imagenet_k1_no_en": replace(PC_IMAGENET, k=1, batch=512, weights=(0.25, 0, 3e-5), en=False, rule="darts"),
    # Table 4: 50, 75, 100, 125 epochs; 5, 6, 7 nodes.
    **{
        f"{name}_cifar10_epochs{count:03}": epochs(paper, count)
        for name, paper in {"pc_darts": PC, "darts_v1": DARTS, "darts_v2": replace(DARTS, order=2)}.items()
        for count in (75, 100, 125)
    },
    **{
        f"{name}_cifar10_nodes{nodes - 2}": replace(paper, nodes=nodes)
        for name, paper in {"pc_darts": PC, "darts_v1": DARTS, "darts_v2": replace(DARTS, order=2)}.items()
        for nodes in (5, 7)
    },
    "darts_v1_cifar10": DARTS,
    "darts_v2_cifar10": replace(DARTS, order=2),
    "p_darts_cifar10": p_darts((0.0, 0.4, 0.7)),
    "p_darts_cifar100": replace(p_darts((0.1, 0.2, 0.3)), images="cifar100"),
    # P-DARTS 5.3.1.
    "p_darts_imagenet": replace(
        p_darts((0.0, 0.3, 0.6)),
        stages=[(5, 16, 8, 0.0, 25, 10), (8, 28, 5, 0.3, 25, 10), (11, 40, 3, 0.6, 25, 10)],
        images="imagenet",
        classes=100,
    ),
    # P-DARTS 5.2.3, then 5.2.2.
    "p_darts_cifar10_no_dropout": p_darts((0.0, 0.0, 0.0)),
    "p_darts_cifar10_dropout_0_3_6": p_darts((0.0, 0.3, 0.6)),
    "p_darts_cifar10_fixed_depth": p_darts((0.0, 0.4, 0.7), cells=(8, 8, 8)),
    "p_darts_cifar10_random_space": replace(p_darts((0.0, 0.4, 0.7)), stages=[(17, 16, 3, 0.7, 25, 10)], random=True),
    # P-DARTS 5.2.3: its regularisation on DARTS; 5.1.1: DARTS on CIFAR-100, and 8 cells in the first stage; 5.2.4 and
    # 5.3.1: the width; footnote 1.
    "darts_v1_cifar10_regularised": replace(DARTS, stages=[(8, 16, 8, 0.3, 50, 0)], rule="p-darts", skips=2),
    "darts_v1_cifar100": replace(DARTS, images="cifar100"),
    "darts_v2_cifar100": replace(DARTS, images="cifar100", order=2),
    "p_darts_cifar10_first_stage8": p_darts((0.0, 0.4, 0.7), cells=(8, 11, 17)),
    "p_darts_cifar10_growing_width": replace(
        p_darts((0.0, 0.4, 0.7)),
        stages=[(5, 16, 8, 0.0, 25, 10), (11, 28, 5, 0.4, 25, 10), (17, 40, 3, 0.7, 25, 10)],
    ),
    "p_darts_imagenet_fixed_width": replace(p_darts((0.0, 0.3, 0.6), cells=(5, 8, 11)), images="imagenet", classes=100),
    "p_darts_cifar10_carried_alpha": replace(p_darts((0.0, 0.4, 0.7)), carried=True),
    # PC-DARTS 4.2 suggests it; no paper has its numbers.
    "pc_p_darts_cifar10": replace(
        p_darts((0.0, 0.4, 0.7)), k=4, en=True, batch=256, weights=(0.1, 0, 3e-4), rule="pc-darts"
    ),
}


def test_the_papers_searches_are_all_there() -> None:
    own = {name for name in config_names("search") if "mini" not in name and "digits" not in name}
    assert own == {f"search/{name}" for name in (*PAPERS, *OTHERS)}


@pytest.mark.parametrize("name", PAPERS)
def test_a_searchs_numbers_are_the_papers(name: str) -> None:
    paper, found = PAPERS[name], settings(f"search/{name}")
    assert [
        (
            *(stage.layers, stage.channels, stage.keep or len(found.operations)),
            *(stage.skip_dropout, stage.epochs, stage.frozen_epochs),
        )
        for stage in found.stages
    ] == paper.stages
    assert [stage.keep_by for stage in found.stages] == ["random" if paper.random else "alpha"] * len(paper.stages)
    assert (found.nodes + 2, found.partial_channels, found.edge_normalisation) == (paper.nodes, paper.k, paper.en)
    assert (found.batch_size, found.order, found.precision) == (paper.batch, paper.order, "fp32")
    weights, architecture = found.weights, found.architecture
    assert (weights.lr, weights.final_lr, weights.weight_decay) == paper.weights
    assert (weights.momentum, weights.clip_norm) == (0.9, 5)
    assert (architecture.lr, architecture.betas, architecture.weight_decay) == (paper.alpha, (0.5, 0.999), 1e-3)
    assert architecture.clip_norm == paper.clip
    assert found.initial_alpha == ("carried" if paper.carried else "random")
    assert (found.rule, found.max_skips, found.skip_dropout_decay) == (paper.rule, paper.skips, 0.2)
    # PC-DARTS 4.1's eight.
    assert set(found.operations) == {
        *("none", "skip_connect", "max_pool_3x3", "avg_pool_3x3"),
        *("sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5"),
    }
    proxy = found.proxy
    assert (proxy.fractions, proxy.classes) == (paper.fractions, paper.classes)
    large = paper.images == "imagenet"
    assert (proxy.image_size, found.stem, proxy.memory) == ((224, "imagenet", False) if large else (32, "cifar", True))
    assert ("imagenet" in Path(proxy.root).parts) == (paper.images == "imagenet")
    assert proxy.kind == ("folder" if paper.images == "imagenet" else paper.images)
    assert proxy.augmentation == Augmentation(crop_padding=0 if large else 4, flip=True, cutout=0)


#: Where the authors' code does otherwise than the paper that a config follows, and where the paper is silent.
DEPARTURES = [
    ("classification/_base_/cifar", ["batch 128", "has 96", "last short batch"]),
    ("classification/cifar100", ["5e-4", "the authors' code has CIFAR-10's 3e-4"]),
    (
        "classification/imagenet_mobile",
        ["a batch of 256 and a rate of 0.1", "(e + 1) / 5", "low tail in the last five", "last short batch"],
    ),
    ("search/p_darts_cifar10", ["0.1, 0.4, 0.7", "last short batch", "silent on clipping alpha", "identities only"]),
    ("search/p_darts_imagenet", ["silent on batch, rate and weight decay", "no warm-up"]),
    ("search/pc_darts_cifar10", ["one ends at 0.001, one at 0", "last short batch"]),
    (
        "search/pc_darts_imagenet",
        ["the authors' code has 3e-4", "(e + 1) / 5", "last short batch", "silent on clipping"],
    ),
    ("search/darts_v1_cifar10", ["ends at 0.001", "last short batch"]),
    ("search/darts_v1_cifar10_regularised", ["silent on the initial rate", "silent on M"]),
    ("search/p_darts_cifar10_growing_width", ["silent on the widths"]),
]


@pytest.mark.parametrize(("name", "words"), DEPARTURES)
def test_a_config_says_where_paper_and_code_differ(name: str, words: list[str]) -> None:
    comments = [
        line.partition("#")[2].strip()
        for line in (config_root() / f"{name}.py").read_text(encoding="utf-8").splitlines()
    ]
    said = " ".join(" ".join(comments).split())
    assert [each for each in words if each not in said] == []


def test_no_ablation_bears_the_name_of_the_method() -> None:
    """A table would else count its genotypes among the method's."""
    methods = {name: settings(f"search/{name}").method for name in PAPERS}
    plain = ("PC-DARTS", "P-DARTS", "DARTS-v1", "DARTS-v2", "P-DARTS + PC")
    assert {name for name, method in methods.items() if method in plain} == {
        *("pc_darts_cifar10", "pc_darts_imagenet", "darts_v1_cifar10", "darts_v2_cifar10", "pc_p_darts_cifar10"),
        *("p_darts_cifar10", "p_darts_cifar100", "p_darts_imagenet", "darts_v1_cifar100", "darts_v2_cifar100"),
    }


#: Weights of a CIFAR supernet; the second is the one that DARTS' code prints.
#: Searches without one.
SAMPLED = [f"search/{name}" for name in ("random_cifar10", "evolution_cifar10", "digits_random", "digits_evolution")]

SUPERNETS = {"pc_darts_cifar10": 299_578, "darts_v1_cifar10": 1_930_618}


@pytest.mark.parametrize("name", [name for name in config_names("search") if name not in SAMPLED])
def test_every_supernet_can_be_built(name: str) -> None:
    """On the meta device, stage by stage, with the candidates that are left."""
    found = settings(name)
    space = full = found.space()
    architecture: Architecture | None = None
    for place, stage in enumerate(found.stages):
        space = next_space(space, architecture, found.stages, place, seed=0)
        weights = supernet_weights(
            *(space, stage.channels, stage.layers, found.partial_channels_of(stage)),
            *(found.edge_normalisation, found.stem),
        )
        assert weights == SUPERNETS.get(name.removeprefix("search/"), weights)
        architecture = undecided(space, found)
    # `none` may live into the last stage: undecided edges keep the operations that stand first.
    left, whole = (any("none" in row for row in (*each.normal, *each.reduce)) for each in (space, full))
    assert left == whole


@cache
def supernet_weights(
    space: SearchSpace, channels: int, layers: int, partial_channels: int, edge_normalisation: bool, stem: str
) -> int:
    with torch.device("meta"):
        supernet = SuperNet(space, channels, layers, 10, partial_channels, edge_normalisation, stem)
    edges = len(space.edges)
    shapes = {name: tuple(value.shape) for name, value in supernet.architecture_parameters().items()}
    alpha = {f"alpha_{cell}": (edges, len(getattr(space, cell)[0])) for cell in ("normal", "reduce")}
    beta = {f"beta_{cell}": (edges,) for cell in ("normal", "reduce")}
    assert shapes == alpha | (beta if edge_normalisation else {})
    return sum(parameter.numel() for parameter in supernet.weight_parameters())


def undecided(space: SearchSpace, found: SearchSettings) -> Architecture:
    edges = len(space.edges)
    return Architecture(
        alpha_normal=[[0.0] * len(row) for row in space.normal],
        alpha_reduce=[[0.0] * len(row) for row in space.reduce],
        beta_normal=[0.0] * edges,
        beta_reduce=[0.0] * edges,
        operations_normal=[list(row) for row in space.normal],
        operations_reduce=[list(row) for row in space.reduce],
        nodes=found.nodes,
        rule=found.rule,
    )


BASED = "_base_ = '{root}/search/p_darts_cifar10.py'\n"


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("batchsize = 3", "unknown key 'batchsize'; did you mean 'batch_size'?"),
        ("weights = dict(learning_rate=1)", "unknown key 'weights.learning_rate'; known: clip_norm"),
        ("weights = dict(momentums=1)", "unknown key 'weights.momentums'; did you mean 'momentum'?"),
        ("proxy = dict(augmentation=dict(flips=True))", "'proxy.augmentation.flips'; did you mean 'flip'?"),
        (
            "stages = [dict(epochs=2, frozen_epochs=1, layers=3, channels=4, chanels=4)]",
            "unknown key 'stages.0.chanels'; did you mean 'channels'?",
        ),
        ("stages = [dict(epochs=2, frozen_epochs=1, layers=3)]", "'stages.0.channels' is missing"),
        ("stages = [dict(epochs=2, frozen_epochs=2, layers=3, channels=4)]", "frozen_epochs=2"),
        ("stages = []", "'stages'"),
        ("stages = [dict(epochs=2, frozen_epochs=1, layers=2, channels=4)]", "'stages.0.layers'"),
        ("batch_size = 'many'", "'batch_size'"),
        ("batch_size = 1", "'batch_size'"),
        ("task = 'detection'", "'task'"),
        ("rule = 'pc-darts'", "edge_normalisation=True"),
        ("partial_channels = 5", "stages.0.channels=16 is not divisible by partial_channels=5"),
        ("operations = ['none', 'skip_connect']", "stages.1.keep=5"),
        ("weights = dict(lr=0)", "'weights.lr'"),
        ("architecture = dict(clip_norm=0)", "'architecture.clip_norm'"),
        ("initial_alpha = 'kept'", "'initial_alpha'"),
        ("max_skips = -1", "'max_skips'"),
        (
            "stages = [dict(epochs=2, frozen_epochs=1, layers=3, channels=4, keep=3)]",
            "stages.0.keep: no α to choose by in the first stage",
        ),
        (
            "stages = [dict(epochs=2, frozen_epochs=1, layers=3, channels=4, keep_by='random')]",
            "keep is missing: keep_by='random'",
        ),
        (
            "stages = [dict(epochs=2, frozen_epochs=1, layers=3, channels=4, keep=9, keep_by='random')]",
            "stages.0.keep=9: only 8 candidates",
        ),
        (
            "stages = [dict(epochs=2, frozen_epochs=1, layers=3, channels=4, keep=1, keep_by='random')]",
            "stages.0.keep=1: an edge could keep 'none' alone; expected 2 or more",
        ),
        (
            "stages = [dict(epochs=2, frozen_epochs=1, layers=3, channels=4, keep=2, keep_by='random')]",
            "stages.0.keep=2: an edge could keep a skip connection alone, which max_skips=2",
        ),
        (
            "initial_alpha = 'carried'\nstages = [dict(epochs=2, frozen_epochs=1, layers=3, channels=4)]",
            "initial_alpha='carried' needs two stages or more",
        ),
        (
            "stages = [dict(epochs=2, frozen_epochs=1, layers=3, channels=4, keep=3, keep_by='lot')]",
            "'stages.0.keep_by'",
        ),
        ("proxy = dict(mean=(0.5, 0.5))", "'proxy.mean"),
    ],
)
def test_mistakes_are_named_with_file_and_key(line: str, named: str, tmp_path: Path) -> None:
    assert named in complaint(BASED.format(root=config_root()) + line, tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "x = (",
        "x = y",
        "x = 1 / 0",
        "x = int('a')",
        "assert 0",
        "_base_ = './none.py'",
        "_base_ = 'mmdetx::a.py'",
        "raise ValueError('two\\nlines')",
    ],
)
def test_a_config_that_does_not_load_is_named(text: str, tmp_path: Path) -> None:
    assert "cannot be read as a config" in complaint(text, tmp_path)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("search/pc_darts_cifar", "did you mean 'search/pc_darts_cifar10'?"),
        ("search/p_dart_cifar10", "did you mean 'search/p_darts_cifar10'?"),
        ("../configs/search/p_darts_cifar10", "search/p_darts_cifar10"),
        ("qqqq", "search/pc_darts_cifar10"),
        ("nowhere/mine.py", "no such config file"),
    ],
)
def test_an_unknown_name_gets_the_nearest(name: str, hint: str) -> None:
    with pytest.raises(InputError) as caught:
        find_config(name)
    assert name in str(caught.value)
    assert hint in str(caught.value)


def test_a_file_elsewhere_is_named_by_its_folder(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(BASED.format(root=config_root()), encoding="utf-8")
    assert load_config(str(file)).name == f"local-{tmp_path.name}-mine"
    inside = config_root() / "search" / "p_darts_cifar10.py"
    assert load_config(str(inside)).name == "search/p_darts_cifar10"


def test_options_change_values() -> None:
    found = settings(
        "search/p_darts_cifar10",
        *("batch_size=8", "stages.1.epochs=3", "stages.1.frozen_epochs=0", "weights.clip_norm=None"),
        *("proxy.root=my/data", "architecture.betas=(0.9, 0.99)", "proxy.augmentation.flip=False"),
    )
    assert (found.batch_size, found.stages[1].epochs, found.weights.clip_norm) == (8, 3, None)
    assert (found.proxy.root, found.architecture.betas) == ("my/data", (0.9, 0.99))
    assert found.proxy.augmentation.flip is False
    assert [found.stages[0].epochs, found.stages[2].epochs] == [25, 25]


@pytest.mark.parametrize(
    ("option", "named"),
    [
        ("batchsize=3", "did you mean 'batch_size'?"),
        ("stages.0.epoch=3", "did you mean 'epochs'?"),
        ("stages.7.epochs=3", "stages.7.epochs=3"),
        ("stages.epochs=3", "stages.epochs=3"),
        ("batch_size.x=3", "batch_size.x=3"),
        ("proxy.augmentation.crop=3", "'proxy.augmentation.crop'"),
    ],
)
def test_options_of_unknown_keys(option: str, named: str, tmp_path: Path) -> None:
    assert named in complaint(BASED.format(root=config_root()), tmp_path, option)


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("a=1", ("a", 1)),
        ("a.0.b=1e-3", ("a.0.b", 1e-3)),
        ("a=text", ("a", "text")),
        ("a=", ("a", "")),
        ("a=b=c", ("a", "b=c")),
        ("a=[1, 'b']", ("a", [1, "b"])),
        ("a=None", ("a", None)),
        ("a=__import__('os')", ("a", "__import__('os')")),
    ],
)
def test_options_are_literals_or_text(option: str, expected: tuple[str, Any]) -> None:
    assert parse_option(option) == expected


@pytest.mark.parametrize("option", ["a", "", "=3"])
def test_malformed_options(option: str) -> None:
    with pytest.raises(InputError, match="key=value"):
        parse_option(option)


def test_portable_leaves_no_folder_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WILDNAS_DATA", "/mnt/sets/")
    monkeypatch.delenv("WILDNAS_DIGITS", raising=False)
    values = {
        "a": "/mnt/sets/cifar10",
        "b": ["/mnt/sets", "/mnt/setsuna", "work/digits/x", 3, None],
        "c": {"d": "x/mnt/sets"},
    }
    assert portable(values) == {
        "a": "$WILDNAS_DATA/cifar10",
        "b": ["$WILDNAS_DATA", "/mnt/setsuna", "$WILDNAS_DIGITS/x", 3, None],
        "c": {"d": "x/mnt/sets"},
    }


def test_data_folders_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WILDNAS_DATA", "/mnt/sets")
    here = load_config("search/p_darts_cifar10").values
    assert here["proxy"]["root"] == "/mnt/sets"
    monkeypatch.setenv("WILDNAS_DATA", "/elsewhere")
    there = load_config("search/p_darts_cifar10").values
    assert there["proxy"]["root"] == "/elsewhere"
    assert load_config("search/pc_darts_imagenet").values["proxy"]["root"] == "/elsewhere/imagenet/train"
    # A record's config, and with it its key, is the same wherever the data lie.
    there_portable = portable(there)
    monkeypatch.setenv("WILDNAS_DATA", "/mnt/sets")
    assert portable(here) == there_portable


def test_plain_values_survive_json() -> None:
    value = plain({1: (1, 2), "r": range(3), "p": Path("a/b"), "t": dict, "f": len})
    assert value == {"1": [1, 2], "r": [0, 1, 2], "p": "a/b", "t": "builtins.dict", "f": "builtins.len"}
    assert json.loads(json.dumps(value)) == value


def test_nearest() -> None:
    assert nearest("epoch", ["epochs", "layers"]) == "did you mean 'epochs'?"
    assert nearest("zzz", ["epochs", "layers"]) == "known: epochs, layers"
    named = ["search/digits_p_darts", "classification/digits", "pipelines/digits"]
    assert nearest("digits", named) == "did you mean 'classification/digits'?"
    assert nearest("pipelines/digit", named) == "did you mean 'pipelines/digits'?"
    assert nearest("pipeline/digits", named) == "did you mean 'pipelines/digits'?"


@pytest.mark.parametrize(
    ("kind", "hint"), [("pipelines", "pipelines/digits"), ("search", "search/digits_"), ("reid", "reid/digits")]
)
def test_a_name_of_the_wanted_kind_is_suggested(kind: str, hint: str) -> None:
    with pytest.raises(InputError, match=f"did you mean '{hint}"):
        find_config("digits", [kind])


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (
            "architecture.relaxation={'type': 'concrete', 'temprature': {'start': 1, 'end': 1}}",
            "key 'architecture.relaxation.temperature' is missing",
        ),
        (
            "architecture.relaxation={'type': 'sigmoid', 'temperature': 1}",
            "unknown key 'architecture.relaxation.temperature'; known: type",
        ),
        (
            "architecture.penalties=[{'type': 'zero_one', 'weight': 1, 'wait': 2}]",
            "unknown key 'architecture.penalties.0.wait'; did you mean 'weight'?",
        ),
        ("architecture.relaxation={'type': 'gumble'}", "'architecture.relaxation': Input tag 'gumble'"),
        ("selection={'type': 'perturbation', 'tune_epoch': 1}", "unknown key 'selection.tune_epoch'; did you mean"),
    ],
)
def test_a_mistake_in_a_part_is_named_by_its_key(option: str, said: str) -> None:
    from bench.searches.task import search_settings

    with pytest.raises(InputError) as caught:
        search_settings("search/darts_v1_cifar10", (option,))
    assert said in str(caught.value)


def test_a_config_is_read_without_torch() -> None:
    code = "import sys; from search.configs import load_config; load_config('search/pc_darts_cifar10')"
    code += "; print('torch' in sys.modules)"
    said = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "WILDNAS_DATA": "d"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout == "False\n"


def test_a_variable_is_filled_in_without_a_word(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Also beside a logger of mmengine's that has already written, as a user's own program may have one."""
    monkeypatch.setattr(MMLogger, "_instance_dict", OrderedDict())
    log = MMLogger.get_instance("theirs")
    log.info("written")
    assert "written" in "".join(capfd.readouterr())
    monkeypatch.setenv("WILDNAS_DATA", "elsewhere")
    assert "elsewhere" in str(load_config("detection/coco_ssd320").values["data_root"])
    assert capfd.readouterr() == ("", "")
    log.info("again")
    assert "again" in "".join(capfd.readouterr())
