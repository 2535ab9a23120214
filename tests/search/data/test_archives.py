from __future__ import annotations

import pickle
import random
import stat
import zipfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
import torch

from backbones.errors import InputError
from search.data.archives import ImageArchive
from search.data.sources import list_images

Pack = Callable[..., Path]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, make_images: Callable[..., Path]) -> Path:
    root = make_images(tmp_path_factory.mktemp("archive") / "images", classes=2, each=5)
    # 'class0-b' sorts before 'class0/' as text, and after 'class0' as a name.
    (root / "class1").rename(root / "class0-b")
    return root


@pytest.fixture
def pack(tmp_path: Path, root: Path) -> Pack:
    """A zip of the folder below `top`, in no order, with other members beside."""

    def make(top: str = "", method: int = zipfile.ZIP_STORED, also: dict[str, bytes] | None = None) -> Path:
        files = sorted(root.rglob("*.png"))
        random.Random(0).shuffle(files)
        with zipfile.ZipFile(tmp_path / "images.zip", "w", method) as archive:
            for file in files:
                archive.write(file, top + file.relative_to(root).as_posix())
            for name, content in (also or {}).items():
                archive.writestr(name, content)
        return tmp_path / "images.zip"

    return make


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("top", ["", "train/"])
def test_a_zip_is_the_folder_that_was_packed(root: Path, pack: Pack, top: str, method: int) -> None:
    also = {
        "readme.txt": b"",
        f"__MACOSX/{top}class0/._0.png": b"",
        f"{top}class0/.DS_Store": b"",
        f"{top}class0/": b"",
    }
    archive, folder = list_images(pack(top, method, also)), list_images(root)
    assert (archive.classes, archive.files, archive.labels) == (folder.classes, folder.files, folder.labels)
    assert archive.fingerprint() == folder.fingerprint()
    assert torch.equal(archive.read(8), folder.read(8))
    assert torch.equal(archive.select([3, 7], [0, 1]).read(8), folder.read(8)[[3, 7]])


def _pixels(archive: ImageArchive, index: int) -> bytes:
    return archive.open(index).tobytes()


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_do_not_disturb_each_other(root: Path, pack: Pack, method: str) -> None:
    archive = list_images(pack())
    assert isinstance(archive, ImageArchive)
    expected = [_pixels(archive, index) for index in range(10)]
    if method == "spawn":
        assert [_pixels(pickle.loads(pickle.dumps(archive)), index) for index in range(10)] == expected
        return
    with ProcessPoolExecutor(2, mp_context=get_context(method)) as pool:
        found = [pool.submit(_pixels, archive, index % 10) for index in range(60)]
        assert [future.result() for future in found] == expected * 6


def refused(file: Path) -> str:
    with pytest.raises(InputError) as caught:
        list_images(file)
    message = str(caught.value)
    assert message.startswith(str(file))
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    "name", ["../evil.png", "/evil/a.png", "a/../../evil.png", "C:/a/evil.png", "a\\evil.png", "a//b.png", "./a/b.png"]
)
def test_unsafe_names_are_refused(pack: Pack, name: str) -> None:
    assert "unsafe name" in refused(pack(also={name: b""}))


