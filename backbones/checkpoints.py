"""Read checkpoint files of unknown origin: tensors and plain values, no code.

`torch.load` with `weights_only=True` runs no code. Beside torch's own list, it is allowed to read values that training
scripts keep with the weights: NumPy scalars, an `argparse.Namespace`, paths.
"""

from __future__ import annotations

import argparse
import pathlib
import pickle
import re
import struct
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from backbones.darts_names import COUNTER
from backbones.errors import InputError, first_line
from backbones.files import confirm_regular

#: The largest checkpoint that is read, in bytes.
LARGEST_CHECKPOINT = 64 << 30

#: What torch raises for files that are cut off or partly overwritten.
DAMAGED = (
    RuntimeError,
    OSError,
    EOFError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    MemoryError,
    struct.error,
    pickle.UnpicklingError,
)

_NUMPY_INTEGERS = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
_NUMPY_KINDS = (*_NUMPY_INTEGERS, "float16", "float32", "float64")

#: Types of numbers, options and paths that training scripts keep with the weights; creating them runs no code.
_PLAIN_VALUES: list[Any] = [
    (numpy.float64(0).__reduce__()[0], "numpy._core.multiarray.scalar"),
    (numpy.float64(0).__reduce__()[0], "numpy.core.multiarray.scalar"),
    numpy.dtype,
    *(type(numpy.dtype(kind)) for kind in _NUMPY_KINDS),
    argparse.Namespace,
    pathlib.PosixPath,
    pathlib.PurePosixPath,
    (pathlib.PosixPath, "pathlib._local.PosixPath"),
]

#: The keys under which training scripts keep the weights, in the order in which they are tried; averaged weights last.
_HOLDERS = ("state_dict", "model_state_dict", "model", "net", "network", "state_dict_ema", "model_ema", "ema")

#: Prefixes of DataParallel and torch.compile, one for each wrapper.
_WRAPPED = re.compile(r"^((module|_orig_mod)\.)+")

#: torch.compile's mark in the middle of a name, if a part of the model was compiled.
_COMPILED = re.compile(r"\._orig_mod(?=\.)")

#: Counters of profilers (thop) and of averaging (torch's AveragedModel); they are not weights.
_RESIDUE = ("total_ops", "total_params", "n_averaged")


def read_content(file: str | Path) -> Any:
    """Read a checkpoint file, in `torch.save`'s formats or safetensors, with tensors on the CPU.

    Raises:
        InputError: the file is missing, is not regular, is not a checkpoint, or holds more than tensors and plain
            values; says what kind of file it is, if that is known.
    """
    file = Path(file)
    if not file.exists() or file.is_dir():
        raise InputError(f"{file}: {'is a folder; expected a file' if file.is_dir() else 'no such checkpoint'}")
    confirm_regular(file, LARGEST_CHECKPOINT)
    _refuse_other_kinds(file)
    cannot = f"{file}: cannot be read as a checkpoint of weights"
    try:
        if file.suffix.lower() == ".safetensors":
            return safetensors.torch.load_file(file)
        # Of a bare pickle file torch warns in two lines before it refuses it.
        with torch.serialization.safe_globals(_PLAIN_VALUES), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Detected pickle protocol")
            return torch.load(file, map_location="cpu", weights_only=True)
    except SafetensorError as error:
        raise InputError(f"{file}: cannot be read as safetensors: {first_line(error)}") from error
    except KeyError as error:
        raise InputError(f"{cannot}: damaged, or no checkpoint") from error
    except pickle.UnpicklingError as error:
        # torch's own message advises turning `weights_only` off.
        problem = "damaged, or holds more than tensors and plain values; such a file can run code and is never read"
        raise InputError(f"{cannot}: {problem}") from error
    except DAMAGED as error:
        raise InputError(f"{cannot}: {first_line(error)}") from error


def _refuse_other_kinds(file: Path) -> None:
    """Refuse an empty file, a Git LFS pointer, a web page and a zip archive that is cut off.

    Raises:
        InputError: says what the file is, and what would help.
    """
    with file.open("rb") as stream:
        start = stream.read(512)
        stream.seek(0, 2)
        size = stream.tell()
        stream.seek(max(0, size - (1 << 16) - 22))
        end = stream.read()
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not start:
        raise InputError(f"{file}: is empty; was the download or the copy interrupted?")
    if text.startswith(b"version https://git-lfs.github.com/"):
        raise InputError(f"{file}: is a Git LFS pointer and not the weights themselves; `git lfs pull` fetches them")
    if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<head", b"<body")):
        raise InputError(f"{file}: is a web page (HTML or XML) and no checkpoint; the download got an error page")
    if start.startswith(b"PK\x03\x04") and b"PK\x05\x06" not in end:
        raise InputError(f"{file}: is cut off: the end of the archive is missing; download or copy it again")
    if start.startswith(b"PK\x03\x04"):
        _confirm_sums(file)


