"""Saving and loading the weights of networks and backbones."""

from __future__ import annotations

import pickle
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from backbones.errors import InputError
from backbones.files import replacing
from backbones.genotype import Genotype

#: Parts of a classification network that a backbone has no use for.
_HEADS = ("classifier.", "auxiliary_head.")

#: The entry of `about` that tells of which genotype the weights are.
DIGEST_KEY = "genotype_digest"

#: What torch raises at files that are cut off or overwritten somewhere.
_DAMAGED = (RuntimeError, OSError, EOFError, LookupError, ValueError, TypeError, AttributeError, struct.error)


@dataclass(frozen=True)
class LoadReport:
    """What `load` did: names of loaded entries, and of entries in the file that the module has no place for."""

    loaded: tuple[str, ...]
    left_out: tuple[str, ...]

    def __str__(self) -> str:
        return f"{len(self.loaded)} entries loaded, {len(self.left_out)} left out (classifier, auxiliary head)"


def save(module: nn.Module, file: str | Path, genotype: Genotype | None = None, **about: Any) -> Path:
    """Write `{"state_dict": …, "about": …}`, tensors on the CPU; `about` holds plain values only.

    Args:
        genotype: its digest goes with the weights, since two genotypes can have weights of the same names and shapes.

    The file appears whole or not at all.
    """
    if genotype is not None:
        about = {**about, DIGEST_KEY: genotype.digest}
    file = Path(file)
    state = {name: tensor.detach().cpu() for name, tensor in module.state_dict().items()}
    with replacing(file) as partial:
        torch.save({"state_dict": state, "about": about}, partial)
    return file


def read_state_dict(file: str | Path) -> dict[str, Tensor]:
    """The state dict of a checkpoint (bare, or under `state_dict`), without a `module.` prefix.

    Raises:
        InputError: no such file, not a checkpoint, or one that holds more than weights.
    """
    return _read(file)[0]


def _read(file: str | Path) -> tuple[dict[str, Tensor], Mapping[str, Any]]:
    """The state dict of a checkpoint, and what `save` wrote about it (nothing in files of others).

    Only tensors and plain containers are read (`weights_only=True`): a checkpoint cannot run code.

    Raises:
        InputError: no such file, not a checkpoint, or one that holds more than weights.
    """
    if not Path(file).is_file():
        raise InputError(f"{file}: no such checkpoint")
    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        # torch's own message advises to turn `weights_only` off.
        problem = "damaged, or holds more than tensors and plain values; such a file can run code and is never read"
        raise InputError(f"{file}: cannot be read as a checkpoint of weights: {problem}") from error
    except _DAMAGED as error:
        problem = next(iter(str(error).splitlines()), type(error).__name__)
        raise InputError(f"{file}: cannot be read as a checkpoint of weights: {problem}") from error
    state = content.get("state_dict", content) if isinstance(content, Mapping) else None
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise InputError(f"{file}: holds no state dict; expected names and tensors, bare or under 'state_dict'")
    about = content.get("about") if "state_dict" in content else None
    weights = {str(name).removeprefix("module."): value for name, value in state.items()}
    return weights, about if isinstance(about, Mapping) else {}


def load(module: nn.Module, file: str | Path, genotype: Genotype | None = None) -> LoadReport:
    """Load a checkpoint of this project into a network, or into a backbone without its heads.

    Args:
        genotype: the module's; a file that was saved for another one is refused.

    Raises:
        InputError: an entry of the module is missing in the file or has another shape there, or the file holds
            entries of another network; names the first few.
    """
    state, about = _read(file)
    digest = about.get(DIGEST_KEY)
    if genotype is not None and digest is not None and digest != genotype.digest:
        held = str(digest)[:12]
        raise InputError(f"{file}: holds the weights of another genotype ({held}, not {genotype.digest[:12]})")
    wanted = {name: tuple(value.shape) for name, value in module.state_dict().items()}
    missing = [name for name in wanted if name not in state]
    reshaped = [
        f"{name}: {tuple(state[name].shape)} in the file, {shape} in the network"
        for name, shape in wanted.items()
        if name in state and tuple(state[name].shape) != shape
    ]
    left_out = [name for name in state if name not in wanted]
    foreign = [name for name in left_out if not name.startswith(_HEADS)]
    for problem, names in (("lacks", missing), ("differs in shape at", reshaped), ("has a foreign entry", foreign)):
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            raise InputError(
                f"{file}: {problem} {', '.join(names[:3])}{more}; was it made by the same genotype and width?"
            )
    module.load_state_dict({name: state[name] for name in wanted})
    return LoadReport(tuple(wanted), tuple(left_out))
