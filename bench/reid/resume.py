"""The checkpoint that an interrupted training goes on from.

torchreid's own cannot be read on torch >= 2.6, where `torch.load` refuses the NumPy scalar in it. This one holds
tensors and plain values, is read with `weights_only=True`, and appears whole or not at all.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from backbones.errors import InputError

FILE_NAME = "resume.pth"


@dataclass(frozen=True)
class ResumePoint:
    """Where a training is kept, and which training it is.

    Attributes:
        file: the checkpoint.
        about: what must be equal for a training to go on from it, plain values: protocol, genotype, seed, …
    """

    file: Path
    about: Mapping[str, Any]

    def write(
        self, epochs_done: int, model: nn.Module, optimiser: torch.optim.Optimizer, scheduler: Any | None
    ) -> None:
        content = {
            "about": dict(self.about),
            "epochs_done": epochs_done,
            "model": model.state_dict(),
            "optimiser": optimiser.state_dict(),
            "scheduler": None if scheduler is None else scheduler.state_dict(),
        }
        self.file.parent.mkdir(parents=True, exist_ok=True)
        partial = self.file.with_name(f"{self.file.name}.{os.getpid()}.partial")
        try:
            torch.save(content, partial)
            os.replace(partial, self.file)
        finally:
            partial.unlink(missing_ok=True)

    def restore(self, model: nn.Module, optimiser: torch.optim.Optimizer, scheduler: Any | None) -> int:
        """Load what was written, if anything was, and return how many epochs are done.

        Raises:
            InputError: the file cannot be read, or is that of another training; names what differs.
        """
        if not self.file.is_file():
            return 0
        try:
            content = torch.load(self.file, map_location="cpu", weights_only=True)
            about = content["about"]
        except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, TypeError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"{self.file}: cannot be resumed from ({reason}); move it away to start again") from error
        other = next((key for key in self.about if about.get(key) != self.about[key]), None)
        if other is not None:
            raise InputError(
                f"{self.file}: is of another run, whose {other} is {about.get(other)!r} and not "
                f"{self.about[other]!r}; choose another work folder"
            )
        model.load_state_dict(content["model"])
        optimiser.load_state_dict(content["optimiser"])
        if scheduler is not None:
            scheduler.load_state_dict(content["scheduler"])
        return int(content["epochs_done"])