def _confirm_sums(file: Path) -> None:
    """Compare the parts of an archive with their checksums, which torch does not.

    Raises:
        InputError: a bit of the file was changed.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            # torch does not compress, and writes 0 where it was told to leave a checksum out.
            parts = [part for part in archive.infolist() if part.CRC and part.compress_type == zipfile.ZIP_STORED]
            broken = next((part.filename for part in parts if not _is_whole(archive, part)), None)
    except (zipfile.BadZipFile, *DAMAGED):
        # What else is wrong with the archive is told by torch.
        return
    if broken is not None:
        problem = f"{broken[:100]} does not have the checksum that the archive states"
        raise InputError(f"{file}: is damaged: {problem}; download or copy it again")


def _is_whole(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> bool:
    """Whether a part of an archive has its checksum, which Python's zipfile compares at the end of the part."""
    try:
        with archive.open(part) as stream:
            while stream.read(1 << 20):
                pass
    except zipfile.BadZipFile:
        return False
    return True


def weights_in(content: Any, where: str) -> dict[str, Tensor]:
    """Find the state dict in a checkpoint's content, bare or under a usual key.

    Prefixes of DataParallel and torch.compile are removed, counters of profilers are left out.

    Raises:
        InputError: there is no state dict, a name appears twice, or a value is not a dense, finite, floating-point
            tensor that is whole in the file.
    """
    state = _state_in(content)
    if state is None:
        keys = ", ".join(repr(str(key)[:30]) for key in list(content)[:5]) if isinstance(content, Mapping) else "none"
        expected = "expected names and tensors, bare or under 'state_dict'"
        raise InputError(f"{where}: holds no state dict; {expected}; its keys are {keys}")
    weights: dict[str, Tensor] = {}
    for given, value in state.items():
        name = _COMPILED.sub("", _WRAPPED.sub("", str(given)))
        if name.rpartition(".")[2] in _RESIDUE:
            continue
        if name in weights:
            raise InputError(f"{where}: holds {name} twice, with and without the prefix 'module.' or '_orig_mod.'")
        _confirm_usable(name, value, where)
        weights[name] = value
    return weights


def _state_in(content: Any) -> Mapping[Any, Tensor] | None:
    """The first mapping of names to tensors: the content itself, or one under usual keys up to two levels deep."""
    for _ in range(3):
        if not isinstance(content, Mapping):
            return None
        if all(isinstance(value, Tensor) for value in content.values()):
            return content
        content = next((content[key] for key in _HOLDERS if isinstance(content.get(key), Mapping)), None)
    return None


def _confirm_usable(name: str, value: Tensor, where: str) -> None:
    shown = name[:100]
    if value.is_meta or value.layout != torch.strided or value.is_quantized:
        kind = "a meta tensor" if value.is_meta else "quantized" if value.is_quantized else str(value.layout)
        raise InputError(f"{where}: {shown} is {kind}; weights are dense tensors with values")
    if not value.is_floating_point() and not name.endswith(COUNTER):
        raise InputError(f"{where}: {shown} is of {value.dtype}; weights are floating-point numbers")
    if value.numel() * value.element_size() > value.untyped_storage().nbytes():
        # An expanded tensor of any size takes no space in a file, but computing with it would fill the memory.
        raise InputError(f"{where}: {shown} claims {tuple(value.shape)} numbers, which the file does not hold")
    if not bool(torch.isfinite(value).all()):
        raise InputError(f"{where}: {shown} is not finite (NaN or infinity): weights of a training that has diverged")


def confirm_depth(layers: int, state: Mapping[str, Tensor], prefix: str, where: str) -> None:
    """Check that weights may belong to a cell network of that many layers, before it is built.

    A backbone leaves out the cells behind its deepest map, so the file may hold as few as a third of the layers.

    Args:
        prefix: of the cells' entries, `…cells.`; weights without such entries are not checked.

    Raises:
        InputError: the file has far fewer cells.
    """
    cells = {name.removeprefix(prefix).partition(".")[0] for name in state if name.startswith(prefix)}
    if cells and layers > 3 * len(cells) + 3:
        raise InputError(f"{where}={layers}, but the file has the weights of {len(cells)} cells")
