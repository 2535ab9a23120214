"""Resolve ARCH, the command's text for an architecture.

It is a name of the zoo (published or the user's own), a genotype file or literal, a finished search's folder,
`random:SEED` (a genotype drawn from the search space; `random:SEED:OPERATION,…` from a part of it) or `timm:NAME` (a
model of timm). In a file of several
genotypes, choose one with `log.txt@last`, `log.txt@12` (an epoch) or `genotypes.py:DARTS_V2` (a name).
"""

from __future__ import annotations

import json
import os
import random
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from backbones import zoo
from backbones.design import Design, TimmModel
from backbones.errors import InputError
from backbones.files import file_digest, read_json, write_text
from backbones.genotype import OPERATIONS, Genotype
from backbones.zoo import own as own_zoo

#: What `random:SEED:OPERATION,…` draws from: every operation that a cell may have.
ALLOWED = tuple(name for name in OPERATIONS if name != "none")

#: File in a finished search's folder that holds the genotype.
FOUND = "genotype.json"


@dataclass(frozen=True)
class NamedArchitecture:
    """A genotype or a timm model with a name that is safe as a folder name.

    Attributes:
        method: origin, as a table names it: a search's method, `published`, `random`, `given` or `timm`.
        search: name and key of the record of the search that found it, if known.
    """

    name: str
    design: Design
    method: str
    search: tuple[str, str] | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", self.name):
            raise InputError(f"architecture name {self.name!r}: expected at most 100 letters, digits, '.', '_' and '-'")

    @property
    def genotype(self) -> Genotype:
        """The genotype.

        Raises:
            InputError: this is a timm model, which has no cells.
        """
        if isinstance(self.design, TimmModel):
            raise InputError(f"timm:{self.design.name}: a model of timm has no cells; expected a genotype")
        return self.design

    def with_weights(self, file: Path) -> NamedArchitecture:
        """The same architecture with the weights' digest in its name, so that its records are kept apart."""
        return self.with_digest(file_digest(file))

    def with_digest(self, digest: str) -> NamedArchitecture:
        """The same architecture with a digest of weights in its name."""
        return replace(self, name=f"{self.name[:90]}-w{digest.removeprefix('sha256:')[:8]}")

    def to_json(self) -> dict[str, Any]:
        """Content of a record's `architecture`; a timm model has a name in the place of genotype and digest."""
        if isinstance(self.design, TimmModel):
            return {"name": self.name, "genotype": None, "timm": self.design.name, "digest": None}
        return {"name": self.name, "genotype": self.design.to_json(), "digest": self.design.digest}


def resolve(arch: str | Design) -> NamedArchitecture:
    """Resolve ARCH, a genotype or a timm model to a named architecture.

    Raises:
        InputError: an unknown name, or a file or literal that is not a genotype.
    """
    if isinstance(arch, TimmModel):
        return timm_architecture(arch.name)
    if isinstance(arch, Genotype):
        return _of_genotype(arch)
    kind, colon, rest = arch.partition(":")
    if kind == "random" and colon:
        seed, few, operations = rest.partition(":")
        if not (seed.isascii() and seed.isdecimal()) or len(seed) > 10:
            raise InputError(f"{arch[:40]}: expected random:SEED, such as random:0")
        return restricted_architecture(int(seed), operations) if few else random_architecture(int(seed))
    if kind == "timm" and colon:
        return timm_architecture(rest)
    path = Path(arch)
    # Path.is_dir raises on a literal that is too long for a file name; os.path.isdir returns False.
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
    # A name that is not published is one of the user's own zoo.
    return NamedArchitecture(arch, own_zoo.find(arch), "published" if arch in zoo.names() else "given")


def _of_genotype(genotype: Genotype) -> NamedArchitecture:
    return NamedArchitecture(f"genotype-{genotype.digest[:8]}", genotype, "given")


def _file_and_choice(arch: str) -> tuple[Path | None, str | None]:
    """Split ARCH into a genotype file and the choice of one of its genotypes; both None if it names no file."""
    if os.path.isfile(arch):
        return Path(arch), None
    for mark in "@:":
        file, _, which = arch.rpartition(mark)
        if which and os.path.isfile(file):
            return Path(file), which
    return None, None


def from_search(folder: Path) -> NamedArchitecture:
    """Read the architecture that a finished search left in its work folder (`genotype.json`)."""
    file = folder / FOUND
    if not file.is_file():
        raise InputError(f"{folder}: holds no finished search (expected {FOUND} in it)")
    try:
        content = read_json(file, largest=16 << 20)
        for key in ("name", "method", "record", "key"):
            if not isinstance(content[key], str) or len(content[key]) > 500:
                raise InputError(f"{file}: key {key!r}: expected a text of at most 500 characters")
        if content["name"] != _safe(content["name"]):
            raise InputError(f"{file}: key 'name': {content['name'][:60]!r} is not safe as a folder name")
        return NamedArchitecture(
            content["name"],
            Genotype.from_json(content["genotype"], where=str(file)),
            content["method"],
            (content["record"], content["key"]),
        )
    except (KeyError, TypeError) as error:
        raise InputError(f"{file}: expected the {FOUND} of a finished search: {error!r}") from error


def save_found(folder: Path, architecture: NamedArchitecture) -> None:
    """Write a search's architecture to its work folder, for `from_search`; the file appears whole or not at all."""
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
    """Draw a genotype uniformly from the DARTS space, as a baseline."""
    genotype = Genotype.random(seed)
    return NamedArchitecture(f"random-s{seed}-{genotype.digest[:8]}", genotype, "random")


def restricted_architecture(seed: int, operations: str) -> NamedArchitecture:
    """Draw a genotype uniformly from the cells of a few operations (`skip_connect,max_pool_3x3`).

    Such cells widen the range of a study. They are no baseline: their method is not `random`.

    Raises:
        InputError: an unknown operation, one given twice, or none.
    """
    # Imported here because it takes pydantic, which the zoo's list does not need.
    from search.configs import nearest

    names = operations.split(",")
    for name in names:
        if name not in ALLOWED or names.count(name) > 1:
            problem = "given twice" if name in ALLOWED else nearest(name, ALLOWED)
            raise InputError(f"random:{seed}:{operations[:100]}: operation {name[:40]!r}: {problem}")
    genotype = Genotype.drawn(random.Random(seed), operations=names)
    return NamedArchitecture(f"restricted-s{seed}-{genotype.digest[:8]}", genotype, "restricted random")


def timm_architecture(name: str) -> NamedArchitecture:
    """Name a model of timm, as a baseline in the place of a genotype.

    Raises:
        InputError: timm has no model with that name.
    """
    from backbones.timm_backbone import confirm

    model = TimmModel(name)
    confirm(name)
    return NamedArchitecture(f"timm-{name}", model, "timm")


def _safe(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")[:100] or "genotype"
