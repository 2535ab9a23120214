from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from backbones.errors import InputError
from backbones.operations import SEARCH_OPERATIONS
from search.configs import (
    config_names,
    config_root,
    find_config,
    load_config,
    nearest,
    parse,
    parse_option,
    plain,
    portable,
)
from search.settings import SearchSettings


def settings(name: str, *options: str) -> SearchSettings:
    loaded = load_config(name, options)
    return parse(SearchSettings, loaded.values, str(loaded.path))


def complaint(text: str, tmp_path: Path, *options: str) -> str:
    """The one line that a config's text gets."""
    file = tmp_path / "mine.py"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        settings(str(file), *options)
    message = str(caught.value)
    assert str(file) in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize("name", config_names("search"))
def test_every_search_config_is_valid_and_plain(name: str) -> None:
    loaded = load_config(name)
    assert loaded.name == name
    assert json.loads(json.dumps(loaded.values)) == loaded.values
    found = settings(name)
    assert found.task == "search"
    # A shortened protocol says so.
    assert bool(found.reduced) == ("mini" in name)


def test_pc_darts_cifar10_is_the_papers() -> None:
    """PC-DARTS 4.2."""
    found = settings("search/pc_darts_cifar10")
    (stage,) = found.stages
    assert (stage.epochs, stage.frozen_epochs, stage.layers, stage.channels) == (50, 15, 8, 16)
    assert (stage.keep, stage.skip_dropout) == (None, 0)
    assert (found.nodes, found.partial_channels, found.edge_normalisation) == (4, 4, True)
    assert (found.rule, found.batch_size, found.stem, found.max_skips) == ("pc-darts", 256, "cifar", None)
    weights = found.weights
    assert (weights.lr, weights.final_lr, weights.momentum, weights.weight_decay) == (0.1, 0, 0.9, 3e-4)
    architecture = found.architecture
    assert (architecture.lr, architecture.betas, architecture.weight_decay) == (6e-4, (0.5, 0.999), 1e-3)
    assert set(found.operations) == set(SEARCH_OPERATIONS)


def test_p_darts_cifar10_is_the_papers() -> None:
    """P-DARTS 5.1.1."""
    found = settings("search/p_darts_cifar10")
    assert [stage.layers for stage in found.stages] == [5, 11, 17]
    assert [stage.keep or len(found.operations) for stage in found.stages] == [8, 5, 3]
    assert [stage.skip_dropout for stage in found.stages] == [0.0, 0.4, 0.7]
    assert {(stage.epochs, stage.frozen_epochs, stage.channels) for stage in found.stages} == {(25, 10, 16)}
    assert (found.batch_size, found.max_skips, found.rule, found.nodes) == (96, 2, "p-darts", 4)
    assert (found.partial_channels, found.edge_normalisation, found.skip_dropout_decay) == (1, False, 0.2)
    architecture = found.architecture
    assert (architecture.lr, architecture.betas, architecture.weight_decay) == (6e-4, (0.5, 0.999), 1e-3)


BASED = "_base_ = '{root}/search/p_darts_cifar10.py'\n"


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("batchsize = 3", "unknown key 'batchsize'; did you mean 'batch_size'?"),
        ("weights = dict(learning_rate=1)", "unknown key 'weights.learning_rate'; known: clip_norm"),
        ("weights = dict(momentums=1)", "unknown key 'weights.momentums'; did you mean 'momentum'?"),
        ("proxy = dict(augmentation=dict(flips=True))", "'proxy.augmentation.flips'; did you mean 'flip'?"),
        (
            "stages = [dict(epochs=2, frozen_epochs=1, layers=3, channels=4, chanels=4)]",
            "unknown key 'stages.0.chanels'; did you mean 'channels'?",
        ),
        ("stages = [dict(epochs=2, frozen_epochs=1, layers=3)]", "'stages.0.channels' is missing"),
        ("stages = [dict(epochs=2, frozen_epochs=2, layers=3, channels=4)]", "frozen_epochs=2"),
        ("stages = []", "'stages'"),
        ("stages = [dict(epochs=2, frozen_epochs=1, layers=2, channels=4)]", "'stages.0.layers'"),
        ("batch_size = 'many'", "'batch_size'"),
        ("batch_size = 1", "'batch_size'"),
        ("task = 'detection'", "'task'"),
        ("rule = 'pc-darts'", "edge_normalisation=True"),
        ("partial_channels = 5", "stages.0.channels=16 is not divisible by partial_channels=5"),
        ("operations = ['none', 'skip_connect']", "stages.1.keep=5"),
        ("weights = dict(lr=0)", "'weights.lr'"),
        ("max_skips = -1", "'max_skips'"),
        ("proxy = dict(mean=(0.5, 0.5))", "'proxy.mean"),
    ],
)
def test_mistakes_are_named_with_file_and_key(line: str, named: str, tmp_path: Path) -> None:
    assert named in complaint(BASED.format(root=config_root()) + line, tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "x = (",
        "x = y",
        "x = 1 / 0",
        "x = int('a')",
        "assert 0",
        "_base_ = './none.py'",
        "_base_ = 'mmdetx::a.py'",
        "raise ValueError('two\\nlines')",
    ],
)
def test_a_config_that_does_not_load_is_named(text: str, tmp_path: Path) -> None:
    assert "cannot be read as a config" in complaint(text, tmp_path)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("search/pc_darts_cifar", "did you mean 'search/pc_darts_cifar10'?"),
        ("search/p_dart_cifar10", "did you mean 'search/p_darts_cifar10'?"),
        ("../configs/search/p_darts_cifar10", "search/p_darts_cifar10"),
        ("qqqq", "search/pc_darts_cifar10"),
        ("nowhere/mine.py", "no such config file"),
    ],
)
def test_an_unknown_name_gets_the_nearest(name: str, hint: str) -> None:
    with pytest.raises(InputError) as caught:
        find_config(name)
    assert name in str(caught.value)
    assert hint in str(caught.value)


