"""A protocol with its architecture as one config file for MMDetection's own tools."""

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
    """The text of a config without `_base_`, which `Config.fromfile` and MMDetection's tools read.

    Paths are as they are on this machine. `custom_imports` stays in it: where it is used, wildnas must be installed.

    Raises:
        InputError: the protocol is of another backbone than the architecture, or trains in bfloat16.
    """
    if protocol.config["precision"] != "fp32":
        raise InputError(
            f"precision={protocol.config['precision']!r} is for wildnas evaluate; MMDetection's tools take "
            "optim_wrapper.type='AmpOptimWrapper'"
        )
    values = plain(protocol.config)
    values["model"] = model_config(protocol.config, architecture.design, weights=None)
    if isinstance(architecture.design, TimmModel):
        # As a protocol of this one backbone, it can be evaluated on as it stands.
        values["architecture"] = f"timm:{architecture.design.name}"
    head = f"# {architecture.name} under {protocol.name}, resolved by `wildnas evaluate --print-config`.\n"
    options = "".join(f"# option {option}\n" for option in protocol.options)
    text: str = Config(restore_pairs(values)).pretty_text
    return head + options + text
