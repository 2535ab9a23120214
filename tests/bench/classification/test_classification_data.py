"""The images of a protocol: listed, compared, split, counted, and given out in batches."""

from __future__ import annotations

import hashlib
import pickle
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.datasets import CIFAR10

from backbones.errors import InputError
from bench.classification import loaders
from bench.classification.loaders import Sources, evaluation_loader, find, hold_out, limited, training_loader
from bench.classification.settings import ClassificationSettings
from bench.tasks.registry import get_task
from search.data.folders import list_image_folder

CPU = torch.device("cpu")
Config = Callable[..., dict[str, Any]]
Folders = Callable[..., Path]


@pytest.fixture
def settings(config: Config) -> Callable[..., ClassificationSettings]:
    return lambda **changes: ClassificationSettings.model_validate(config(**changes))


def refused(settings: ClassificationSettings) -> str:
    with pytest.raises(InputError) as caught:
        find(settings)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def lying_in(root: Path, **others: Any) -> dict[str, Any]:
    return {"train": str(root / "train"), "val": str(root / "val"), **others}


# --- parts -----------------------------------------------------------------------------------------------------------


def test_a_part_is_held_out_evenly_and_always_the_same(folders: Path) -> None:
    source = list_image_folder(folders / "train")
    kept, held = hold_out(source, 6)
    assert kept.counts() == {"blue": 6, "green": 6, "red": 6}
    assert held.counts() == {"blue": 2, "green": 2, "red": 2}
    assert set(kept.files) | set(held.files) == set(source.files)
    assert not set(kept.files) & set(held.files)
    for part in (kept, held):
        # As everywhere: sorted by class, so that labels ascend.
        assert list(part.labels) == sorted(part.labels)
        assert [part.classes[label] for label in part.labels] == [file.partition("/")[0] for file in part.files]
    # Whatever has drawn numbers before, and not the first or last ones of each class.
    torch.manual_seed(99)
    assert hold_out(source, 6) == (kept, held)
    assert {file[-6:-4] for file in held.files} not in ({"00", "01"}, {"06", "07"})


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (7, "images.validation=7 is not divisible by its 3 classes"),
        (24, "images.validation=24 takes 8 images of every class, but 'blue' has 8"),
        (30, "images.validation=30 takes 10 images of every class, but 'blue' has 8"),
    ],
)
def test_what_cannot_be_held_out_is_said(folders: Path, count: int, said: str) -> None:
    with pytest.raises(InputError) as caught:
        hold_out(list_image_folder(folders / "train"), count)
    assert str(caught.value) == f"{folders / 'train'}: {said}"


@pytest.mark.parametrize(("limit", "counts"), [(3, [1, 1, 1]), (12, [4, 4, 4]), (23, [8, 8, 7]), (24, [8] * 3)])
def test_a_limit_takes_of_every_class(folders: Path, limit: int, counts: list[int]) -> None:
    found = limited(list_image_folder(folders / "train"), limit)
    assert sorted(found.counts().values(), reverse=True) == counts
    assert len(set(found.files)) == limit
    assert found.classes == ("blue", "green", "red")


def test_no_limit_or_a_larger_one_takes_all(folders: Path) -> None:
    source = list_image_folder(folders / "train")
    assert limited(source, None) is limited(source, 25) is source


def test_the_report_counts_every_part(settings: Callable[..., ClassificationSettings], folders: Path) -> None:
    plain = find(settings()).report()
    assert plain.counts == {"train images": 24, "val images": 12, "classes": 3}
    assert plain.per_class == {"train": dict.fromkeys(("blue", "green", "red"), 8)} | {
        "val": dict.fromkeys(("blue", "green", "red"), 4)
    }
    selection = find(settings(images={"validation": 6})).report()
    assert selection.counts == {"train images": 18, "validation images": 6, "test images": 12, "classes": 3}
    assert selection.per_class["validation"] == dict.fromkeys(("blue", "green", "red"), 2)
    small = find(settings(images={"validation": 6}, limit=9, batch_size=4)).report()
    assert small.counts == {"train images": 9, "validation images": 6, "test images": 9, "classes": 3}
    # Over the whole data set, whatever part of it is used: so runs on parts are known to share it.
    assert plain.fingerprint == selection.fingerprint == small.fingerprint


