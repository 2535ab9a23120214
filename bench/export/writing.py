"""Export a network, compare the result with the network itself, and write it."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import math
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from backbones.cpu.channels_last import without_own_kernels
from backbones.errors import InputError, first_line
from backbones.files import confirm_writable, replacing
from bench.export.networks import Exportable, Wanted, exportable

FORMATS = ("onnx", "torch-export")

#: The usual suffixes of the formats' files; a file may have any other, too.
SUFFIXES = {"onnx": ".onnx", "torch-export": ".pt2"}

#: The batch of a file that takes any number of images.
DYNAMIC = "dynamic"

#: The largest difference to the network itself, of the output's largest value.
TOLERANCE = 1e-4

#: What networks and exporters raise for what they cannot compute or trace.
FAILURES = (
    RuntimeError,
    TypeError,
    ValueError,
    AssertionError,
    AttributeError,
    LookupError,
    NotImplementedError,
)

#: The file inside of an exported program that holds what is known about it.
ABOUT = "wildnas.json"


@dataclass(frozen=True)
class Difference:
    """The largest difference between a network and its exported form.

    Attributes:
        form: `exported program` or `ONNX Runtime`.
        absolute: in the outputs' own units.
        relative: of the largest value of its output.
    """

    form: str
    absolute: float
    relative: float

    def __str__(self) -> str:
        return f"{self.form}: largest difference {self.absolute:.1e} ({self.relative:.1e} of the largest value)"


@dataclass(frozen=True)
class Export:
    """A written file, with what it was compared with, and what is kept in it."""

    file: Path
    differences: tuple[Difference, ...]
    about: dict[str, str]


def export_network(
    given: str, out: Path, form: str = "onnx", batch: int | str = 1, wanted: Wanted | None = None
) -> Export:
    """Export an architecture or a checkpoint.

    Args:
        given: ARCH, or the checkpoint of a run.
        out: the file to write.
        batch: number of images, or `dynamic`.

    Raises:
        InputError: the network cannot be built or exported (names the operations), a package is missing, or the result
            differs from the network by more than `TOLERANCE`; nothing is written then.
    """
    wanted = wanted or Wanted()
    _confirm_out(out, form, (given, wanted.weights))
    if form == "onnx":
        confirm_packages()
    return write(exportable(given, wanted), out, form, batch)


def _confirm_out(out: Path, form: str, sources: Sequence[str | None]) -> None:
    """Check the file to write before anything is computed.

    Raises:
        InputError: it is a folder or a device, it cannot be written, its suffix is that of the other format, or it is
            the file that is exported.
    """
    if not out.name or out.is_dir():
        raise InputError(f"--out {out}: is a folder; expected the name of a file in it")
    others = {SUFFIXES[each]: each for each in FORMATS if each != form}
    if out.suffix.lower() in others:
        other = others[out.suffix.lower()]
        raise InputError(
            f"--out {out}: is named as --format {other}, not {form}; give that format, or {SUFFIXES[form]}"
        )
    try:
        confirm_writable(out)
    except InputError as error:
        raise InputError(f"--out {error}") from error
    if out.exists() and any(each is not None and Path(each).exists() and out.samefile(each) for each in sources):
        raise InputError(f"--out {out}: is the file that is exported; expected another one")


def write(network: Exportable, out: Path, form: str, batch: int | str) -> Export:
    """Export a network, verify the result, and write it. See `export`."""
    if not network.batched and batch != 1:
        raise InputError(f"--batch {batch}: a detector with NMS takes one image; add --raw, or leave --batch out")
    count = 2 if batch == DYNAMIC else int(batch)
    images = trial_images(count, network.shape)
    try:
        _called(network.network, images)
    except FAILURES as error:
        size = " x ".join(map(str, network.shape))
        raise InputError(f"the network takes no images of {size}: {_words(error)}") from error
    with _quiet(), without_own_kernels():
        program = _program(network, images, batch == DYNAMIC)
    trials = [images] if batch != DYNAMIC else [images, trial_images(3, network.shape)]
    differences = [_difference("exported program", network, trials, lambda x: _called(program.module(), x))]
    about = _about(network, batch)
    with replacing(out) as partial:
        if form == "onnx":
            session = _write_onnx(program, network, partial, about)
            differences.append(_difference("ONNX Runtime", network, trials, session))
        else:
            with _quiet():
                torch.export.save(program, _named(partial), extra_files={ABOUT: json.dumps(about)})
            _named(partial).replace(partial)
    return Export(out, tuple(differences), about)


def _named(partial: Path) -> Path:
    """A path with the suffix that torch asks for."""
    return partial.with_name(f"{partial.name}{SUFFIXES['torch-export']}")


def trial_images(count: int, shape: Sequence[int]) -> Tensor:
    """Normalised images `(count, C, H, W)`, the same for all forms."""
    return torch.randn(count, *shape, generator=torch.Generator().manual_seed(count))


@torch.no_grad()
def _called(network: Callable[..., Any], images: Tensor) -> tuple[Tensor, ...]:
    found = network(images)
    return tuple(found) if isinstance(found, (tuple, list)) else (found,)


def _program(network: Exportable, images: Tensor, dynamic: bool) -> torch.export.ExportedProgram:
    shapes = ({0: torch.export.Dim("batch", min=1, max=1024)},) if dynamic else None
    try:
        with torch.no_grad():
            return torch.export.export(network.network, (images,), dynamic_shapes=shapes, strict=False)
    except FAILURES as error:
        raise InputError(f"cannot be exported by torch.export: {_words(error)}") from error


def _write_onnx(
    program: torch.export.ExportedProgram, network: Exportable, file: Path, about: dict[str, str]
) -> Callable[[Tensor], tuple[Tensor, ...]]:
    """Write an ONNX file, and return it as a function that ONNX Runtime computes."""
    import onnxruntime

    try:
        with _quiet():
            made = torch.onnx.export(
                program, dynamo=True, verbose=False, input_names=["images"], output_names=list(network.outputs)
            )
    except FAILURES as error:
        raise InputError(f"cannot be exported to ONNX: {_words(error)}") from error
    assert made is not None
    made.model.metadata_props.update(about)
    made.save(str(file), external_data=False)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(file.read_bytes(), options, providers=["CPUExecutionProvider"])

    def compute(images: Tensor) -> tuple[Tensor, ...]:
        found = session.run(None, {"images": images.numpy()})
        return tuple(torch.from_numpy(each) for each in found)

    return compute


def _difference(
    form: str, network: Exportable, trials: Sequence[Tensor], other: Callable[[Tensor], tuple[Tensor, ...]]
) -> Difference:
    """Compare a form with the network itself.

    Raises:
        InputError: an output has another shape, or differs by more than `TOLERANCE`.
    """
    absolute = relative = 0.0
    for images in trials:
        for name, one, two in zip(network.outputs, _called(network.network, images), other(images), strict=True):
            if one.shape != two.shape:
                shapes = f"{tuple(two.shape)}, not {tuple(one.shape)}"
                raise InputError(f"{form}: output {name!r} has the shape {shapes}; nothing is written")
            if one.numel():
                apart = float((one.double() - two.double()).abs().max())
                if not math.isfinite(apart):
                    raise InputError(f"{form}: output {name!r} is not finite; nothing is written")
                absolute, relative = max(absolute, apart), max(relative, apart / max(1e-12, float(one.abs().max())))
    found = Difference(form, absolute, relative)
    if not relative <= TOLERANCE:
        raise InputError(f"{found}; expected {TOLERANCE:.0e} at most; nothing is written")
    return found


def _about(network: Exportable, batch: int | str) -> dict[str, str]:
    """What is kept in the file, as texts by name."""
    said = {
        "wildnas": metadata.version("wildnas"),
        "input": "images",
        "input_shape": [batch, *network.shape],
        "outputs": list(network.outputs),
        **network.about,
    }
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in said.items()}


def confirm_packages() -> None:
    """Raise InputError if a package that ONNX needs is missing."""
    for name in ("onnx", "onnxscript", "onnxruntime"):
        try:
            import_module(name)
        except ModuleNotFoundError as error:
            raise InputError(
                f"--format onnx needs {name}: pip install 'wildnas[export]'; --format torch-export needs nothing more"
            ) from error


def _words(error: BaseException) -> str:
    """The operations that an exporter's error names, else its first line."""
    text = f"{error} {error.__cause__ or ''}"
    found = re.findall(r"\b(?:aten|torchvision|mmcv|prims|quantized)(?:::|\.)[a-zA-Z_0-9]+", text)
    if (found and "Unsupported" in text) or "No ONNX function found" in text or "No decompositions" in text:
        return f"no export of the operations {', '.join(dict.fromkeys(each.replace('::', '.') for each in found))}"
    # What the ONNX exporter says itself is which of its steps failed.
    return first_line(error.__cause__ or error, 300)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Suppress the exporters' progress and warnings."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        shown = io.StringIO()
        with contextlib.redirect_stdout(shown), contextlib.redirect_stderr(shown), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
