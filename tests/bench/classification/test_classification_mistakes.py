"""A value that a classification config cannot have is one line that names the key."""

from __future__ import annotations

import pytest

from backbones.errors import InputError
from bench.tasks.registry import load_protocol


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["channels=wide"], "key 'channels': expected an even number from 2 to 4096, or 'fit' (got 'wide')"),
        (["channels=7"], "key 'channels': expected an even number from 2 to 4096, or 'fit' (got 7)"),
        (["channels=0"], "key 'channels': expected an even number from 2 to 4096, or 'fit' (got 0)"),
        (["channels=16.0"], "key 'channels': expected an even number from 2 to 4096, or 'fit' (got 16.0)"),
        (["channels=True"], "key 'channels': expected a number (got True)"),
        (["channels=fit"], "macs_limit is missing: channels='fit' needs it"),
        (["layers=2"], "key 'layers': Input should be greater than or equal to 3 (got 2)"),
        (["network=resnet"], "key 'network': Input should be 'cifar' or 'imagenet' (got 'resnet')"),
        (["optimiser.schedule=step"], "key 'optimiser.schedule': Input should be 'cosine' or 'linear' (got 'step')"),
        (["optimiser.warmup_epochs=6"], "optimiser.warmup_epochs=6: expected fewer than epochs=6"),
        (["optimiser.lr=nan"], "key 'optimiser.lr'"),
        (["execution.accumulate=3"], "execution.accumulate=3 does not divide batch_size"),
        (["execution.precision=fp16"], "key 'execution.precision': Input should be 'fp32' or 'bf16' (got 'fp16')"),
        (["execution.acumulate=2"], "unknown key 'execution.acumulate'; did you mean 'accumulate'?"),
        (["ema=1"], "key 'ema': Input should be less than 1 (got 1)"),
        (["drop_path=1"], "key 'drop_path': Input should be less than 1 (got 1)"),
        (["images.validation=0"], "key 'images.validation': Input should be greater than or equal to 1 (got 0)"),
        (["images.kind=cifar10"], "key 'images': root is missing: kind 'cifar10' needs root"),
        (
            ["images.kind=cifar10", "images.root=data"],
            "key 'images': train is for another kind: kind 'cifar10' needs root",
        ),
        (["images.train=None"], "key 'images': train is missing: kind 'folder' needs train and val"),
        (["images.root=data"], "key 'images': root is for another kind: kind 'folder' needs train and val"),
        (["images.memory=False"], "key 'images': augmentation.crop_padding is for memory=True"),
        (
            ["images.memory=False", "images.augmentation.crop_padding=0", "images.resize=True"],
            "key 'images': resize=True needs memory=True; workers crop every image to image_size",
        ),
        (["images.decoding.workers=2"], "key 'images': decoding is for images that are not held in memory"),
        (["images.download=True"], "key 'images': download is for kind 'cifar10' or 'cifar100'"),
    ],
)
def test_a_value_that_cannot_be_is_named(options: list[str], said: str) -> None:
    with pytest.raises(InputError) as caught:
        load_protocol("classification/digits", options)
    line = str(caught.value)
    _, file, rest = line.partition("configs/classification/digits.py: ")
    assert file, line
    assert rest.startswith(said)
    # The one line does not quote the config.
    assert len(rest) < 160
    assert "\n" not in line


def test_cifar_without_its_folder() -> None:
    with pytest.raises(InputError, match=r"key 'images': root is missing: kind 'cifar10' needs root$"):
        load_protocol("classification/cifar10", ["images.root=None"])