def test_a_file_more_or_less_is_another_data_set(
    settings: Callable[..., ClassificationSettings], make_folders: Folders, tmp_path: Path
) -> None:
    root = make_folders(tmp_path / "mine")
    images = lying_in(root)
    before = find(settings(images=images)).fingerprint
    # The same files elsewhere are the same data set.
    assert before == find(settings()).fingerprint
    (root / "val/red/00.png").rename(root / "val/red/99.png")
    assert find(settings(images=images)).fingerprint != before


@pytest.mark.parametrize(("part", "other"), [("train", "val"), ("val", "train")])
def test_a_class_that_one_part_lacks_is_named(
    settings: Callable[..., ClassificationSettings], make_folders: Folders, tmp_path: Path, part: str, other: str
) -> None:
    root = make_folders(tmp_path)
    (root / part / "green").rename(tmp_path / "gone")
    said = refused(settings(images=lying_in(root)))
    assert said == f"{root / part}: lacks class 'green', which {root / other} has"


def test_fewer_images_than_a_batch_are_refused(settings: Callable[..., ClassificationSettings], folders: Path) -> None:
    assert "24 training images are fewer than batch_size=32" in refused(settings(batch_size=32))
    assert "6 training images are fewer than batch_size=8" in refused(settings(limit=6))


def test_a_zip_file_is_the_same_as_the_folder(
    settings: Callable[..., ClassificationSettings], folders: Path, tmp_path: Path
) -> None:
    for part in ("train", "val"):
        with zipfile.ZipFile(tmp_path / f"{part}.zip", "w") as archive:
            for file in sorted((folders / part).rglob("*.png")):
                archive.write(file, file.relative_to(folders / part))
    zipped = settings(images={"train": str(tmp_path / "train.zip"), "val": str(tmp_path / "val.zip")})
    assert find(zipped).report() == find(settings()).report()
    one, other = (next(iter(training_loader(find(how).train, how, 0, CPU))) for how in (zipped, settings()))
    assert torch.equal(one["images"], other["images"])


# --- CIFAR -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def cifar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """CIFAR-10 in torchvision's layout, of 60 images of noise to train on and 12 to test on, whose digests it knows."""
    noise = np.random.default_rng(0)
    folder = tmp_path / CIFAR10.base_folder
    folder.mkdir()

    def write(name: str, content: dict[str, Any]) -> list[str]:
        (folder / name).write_bytes(pickle.dumps(content))
        return [name, hashlib.md5((folder / name).read_bytes()).hexdigest()]

    for part in ("train_list", "test_list"):
        batches = [
            {"data": noise.integers(0, 256, (12, 3072), dtype=np.uint8), "labels": [0, 1, 2] * 4}
            for _ in getattr(CIFAR10, part)
        ]
        names = [name for name, _ in getattr(CIFAR10, part)]
        monkeypatch.setattr(CIFAR10, part, [write(*each) for each in zip(names, batches, strict=True)])
    meta = CIFAR10.meta
    _, digest = write(meta["filename"], {meta["key"]: ["zebra", "apple", "moth"]})
    monkeypatch.setattr(CIFAR10, "meta", {**meta, "md5": digest})
    return tmp_path


def cifar_images(root: Path, **others: Any) -> dict[str, Any]:
    return {"kind": "cifar10", "root": str(root), "train": None, "val": None, "image_size": 32, **others}


def test_cifar_is_found_and_split(settings: Callable[..., ClassificationSettings], cifar: Path) -> None:
    how = settings(images=cifar_images(cifar, validation=15))
    sources = find(how)
    assert sources.report().counts == {
        "train images": 45,
        "validation images": 15,
        "test images": 12,
        "classes": 3,
    }
    assert sources.test is not None
    published = CIFAR10(str(cifar), train=False)
    (batch,) = evaluation_loader(sources.test, how, CPU)
    for image, label, file in zip(batch["images"], batch["labels"].tolist(), sources.test.files, strict=True):
        picture, target = published[int(file.partition("/")[2])]
        assert (np.asarray(picture).transpose(2, 0, 1) == image.numpy()).all()
        assert label == target


def test_cifar_of_another_size_is_named(settings: Callable[..., ClassificationSettings], cifar: Path) -> None:
    how = settings(images=cifar_images(cifar, image_size=16))
    with pytest.raises(InputError, match=r"zebra/000\d\d: is 32 x 32 pixels; expected 16 x 16 \(image_size\)"):
        training_loader(find(how).train, how, 0, CPU)