def test_members_that_are_no_plain_images_are_refused(pack: Pack) -> None:
    file = pack()
    link = zipfile.ZipInfo("class0/link.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    assert "'class0/link.png' is a link" in refused(file)
    file = pack()
    with zipfile.ZipFile(file, "a", zipfile.ZIP_LZMA) as archive:
        archive.writestr("class0/x.png", "")
    assert "has an unknown compression" in refused(file)
    with pytest.warns(UserWarning, match="Duplicate name"):
        file = pack(also={"class0/0.png": b""})
    assert "'class0/0.png' appears twice" in refused(file)


def patched(file: Path, offset: int, value: bytes) -> Path:
    """The zip with bytes of the first entry of its directory overwritten."""
    content = bytearray(file.read_bytes())
    place = content.index(b"PK\x01\x02") + offset
    content[place : place + len(value)] = value
    file.write_bytes(content)
    return file


def test_encrypted_and_oversized_members_are_refused(pack: Pack) -> None:
    assert "is encrypted" in refused(patched(pack(), 8, b"\x01\x00"))
    assert "claims 3,000,000,000 bytes" in refused(patched(pack(), 24, (3_000_000_000).to_bytes(4, "little")))


@pytest.mark.parametrize("name", ["a.png", "class0/b/a.png"])
def test_images_at_other_depths_are_passed_over_and_counted(pack: Pack, name: str) -> None:
    plain, source = list_images(pack()), list_images(pack(also={name: b""}))
    assert sum(source.passed_over.values()) == 1
    assert (source.files, source.fingerprint()) == (plain.files, plain.fingerprint())


def test_a_folder_of_deeper_images_alone_is_a_class_without_an_image(pack: Pack) -> None:
    assert "x: class without an image" in refused(pack(also={"x/class0/b/a.png": b""}))


def test_two_top_folders_are_refused(pack: Pack) -> None:
    assert "'val/class0/0.png' is out of place" in refused(pack("train/", also={"val/class0/0.png": b""}))


@pytest.mark.parametrize("top", ["", "train/"])
def test_a_class_without_an_image_is_named(pack: Pack, top: str) -> None:
    assert f"{top}empty: class without an image" in refused(
        pack(top, also={f"{top}empty/": b"", top or "class0/": b""})
    )


def test_what_is_no_zip_is_named(tmp_path: Path, pack: Pack) -> None:
    broken = tmp_path / "broken.zip"
    broken.write_bytes(pack().read_bytes()[:-30])
    assert "cannot be read as a zip file" in refused(broken)
    broken.write_bytes(b"")
    assert "cannot be read as a zip file" in refused(broken)
    with zipfile.ZipFile(tmp_path / "empty.zip", "w") as archive:
        archive.writestr("notes.txt", "")
    assert "holds no image" in refused(tmp_path / "empty.zip")


def test_a_corrupt_member_is_named(pack: Pack) -> None:
    file = pack("train/")
    with zipfile.ZipFile(file) as archive:
        first = archive.infolist()[0]
    content = bytearray(file.read_bytes())
    content[first.header_offset + 30 + len(first.filename) + 20] ^= 0xFF
    file.write_bytes(content)
    with pytest.raises(InputError) as caught:
        list_images(file).read(8)
    assert str(caught.value).startswith(f"{file}/{first.filename}: cannot be read as an image: Bad CRC-32")
    with pytest.raises(InputError, match=r"zzz\.png: cannot be read as an image: of no known format"):
        list_images(pack(also={"class0/zzz.png": b"text"})).read(8)


def test_the_fingerprint_of_a_clean_folder_is_that_of_earlier_versions(tmp_path: Path) -> None:
    """Pinned as version 0.1 of this code gave it: fingerprints are part of the keys of records."""
    root = tmp_path / "images"
    for name, count in (("cat", 3), ("dog-2", 2), ("dog", 4)):
        (root / name).mkdir(parents=True)
        for number in range(count):
            file = root / name / f"{number}.{'png' if number % 2 else 'JPEG'}"
            file.write_bytes(b"x" * (10 + number))
    pinned = "sha256:9a8168c5b5b7a00f0e9fca9d59137d0e3e9979e369e33541c54c4b4615a3ca52"
    assert list_images(root).fingerprint() == pinned
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        for file in sorted(root.rglob("*.*")):
            archive.write(file, f"top/{file.relative_to(root)}")
    assert list_images(tmp_path / "z.zip").fingerprint() == pinned
    (root / "cat" / ".DS_Store").touch()
    (root / ".ipynb_checkpoints").mkdir()
    (root / "cat" / "notes.txt").touch()
    assert list_images(root).fingerprint() == pinned
