"""The checkpoint that a training goes on from: the newest whole one of those that a Runner left."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from backbones.checkpoints import read_content
from backbones.errors import InputError
from search.training.hooks import last_checkpoint

_EPOCH = re.compile(r"epoch_([0-9]{1,6})\.pth")


def resume_point(
    work_dir: Path, epochs: int, confirm: Callable[[Path, Mapping[str, Any]], None] = lambda file, content: None
) -> Path | None:
    """The newest checkpoint in a folder that is whole; two are kept, so a torn one falls back to the one before.

    Args:
        epochs: of the whole training; a checkpoint of a later one is refused.
        confirm: sees that a whole checkpoint is this training's, and raises InputError otherwise.

    Raises:
        InputError: there are checkpoints, and none can be gone on from; says what is wrong with the newest and what to
            remove.
    """
    newest = last_checkpoint(work_dir)
    if newest is None:
        return None
    problem = None
    for file in (newest, *_earlier(newest)):
        try:
            content = whole(file, epochs)
        except InputError as error:
            problem = problem or error
            continue
        confirm(file, content)
        return file
    raise InputError(f"{problem}; remove {newest.parent} to begin the training anew")


def epochs_done(file: Path | None) -> int:
    """How many epochs a checkpoint stands behind, by its name; 0 where there is none."""
    found = None if file is None else _EPOCH.fullmatch(file.name)
    return int(found[1]) if found else 0


def _earlier(newest: Path) -> list[Path]:
    """The checkpoints of the epochs before, newest first."""
    numbers = {file: int(found[1]) for file in newest.parent.iterdir() if (found := _EPOCH.fullmatch(file.name))}
    before = numbers.get(newest, -1)
    return sorted((file for file, number in numbers.items() if number < before), key=lambda file: -numbers[file])


def whole(file: Path, epochs: int) -> Mapping[str, Any]:
    """The content of a checkpoint that a Runner can go on from.

    Raises:
        InputError: it is torn, no checkpoint of a training, of an epoch that this one does not have, or holds a weight
            that is not finite; names it.
    """
    cannot = f"{file}: cannot be resumed from"
    try:
        content = read_content(file)
    except InputError as error:
        raise InputError(f"{cannot}: damaged, or no checkpoint of a training ({_reason(error, file)})") from error
    meta, state = (content.get(key) if isinstance(content, Mapping) else None for key in ("meta", "state_dict"))
    if not isinstance(meta, Mapping) or not isinstance(state, Mapping) or "optimizer" not in content:
        raise InputError(f"{cannot}: damaged, or no checkpoint of a training (no meta, state_dict or optimizer)")
    epoch = meta.get("epoch")
    if type(epoch) is not int or not 0 <= epoch <= epochs:
        raise InputError(f"{cannot}: is of epoch {str(epoch)[:20]}, of a training that has {epochs}")
    for name, value in state.items():
        if not isinstance(value, Tensor) or value.is_meta or value.layout != torch.strided:
            raise InputError(f"{cannot}: {str(name)[:100]} is no dense tensor")
        if value.numel() * value.element_size() > value.untyped_storage().nbytes():
            raise InputError(f"{cannot}: {str(name)[:100]} claims more numbers than the file holds")
        if not bool(torch.isfinite(value).all()):
            raise InputError(f"{cannot}: {str(name)[:100]} is not finite (NaN or infinity)")
    return content


def _reason(error: InputError, file: Path) -> str:
    return str(error).removeprefix(f"{file}: ").removeprefix("cannot be read as a checkpoint of weights: ")
