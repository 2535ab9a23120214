"""Save and load the weights of networks and backbones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from backbones import darts_names
from backbones.checkpoints import read_content, weights_in
from backbones.design import Design
from backbones.errors import InputError
from backbones.features import CellBackbone
from backbones.files import replacing
from backbones.pretrained import WeightCard, recognise
from backbones.timm_backbone import TimmBackbone, classifier_names, entry_names

#: Parts of a classification network that a backbone does not have.
_HEADS = ("classifier.", "auxiliary_head.")

#: Layers whose width is the number of classes, and the weight that has a row for each class.
_CLASSIFIERS = ("classifier.", "auxiliary_head.classifier.")
_LAST = "classifier.weight"

#: The key of `about` that holds the digest of the weights' design.
DIGEST_KEY = "genotype_digest"


@dataclass(frozen=True)
class LoadReport:
    """Result of `load`.

    Attributes:
        loaded: names of the loaded entries.
        left_out: names of the entries in the file that were left out.
        new: names of the classifier's entries that the file does not fit.
    """

    loaded: tuple[str, ...]
    left_out: tuple[str, ...]
    new: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = ", ".join(sorted({name.partition(".")[0] for name in self.left_out}))
        loaded = f"{len(self.loaded)} entries loaded"
        return f"{loaded}, {len(self.left_out)} left out ({parts})" if parts else f"{loaded}, none left out"


def save(module: nn.Module, file: str | Path, design: Design | None = None, **about: Any) -> Path:
    """Write `{"state_dict": …, "about": …}` with tensors on the CPU, whole or not at all.

    Args:
        design: the module's genotype or timm model. Its digest is saved with the weights, since two genotypes can have
            weights of the same names and shapes.
        about: plain values only.
    """
    if design is not None:
        about = {**about, DIGEST_KEY: design.digest}
    file = Path(file)
    state = {name: tensor.detach().cpu() for name, tensor in module.state_dict().items()}
    with replacing(file) as partial:
        torch.save({"state_dict": state, "about": about}, partial)
    return file


def read_state_dict(file: str | Path) -> dict[str, Tensor]:
    """Read the state dict of a checkpoint (bare, or under `state_dict`), without prefixes of wrappers.

    Raises:
        InputError: as `read`.
    """
    return read(file)[0]


def read(file: str | Path) -> tuple[dict[str, Tensor], Mapping[str, Any]]:
    """Read the state dict of a checkpoint, and what `save` wrote about it (an empty dict in other programs' files).

    Only tensors and plain containers are read (`weights_only=True`), so a checkpoint cannot run code. The entries of a
    file that has a card (`backbones.pretrained`) get timm's names.

    Raises:
        InputError: the file is missing, is not a checkpoint, holds more than weights, or holds weights that are not
            finite.
    """
    content = read_content(file)
    about = content.get("about") if isinstance(content, Mapping) and "state_dict" in content else None
    state = weights_in(content, str(file))
    card = recognise(Path(file))
    if card is not None and card.in_order:
        state = _in_order(state, card)
    return state, about if isinstance(about, Mapping) else {}


def _in_order(state: Mapping[str, Tensor], card: WeightCard) -> dict[str, Tensor]:
    """Give the entries of a card's file the names that timm's entries have in the same places."""
    names = entry_names(card.architecture.removeprefix("timm:"))
    # Without the classifier, which stands last, the file has fewer.
    return dict(zip(names, state.values(), strict=False))


def load(module: nn.Module, file: str | Path, design: Design | None = None, new_classifier: bool = False) -> LoadReport:
    """Load a checkpoint into a network, or into a backbone, which leaves out classifier and auxiliary head.

    The checkpoint is from this project (a backbone's also that of a detector or re-identifier), from the authors'
    DARTS-family code, or, for a `TimmBackbone`, from timm.

    Args:
        design: the module's genotype or timm model; a file that was saved for another design is refused.
        new_classifier: whether layers as wide as the number of classes stay as they are where the file has none or
            those of other classes.

    Raises:
        InputError: entries of the module are missing in the file or have another shape, or the file holds entries of
            another network; names the first few.
    """
    state, about = read(file)
    digest = about.get(DIGEST_KEY)
    if design is not None and digest is not None and digest != design.digest:
        held = str(digest)[:12]
        raise InputError(f"{file}: holds the weights of another architecture ({held}, not {design.digest[:12]})")
    return _fill(module, state, str(file), new_classifier)


def load_darts_checkpoint(network: nn.Module, source: str | Path | Mapping[str, Any]) -> LoadReport:
    """Load weights of the original DARTS, PC-DARTS or P-DARTS code, such as the authors' ImageNet checkpoints.

    Args:
        network: a `CifarNetwork`, `ImageNetNetwork` or `CellBackbone` of the weights' genotype.
        source: a checkpoint file, or a state dict, bare or under the key `state_dict`.

    Raises:
        InputError: as `load`.
    """
    if not isinstance(source, (str, Path)):
        state, where = weights_in(source, "state dict"), "state dict"
    else:
        state, where = read_state_dict(source), str(source)
    return _fill(network, state, where)


def _fill(module: nn.Module, state: dict[str, Tensor], where: str, new_classifier: bool = False) -> LoadReport:
    """Load the module's entries from a state dict, all or none, or all but the classifier's."""
    wanted = module.state_dict()
    spare: Callable[[str], bool] = _is_head
    if isinstance(module, (CellBackbone, TimmBackbone)):
        # Of a detector or a re-identifier, the backbone's entries.
        prefix = "backbone."
        state = {name.removeprefix(prefix): state[name] for name in state if name.startswith(prefix)} or state
    if isinstance(module, TimmBackbone):
        state, spare = module.renamed(state), module.is_spare
    else:
        state = darts_names.renamed(state, wanted)
        if isinstance(module, CellBackbone):
            spare = module.is_spare
    new: set[str] = set()
    if new_classifier:
        parts = tuple(f"{name}." for name in classifier_names(module)) or _CLASSIFIERS
        fits = {name for name in wanted if name in state and state[name].shape == wanted[name].shape}
        new = {name for name in wanted if name.startswith(parts) and name not in fits}
        wanted = {name: value for name, value in wanted.items() if name not in new}
    missing = [name for name in wanted if name not in state]
    reshaped = [
        f"{name}: {tuple(state[name].shape)} in the file, {tuple(value.shape)} in the network"
        for name, value in wanted.items()
        if name in state and state[name].shape != value.shape
    ]
    left_out = [name for name in state if name not in wanted]
    foreign = [name for name in left_out if name not in new and not spare(name)]
    for problem, names in (("lacks", missing), ("differs in shape at", reshaped), ("has a foreign entry", foreign)):
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            hint = "was it made by the same architecture and width?"
            if all(name.startswith("auxiliary_head.") for name in names):
                hint = "build the network with auxiliary=False"
            if names is reshaped and all(name.startswith(_CLASSIFIERS) for name in names):
                hint = f"its network was for {len(state[_LAST])} classes, not {len(wanted[_LAST])}"
            raise InputError(f"{where}: {problem} {', '.join(names[:3])}{more}; {hint}")
    module.load_state_dict({name: state[name] for name in wanted}, strict=not new_classifier)
    return LoadReport(tuple(wanted), tuple(left_out), tuple(sorted(new)))


def _is_head(name: str) -> bool:
    return name.startswith(_HEADS)
