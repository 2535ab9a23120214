"""Out of GPU memory: what would fit, and the same batch in smaller parts."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from backbones.errors import InputError
from backbones.files import read_json, write_text
from bench.records.record import Record
from bench.runs.run import Evaluation, Places, Planned, evaluate, work_dir_of
from search.training.progress import ProgressCallback

#: Of an evaluation's work folder: in how many parts its batches fit.
NOTE = "batch_parts.json"


def evaluate_in_memory(
    planned: Planned, places: Places, weights: Path | None, progress: ProgressCallback, auto_batch: bool
) -> Record:
    """Run an evaluation; with `auto_batch`, batches that the GPU has no memory for are halved until they fit.

    The batch of the protocol stays what it is: its parts' gradients are added up, the record keeps the protocol's
    config and key, and `resolved.batch_parts` tells of the parts.

    Raises:
        torch.OutOfMemoryError: the batch does not fit, and may not or cannot be divided further.
    """
    note = work_dir_of(planned, places) / NOTE
    parts = _noted_parts(note) if auto_batch and note.is_file() else 1
    while True:
        try:
            return evaluate(planned, places, weights, progress, parts)
        except torch.OutOfMemoryError:
            if not auto_batch or not _divides(planned.evaluation, 2 * parts):
                raise
        # Outside of the handler, whose traceback holds the tensors of the failed step.
        torch.cuda.empty_cache()
        parts *= 2
        write_text(note, json.dumps(parts))


def _noted_parts(note: Path) -> int:
    """Raises: InputError: the note says no number of parts."""
    parts = read_json(note, largest=1 << 10)
    if type(parts) is not int or not 1 <= parts <= 1 << 20:
        raise InputError(f"{note}: {str(parts)[:40]} is no number of parts; remove it to try the whole batch first")
    return parts


def _divides(evaluation: Evaluation, parts: int) -> bool:
    try:
        evaluation.task.divided(evaluation.protocol, parts)
    except InputError:
        return False
    return True


def advice(evaluation: Evaluation) -> str:
    """What to do where a batch does not fit: the batch size that does, measured by steps on made images."""
    torch.cuda.empty_cache()
    batch = batch_size(evaluation.protocol.config)
    if batch is None:
        return "; a smaller batch may fit"
    fits = largest_fit(lambda size: _try(evaluation, size), batch)
    if fits is None:
        return f"; no batch from 2 to {batch // 2} fits either"
    parts = batch // fits
    if _divides(evaluation, parts):
        more = f"execution.accumulate={parts} or --auto-batch computes the batch of {batch} in {parts} such parts"
        return f"; a batch of {fits} fits: {more}"
    return f"; a batch of {fits} fits; {evaluation.task.name} cannot compute its batch of {batch} in parts"


def batch_size(config: Mapping[str, Any]) -> int | None:
    """The training batch of a task's config."""
    loader = config.get("train_dataloader")
    value = loader.get("batch_size") if isinstance(loader, dict) else config.get("batch_size")
    return value if isinstance(value, int) else None


def largest_fit(fits: Callable[[int], bool], batch: int) -> int | None:
    """The largest of batch / 2, batch / 4, … that fits, down to 2; None: none does."""
    size = batch // 2
    while size >= 2:
        if fits(size):
            return size
        size //= 2
    return None


def _try(evaluation: Evaluation, size: int) -> bool:
    try:
        evaluation.task.speed(evaluation.protocol, evaluation.architecture, size, repetitions=1)
    except torch.OutOfMemoryError:
        torch.cuda.empty_cache()
        return False
    return True
