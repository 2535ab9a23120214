"""What ARCH on the command line may be: a zoo name, a genotype file or literal, a finished search's folder."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backbones import zoo
from backbones.errors import InputError
from backbones.genotype import Genotype


@dataclass(frozen=True)
class Architecture:
    """A genotype under a name that is safe as a folder name."""

    name: str
    genotype: Genotype

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", self.name):
            raise InputError(
                f"architecture name {self.name!r}: use letters, digits, '.', '_' and '-', 100 at the most"
            )

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "genotype": self.genotype.to_json(), "digest": self.genotype.digest}


def resolve(arch: str) -> Architecture:
    """The architecture that ARCH names.

    Raises:
        InputError: nothing by that name, or a file or literal that is not a genotype.
    """
    path = Path(arch)
    if path.is_dir():
        return from_search(path)
    if path.is_file():
        return Architecture(_safe(path.stem), Genotype.parse(path.read_text(encoding="utf-8"), where=str(path)))
    if "(" in arch or "{" in arch:
        genotype = Genotype.parse(arch, where="ARCH")
        return Architecture(f"genotype-{genotype.digest[:8]}", genotype)
    if path.suffix == ".json":
        raise InputError(f"{arch}: no such genotype file")
    return Architecture(arch, zoo.get(arch).genotype)


def from_search(folder: Path) -> Architecture:
    """The architecture that a finished search left in its work folder (`genotype.json`)."""
    file = folder / "genotype.json"
    if not file.is_file():
        raise InputError(f"{folder}: holds no finished search (no genotype.json)")
    content = json.loads(file.read_text(encoding="utf-8"))
    return Architecture(content["name"], Genotype.from_json(content["genotype"], where=str(file)))


def random_architecture(seed: int) -> Architecture:
    """A genotype drawn uniformly from the DARTS space: the baseline row of every comparison."""
    genotype = Genotype.random(seed)
    return Architecture(f"random-s{seed}-{genotype.digest[:8]}", genotype)


def _safe(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "genotype"
