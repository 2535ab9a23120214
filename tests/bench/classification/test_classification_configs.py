"""Every classification config against the numbers of the papers, typed in here from their text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from backbones import zoo
from bench.classification.model import build_network
from bench.classification.settings import ClassificationSettings
from bench.tasks.registry import get_task, load_protocol
from search.configs import config_names, portable

NAMES = config_names("classification")

# PC-DARTS 4.2: "18 normal cells and 2 reduction cells", 36 channels, "600 epochs using a batch size of 128 … SGD … an
# initial learning rate of 0.025 (annealed down to zero following a cosine schedule without restart), a momentum of 0.9,
# a weight decay of 3 × 10^-4 and a norm gradient clipping at 5. Drop-path with a rate of 0.3 as well as cutout".
# P-DARTS 5.1.2: "Cutout … of length 16, drop-path … of probability 0.3 and auxiliary towers … of weight 0.4"; weight
# decay "0.0003 for CIFAR10 and 0.0005 for CIFAR100".
CIFAR = {
    "network": "cifar",
    "layers": 20,
    "channels": 36,
    "macs_limit": None,
    "epochs": 600,
    "batch_size": 128,
    "optimiser.lr": 0.025,
    "optimiser.schedule": "cosine",
    "optimiser.warmup_epochs": 0,
    "optimiser.momentum": 0.9,
    "optimiser.weight_decay": 3e-4,
    "optimiser.clip_norm": 5.0,
    "drop_path": 0.3,
    "auxiliary_weight": 0.4,
    "label_smoothing": 0.0,
    "ema": None,
    "limit": None,
    "images.image_size": 32,
    "images.memory": True,
    # DARTS 3.2, which both follow: padded by 4, cropped and flipped at random.
    "images.augmentation": {"crop_padding": 4, "flip": True, "cutout": 16},
    "images.validation": None,
    "images.kind": "cifar10",
    "expected": {"train images": 50_000, "val images": 10_000, "classes": 10},
    "reduced": [],
}
CIFAR100 = {
    **CIFAR,
    "optimiser.weight_decay": 5e-4,
    "images.kind": "cifar100",
    "expected": {"train images": 50_000, "val images": 10_000, "classes": 100},
}
# PC-DARTS 4.3: "14 cells (12 normal cells and 2 reduction cells) …, with the initial channel number being 48 … 250
# epochs using a batch size of 1,024 … a momentum of 0.9, an initial learning rate of 0.5 (decayed down to zero
# linearly), and a weight decay of 3 × 10^-5 … label smoothing and an auxiliary loss tower … warm-up is applied for the
# first 5 epochs".
# P-DARTS 5.3.2: the same, "224 × 224", "less than 600M".
IMAGENET = {
    "network": "imagenet",
    "layers": 14,
    "channels": 48,
    "macs_limit": 600_000_000,
    "epochs": 250,
    "batch_size": 1024,
    "optimiser.lr": 0.5,
    "optimiser.schedule": "linear",
    "optimiser.warmup_epochs": 5,
    "optimiser.momentum": 0.9,
    "optimiser.weight_decay": 3e-5,
    "optimiser.clip_norm": 5.0,
    "drop_path": 0.0,
    "auxiliary_weight": 0.4,
    "label_smoothing": 0.1,
    "ema": None,
    "limit": None,
    "images.image_size": 224,
    "images.memory": False,
    "images.augmentation": {"crop_padding": 0, "flip": True, "cutout": 0},
    "images.decoding.crop_scale": [0.08, 1.0],
    "images.decoding.colour_jitter": [0.4, 0.4, 0.4, 0.2],
    "images.kind": "folder",
    # ILSVRC2012's.
    "expected": {"train images": 1_281_167, "val images": 50_000, "classes": 1000},
    "reduced": [],
}
PAPERS: dict[str, dict[str, Any]] = {
    "cifar10": CIFAR,
    # P-DARTS 5.1.2: "the number of initial channels from 36 to 64, which is denoted as the large setting".
    "cifar10_large": {**CIFAR, "channels": 64},
    "cifar100": CIFAR100,
    "cifar100_large": {**CIFAR100, "channels": 64},
    # PC-DARTS Table 1, footnote ‡: "45K out of 50K training images for training, and the remaining 5K images".
    "cifar10_selection": {
        **CIFAR,
        "images.validation": 5_000,
        "expected": {
            "train images": 45_000,
            "validation images": 5_000,
            "test images": 10_000,
            "classes": 10,
        },
    },
    "imagenet_mobile": IMAGENET,
    # P-DARTS Table 3, †: with a cosine schedule.
    "imagenet_mobile_cosine": {**IMAGENET, "optimiser.schedule": "cosine"},
    # PC-DARTS Table 3: "All architectures on ImageNet are re-trained by 100 epochs".
    "imagenet_mobile_epochs100": {**IMAGENET, "epochs": 100},
}


def value(config: Any, key: str) -> Any:
    for part in key.split("."):
        config = config[part]
    return config


@pytest.mark.parametrize("name", PAPERS)
def test_a_protocol_is_the_paper_s(name: str) -> None:
    _, protocol = load_protocol(f"classification/{name}")
    assert {key: value(protocol.config, key) for key in PAPERS[name]} == PAPERS[name]
    # Nothing but the data can make it a reduced run.
    assert protocol.reasons(pretrained=False) == ()
    assert protocol.reasons(pretrained=False, counts=PAPERS[name]["expected"]) == ()


@pytest.mark.parametrize("name", NAMES)
def test_a_config_is_complete_and_portable(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WILDNAS_DATA", str(tmp_path))
    monkeypatch.setenv("WILDNAS_DIGITS", str(tmp_path / "digits"))
    task, protocol = load_protocol(name)
    assert protocol.name == name
    assert task.validate(protocol.config, "again") == protocol.config
    # A record of it is the same on every machine.
    assert str(tmp_path) not in str(portable(protocol.recorded))
    assert "download" not in protocol.recorded["images"]
    assert "workers" not in protocol.recorded["images"]["decoding"]
    assert not protocol.config["images"]["download"]


def test_every_protocol_of_a_paper_or_reduced_is_known() -> None:
    other = {name for name in NAMES if name.removeprefix("classification/") not in PAPERS}
    assert other == {
        f"classification/{name}" for name in ("cifar10_full", "cifar10_mini", "cifar10_study", "cifar10_finetune")
    } | {f"classification/digits{name}" for name in ("", "_selection", "_study")} | {
        f"classification/{name}" for name in ("imagenet_mini", "tiny_imagenet_20")
    }
    # The embedded digits are a data set of their own, which no paper has; the others say what they are less of.
    for name in other - {f"classification/digits{name}" for name in ("", "_selection", "_study")}:
        assert load_protocol(name)[1].config["reduced"], name


@pytest.mark.parametrize(
    ("mini", "full", "same"),
    [
        ("cifar10_mini", "cifar10", ("layers", "auxiliary_weight", "drop_path", "optimiser.weight_decay")),
        ("cifar10_full", "cifar10", ("layers", "channels", "epochs", "batch_size", "optimiser", "drop_path")),
        ("imagenet_mini", "imagenet_mobile", ("layers", "channels", "label_smoothing", "optimiser.schedule")),
    ],
)
def test_a_reduced_protocol_keeps_the_recipe(mini: str, full: str, same: tuple[str, ...]) -> None:
    configs = [load_protocol(f"classification/{name}")[1].config for name in (mini, full)]
    for key in same:
        assert value(configs[0], key) == value(configs[1], key)
    # Per image the rate is the same (Goyal et al. 2017), where the recipe has a warm-up for large batches.
    if mini == "imagenet_mini":
        rates = [value(config, "optimiser.lr") / config["batch_size"] for config in configs]
        assert rates[0] == pytest.approx(rates[1])


# Parameters without the auxiliary head: C=36 and C=64 of 20 cells on CIFAR-10, C=48 of 14 cells on ImageNet.
PARAMETERS = {
    "DARTS_V1": (3_169_414, 9_765_066, 4_510_432),
    "DARTS_V2": (3_349_342, 10_310_730, 4_718_752),
    "PC_DARTS_cifar": (3_634_678, 11_093_962, 5_270_560),
    "PC_DARTS_image": (3_721_510, 11_402_442, 5_342_464),
    "PDARTS": (3_433_798, 10_521_802, 4_944_352),
    "NASNet": (3_830_950, 11_620_298, 5_564_320),
    "AmoebaNet": (3_145_078, 9_594_570, 4_627_360),
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_networks_have_the_published_parameters(name: str) -> None:
    protocols = ("cifar10", "cifar10_large", "imagenet_mobile")
    heads = {"cifar10": 476_426, "imagenet_mobile": 1_260_776}
    for protocol, expected in zip(protocols, PARAMETERS[name], strict=True):
        config = load_protocol(f"classification/{protocol}")[1].config
        settings = ClassificationSettings.model_validate(config)
        classes = settings.expected["classes"]
        with torch.device("meta"):
            network = build_network(zoo.get(name).genotype, settings, int(settings.channels), classes)
            bare = build_network(zoo.get(name).genotype, settings, int(settings.channels), classes, auxiliary=False)
        assert sum(parameter.numel() for parameter in bare.parameters()) == expected
        # The published sizes of the heads are those of DARTS' width, C=36 and C=48 with four nodes concatenated.
        if protocol in heads and name in ("DARTS_V2", "PDARTS"):
            assert sum(parameter.numel() for parameter in network.parameters()) - expected == heads[protocol]


def test_workers_and_downloads_reach_the_run_but_not_its_key() -> None:
    options = ["images.decoding.workers=7"]
    task, protocol = load_protocol("classification/imagenet_mobile", options)
    assert protocol.config["images"]["decoding"]["workers"] == 7
    assert protocol.recorded == load_protocol("classification/imagenet_mobile")[1].recorded
    assert protocol.reasons(pretrained=False) == ()
    download = load_protocol("classification/cifar10", ["images.download=True"])[1]
    assert download.config["images"]["download"] is True
    assert download.recorded == load_protocol("classification/cifar10")[1].recorded
    assert get_task("classification") is task
