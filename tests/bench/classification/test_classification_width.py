"""The mobile setting: the width that fits it, and the mark of a network that does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from backbones import zoo
from backbones.cost import measure
from backbones.design import TimmModel
from backbones.errors import InputError
from backbones.networks import ImageNetNetwork
from bench.classification.settings import ClassificationSettings
from bench.classification.width import channels_of, network_cost
from bench.tasks.contract import Outcome
from bench.tasks.registry import load_protocol
from tests.bench.classification.conftest import SMALL


def mobile(*options: str) -> ClassificationSettings:
    config = load_protocol("classification/imagenet_mobile", options)[1].config
    return ClassificationSettings.model_validate(config)


def published_macs(name: str, channels: int) -> int:
    with torch.device("meta"):
        network = ImageNetNetwork(zoo.get(name).genotype, channels, layers=14, num_classes=1000, auxiliary=False)
    return measure(network, (3, 224, 224)).published_macs


# C=48 has 597 M (P-DARTS Table 3) of the one, and over 600 M of the other.
@pytest.mark.parametrize("name", ["PC_DARTS_image", "NASNet"])
def test_fit_is_the_largest_even_width_below_the_limit(name: str) -> None:
    channels = channels_of(zoo.get(name).genotype, mobile("channels=fit"), 1000)
    assert channels % 2 == 0
    assert published_macs(name, channels) < 600_000_000 <= published_macs(name, channels + 2)
    assert (channels >= 48) == (name != "NASNet")


@pytest.mark.parametrize("channels", [4, 8, 12, 14])
def test_a_width_of_exactly_the_limit_is_too_wide(channels: int, config: Callable[..., dict[str, Any]]) -> None:
    """Below the limit, as in "less than 600M"; by doubling the width, and by halving the interval behind it."""

    def fitted(limit: int) -> int:
        settings = ClassificationSettings.model_validate(config(channels="fit", macs_limit=limit))
        return channels_of(SMALL.design, settings, 3)

    settings = ClassificationSettings.model_validate(config(channels=channels))
    exactly = network_cost(SMALL.design, settings, channels, 3).published_macs
    assert fitted(exactly) == channels - 2
    assert fitted(exactly + 1) == channels


def test_a_given_width_is_taken_as_it_is() -> None:
    genotype = zoo.get("NASNet").genotype
    assert channels_of(genotype, mobile(), 1000) == 48
    cost = network_cost(genotype, mobile(), 48, 1000)
    assert cost.params == 5_564_320
    assert cost.published_macs == published_macs("NASNet", 48) >= 600_000_000


def test_no_width_is_small_enough() -> None:
    settings = mobile("channels=fit", "macs_limit=1000000")
    with pytest.raises(InputError, match=r"channels='fit': 2 channels already reach macs_limit=1,000,000"):
        channels_of(zoo.get("PDARTS").genotype, settings, 1000)


def test_a_timm_model_keeps_its_own() -> None:
    model = TimmModel("mobilenetv2_100")
    settings = mobile("channels=fit")
    cost = network_cost(model, settings, channels_of(model, settings, 1000), 1000)
    # As timm documents it: 3.5 M parameters, 0.3 G multiply-adds.
    assert cost.params == 3_504_872
    assert round(cost.macs / 1e9, 1) == 0.3


def test_the_width_that_fits_is_recorded(
    train: Callable[..., Outcome], config: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    limit = 60_000
    outcome = train(tmp_path, channels="fit", macs_limit=limit, epochs=1)
    settings = ClassificationSettings.model_validate(config(channels="fit", macs_limit=limit))
    channels = outcome.resolved["channels"]
    assert outcome.cost == network_cost(SMALL.design, settings, channels, 3)
    assert outcome.cost.published_macs < limit <= network_cost(SMALL.design, settings, channels + 2, 3).published_macs
    about = torch.load(tmp_path / "checkpoint.pth", weights_only=True)["about"]
    assert (about["channels"], about["layers"], about["classes"]) == (channels, 3, ["blue", "green", "red"])
    assert train(tmp_path / "fixed", epochs=1).resolved == {}
