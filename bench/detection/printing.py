"""Print a protocol with its architecture as one config file for MMDetection's own tools."""

from __future__ import annotations

from mmengine.config import Config

from backbones.design import TimmModel
from backbones.errors import InputError
from bench.detection.components import model_config
from bench.detection.pairs import restore_pairs
from bench.tasks.architectures import NamedArchitecture
from bench.tasks.contract import Protocol
from search.configs import plain


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
