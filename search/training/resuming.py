"""Find the checkpoint to resume a training from: the newest complete one."""

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
    """Find the newest complete checkpoint in a folder; two are kept, in case the newest is torn.

    Args:
        epochs: number of epochs of the training; a checkpoint of a later epoch is refused.
        confirm: raises InputError if a complete checkpoint belongs to another training.

    Raises:
        InputError: no checkpoint is usable, but there are some; says what is wrong with the newest and what to remove.
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
    raise InputError(f"{problem}; remove {newest.parent} to restart the training")


def epochs_done(file: Path | None) -> int:
    """The number of epochs before a checkpoint, by its name; 0 without a checkpoint."""
    found = None if file is None else _EPOCH.fullmatch(file.name)
    return int(found[1]) if found else 0


def _earlier(newest: Path) -> list[Path]:
    """The checkpoints of earlier epochs, newest first."""
    numbers = {file: int(found[1]) for file in newest.parent.iterdir() if (found := _EPOCH.fullmatch(file.name))}
    before = numbers.get(newest, -1)
    return sorted((file for file, number in numbers.items() if number < before), key=lambda file: -numbers[file])


def whole(file: Path, epochs: int) -> Mapping[str, Any]:
    """Read a checkpoint that a Runner can resume from.

    Raises:
        InputError: the file is torn, is not a checkpoint of a training, is of a later epoch than the training has, or
            holds a weight that is not finite.
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
        raise InputError(f"{cannot}: has epoch {str(epoch)[:20]}; expected 0 to {epochs}")
    for name, value in state.items():
        if not isinstance(value, Tensor) or value.is_meta or value.layout != torch.strided:
            raise InputError(f"{cannot}: {str(name)[:100]} is not a dense tensor")
        if value.numel() * value.element_size() > value.untyped_storage().nbytes():
            raise InputError(f"{cannot}: {str(name)[:100]} claims more numbers than the file holds")
        if not bool(torch.isfinite(value).all()):
            raise InputError(f"{cannot}: {str(name)[:100]} is not finite (NaN or infinity)")
    return content


def _reason(error: InputError, file: Path) -> str:
    return str(error).removeprefix(f"{file}: ").removeprefix("cannot be read as a checkpoint of weights: ")
