"""ARCH: what the command takes for an architecture, and what it names.

A name of the zoo (published or the user's own), a genotype file or literal, a finished search's folder;
`random:SEED` is a genotype drawn from the search space, `timm:NAME` a model of timm. Of a file that holds several
genotypes, `log.txt@last`, `log.txt@12` (an epoch) or `genotypes.py:DARTS_V2` (a name) is the one that is meant.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from backbones import zoo
from backbones.design import Design, TimmModel
from backbones.errors import InputError
from backbones.files import file_digest, read_json, write_text
from backbones.genotype import Genotype
from backbones.zoo import own as own_zoo

#: The file by which a finished search's folder is known.
FOUND = "genotype.json"


@dataclass(frozen=True)
class NamedArchitecture:
    """A genotype or a timm model under a name that is safe as a folder name.

    Attributes:
        method: how it came to be, as a table names it: a search's method, `published`, `random`, `given` or `timm`.
        search: name and key of the record of the search that found it, where it is known.
    """

    name: str
    design: Design
    method: str
    search: tuple[str, str] | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", self.name):
            raise InputError(f"architecture name {self.name!r}: use letters, digits, '.', '_' and '-', 100 at the most")

    @property
    def genotype(self) -> Genotype:
        """The cells.

        Raises:
            InputError: this is a timm model, which has none.
        """
        if isinstance(self.design, TimmModel):
            raise InputError(f"timm:{self.design.name}: a model of timm has no cells; expected a genotype")
        return self.design

    def with_weights(self, file: Path) -> NamedArchitecture:
        """The same under another name: what given weights come to is kept apart from what training comes to."""
        digest = file_digest(file).removeprefix("sha256:")
        return replace(self, name=f"{self.name[:90]}-w{digest[:8]}")

    def to_json(self) -> dict[str, Any]:
        """As a record holds it: the digest tells genotypes apart, a timm model's name tells all."""
        if isinstance(self.design, TimmModel):
            return {"name": self.name, "genotype": None, "timm": self.design.name, "digest": None}
        return {"name": self.name, "genotype": self.design.to_json(), "digest": self.design.digest}


def resolve(arch: str | Design) -> NamedArchitecture:
    """The architecture that ARCH names, or that a genotype or timm model is.

    Raises:
        InputError: nothing of that name, or a file or literal that is not a genotype.
    """
    if isinstance(arch, TimmModel):
        return timm_architecture(arch.name)
    if isinstance(arch, Genotype):
        return _of_genotype(arch)
    kind, colon, rest = arch.partition(":")
    if kind == "random" and colon:
        if not (rest.isascii() and rest.isdecimal()) or len(rest) > 10:
            raise InputError(f"{arch[:40]}: expected random:SEED, such as random:0")
        return random_architecture(int(rest))
    if kind == "timm" and colon:
        return timm_architecture(rest)
    path = Path(arch)
    # os.path, unlike Path, says no to a literal too long for a file name.
    if os.path.isdir(arch):
        return from_search(path)
    file, which = _file_and_choice(arch)
    if file is not None:
        name = path.stem if which is None else f"{file.stem}-{which}"
        return NamedArchitecture(_safe(name), Genotype.read(file, which), "given")
    if "(" in arch or "{" in arch:
        return _of_genotype(Genotype.parse(arch, where="ARCH"))
    if path.suffix == ".json" or os.sep in arch or "@" in arch:
        raise InputError(f"{arch[:200]}: no such genotype file or search folder")
    # The user's own zoo has genotypes that nobody has published.
    return NamedArchitecture(arch, own_zoo.find(arch), "published" if arch in zoo.names() else "given")


def _of_genotype(genotype: Genotype) -> NamedArchitecture:
    return NamedArchitecture(f"genotype-{genotype.digest[:8]}", genotype, "given")


def _file_and_choice(arch: str) -> tuple[Path | None, str | None]:
    """The genotype file of an ARCH, and which of its genotypes is meant; None for both where it names no file."""
    if os.path.isfile(arch):
        return Path(arch), None
    for mark in "@:":
        file, _, which = arch.rpartition(mark)
        if which and os.path.isfile(file):
            return Path(file), which
    return None, None


def from_search(folder: Path) -> NamedArchitecture:
    """The architecture that a finished search left in its work folder (`genotype.json`)."""
    file = folder / FOUND
    if not file.is_file():
        raise InputError(f"{folder}: holds no finished search (no {FOUND})")
    try:
        content = read_json(file, largest=16 << 20)
        for key in ("name", "method", "record", "key"):
            if not isinstance(content[key], str) or len(content[key]) > 500:
                raise InputError(f"{file}: key {key!r}: expected a text, as a search leaves there")
        if content["name"] != _safe(content["name"]):
            raise InputError(f"{file}: key 'name': {content['name'][:60]!r} is no name of a folder")
        return NamedArchitecture(
            content["name"],
            Genotype.from_json(content["genotype"], where=str(file)),
            content["method"],
            (content["record"], content["key"]),
        )
    except (KeyError, TypeError) as error:
        raise InputError(f"{file}: not what a search leaves there: {error!r}") from error


def save_found(folder: Path, architecture: NamedArchitecture) -> None:
    """Leave a search's architecture in its work folder, for `from_search`; the file appears whole or not at all."""
    assert architecture.search is not None
    record, key = architecture.search
    content = {
        "name": architecture.name,
        "method": architecture.method,
        "record": record,
        "key": key,
        "genotype": architecture.genotype.to_json(),
    }
    write_text(folder / FOUND, json.dumps(content, indent=1) + "\n")


def random_architecture(seed: int) -> NamedArchitecture:
    """A genotype drawn uniformly from the DARTS space: the baseline row of every comparison."""
    genotype = Genotype.random(seed)
    return NamedArchitecture(f"random-s{seed}-{genotype.digest[:8]}", genotype, "random")


def timm_architecture(name: str) -> NamedArchitecture:
    """A model of timm, which stands where a genotype stands: a baseline row.

    Raises:
        InputError: timm has no model of that name.
    """
    from backbones.timm_backbone import confirm

    model = TimmModel(name)
    confirm(name)
    return NamedArchitecture(f"timm-{name}", model, "timm")


def _safe(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")[:100] or "genotype"
