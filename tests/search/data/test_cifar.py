from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
from torchvision.datasets import CIFAR10, CIFAR100

from backbones.errors import InputError
from search.data.cifar import Kind, read_cifar
from search.data.proxies import check_proxy, load_proxy
from search.data.settings import Proxy

DATASETS = {"cifar10": CIFAR10, "cifar100": CIFAR100}


@pytest.fixture
def make_cifar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """A few images of noise in torchvision's layout, whose digests it is told."""

    def make(kind: Kind) -> Path:
        dataset, noise = DATASETS[kind], np.random.default_rng(0)
        folder = tmp_path / "data" / dataset.base_folder
        folder.mkdir(parents=True, exist_ok=True)
        classes = ["zebra", "apple", "moth"]

        def write(name: str, content: dict[str, object]) -> list[str]:
            (folder / name).write_bytes(pickle.dumps(content))
            return [name, hashlib.md5((folder / name).read_bytes()).hexdigest()]

        def batch(name: str) -> list[str]:
            labels = {"labels" if kind == "cifar10" else "fine_labels": noise.integers(0, 3, 12).tolist()}
            return write(name, {"data": noise.integers(0, 256, (12, 3072), dtype=np.uint8), **labels})

        for part in ("train_list", "test_list"):
            monkeypatch.setattr(dataset, part, [batch(name) for name, _ in getattr(dataset, part)])
        meta = dataset.meta
        _, digest = write(meta["filename"], {meta["key"]: classes})
        monkeypatch.setattr(dataset, "meta", {**meta, "md5": digest})
        return folder

    return make


@pytest.mark.parametrize(
    ("kind", "train", "count"), [("cifar10", True, 60), ("cifar100", True, 12), ("cifar10", False, 12)]
)
def test_images_are_torchvisions_sorted_by_class(
    make_cifar: Callable[..., Path], kind: Kind, train: bool, count: int
) -> None:
    folder = make_cifar(kind)
    source = read_cifar(kind, folder.parent, train=train)
    data = DATASETS[kind](str(folder.parent), train=train)
    assert source.classes == ("zebra", "apple", "moth")
    assert len(source.files) == len(data) == count
    assert list(source.labels) == sorted(data.targets)
    images = source.read(32)
    for file, label, image in zip(source.files, source.labels, images, strict=True):
        name, _, number = file.partition("/")
        picture, target = data[int(number)]
        assert (label, name) == (target, source.classes[target])
        assert (np.asarray(picture).transpose(2, 0, 1) == image.numpy()).all()
    ends = [0, source.labels.count(0) - 1]
    assert source.select(ends, [0]).read(32).equal(images[ends])
    assert source.read(16).shape == (len(data), 3, 16, 16)


def test_as_a_proxy(make_cifar: Callable[..., Path]) -> None:
    root = make_cifar("cifar10").parent
    proxy = Proxy(kind="cifar10", root=str(root), image_size=32, mean=(0.5,) * 3, std=(0.5,) * 3, fractions=(0.5, 0.25))
    data = load_proxy(proxy, 4, seed=0)
    whole = check_proxy(proxy, 4)
    assert data.fingerprint == whole.fingerprint()
    assert data.images is not None
    place = whole.files.index(data.source.files[5])
    assert torch.equal(data.images[5], whole.read(32)[place])


def test_the_fingerprint_is_of_the_files(make_cifar: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_cifar("cifar100")
    before = read_cifar("cifar100", folder.parent).fingerprint()
    content = pickle.loads((folder / "train").read_bytes())
    content["data"][0, 0] ^= 1
    (folder / "train").write_bytes(pickle.dumps(content))
    digest = hashlib.md5((folder / "train").read_bytes()).hexdigest()
    monkeypatch.setattr(CIFAR100, "train_list", [["train", digest]])
    assert read_cifar("cifar100", folder.parent).fingerprint() != before
    assert read_cifar("cifar100", folder.parent, train=False).fingerprint() != before


def refused(kind: Kind, root: Path, download: bool = False) -> str:
    with pytest.raises(InputError) as caught:
        read_cifar(kind, root, download)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_missing_data_say_what_is_expected_where(tmp_path: Path, make_cifar: Callable[..., Path]) -> None:
    message = refused("cifar10", tmp_path)
    assert f"{tmp_path}/cifar-10-batches-py/data_batch_1: no such file" in message
    assert "test_batch, batches.meta" in message
    assert "or download=True to fetch them" in message
    folder = make_cifar("cifar100")
    (folder / "meta").unlink()
    assert f"{folder}/meta: no such file" in refused("cifar100", folder.parent)


def test_other_files_are_never_unpickled(make_cifar: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_cifar("cifar10")
    (folder / "data_batch_3").write_bytes(b"cos\nsystem\n(S'touch evil'\ntR.")
    monkeypatch.setattr(pickle, "load", lambda *args, **kwargs: pytest.fail("unpickled"))
    assert "data_batch_3: is not the published file" in refused("cifar10", folder.parent)


def test_a_download_is_made_only_when_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def download(url: str, *args: object, **kwargs: object) -> None:
        asked.append(url)
        raise URLError("no network")

    monkeypatch.setattr("torchvision.datasets.cifar.download_and_extract_archive", download)
    refused("cifar10", tmp_path)
    assert not asked
    assert "cifar-10-python.tar.gz failed: <urlopen error no network>" in refused("cifar10", tmp_path, download=True)
    assert len(asked) == 1
    monkeypatch.setenv("WORLD_SIZE", "8")
    assert "run `wildnas data check` first" in refused("cifar10", tmp_path, download=True)
    assert len(asked) == 1
