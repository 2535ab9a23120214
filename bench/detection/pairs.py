"""Turn plain configs into those of MMDetection: with tuples, which JSON does not have, and whole in one file.

A protocol's config holds lists (`search.configs.plain`), so that a record can hold it, but mmcv's `Resize` with
`keep_ratio`, for example, takes `scale=(1333, 800)` and refuses `[1333, 800]`.
"""

from __future__ import annotations

from typing import Any

from mmengine.config import Config

from backbones.design import TimmModel
from backbones.errors import InputError
from bench.detection.components import model_config
from bench.tasks.architectures import NamedArchitecture
from bench.tasks.contract import Protocol
from search.configs import plain

#: Arguments of transforms whose value is a pair of numbers, or a list of pairs.
_PAIRS = ("scale", "scales", "img_scale", "ratio_range", "crop_size", "short_edge_length")


def restore_pairs(value: Any, key: str = "") -> Any:
    """Copy a value, with tuples for all pairs that are arguments of transforms."""
    if isinstance(value, dict):
        return {name: restore_pairs(item, name) for name, item in value.items()}
    if not isinstance(value, list):
        return value
    if key in _PAIRS and len(value) == 2 and all(type(side) in (int, float) for side in value):
        return tuple(value)
    return [restore_pairs(item, key) for item in value]


def config_text(protocol: Protocol, architecture: NamedArchitecture) -> str:
    """Return a config without `_base_` as text, for `Config.fromfile` and MMDetection's tools.

    Paths are those of this machine. The text keeps `custom_imports`, so wildnas must be installed where it is used.

    Raises:
        InputError: the protocol is for another backbone only, or trains in bfloat16.
    """
    if protocol.config["precision"] != "fp32":
        raise InputError(
            f"precision={protocol.config['precision']!r} is for wildnas evaluate; MMDetection's tools take "
            "optim_wrapper.type='AmpOptimWrapper'"
        )
    values = plain(protocol.config)
    values["model"] = model_config(protocol.config, architecture.design, weights=None)
    if isinstance(architecture.design, TimmModel):
        # With this key wildnas can evaluate the printed config as a protocol for this backbone.
        values["architecture"] = f"timm:{architecture.design.name}"
    head = f"# {architecture.name} under {protocol.name}, resolved by `wildnas evaluate --print-config`.\n"
    options = "".join(f"# option {option}\n" for option in protocol.options)
    text: str = Config(restore_pairs(values)).pretty_text
    return head + options + text
