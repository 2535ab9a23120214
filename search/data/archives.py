"""Image folders inside a zip file, read from there without being unpacked."""

from __future__ import annotations

import io
import os
import re
import stat
import struct
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from backbones.errors import InputError
from search.data.fingerprint import fingerprint_of_sizes
from search.data.folders import no_image
from search.data.images import DECODING_ERRORS, SUFFIXES, ImageSource, decode, unreadable

#: No image of these data sets is near it (ImageNet's largest has 15 MB): what claims more is a bomb, not a picture.
LARGEST_IMAGE = 1 << 28

LAYOUT = "expected <class>/<image> inside, possibly under one top folder"


class ArchiveFile:
    """A zip file that is open once in every process.

    A forked data-loader worker shares the file offset of what its parent has open, so it must not read from that.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._opened: dict[int, zipfile.ZipFile] = {}

    def read(self, member: str) -> bytes:
        """The bytes of a member, whose checksum is verified. Threads may share the file: zipfile locks it."""
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
        top: what stands before `<class>/<image>` in the members' names: '' or '<folder>/'.
        digest: over names and sizes, equal to that of the same images in a folder.
        archive: the open file.
    """

    top: str
    digest: str
    archive: ArchiveFile

    def fingerprint(self) -> str:
        return self.digest

    def open(self, index: int) -> Image.Image:
        member = self.top + self.files[index]
        where = f"{self.root}/{member}"
        try:
            content = self.archive.read(member)
        except DECODING_ERRORS as error:
            raise unreadable(where, error) from error
        return decode(io.BytesIO(content), where)


def list_image_archive(file: Path) -> ImageArchive:
    """List the image folder inside a zip file without opening an image.

    Raises:
        InputError: no zip file; a member with an unsafe name, a link, an encrypted or an oversized one, or one that
            stands twice; no image; images at other depths than `<class>/<image>`; or a class without an image. Names
            the file and the member.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, EOFError, NotImplementedError, OSError, ValueError, struct.error) as error:
        raise InputError(f"{file}: cannot be read as a zip file: {error}; {LAYOUT}") from error
    sizes: dict[str, int] = {}
    folders: set[str] = set()
    for member in members:
        _check(file, member)
        # What macOS adds to a zip has images' names and is none.
        if member.filename.startswith("__MACOSX/"):
            continue
        if member.is_dir():
            folders.add(member.filename.rstrip("/"))
        elif os.path.splitext(member.filename)[1].lower() in SUFFIXES:
            if member.filename in sizes:
                raise InputError(f"{file}: member {member.filename!r} stands twice")
            sizes[member.filename] = member.file_size
    top = _top_folder(file, list(sizes))
    below = {name.removeprefix(top): size for name, size in sizes.items()}
    classes = tuple(sorted({name.partition("/")[0] for name in below}))
    _check_classes(file, top, folders, classes)
    # By class and name, as a folder is listed; sorted whole, 'cat-2/1.png' would come before 'cat/1.png'.
    files = tuple(sorted(below, key=lambda name: name.split("/")))
    place = {name: label for label, name in enumerate(classes)}
    labels = tuple(place[name.partition("/")[0]] for name in files)
    return ImageArchive(file, classes, files, labels, top, fingerprint_of_sizes(below.items()), ArchiveFile(file))


def _check(file: Path, member: zipfile.ZipInfo) -> None:
    # The name as it is stored: zipfile cuts one off at a NUL.
    name = member.orig_filename
    parts = name.removesuffix("/").split("/")
    if "\\" in name or "\0" in name or re.match("[A-Za-z]:", name) or any(part in ("", ".", "..") for part in parts):
        raise InputError(f"{file}: member {name!r} has an unsafe name; {LAYOUT}")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise InputError(f"{file}: member {name!r} is a link; {LAYOUT}")
    if member.flag_bits & 1:
        raise InputError(f"{file}: member {name!r} is encrypted; only plain zip files are read")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise InputError(f"{file}: member {name!r} is neither stored nor deflated; pack it again with these")
    if member.file_size > LARGEST_IMAGE:
        raise InputError(f"{file}: member {name!r} claims {member.file_size:,} bytes, more than an image has")


def _top_folder(file: Path, images: Sequence[str]) -> str:
    """'' where the images are `<class>/<image>`, '<folder>/' where they all are `<folder>/<class>/<image>`."""
    if not images:
        raise InputError(f"{file}: holds no image; {LAYOUT}")
    depth = images[0].count("/")
    top = "" if depth == 1 else images[0].partition("/")[0] + "/"
    for name in images:
        if depth not in (1, 2) or name.count("/") != depth or not name.startswith(top):
            raise InputError(f"{file}: member {name!r} is out of place; {LAYOUT}")
    return top


def _check_classes(file: Path, top: str, folders: set[str], classes: Sequence[str]) -> None:
    """Refuse a class folder that no image is in; a zip need not list its folders."""
    known = set(classes)
    for folder in sorted(folders):
        name = folder.removeprefix(top) if folder.startswith(top) else ""
        if name and "/" not in name and f"{name}/" != top and name not in known:
            raise no_image(f"{file}/{folder}")
