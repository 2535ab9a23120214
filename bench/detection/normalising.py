"""Mean and deviation of a detector's images, which MMDetection's preprocessor counts from 0 to 255."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backbones.pretrained import Normalisation


def normalisation(config: Mapping[str, Any]) -> Normalisation | None:
    """Mean and deviation in the order of colours that the detector gets; None if it gets pixels as they are."""
    preprocessor = config["model"].get("data_preprocessor") or {}
    if preprocessor.get("mean") is None:
        return None
    mean, std = ([value / 255 for value in preprocessor[key]] for key in ("mean", "std"))
    return Normalisation(tuple(mean), tuple(std))


def set_normalisation(config: dict[str, Any], by: Normalisation) -> None:
    """Write mean and deviation into a config, for images in red, green, blue."""
    preprocessor = dict(config["model"].get("data_preprocessor") or {"type": "DetDataPreprocessor"})
    # Images are read in the order blue, green, red.
    preprocessor.update(bgr_to_rgb=True, rgb_to_bgr=False)
    preprocessor["mean"], preprocessor["std"] = (
        [round(255 * value, 4) for value in each] for each in (by.mean, by.std)
    )
    config["model"]["data_preprocessor"] = preprocessor
