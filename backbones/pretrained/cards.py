"""Cards of pretrained weights, one JSON file each, and those that timm has of its own models."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

from backbones.errors import InputError

#: The name of timm's own weights of whatever timm model is given; `timm:MODEL` and `timm:MODEL.TAG` name them in full.
OF_TIMM = "timm"


@dataclass(frozen=True)
class Normalisation:
    """Mean and standard deviation of the images that weights were trained on: red, green and blue from 0 to 1."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def __str__(self) -> str:
        mean, std = (", ".join(f"{value:.4g}" for value in values) for values in (self.mean, self.std))
        return f"mean ({mean}), deviation ({std})"

    def to_json(self) -> dict[str, list[float]]:
        return {"mean": list(self.mean), "std": list(self.std)}

    def is_close(self, other: Normalisation) -> bool:
        """Whether both differ by no more than the rounding of a config."""
        pairs = zip((*self.mean, *self.std), (*other.mean, *other.std), strict=True)
        return all(abs(one - two) < 1e-4 for one, two in pairs)


#: That of most networks trained on ImageNet.
IMAGENET = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@dataclass(frozen=True)
class Origin:
    """Where a file of weights comes from.

    Attributes:
        kind: `package` (a Python package that holds the file), `hub` (the Hugging Face Hub) or `page` (a page of the
            authors; the file is put in place by hand).
        where: the package with its version, the Hub's repository, or the page.
        file: path in the folder of Python packages, in the Hub's repository, or in the folder of weights.
    """

    kind: Literal["package", "hub", "page"]
    where: str
    file: str


@dataclass(frozen=True)
class WeightCard:
    """Pretrained weights.

    Attributes:
        architecture: ARCH of the command line, such as `timm:mobilenetv2_100` or `PDARTS`.
        sha256: digest of the file, `sha256:…`, or None if it is not known.
        size: bytes, or None.
        licence: as far as it is stated, and where.
        input_size: `(C, H, W)` of the images that they were trained on.
        classes: width of the classifier, or None if the file has none.
        accuracy: `top1` and `top5` in % with their `source`; empty if none is published.
        in_order: whether the entries are timm's in order and shape, under other names.
    """

    name: str
    architecture: str
    origin: Origin
    sha256: str | None
    size: int | None
    licence: str
    input_size: tuple[int, int, int]
    normalisation: Normalisation
    classes: int | None
    accuracy: Mapping[str, Any]
    in_order: bool = False
    note: str = ""


@cache
def names() -> tuple[str, ...]:
    """The names of all cards that come with this package, in alphabetical order."""
    files = (file.name for file in resources.files("backbones.pretrained").iterdir())
    return tuple(sorted(file.removesuffix(".json") for file in files if file.endswith(".json")))


def is_name(text: str) -> bool:
    """Whether a text names weights, or is meant to; everything else is a file."""
    return text in (*names(), OF_TIMM) or text.startswith(f"{OF_TIMM}:")


@cache
def get(name: str) -> WeightCard:
    """Find a card by name: one of `names`, or `timm:MODEL` and `timm:MODEL.TAG` for timm's own weights.

    Raises:
        InputError: the name is unknown; says the nearest one.
    """
    if name.startswith(f"{OF_TIMM}:"):
        return _of_timm(name)
    if name not in names():
        close = difflib.get_close_matches(name, names(), n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(names())} and timm:MODEL"
        raise InputError(f"{name[:100]}: no weights of that name; {hint}")
    file = resources.files("backbones.pretrained") / f"{name}.json"
    try:
        return _of_json(name, json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, LookupError, TypeError) as error:
        problem = f"{type(error).__name__}: {error}"[:200]
        raise InputError(f"{file}: is no card of weights ({problem}); was it changed? install wildnas again") from error


def _of_json(name: str, content: Mapping[str, Any]) -> WeightCard:
    return WeightCard(
        name=name,
        architecture=content["architecture"],
        origin=Origin(**content["origin"]),
        sha256=content["sha256"],
        size=content["size"],
        licence=content["licence"],
        input_size=tuple(content["input_size"]),
        normalisation=Normalisation(tuple(content["mean"]), tuple(content["std"])),
        classes=content["classes"],
        accuracy=content["accuracy"] or {},
        in_order=content["names"] == "in order",
        note=content["note"],
    )


def _of_timm(name: str) -> WeightCard:
    """The card of a timm model's weights, from timm's own configuration."""
    # Imported here, because timm imports torch and torchvision.
    import timm

    from backbones.timm_backbone import confirm

    model, dot, tag = name.removeprefix(f"{OF_TIMM}:").partition(".")
    confirm(model)
    tags = timm.list_pretrained(f"{model}.*")
    if dot and f"{model}.{tag}" not in tags:
        known = ", ".join(each.partition(".")[2] for each in tags) or "none"
        raise InputError(f"{name[:100]}: timm has no weights of that tag; it has {known}")
    known_by = timm.get_pretrained_cfg(f"{model}.{tag}" if dot else model)
    if not tags or known_by is None or not known_by.hf_hub_id:
        raise InputError(f"{name[:100]}: timm {timm.__version__} has no weights of this model")
    (channels, height, width), mean, std = known_by.input_size, known_by.mean, known_by.std
    return WeightCard(
        name=f"{OF_TIMM}:{model}.{known_by.tag}",
        architecture=f"{OF_TIMM}:{model}",
        # Never the Hub's pickled files.
        origin=Origin("hub", known_by.hf_hub_id, "model.safetensors"),
        sha256=None,
        size=None,
        licence=f"{known_by.license or 'not stated'}, by timm",
        input_size=(channels, height, width),
        normalisation=Normalisation((mean[0], mean[1], mean[2]), (std[0], std[1], std[2])),
        classes=known_by.num_classes,
        accuracy={},
    )
