"""Handle too little GPU memory: divide a batch into parts, or advise a size that fits."""

from __future__ import annotations

import gc
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

#: File in a work folder with the number of parts in which batches fit.
NOTE = "batch_parts.json"


def evaluate_in_memory(
    planned: Planned, places: Places, weights: Path | None, progress: ProgressCallback, auto_batch: bool
) -> Record:
    """Run an evaluation; with `auto_batch`, batches that do not fit the GPU are halved until they fit.

    The gradients of a batch's parts are added up, so protocol, config and key stay the same; the record has the
    number of parts as `resolved.batch_parts`.

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
        # Outside of the handler: its traceback keeps the tensors of the failed step alive.
        _release()
        parts *= 2
        write_text(note, json.dumps(parts))


def _noted_parts(note: Path) -> int:
    """Read the number of parts; raise InputError if the note is invalid."""
    parts = read_json(note, largest=1 << 10)
    if type(parts) is not int or not 1 <= parts <= 1 << 20:
        raise InputError(
            f"{note}: expected a number of parts (got {str(parts)[:40]}); remove it to try the batch whole"
        )
    return parts


def _divides(evaluation: Evaluation, parts: int) -> bool:
    try:
        evaluation.task.divided(evaluation.protocol, parts)
    except InputError:
        return False
    return True


def advice(evaluation: Evaluation) -> str:
    """Advice for a batch that does not fit: a batch size that does, found by steps on synthetic images.

    To be called outside of the error's handler, whose traceback keeps the tensors of the failed run alive.
    """
    _release()
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
    """Training batch size of a task's config."""
    loader = config.get("train_dataloader")
    value = loader.get("batch_size") if isinstance(loader, dict) else config.get("batch_size")
    return value if isinstance(value, int) else None


def largest_fit(fits: Callable[[int], bool], batch: int) -> int | None:
    """Largest of batch / 2, batch / 4, … that fits, down to 2; None if none does."""
    size = batch // 2
    while size >= 2:
        if fits(size):
            return size
        size //= 2
    return None


def _try(evaluation: Evaluation, size: int) -> bool:
    try:
        evaluation.task.speed(evaluation.protocol, evaluation.architecture, size, repetitions=1)
        return True
    except torch.OutOfMemoryError:
        pass
    _release()
    return False


def _release() -> None:
    """Free the GPU memory of a run that has ended; a Runner and its loop refer to each other."""
    gc.collect()
    torch.cuda.empty_cache()
