"""The checkpoint that an interrupted training resumes from.

torch >= 2.6 cannot read torchreid's own, since `torch.load` refuses the NumPy scalar in it. This one holds tensors and
plain values, is read with `weights_only=True`, and is written atomically.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from backbones.checkpoints import DAMAGED, read_content, weights_in
from backbones.errors import InputError
from backbones.files import replacing

FILE_NAME = "resume.pth"


@dataclass(frozen=True)
class ResumePoint:
    """A training's checkpoint file, and the values that identify the training.

    Attributes:
        file: the checkpoint.
        about: plain values that must be equal to resume from the file: protocol, genotype, seed, …
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
        with replacing(self.file) as partial:
            torch.save(content, partial)

    def restore(
        self, model: nn.Module, optimiser: torch.optim.Optimizer, scheduler: Any | None, epochs: int = 10**6
    ) -> int:
        """Load the checkpoint, if there is one, and return how many of `epochs` are done.

        Raises:
            InputError: the file cannot be read, or belongs to another training; the message says what differs.
        """
        if not self.file.is_file():
            return 0
        anew = "move it away to start again"
        try:
            content = read_content(self.file)
        except InputError as error:
            raise InputError(f"{self.file}: cannot be resumed from ({error}); {anew}") from error
        about, done = (content.get(key) if isinstance(content, Mapping) else None for key in ("about", "epochs_done"))
        if not isinstance(about, Mapping) or type(done) is not int or not 0 <= done <= epochs:
            raise InputError(f"{self.file}: cannot be resumed from (no checkpoint of this training); {anew}")
        other = next((key for key in self.about if about.get(key) != self.about[key]), None)
        if other is not None:
            raise InputError(
                f"{self.file}: is of another run, whose {other} is {about.get(other)!r} and not "
                f"{self.about[other]!r}; choose another work folder"
            )
        weights_in(content.get("model"), str(self.file))
        try:
            model.load_state_dict(content["model"])
            optimiser.load_state_dict(content["optimiser"])
            if scheduler is not None:
                scheduler.load_state_dict(content["scheduler"])
        except DAMAGED as error:
            raise InputError(f"{self.file}: cannot be resumed from (does not fit the training); {anew}") from error
        return done
