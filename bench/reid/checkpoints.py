"""Save a trained PCB, and build it again from its checkpoint alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from backbones import weights
from backbones.checkpoints import confirm_depth
from backbones.design import Design, TimmModel
from backbones.errors import InputError
from backbones.genotype import Genotype
from bench.reid.model import build_pcb
from bench.reid.pcb import PCB
from bench.reid.schema import ReidConfig
from search.configs import DATA_VARIABLES, data_folder, parse, portable

#: The first part's classifier; its rows are the identities.
_CLASSIFIER = "classifiers.0.weight"


def save_pcb(pcb: PCB, file: Path, config: Mapping[str, Any], design: Design, protocol: str) -> Path:
    """Save a PCB with everything that `load_pcb` needs to build it again."""
    return weights.save(
        pcb, file, design, task="reid", protocol=protocol, architecture=design.to_json(), config=portable(dict(config))
    )


def load_pcb(file: Path) -> tuple[PCB, ReidConfig]:
    """Load the PCB and the config of a run from its checkpoint.

    Raises:
        InputError: the file cannot be read, or is not the checkpoint of a re-identification run.
    """
    state, about = weights.read(file)
    if about.get("task") != "reid" or not isinstance(about.get("config"), Mapping):
        raise InputError(f"{file}: not a checkpoint of re-identification; expected the checkpoint.pth of such a run")
    config = parse(ReidConfig, _here(about["config"]), f"{file}: config")
    design = _design(about.get("architecture"), file)
    _confirm_fit(config, design, state, file)
    pcb = build_pcb(config, design, _identities(state, file))
    weights.load(pcb, file, design)
    return pcb, config


def _confirm_fit(config: ReidConfig, design: Design, state: Mapping[str, Tensor], file: Path) -> None:
    """Check that the weights fit the network that the config describes, before it takes memory."""
    identities = _identities(state, file)
    confirm_depth(config.layers, state, "backbone.cells.", f"{file}: config.layers")
    try:
        with torch.device("meta"):
            planned = build_pcb(config, design, identities).state_dict()
    except (RuntimeError, LookupError, TypeError, ValueError, AssertionError, ArithmeticError) as error:
        if isinstance(error, InputError):
            raise InputError(f"{file}: {error}") from error
        raise InputError(f"{file}: config: not a network that can be built: {str(error)[:200]}") from error
    odd = [name for name, value in planned.items() if name not in state or state[name].shape != value.shape]
    if odd:
        more = f" and {len(odd) - 3} more" if len(odd) > 3 else ""
        raise InputError(f"{file}: its weights do not fit the network that its config describes: {odd[:3]}{more}")


def load_weights(file: Path, config: ReidConfig, design: Design) -> PCB:
    """Build a PCB with given weights for ranking without training: those of a PCB, or of its backbone alone.

    Raises:
        InputError: the weights do not fit, or lack the layers that the features come from.
    """
    state = weights.read_state_dict(file)
    if any(name.startswith("backbone.") for name in state):
        pcb = build_pcb(config, design, _identities(state, file))
        weights.load(pcb, file, design)
        return pcb
    if config.feature == "after":
        raise InputError(f"{file}: has a backbone's weights only; feature='after' needs those of a trained PCB")
    pcb = build_pcb(config, design, identities=1)
    weights.load(pcb.backbone, file, design)
    return pcb


def _identities(state: Mapping[str, Tensor], file: Path) -> int:
    if _CLASSIFIER not in state or state[_CLASSIFIER].dim() != 2:
        raise InputError(f"{file}: lacks {_CLASSIFIER}; expected the weights of a PCB")
    return len(state[_CLASSIFIER])


def _here(config: Mapping[str, Any]) -> dict[str, Any]:
    """Insert this machine's data folder into a config."""
    variable, slash, rest = str(config.get("data_root", "")).partition("/")
    if variable[1:] in DATA_VARIABLES and variable.startswith("$"):
        return {**config, "data_root": f"{data_folder(variable[1:])}{slash}{rest}"}
    return dict(config)


def _design(content: Any, file: Path) -> Design:
    if isinstance(content, Mapping) and set(content) == {"timm"}:
        name = content["timm"]
        # A plain name: timm's `hf-hub:` and `local-dir:` would fetch or read other files.
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]{0,99}", name):
            raise InputError(f"{file}: architecture: {str(name)[:60]!r}: expected the name of a timm model")
        return TimmModel(name)
    return Genotype.from_json(content, f"{file}: architecture")
