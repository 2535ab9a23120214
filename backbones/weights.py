"""Saving and loading the weights of networks and backbones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from backbones import darts_names as darts_layout
from backbones.checkpoints import read_content, weights_in
from backbones.design import Design
from backbones.errors import InputError
from backbones.features import CellBackbone
from backbones.files import replacing
from backbones.timm_backbone import TimmBackbone

#: Parts of a classification network that a backbone has no use for.
_HEADS = ("classifier.", "auxiliary_head.")

#: The layer whose rows are the classes.
_LAST = "classifier.weight"

#: The entry of `about` that tells of which genotype the weights are.
DIGEST_KEY = "genotype_digest"


@dataclass(frozen=True)
class LoadReport:
    """What `load` did: names of loaded entries, and of entries in the file that the module has no place for."""

    loaded: tuple[str, ...]
    left_out: tuple[str, ...]

    def __str__(self) -> str:
        parts = ", ".join(sorted({name.partition(".")[0] for name in self.left_out}))
        loaded = f"{len(self.loaded)} entries loaded"
        return f"{loaded}, {len(self.left_out)} left out ({parts})" if parts else f"{loaded}, none left out"


def save(module: nn.Module, file: str | Path, design: Design | None = None, **about: Any) -> Path:
    """Write `{"state_dict": …, "about": …}`, tensors on the CPU; `about` holds plain values only.

    Args:
        design: the module's genotype or timm model; its digest goes with the weights, since two genotypes can have
            weights of the same names and shapes.

    The file appears whole or not at all.
    """
    if design is not None:
        about = {**about, DIGEST_KEY: design.digest}
    file = Path(file)
    state = {name: tensor.detach().cpu() for name, tensor in module.state_dict().items()}
    with replacing(file) as partial:
        torch.save({"state_dict": state, "about": about}, partial)
    return file


def read_state_dict(file: str | Path) -> dict[str, Tensor]:
    """The state dict of a checkpoint (bare, or under `state_dict`), without prefixes of wrappers.

    Raises:
        InputError: as `read`.
    """
    return read(file)[0]


def read(file: str | Path) -> tuple[dict[str, Tensor], Mapping[str, Any]]:
    """The state dict of a checkpoint, and what `save` wrote about it (nothing in files of others).

    Only tensors and plain containers are read (`weights_only=True`): a checkpoint cannot run code.

    Raises:
        InputError: no such file, not a checkpoint, one that holds more than weights, or weights that are not finite.
    """
    content = read_content(file)
    about = content.get("about") if isinstance(content, Mapping) and "state_dict" in content else None
    return weights_in(content, str(file)), about if isinstance(about, Mapping) else {}


def load(module: nn.Module, file: str | Path, design: Design | None = None) -> LoadReport:
    """Load a checkpoint into a network, or into a backbone, which takes no classifier and no auxiliary head.

    Checkpoints of this project, of the authors' DARTS-family code and, into a `TimmBackbone`, of timm.

    Args:
        design: the module's genotype or timm model; a file that was saved for another one is refused.

    Raises:
        InputError: an entry of the module is missing in the file or has another shape there, or the file holds
            entries of another network; names the first few.
    """
    state, about = read(file)
    digest = about.get(DIGEST_KEY)
    if design is not None and digest is not None and digest != design.digest:
        held = str(digest)[:12]
        raise InputError(f"{file}: holds the weights of another architecture ({held}, not {design.digest[:12]})")
    return _fill(module, state, str(file))


def load_darts_checkpoint(network: nn.Module, source: str | Path | Mapping[str, Any]) -> LoadReport:
    """Load weights of the original DARTS, PC-DARTS or P-DARTS code, such as the authors' ImageNet checkpoints.

    Args:
        network: a `CifarNetwork`, `ImageNetNetwork` or `CellBackbone` of the genotype that the weights are of.
        source: a checkpoint file, or a state dict, bare or under the key `state_dict`.

    Raises:
        InputError: as `load`.
    """
    if not isinstance(source, (str, Path)):
        state, where = weights_in(source, "state dict"), "state dict"
    else:
        state, where = read_state_dict(source), str(source)
    return _fill(network, state, where)


def _fill(module: nn.Module, state: dict[str, Tensor], where: str) -> LoadReport:
    """Load what the module wants of a state dict, all of it or nothing."""
    wanted = module.state_dict()
    spare: Callable[[str], bool] = _is_head
    if isinstance(module, TimmBackbone):
        state, spare = module.renamed(state), module.is_spare
    else:
        state = darts_layout.renamed(state, wanted)
        if isinstance(module, CellBackbone):
            spare = module.is_spare
    missing = [name for name in wanted if name not in state]
    reshaped = [
        f"{name}: {tuple(state[name].shape)} in the file, {tuple(value.shape)} in the network"
        for name, value in wanted.items()
        if name in state and state[name].shape != value.shape
    ]
    left_out = [name for name in state if name not in wanted]
    foreign = [name for name in left_out if not spare(name)]
    for problem, names in (("lacks", missing), ("differs in shape at", reshaped), ("has a foreign entry", foreign)):
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            hint = "was it made by the same architecture and width?"
            if all(name.startswith("auxiliary_head.") for name in names):
                hint = "build the network with auxiliary=False"
            if names is reshaped and all(_is_last_layer(name) for name in names):
                hint = f"its network was for {len(state[_LAST])} classes, not {len(wanted[_LAST])}"
            raise InputError(f"{where}: {problem} {', '.join(names[:3])}{more}; {hint}")
    module.load_state_dict({name: state[name] for name in wanted})
    return LoadReport(tuple(wanted), tuple(left_out))


def _is_last_layer(named: str) -> bool:
    """Whether this is a layer whose width is the number of classes, by its name or what begins with that."""
    return named.startswith(("classifier.", "auxiliary_head.classifier."))


def _is_head(name: str) -> bool:
    return name.startswith(_HEADS)
