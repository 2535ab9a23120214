"""Describe an architecture in numbers and as a picture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backbones import zoo
from backbones.design import Design, TimmModel
from backbones.genotype import Genotype
from backbones.zoo import own
from bench.tasks.architectures import resolve

if TYPE_CHECKING:
    from backbones.cost import Cost


#: Yields a line for each file of the user's zoo that cannot be used, with the reason.
zoo_left_out = own.left_out


def zoo_entries() -> dict[str, str]:
    """List the zoo: published names with their citations, the user's own with their files."""
    published = {name: zoo.get(name).citation for name in zoo.names()}
    return {**published, **{name: str(file) for name, file in own.usable().items()}}


def draw_architecture(arch: str | Design, out: Path, cell: str | None = None) -> Path:
    """Draw both cells, or one of them (`normal`, `reduce`), to an SVG or PNG file.

    Raises:
        InputError: no such architecture, one without cells, or another file type.
    """
    from backbones.drawing.cell import draw

    return draw(resolve(arch).genotype, out, cell)


def describe_architecture(arch: str | Design) -> dict[str, Any]:
    """Describe an architecture: digest, citation, published numbers, depth, and the cost of the papers' networks.

    A model of timm has no genotype and no depth; its cost is for 1,000 classes at its own input size.
    """
    architecture = resolve(arch)
    design = architecture.design
    entry = zoo.get(architecture.name) if architecture.method == "published" else None
    cells = None if isinstance(design, TimmModel) else design
    return {
        "name": architecture.name,
        "genotype": None if cells is None else cells.to_json(),
        "digest": design.digest,
        "source": entry.source if entry else "",
        "citation": entry.citation if entry else "",
        "note": entry.note if entry else "",
        "published": [dict(row) for row in entry.published] if entry else [],
        "depth": None if cells is None else {cell: _depth(cells, cell) for cell in ("normal", "reduce")},
        "cost": {network: cost.to_json() for network, cost in _costs(design)},
    }


def _depth(genotype: Genotype, cell: str) -> dict[str, Any]:
    levels = genotype.edge_levels(cell)
    return {
        "levels": list(levels),
        "mean_level": sum(levels) / len(levels),
        "longest_path": genotype.longest_path(cell),
        "skips": genotype.operation_counts(cell).get("skip_connect", 0),
    }


def _costs(design: Design) -> Iterator[tuple[str, Cost]]:
    import torch

    from backbones.build import build_classifier
    from backbones.cost import measure
    from backbones.timm_backbone import input_size

    if isinstance(design, TimmModel):
        with torch.device("meta"):
            network = build_classifier(design, "imagenet", 48, 14, num_classes=1000, auxiliary=False)
        yield "imagenet", measure(network, input_size(design.name))
        return
    networks: list[tuple[str, dict[str, Any], int]] = [
        ("cifar10", {"network": "cifar", "channels": 36, "layers": 20, "num_classes": 10}, 32),
        ("cifar10_large", {"network": "cifar", "channels": 64, "layers": 20, "num_classes": 10}, 32),
        ("imagenet", {"network": "imagenet", "channels": 48, "layers": 14, "num_classes": 1000}, 224),
    ]
    for name, settings, size in networks:
        with torch.device("meta"):
            network = build_classifier(design, auxiliary=False, **settings)
        yield name, measure(network, (3, size, size))
