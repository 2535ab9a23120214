"""The result of a search, and the folder that belongs to it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from backbones.errors import InputError
from backbones.files import write_text
from backbones.genotype import Genotype
from search.configs import portable
from search.derive import Architecture
from search.training.parallel import is_main


@dataclass(frozen=True)
class SearchResult:
    """Result of a search.

    Attributes:
        genotype: derived by the search's rule and skip restriction.
        architecture: the learned parameters, as in `architecture.json`.
        accuracy: of the last stage's supernet on the images for α and β, in %; without a supernet, of the best
            candidate.
        params: weights of the last stage's supernet, or of the best candidate.
        counts, fingerprint: of the proxy's data.
        index: SHA-256 of `proxy.json`, which lists the images of both parts.
    """

    genotype: Genotype
    architecture: Architecture
    accuracy: float
    params: int
    counts: dict[str, int]
    fingerprint: str
    index: str


def claim(work_dir: Path, settings: BaseModel, seed: int, processes: int) -> None:
    """Mark the folder as this search's.

    Raises:
        InputError: it is another search's.
    """
    # BatchNorm normalises each process' part of a batch, so another number of processes is another search.
    whose = {"seed": seed, "processes": processes, "settings": portable(settings.model_dump(mode="json"))}
    note = json.dumps(whose, indent=1) + "\n"
    file = work_dir / "search.json"
    # Another process may already have made folders; only the first writes checkpoints and results.
    left = (*work_dir.glob("stage*/last_checkpoint"), *work_dir.glob("stage*/architecture.json"))
    if left and not file.is_file():
        raise InputError(f"{work_dir}: holds stages of a search, but no search.json; use another folder")
    if file.is_file() and file.read_bytes() != note.encode():
        raise InputError(
            f"{work_dir}: belongs to a search with other settings, another seed or another number of processes; "
            "use another folder"
        )
    if is_main():
        write_text(file, note)
