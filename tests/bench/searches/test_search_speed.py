"""`wildnas speed search` and `wildnas search --dry-run`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from backbones.errors import InputError
from bench.commands.cli import main
from bench.machine.timing import isolated
from bench.searches.speed import StageSpeed, estimate, measure_stage, stage_space
from bench.searches.task import search_settings

TINY = ("proxy.image_size=8", "nodes=2")


def speed(**changes: object) -> StageSpeed:
    values = {
        "stage": 1,
        "supernet": "fast",
        "layers": 3,
        "channels": 8,
        "candidates": 8,
        "batch_size": 10,
        "device": "CPU",
        "precision": "fp32",
        "forward_backward": [1.0, 3.0, 2.0],
        "weight_step": [2.0, 4.0],
        "architecture_step": [1.0],
        "peak_memory": 1000,
    }
    return StageSpeed(**{**values, **changes})  # type: ignore[arg-type]


def test_images_per_second_are_those_of_a_weight_step() -> None:
    assert speed().images_per_second == pytest.approx(10 / 3)
    assert speed(weight_step=[]).images_per_second == pytest.approx(10 / 2)


def test_the_estimate_counts_frozen_epochs_as_such() -> None:
    settings = search_settings("search/digits_p_darts")
    assert [(stage.epochs, stage.frozen_epochs) for stage in settings.stages] == [(8, 1)] * 3
    # Eight epochs of weight steps of 3 s, seven of architecture steps of 1 s, seven steps an epoch.
    assert estimate(settings, [speed()] * 3, steps_per_epoch=7) == [7 * (8 * 3.0 + 7 * 1.0)] * 3


def test_the_space_of_a_stage_has_its_size_and_the_dearest_candidates() -> None:
    settings = search_settings("search/p_darts_cifar10")
    assert [len(stage_space(settings, place).normal[0]) for place in range(3)] == [8, 5, 3]
    assert stage_space(settings, 2).normal[0] == ("sep_conv_3x3", "sep_conv_5x5", "dil_conv_5x5")
    assert len(stage_space(search_settings("search/p_darts_cifar10_random_space"), 0).normal[0]) == 3


@pytest.mark.parametrize("plain", [False, True])
def test_a_stage_is_measured(plain: bool) -> None:
    settings = search_settings("search/digits_pc_darts", TINY)
    found = measure_stage(settings, 0, 4, 2, plain)
    assert (found.batch_size, found.supernet) == (4, "plain" if plain else "fast")
    assert len(found.forward_backward) == 2
    assert len(found.weight_step) == len(found.architecture_step) == (0 if plain else 2)
    assert all(seconds > 0 for seconds in (*found.forward_backward, *found.weight_step, *found.architecture_step))


def raise_error(kind: str) -> None:
    raise {"memory": RuntimeError("DefaultCPUAllocator: can't allocate memory"), "other": ValueError("x")}[kind]


def test_too_little_memory_is_one_line_and_other_errors_stay() -> None:
    with pytest.raises(InputError, match=r"memory does not suffice .* --batch-size 2"):
        isolated(raise_error, "memory", hint="--batch-size 2")
    with pytest.raises(ValueError, match="x"):
        isolated(raise_error, "other", hint="")


def test_speed_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--batch-size", "4", "--repetitions", "1", "--plain", "--json", "--cfg-options", *TINY]
    assert main(["speed", "search", "search/digits_pc_darts", *options]) == 0
    stages = json.loads(capsys.readouterr().out)["stages"]
    assert [stage["supernet"] for stage in stages] == ["fast", "plain"]
    assert all(stage["images_per_second"] > 0 and stage["peak_memory"] >= 0 for stage in stages)


def test_a_dry_run_says_memory_and_time(
    on_mini_digits: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ["--dry-run", "--cfg-options", "embedded=None", "batch_size=16", *TINY]
    assert main(["search", "search/digits_pc_darts", *options]) == 0
    out = capsys.readouterr().out
    assert "peak memory (MB)" in out
    assert "search/digits_pc_darts on CPU" in out
    assert "steps an epoch" in out
    assert not Path("results").exists()
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert main(["search", "search/digits_pc_darts", *options]) == 2
    assert "a dry run measures one process" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--stage", "2"], "stage 2: search/digits_pc_darts has 1 stage"),
        (["--batch-size", "0"], "expected a whole number from 1 to"),
        (["--cfg-options", "weights.clip_norm=-1"], "clip_norm"),
        (["--cfg-options", "architecture.betas=(1.5,0.9)"], "betas"),
        (["--cfg-options", "skip_dropout_decay=-2"], "skip_dropout_decay"),
        (["--cfg-options", "proxy.std=(0,0,0)"], "std"),
        (["--cfg-options", "operations=['none']"], "besides 'none'"),
        (["--cfg-options", "random_channels=True", "partial_channels=1"], "random_channels"),
    ],
)
def test_mistakes_are_one_line(argv: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "200")
        try:
            code = main(["speed", "search", "search/digits_pc_darts", *argv])
        except SystemExit as stop:
            code = int(stop.code or 0)
    assert code == 2
    message = capsys.readouterr().err.strip()
    assert said in message
    assert len(message.splitlines()) == 1
