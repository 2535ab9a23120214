"""Read image folders in a zip file without unpacking it."""

from __future__ import annotations

import io
import os
import re
import stat
import struct
import zipfile
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from backbones.errors import InputError
from search.data.checking import check_each, problem_in
from search.data.fingerprint import fingerprint_of_sizes
from search.data.folders import no_image
from search.data.images import ImageSource
from search.data.names import TOO_DEEP, TOO_HIGH, is_hidden, is_image, kind_of
from search.data.reader import DECODING_ERRORS, LARGEST_IMAGE, decode, unreadable

LAYOUT = "expected <class>/<image> inside, possibly under one top folder"


class ArchiveFile:
    """A zip file that every process opens for itself.

    A forked data-loader worker shares the file offset with its parent, so it must not read from the parent's open file.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._opened: dict[int, zipfile.ZipFile] = {}

    def read(self, member: str) -> bytes:
        """Read the bytes of a member and verify its checksum; threads may share the file, since zipfile locks it."""
        process = os.getpid()
        if process not in self._opened:
            self._opened = {process: zipfile.ZipFile(self.file)}
        return self._opened[process].read(member)

    def __reduce__(self) -> tuple[type[ArchiveFile], tuple[Path]]:
        return ArchiveFile, (self.file,)


@dataclass(frozen=True)
class ImageArchive(ImageSource):
    """The images of a zip file.

    Attributes:
        top: the part of the members' names before `<class>/<image>`: '' or '<folder>/'.
        digest: fingerprint by names and sizes, the same as for the images in a folder.
        archive: the open file.
    """

    top: str
    digest: str
    archive: ArchiveFile

    def fingerprint(self) -> str:
        return self.digest

    def open(self, index: int) -> Image.Image:
        where, content = self._content(index)
        return decode(io.BytesIO(content), where)

    def check(self) -> None:
        check_each(self._problem, range(len(self.files)))

    def _content(self, index: int) -> tuple[str, bytes]:
        member = self.top + self.files[index]
        where = f"{self.root}/{member}"
        try:
            return where, self.archive.read(member)
        except DECODING_ERRORS as error:
            raise unreadable(where, error) from error

    def _problem(self, index: int) -> str | None:
        try:
            where, content = self._content(index)
        except InputError as error:
            return str(error)
        return problem_in(io.BytesIO(content), where)


def list_image_archive(file: Path) -> ImageArchive:
    """List the image folder in a zip file like an unpacked one, without opening an image.

    Raises:
        InputError: the file is not a zip file; a member has an unsafe name, is a link, is encrypted, is too large or
            appears twice; there is no image, none at `<class>/<image>`, or a class without an image. Names the file and
            the member.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, EOFError, NotImplementedError, OSError, ValueError, struct.error) as error:
        raise InputError(f"{file}: cannot be read as a zip file: {error}; {LAYOUT}") from error
    sizes: dict[str, int] = {}
    folders: set[str] = set()
    passed_over: Counter[str] = Counter()
    for member in members:
        _check(file, member)
        parts = member.filename.rstrip("/").split("/")
        if any(is_hidden(part) for part in parts):
            continue
        # A zip file may leave out its folders.
        folders.update("/".join(parts[:depth]) for depth in range(1, len(parts) + member.is_dir()))
        if member.is_dir():
            continue
        if not is_image(member.filename):
            passed_over[kind_of(member.filename)] += 1
            continue
        if member.filename in sizes:
            raise InputError(f"{file}: member {member.filename!r} appears twice")
        sizes[member.filename] = member.file_size
    top = _top_folder(file, sizes)
    below = {}
    for name, size in sizes.items():
        depth = name.removeprefix(top).count("/") if name.startswith(top) else 0
        if depth == 1:
            below[name.removeprefix(top)] = size
        else:
            passed_over[TOO_DEEP if depth else TOO_HIGH] += 1
    classes = tuple(sorted({name.partition("/")[0] for name in below}))
    _check_classes(file, top, folders, classes)
    # By class, then by name, like a folder; as whole texts, 'cat-2/1.png' would come before 'cat/1.png'.
    files = tuple(sorted(below, key=lambda name: name.split("/")))
    label_of = {name: label for label, name in enumerate(classes)}
    labels = tuple(label_of[name.partition("/")[0]] for name in files)
    digest = fingerprint_of_sizes(below.items())
    return ImageArchive(file, classes, files, labels, top, digest, ArchiveFile(file), passed_over=passed_over)


def _check(file: Path, member: zipfile.ZipInfo) -> None:
    # The stored name, since zipfile cuts `filename` off at a NUL.
    name = member.orig_filename
    parts = name.removesuffix("/").split("/")
    if "\\" in name or "\0" in name or re.match("[A-Za-z]:", name) or any(part in ("", ".", "..") for part in parts):
        raise InputError(f"{file}: member {name!r} has an unsafe name; {LAYOUT}")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise InputError(f"{file}: member {name!r} is a link; {LAYOUT}")
    if member.flag_bits & 1:
        raise InputError(f"{file}: member {name!r} is encrypted; expected a zip file without encryption")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise InputError(f"{file}: member {name!r} has an unknown compression; expected stored or deflated members")
    if member.file_size > LARGEST_IMAGE:
        largest = f"expected {LARGEST_IMAGE:,} at most"
        raise InputError(f"{file}: member {name!r} claims {member.file_size:,} bytes; {largest}")


def _top_folder(file: Path, images: Collection[str]) -> str:
    """Find the part before `<class>/<image>`: '', or '<folder>/' if all images are in one top folder."""
    if not images:
        raise InputError(f"{file}: holds no image; {LAYOUT}")
    if any(name.count("/") == 1 for name in images):
        return ""
    tops = {name.partition("/")[0] + "/" for name in images if "/" in name}
    if len(tops) == 1 and any(name.count("/") == 2 for name in images):
        return tops.pop()
    first = next(iter(images)).partition("/")[0] + "/"
    odd = next((name for name in images if not name.startswith(first)), first)
    raise InputError(f"{file}: member {odd!r} is out of place; {LAYOUT}")


def _check_classes(file: Path, top: str, folders: set[str], classes: Sequence[str]) -> None:
    """Refuse a class folder without an image."""
    known = set(classes)
    for folder in sorted(folders):
        name = folder.removeprefix(top) if folder.startswith(top) else "" if top else folder
        if name and "/" not in name and name not in known:
            raise no_image(f"{file}/{folder}")
