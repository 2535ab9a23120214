"""What can be exported: an architecture's backbone or classifier, or the network of a run's checkpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from backbones import weights as weight_files
from backbones.build import build_backbone, build_classifier
from backbones.design import Design, TimmModel
from backbones.errors import InputError
from backbones.files import file_digest
from backbones.pretrained import IMAGENET, Normalisation
from bench.records.check import confirm_recorded
from bench.runs.starting import StartingWeights, find_weights
from bench.tasks.architectures import NamedArchitecture, resolve

#: Suffixes of checkpoints; every other file is a genotype's.
CHECKPOINTS = (".pth", ".pt", ".tar", ".ckpt", ".safetensors")

#: Size of the papers' ImageNet networks, in pixels.
_SIZE = 224


@dataclass(frozen=True)
class Exportable:
    """A network in evaluation mode, from normalised images to tensors.

    Attributes:
        shape: `(C, H, W)` of an image.
        outputs: names of the results.
        about: what is kept with the file: plain values by name.
        batched: whether it takes several images at once.
    """

    network: nn.Module
    shape: tuple[int, int, int]
    outputs: tuple[str, ...]
    about: Mapping[str, Any] = field(default_factory=dict)
    batched: bool = True


@dataclass(frozen=True)
class Wanted:
    """Options of an export.

    Attributes:
        kind: `backbone` or `classifier`, of an architecture.
        weights: as for `wildnas evaluate`; None leaves random weights.
        size: height and width of the images; None is the network's own.
        channels, layers: of a network of cells.
        classes: width of a classifier; None is that of the weights, else 1,000.
        raw: whether a detector's boxes are given before NMS.
        results: folder of the records.
    """

    kind: str = "backbone"
    weights: str | None = None
    size: int | None = None
    channels: int = 48
    layers: int = 14
    classes: int | None = None
    raw: bool = False
    results: Path = Path("results")


def is_checkpoint(given: str) -> bool:
    """Whether a text names a checkpoint and not an architecture."""
    return Path(given).suffix.lower() in CHECKPOINTS


def exportable(given: str, wanted: Wanted) -> Exportable:
    """Build the network of an architecture or a checkpoint.

    Raises:
        InputError: an unknown architecture, a file that is no checkpoint of a run, one whose task has no export, or
            options that do not fit it.
    """
    if not is_checkpoint(given):
        architecture = resolve(given)
        meaningless = ["raw"]
        if wanted.kind == "backbone":
            meaningless.append("classes")
        if isinstance(architecture.design, TimmModel):
            # It has no cells, whose width and number these are.
            meaningless += ["channels", "layers"]
        _refuse(wanted, meaningless, f"the {wanted.kind} of {given}")
        return _of_architecture(architecture, wanted)
    if wanted.weights is not None or wanted.kind != "backbone":
        raise InputError(f"{given}: a checkpoint has its own weights and task; leave --weights and --as out")
    file = Path(given)
    if not file.is_file():
        raise InputError(f"{given}: no such checkpoint")
    record = confirm_recorded(file, wanted.results)
    about = weight_files.read(file)[1]
    task = about.get("task")
    builder = {"classification": _classifier_of, "detection": _detector_of, "reid": _embedding_of}.get(str(task))
    if builder is None:
        held = f"task {str(task)[:40]!r}" if task else "weights without a task"
        raise InputError(
            f"{file}: holds {held}, which has no export; expected the checkpoint.pth of a run of classification, "
            "detection or reid, or ARCH with --weights"
        )
    # Its own checkpoint has these; an option that changed nothing would be taken for one that did.
    _refuse(wanted, ("channels", "layers", "classes", *(("raw",) if task != "detection" else ())), f"{task} in {file}")
    built = builder(file, wanted)
    said = {"record": record.name} if record is not None else {}
    digest = {"checkpoint_sha256": file_digest(file)}
    return Exportable(
        built.network.eval(), built.shape, built.outputs, {**built.about, **said, **digest}, built.batched
    )


def _refuse(wanted: Wanted, keys: Sequence[str], what: str) -> None:
    """Raise InputError if an option is given that has no meaning for what is exported."""
    plain = Wanted()
    given = [f"--{key}" for key in keys if getattr(wanted, key) != getattr(plain, key)]
    if given:
        raise InputError(f"{', '.join(given)}: without meaning for {what}; leave it out")


def _of_architecture(architecture: NamedArchitecture, wanted: Wanted) -> Exportable:
    design = architecture.design
    start = StartingWeights()
    if wanted.weights is not None:
        start = find_weights(wanted.weights, design, wanted.results)
    if wanted.kind == "classifier" and start.card is not None and not start.card.classes:
        raise InputError(f"--weights {wanted.weights}: they have no classifier; leave --as classifier out")
    torch.manual_seed(0)
    if wanted.kind == "classifier":
        network: nn.Module = build_classifier(
            design, "imagenet", wanted.channels, wanted.layers, _classes(wanted, start), auxiliary=False
        )
        outputs: tuple[str, ...] = ("logits",)
    else:
        backbone = build_backbone(design, channels=wanted.channels, layers=wanted.layers)
        network, outputs = backbone, tuple(f"stride{stride}" for stride in backbone.out_strides)
    about = {
        "architecture": architecture.name,
        **_preprocessing(start.normalisation),
        **_of_design(design),
        **({} if start.card is None else {"weights": start.card.name, "licence": start.card.licence}),
    }
    file = start.file
    if start.record is not None:
        held = start.record.checkpoint
        path = "its checkpoint.pth" if held is None else held.path
        raise InputError(f"--weights {wanted.weights}: export the run's checkpoint itself, {path} in the work folder")
    if file is not None:
        weight_files.load(network, file, design)
        about["weights_sha256"] = file_digest(file)
    else:
        about["weights"] = "random"
    return Exportable(network.eval(), (3, *_size(design, wanted.size)), outputs, about)


def _classes(wanted: Wanted, start: StartingWeights) -> int:
    return wanted.classes or (start.card.classes if start.card is not None and start.card.classes else 1000)


def _size(design: Design, size: int | None) -> tuple[int, int]:
    if size is not None:
        return size, size
    if not isinstance(design, TimmModel):
        return _SIZE, _SIZE
    from backbones.timm_backbone import input_size

    return input_size(design.name)[1:]


def _classifier_of(file: Path, wanted: Wanted) -> Exportable:
    from bench.classification.checkpoints import load_classifier

    trained = load_classifier(file)
    size = wanted.size or trained.image_size
    about = {
        "task": "classification",
        "protocol": trained.protocol,
        "classes": list(trained.classes),
        **_preprocessing(trained.normalisation),
        **_of_design(trained.design),
    }
    return Exportable(trained.network, (3, size, size), ("logits",), about)


def _embedding_of(file: Path, wanted: Wanted) -> Exportable:
    from bench.reid.checkpoints import load_pcb

    pcb, config = load_pcb(file)
    about = weight_files.read(file)[1]
    if wanted.size is not None:
        raise InputError(f"--size {wanted.size}: this re-identifier's images are {config.height} x {config.width}")
    said = {
        "task": "reid",
        "protocol": about.get("protocol"),
        **_preprocessing(config.normalisation),
        "architecture": about.get("architecture"),
    }
    return Exportable(pcb, (3, config.height, config.width), ("embedding",), said)


def _detector_of(file: Path, wanted: Wanted) -> Exportable:
    from bench.detection.checkpoint import load
    from bench.detection.normalising import normalisation
    from bench.export.detectors import RawSsd, SsdWithNms

    trained = load(file)
    detector: Any = trained.detector
    if type(detector).__name__ != "WildnasSSD":
        raise InputError(f"{file}: is a {type(detector).__name__}; only SSD has an export")
    own = detector.pyramid.input_size
    if wanted.size not in (None, own):
        raise InputError(
            f"--size {wanted.size}: this detector's pyramid closes at {own} pixels, for which it was trained, and its "
            "layers are those of that size; leave --size out"
        )
    preprocessor = weight_files.read(file)[1]["model"].get("data_preprocessor") or {}
    raw = RawSsd(detector)
    network = raw if wanted.raw else SsdWithNms(raw, detector.test_cfg)
    about = {
        "task": "detection",
        "protocol": trained.protocol,
        "architecture": trained.architecture,
        "digest": trained.genotype_digest,
        "categories": list(trained.categories),
        "nms": not wanted.raw,
        **_preprocessing(normalisation({"model": {"data_preprocessor": preprocessor}}), preprocessor),
    }
    outputs = ("boxes", "scores") if wanted.raw else ("boxes", "scores", "labels")
    return Exportable(network, (3, own, own), outputs, about, batched=wanted.raw)


def _preprocessing(known: Normalisation | None, preprocessor: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """How an image becomes the network's input."""
    blue_first = preprocessor is not None and not preprocessor.get("bgr_to_rgb", False)
    by = known or IMAGENET
    return {
        **by.to_json(),
        "preprocessing": "resize to the input's height and width, divide by 255, subtract mean, divide by std",
        "colours": "BGR" if blue_first else "RGB",
        **({} if known else {"preprocessing_known": False}),
    }


def _of_design(design: Design) -> dict[str, Any]:
    named = {"timm": design.name} if isinstance(design, TimmModel) else {"genotype": design.to_json()}
    return {**named, "digest": design.digest}