def test_missing_cifar_is_named(settings: Callable[..., ClassificationSettings], cifar: Path) -> None:
    (cifar / CIFAR10.base_folder / "test_batch").unlink()
    said = refused(settings(images=cifar_images(cifar)))
    assert f"{cifar / CIFAR10.base_folder / 'test_batch'}: no such file" in said
    assert "download=True" in said


# --- batches ---------------------------------------------------------------------------------------------------------

WORKERS = {"memory": False, "decoding": {"workers": 2, "crop_scale": (0.9, 1.0), "colour_jitter": None}}


@pytest.fixture
def known(tmp_path: Path) -> Path:
    """Images of one colour each, so that each is known after any crop."""
    for part, each in (("train", 8), ("val", 5)):
        for label in range(3):
            folder = tmp_path / "known" / part / f"class{label}"
            folder.mkdir(parents=True)
            for number in range(each):
                Image.new("RGB", (16, 16), (10 * number, 80 * label, 7)).save(folder / f"{number}.png")
    return tmp_path / "known"


def seen(batch: dict[str, torch.Tensor], size: int = 16) -> list[tuple[int, int]]:
    """Class and number of each image of a batch, by its colour; they fit its label."""
    assert batch["images"].dtype == torch.uint8
    assert batch["images"].shape[1:] == (3, size, size)
    colours = batch["images"][:, :, size // 2, size // 2].tolist()
    found = [(green // 80, red // 10) for red, green, _ in colours]
    assert [label for label, _ in found] == batch["labels"].tolist()
    return found


def as_one_of(monkeypatch: pytest.MonkeyPatch, rank: int, processes: int) -> None:
    monkeypatch.setattr(loaders, "rank", lambda: rank)
    monkeypatch.setattr(loaders, "world_size", lambda: processes)


@pytest.mark.parametrize("images", [{}, WORKERS], ids=["memory", "workers"])
def test_an_epoch_has_every_image_once(
    settings: Callable[..., ClassificationSettings], known: Path, images: dict[str, Any]
) -> None:
    how = settings(images=lying_in(known, image_size=16, **images))
    loader = training_loader(find(how).train, how, 0, CPU)
    assert len(loader) == 3
    epochs = []
    for epoch in (0, 1):
        loader.sampler.set_epoch(epoch)
        batches = [seen(batch) for batch in loader]
        assert [len(batch) for batch in batches] == [8, 8, 8]
        epochs.append([image for batch in batches for image in batch])
        assert Counter(epochs[-1]) == Counter((label, number) for label in range(3) for number in range(8))
    assert epochs[0] != epochs[1]


def test_workers_are_sent_indices_of_the_cpu(settings: Callable[..., ClassificationSettings], known: Path) -> None:
    """A GPU's would be read back batch by batch. `meta` stands for a GPU: nothing can be read from there."""
    how, elsewhere = settings(images=lying_in(known, image_size=16, **WORKERS)), torch.device("meta")
    sources = find(how)
    pieces = list(training_loader(sources.train, how, 0, elsewhere).sampler)
    assert sum(len(piece.parts[0]) for piece in pieces) == 24
    assert len(list(evaluation_loader(sources.val, how, elsewhere).sampler)) > 0


@pytest.mark.parametrize("images", [{}, WORKERS], ids=["memory", "workers"])
def test_an_epoch_that_batches_do_not_divide_leaves_the_rest_out(
    settings: Callable[..., ClassificationSettings], known: Path, images: dict[str, Any]
) -> None:
    how = settings(images=lying_in(known, image_size=16, **images), batch_size=10, execution={"accumulate": 2})
    batches = [seen(batch) for batch in training_loader(find(how).train, how, 0, CPU)]
    assert [len(batch) for batch in batches] == [5] * 4
    assert len({image for batch in batches for image in batch}) == 20


@pytest.mark.parametrize("images", [{}, WORKERS], ids=["memory", "workers"])
def test_two_processes_share_an_epoch(
    settings: Callable[..., ClassificationSettings],
    known: Path,
    images: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    how = settings(images=lying_in(known, image_size=16, **images))
    source = find(how).train
    alone = [seen(batch) for batch in training_loader(source, how, 0, CPU)]
    shares = []
    for rank in (0, 1):
        as_one_of(monkeypatch, rank, 2)
        shares.append([seen(batch) for batch in training_loader(source, how, 0, CPU)])
    assert alone == [first + second for first, second in zip(*shares, strict=True)]


def test_a_batch_that_processes_cannot_share_is_refused(
    settings: Callable[..., ClassificationSettings], known: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    how = settings(images=lying_in(known, image_size=16), batch_size=6, execution={"accumulate": 2})
    as_one_of(monkeypatch, 0, 2)
    with pytest.raises(InputError, match="gives 3 images a process, which accumulate=2 does not divide"):
        training_loader(find(how).train, how, 0, CPU)


@pytest.mark.parametrize("images", [{}, WORKERS], ids=["memory", "workers"])
@pytest.mark.parametrize("processes", [1, 2, 4])
def test_every_image_is_evaluated_exactly_once(
    settings: Callable[..., ClassificationSettings],
    known: Path,
    images: dict[str, Any],
    processes: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    how = settings(images=lying_in(known, image_size=16, **images), batch_size=4)
    source = find(how).val
    found: list[tuple[int, int]] = []
    for rank in range(processes):
        as_one_of(monkeypatch, rank, processes)
        loader = evaluation_loader(source, how, CPU)
        batches = [seen(batch) for batch in loader]
        assert len(batches) == len(loader)
        found += [image for batch in batches for image in batch]
    assert Counter(found) == Counter((label, number) for label in range(3) for number in range(5))


def test_what_is_evaluated_is_not_augmented(settings: Callable[..., ClassificationSettings], folders: Path) -> None:
    how = settings(images={"augmentation": {"crop_padding": 4, "flip": True, "cutout": 4}})
    source = find(how).val
    (batch,) = evaluation_loader(source, how, CPU)
    for image, file in zip(batch["images"], source.files, strict=True):
        assert (np.asarray(Image.open(folders / "val" / file)).transpose(2, 0, 1) == image.numpy()).all()


# --- broken images ---------------------------------------------------------------------------------------------------


def read_all(sources: Sources, how: ClassificationSettings) -> None:
    list(training_loader(sources.train, how, 0, CPU))
    list(evaluation_loader(sources.val, how, CPU))


def test_an_image_of_another_size_is_named_or_resized(
    settings: Callable[..., ClassificationSettings], make_folders: Folders, tmp_path: Path
) -> None:
    root = make_folders(tmp_path)
    wrong = root / "train/green/03.png"
    Image.new("RGB", (12, 9)).save(wrong)
    how = settings(images=lying_in(root))
    with pytest.raises(InputError) as caught:
        read_all(find(how), how)
    assert str(caught.value) == f"{wrong}: is 12 x 9 pixels; expected 8 x 8 (image_size), or resize=True"
    for images in ({"resize": True}, {"memory": False, "decoding": {"workers": 1}}):
        how = settings(images=lying_in(root, **images))
        read_all(find(how), how)


@pytest.mark.parametrize("images", [{}, WORKERS], ids=["memory", "workers"])
@pytest.mark.parametrize("part", ["train", "val"])
def test_a_truncated_jpeg_is_named(
    settings: Callable[..., ClassificationSettings],
    make_folders: Folders,
    tmp_path: Path,
    images: dict[str, Any],
    part: str,
) -> None:
    root = make_folders(tmp_path, size=32)
    whole = Image.open(root / part / "red/02.png")
    (root / part / "red/02.png").unlink()
    broken = root / part / "red/02.jpg"
    whole.save(broken)
    broken.write_bytes(broken.read_bytes()[: broken.stat().st_size // 2])
    how = settings(images=lying_in(root, image_size=32, **images))
    sources = find(how)
    with pytest.raises(InputError) as caught:
        read_all(sources, how)
    assert str(caught.value).startswith(f"{broken}: cannot be read as an image: ")
    assert "\n" not in str(caught.value)


def test_a_validated_config_is_the_same_settings(config: Config) -> None:
    values = get_task("classification").validate(config(images={"validation": 6}), "tiny.py")
    assert ClassificationSettings.model_validate(values) == ClassificationSettings.model_validate(
        config(images={"validation": 6})
    )