def test_a_file_elsewhere_is_named_by_its_folder(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(BASED.format(root=config_root()), encoding="utf-8")
    assert load_config(str(file)).name == f"local-{tmp_path.name}-mine"
    inside = config_root() / "search" / "p_darts_cifar10.py"
    assert load_config(str(inside)).name == "search/p_darts_cifar10"


def test_options_change_values() -> None:
    found = settings(
        "search/p_darts_cifar10",
        *("batch_size=8", "stages.1.epochs=3", "stages.1.frozen_epochs=0", "weights.clip_norm=None"),
        *("proxy.root=my/data", "architecture.betas=(0.9, 0.99)", "proxy.augmentation.flip=False"),
    )
    assert (found.batch_size, found.stages[1].epochs, found.weights.clip_norm) == (8, 3, None)
    assert (found.proxy.root, found.architecture.betas) == ("my/data", (0.9, 0.99))
    assert found.proxy.augmentation.flip is False
    assert [found.stages[0].epochs, found.stages[2].epochs] == [25, 25]


@pytest.mark.parametrize(
    ("option", "named"),
    [
        ("batchsize=3", "did you mean 'batch_size'?"),
        ("stages.0.epoch=3", "did you mean 'epochs'?"),
        ("stages.7.epochs=3", "stages.7.epochs=3"),
        ("stages.epochs=3", "stages.epochs=3"),
        ("batch_size.x=3", "batch_size.x=3"),
        ("proxy.augmentation.crop=3", "'proxy.augmentation.crop'"),
    ],
)
def test_options_of_unknown_keys(option: str, named: str, tmp_path: Path) -> None:
    assert named in complaint(BASED.format(root=config_root()), tmp_path, option)


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("a=1", ("a", 1)),
        ("a.0.b=1e-3", ("a.0.b", 1e-3)),
        ("a=text", ("a", "text")),
        ("a=", ("a", "")),
        ("a=b=c", ("a", "b=c")),
        ("a=[1, 'b']", ("a", [1, "b"])),
        ("a=None", ("a", None)),
        ("a=__import__('os')", ("a", "__import__('os')")),
    ],
)
def test_options_are_literals_or_text(option: str, expected: tuple[str, Any]) -> None:
    assert parse_option(option) == expected


@pytest.mark.parametrize("option", ["a", "", "=3"])
def test_malformed_options(option: str) -> None:
    with pytest.raises(InputError, match="key=value"):
        parse_option(option)


def test_portable_leaves_no_folder_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WILDNAS_DATA", "/mnt/sets/")
    monkeypatch.delenv("WILDNAS_DIGITS", raising=False)
    values = {
        "a": "/mnt/sets/cifar10",
        "b": ["/mnt/sets", "/mnt/setsuna", "work/digits/x", 3, None],
        "c": {"d": "x/mnt/sets"},
    }
    assert portable(values) == {
        "a": "$WILDNAS_DATA/cifar10",
        "b": ["$WILDNAS_DATA", "/mnt/setsuna", "$WILDNAS_DIGITS/x", 3, None],
        "c": {"d": "x/mnt/sets"},
    }


def test_data_folders_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WILDNAS_DATA", "/mnt/sets")
    here = load_config("search/p_darts_cifar10").values
    assert here["proxy"]["root"] == "/mnt/sets/cifar10/train"
    monkeypatch.setenv("WILDNAS_DATA", "/elsewhere")
    there = load_config("search/p_darts_cifar10").values
    assert there["proxy"]["root"] == "/elsewhere/cifar10/train"
    # A record's config, and with it its key, is the same wherever the data lie.
    there_portable = portable(there)
    monkeypatch.setenv("WILDNAS_DATA", "/mnt/sets")
    assert portable(here) == there_portable


def test_plain_values_survive_json() -> None:
    value = plain({1: (1, 2), "r": range(3), "p": Path("a/b"), "t": dict, "f": len})
    assert value == {"1": [1, 2], "r": [0, 1, 2], "p": "a/b", "t": "builtins.dict", "f": "builtins.len"}
    assert json.loads(json.dumps(value)) == value


def test_nearest() -> None:
    assert nearest("epoch", ["epochs", "layers"]) == "did you mean 'epochs'?"
    assert nearest("zzz", ["epochs", "layers"]) == "known: epochs, layers"
