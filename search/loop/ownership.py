"""Refuse a checkpoint of another search before it is loaded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from backbones.errors import InputError
from search.configs import portable
from search.settings import SearchSettings

_KEY = "search"


def owner_of(settings: SearchSettings, seeds: Sequence[int]) -> str:
    """SHA-256 of a checkpoint's settings, seed and stage."""
    whose = {"settings": portable(settings.model_dump(mode="json")), "seeds": list(seeds)}
    return hashlib.sha256(json.dumps(whose, sort_keys=True).encode()).hexdigest()


class OwnerHook(Hook):
    """Write the owner into every checkpoint."""

    def __init__(self, owner: str) -> None:
        self.owner = owner

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        checkpoint["meta"][_KEY] = self.owner


def confirm_owner(file: Path, content: Mapping[str, Any], owner: str) -> None:
    """Check that a checkpoint belongs to this search.

    Raises:
        InputError: the checkpoint belongs to another search.
    """
    if content["meta"].get(_KEY) != owner:
        raise InputError(f"{file}: is a checkpoint of another search; remove {file.parent} to restart the stage")
