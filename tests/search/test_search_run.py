from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.runner import Runner

from backbones.errors import InputError
from search import run as run_module
from search.derive import derive, read_architecture
from search.loop.stages import StageHook, bilevel_of
from search.run import SearchResult, run_search
from search.settings import SearchSettings

Settings = Callable[..., SearchSettings]


class Interrupted(Exception):
    pass


def interrupt_at(stage: int, epoch: int) -> Callable[[float, str], None]:
    """A progress callback that ends the search after the first batch of an epoch."""

    def progress(fraction: float, doing: str) -> None:
        if f"stage {stage} of" in doing and f"epoch {epoch} of" in doing:
            raise Interrupted

    return progress


def weights(folder: Path) -> dict[str, torch.Tensor]:
    file = folder / (folder / "last_checkpoint").read_text(encoding="utf-8").split("/")[-1]
    return torch.load(file, weights_only=True)["state_dict"]


def files(folder: Path) -> dict[str, bytes]:
    """What a search leaves behind beside logs and checkpoints."""
    names = [
        *("architecture.json", "curve.jsonl", "stage1/architecture.json", "stage2/architecture.json"),
        *("stage1/epochs.jsonl", "stage2/epochs.jsonl", "stage1/summary.json", "stage2/summary.json"),
    ]
    return {name: (folder / name).read_bytes() for name in names}


@dataclass(frozen=True)
class Finished:
    """A search that was never interrupted, and where it lies."""

    result: SearchResult
    folder: Path


@pytest.fixture(scope="module")
def whole(tiny_search: Settings, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    folder = tmp_path_factory.mktemp("whole")
    return Finished(run_search(tiny_search(), folder, seed=1), folder)


def test_the_final_accuracy_is_measured_with_the_execution_settings(
    tiny_search: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure = run_module._accuracy
    seen: list[tuple[bool, bool]] = []

    def recorded(*arguments: Any) -> float:
        seen.append((torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark))
        return measure(*arguments)

    monkeypatch.setattr(run_module, "_accuracy", recorded)
    stage = {"epochs": 1, "frozen_epochs": 0, "layers": 3, "channels": 4}
    run_search(tiny_search(stages=[stage], execution={"tf32": False, "cudnn_benchmark": True}), tmp_path, seed=1)
    assert seen == [(False, True)]


def test_two_stages_end_to_end(whole: Finished) -> None:
    found = read_architecture(whole.folder / "architecture.json")
    assert found == whole.result.architecture == read_architecture(whole.folder / "stage2" / "architecture.json")
    assert whole.result.genotype == derive(found)
    assert whole.result.genotype.skip_count <= 1
    assert (found.rule, found.max_skips, found.nodes, found.beta_normal) == ("p-darts", 1, 2, None)
    # The last stage has the best three of what the first has learned, whatever they are.
    first = read_architecture(whole.folder / "stage1" / "architecture.json")
    for cell in ("normal", "reduce"):
        rows = zip(
            getattr(first, f"operations_{cell}"),
            getattr(first, f"alpha_{cell}"),
            getattr(found, f"operations_{cell}"),
            strict=True,
        )
        for names, alpha, kept in rows:
            ranked = sorted((value, name) for name, value in zip(names, alpha, strict=True))
            assert set(kept) == {name for _, name in ranked[-3:]}
    assert 0 <= whole.result.accuracy <= 100
    assert whole.result.params == sum(
        value.numel()
        for name, value in weights(whole.folder / "stage2").items()
        if "alpha" not in name and "running" not in name and "tracked" not in name
    )
    assert whole.result.counts == {"weight images": 8, "architecture images": 8, "classes": 2}
    lines = [
        json.loads(line) for line in (whole.folder / "stage2/epochs.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert [line["epoch"] for line in lines] == [1, 2, 3]
    assert lines[-1]["genotype"] == whole.result.genotype.to_json()
    assert all(0 <= line["train_accuracy"] <= 100 and line["train_loss"] > 0 for line in lines)


def test_the_curve_has_every_epoch_of_every_stage_without_alpha(whole: Finished) -> None:
    curve = [json.loads(line) for line in (whole.folder / "curve.jsonl").read_text(encoding="utf-8").splitlines()]
    expected = [(stage, epoch) for stage in (1, 2) for epoch in (1, 2, 3)]
    assert [(line["stage"], line["epoch"]) for line in curve] == expected
    for line in curve:
        log = (whole.folder / f"stage{line['stage']}" / "epochs.jsonl").read_text(encoding="utf-8").splitlines()
        logged = json.loads(log[line["epoch"] - 1])
        assert logged.keys() - line.keys() == {"alpha_normal", "alpha_reduce"}
        assert line == {"stage": line["stage"], **{key: value for key, value in logged.items() if key in line}}


def test_the_same_seed_gives_the_same_bytes_and_another_another(
    whole: Finished, tiny_search: Settings, tmp_path: Path
) -> None:
    torch.manual_seed(99)
    run_search(tiny_search(), tmp_path / "again", seed=1)
    assert files(tmp_path / "again") == files(whole.folder)
    one, other = weights(tmp_path / "again" / "stage2"), weights(whole.folder / "stage2")
    assert all(torch.equal(one[name], other[name]) for name in other)
    run_search(tiny_search(), tmp_path / "other", seed=2)
    assert files(tmp_path / "other")["architecture.json"] != files(whole.folder)["architecture.json"]


@pytest.mark.parametrize(("stage", "epoch"), [(1, 1), (1, 2), (2, 2), (2, 3)])
def test_an_interrupted_search_resumed_equals_an_uninterrupted_one(
    whole: Finished, tiny_search: Settings, tmp_path: Path, stage: int, epoch: int
) -> None:
    folder = tmp_path / "resumed"
    with pytest.raises(Interrupted):
        run_search(tiny_search(), folder, 1, interrupt_at(stage, epoch))
    assert not (folder / "architecture.json").exists()
    torch.manual_seed(99)
    result = run_search(tiny_search(), folder, 1)
    assert result == whole.result
    assert files(folder) == files(whole.folder)
    for place in (1, 2):
        one, other = weights(folder / f"stage{place}"), weights(whole.folder / f"stage{place}")
        assert all(torch.equal(one[name], other[name]) for name in other)


def test_an_interrupted_second_order_search_resumed_equals_an_uninterrupted_one(
    tiny_search: Settings, tmp_path: Path
) -> None:
    """With momentum in the unrolled step, which is the optimiser's and is resumed with it."""
    settings = tiny_search(order=2, edge_normalisation=True, partial_channels=2)
    expected = run_search(settings, tmp_path / "whole", 1)
    with pytest.raises(Interrupted):
        run_search(settings, tmp_path / "resumed", 1, interrupt_at(2, 3))
    torch.manual_seed(99)
    assert run_search(settings, tmp_path / "resumed", 1) == expected
    assert files(tmp_path / "resumed") == files(tmp_path / "whole")
    for place in (1, 2):
        one, other = (weights(tmp_path / name / f"stage{place}") for name in ("resumed", "whole"))
        assert all(torch.equal(one[name], other[name]) for name in other)


def test_a_search_in_other_settings_or_processes_is_not_gone_on_with(
    whole: Finished, tiny_search: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match="other settings"):
        run_search(tiny_search(order=2), whole.folder, 1)
    monkeypatch.setattr(run_module, "world_size", lambda: 2)
    with pytest.raises(InputError, match="another number of processes"):
        run_search(tiny_search(), whole.folder, 1)


def test_weights_that_are_not_finite_are_no_result(
    tiny_search: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the last step did to the weights no loss tells of."""

    def spoil(hook: StageHook, runner: Runner) -> None:
        if runner.epoch == 2:
            bilevel_of(runner).supernet.classifier.weight.data.fill_(float("nan"))

    monkeypatch.setattr(StageHook, "after_train_epoch", spoil)
    with pytest.raises(FloatingPointError, match=r"classifier\.weight is not finite"):
        run_search(tiny_search(), tmp_path, 1)
    assert not (tmp_path / "stage1" / "architecture.json").exists()


def test_a_search_in_bf16(tiny_search: Settings, tmp_path: Path) -> None:
    """Under autocast; what is saved is fp32."""
    settings = tiny_search(
        stages=[{"epochs": 1, "frozen_epochs": 0, "layers": 3, "channels": 4}], max_skips=None, precision="bf16"
    )
    found = run_search(settings, tmp_path / "bf16", 1)
    expected = run_search(settings.model_copy(update={"precision": "fp32"}), tmp_path / "fp32", 1)
    assert all(value.dtype != torch.bfloat16 for value in weights(tmp_path / "bf16" / "stage1").values())
    for one, other in zip(found.architecture.alpha_normal, expected.architecture.alpha_normal, strict=True):
        # Two steps of at most 0.01 each.
        assert one == pytest.approx(other, abs=0.05)
    assert found.architecture != expected.architecture


def test_a_finished_search_is_not_run_again(whole: Finished, tiny_search: Settings) -> None:
    told: list[str] = []
    again = run_search(tiny_search(), whole.folder, 1, lambda fraction, doing: told.append(doing))
    assert again == whole.result
    assert told == []


def test_the_architecture_moves_after_its_frozen_epochs_only(tiny_search: Settings, tmp_path: Path) -> None:
    """PC-DARTS' α and β: of epochs 1 to 3 the first two are frozen; the weights move from the first on."""
    settings = tiny_search(
        stages=[{"epochs": 3, "frozen_epochs": 2, "layers": 3, "channels": 4}],
        rule="pc-darts",
        partial_channels=2,
        edge_normalisation=True,
        max_skips=None,
    )
    with pytest.raises(Interrupted):
        run_search(settings, tmp_path, 1, interrupt_at(1, 2))
    first = torch.load(tmp_path / "stage1" / "epoch_1.pth", weights_only=True)["state_dict"]
    result = run_search(settings, tmp_path, 1)
    second, third = (
        torch.load(tmp_path / "stage1" / f"epoch_{epoch}.pth", weights_only=True)["state_dict"] for epoch in (2, 3)
    )
    names = {f"supernet.{kind}_{cell}" for kind in ("alpha", "beta") for cell in ("normal", "reduce")}
    assert names < set(first)
    for name in names:
        assert torch.equal(first[name], second[name])
        assert not torch.equal(second[name], third[name])
    for name in ("supernet.stem.0.weight", "supernet.classifier.weight"):
        assert not torch.equal(first[name], second[name])
        assert not torch.equal(second[name], third[name])
    assert result.architecture.beta_normal == third["supernet.beta_normal"].double().tolist()
    assert result.architecture.alpha_reduce == third["supernet.alpha_reduce"].double().tolist()


def test_stages_are_initialised_anew(whole: Finished) -> None:
    """P-DARTS 4.3.2; and not with the numbers of the stage before."""
    first, second = (weights(whole.folder / f"stage{place}") for place in (1, 2))
    name = "supernet.stem.0.weight"
    assert (first[name] - second[name]).abs().mean() > 0.05


def test_carried_alpha_begins_where_the_stage_before_ended(tiny_search: Settings, tmp_path: Path) -> None:
    """P-DARTS, footnote 1: a resumed search's, too. The weights are drawn anew, α is frozen in the first two epochs."""
    settings = tiny_search(initial_alpha="carried", edge_normalisation=True)
    with pytest.raises(Interrupted):
        run_search(settings, tmp_path, 1, interrupt_at(2, 1))
    run_search(settings, tmp_path, 1)
    before = read_architecture(tmp_path / "stage1" / "architecture.json")
    line = json.loads((tmp_path / "stage2" / "epochs.jsonl").read_text(encoding="utf-8").splitlines()[0])
    after = read_architecture(tmp_path / "stage2" / "architecture.json")
    for cell in ("normal", "reduce"):
        learned = (
            dict(zip(names, row, strict=True))
            for names, row in zip(getattr(before, f"operations_{cell}"), getattr(before, f"alpha_{cell}"), strict=True)
        )
        left = getattr(after, f"operations_{cell}")
        assert line[f"alpha_{cell}"] == [
            [values[name] for name in names] for values, names in zip(learned, left, strict=True)
        ]
        assert line[f"beta_{cell}"] == getattr(before, f"beta_{cell}")


def test_a_search_tells_of_its_stages(whole: Finished) -> None:
    """Read off `architecture.json` of each stage by hand."""
    found = json.loads((whole.folder / "diagnostics.json").read_text(encoding="utf-8"))
    stages = [read_architecture(whole.folder / f"stage{place}" / "architecture.json") for place in (1, 2)]
    for cell in ("normal", "reduce"):
        best = [
            [
                max(zip(row, names, strict=True))[1]
                for row, names in zip(
                    getattr(stage, f"alpha_{cell}"), getattr(stage, f"operations_{cell}"), strict=True
                )
            ]
            for stage in stages
        ]
        assert found["kept_operations"][cell] == [sum(one == other for one, other in zip(*best, strict=True))]
    assert [sum(levels) for levels in found["connection_levels"]] == [4, 4]
    # Two nodes: levels 1 and 2 from the inputs, 3 from the first node.
    assert [len(levels) for levels in found["connection_levels"]] == [3, 3]
    assert all(type(peak) is int and peak > 0 for peak in found["stage_peak_memory"])


def test_a_stage_keeps_its_peak_memory_when_the_search_is_resumed(
    tiny_search: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own, whatever the try that goes on needs; and the higher one of both tries of an interrupted stage."""
    peak = 500

    def needs(memory: int) -> None:
        nonlocal peak
        peak = memory

    def progress(fraction: float, doing: str) -> None:
        if "stage 2 of" in doing and "epoch 1 of" in doing:
            needs(900)
        interrupt_at(2, 3)(fraction, doing)

    monkeypatch.setattr("search.training.memory.peak_memory", lambda: peak)
    with pytest.raises(Interrupted):
        run_search(tiny_search(), tmp_path, 1, progress)
    needs(700)
    run_search(tiny_search(), tmp_path, 1)
    found = json.loads((tmp_path / "diagnostics.json").read_text(encoding="utf-8"))
    assert found["stage_peak_memory"] == [500, 900]
    needs(300)
    run_search(tiny_search(), tmp_path, 1)
    assert json.loads((tmp_path / "diagnostics.json").read_text(encoding="utf-8")) == found


def test_progress_rises_over_all_stages(tiny_search: Settings, tmp_path: Path) -> None:
    told: list[float] = []
    run_search(tiny_search(), tmp_path / "search", 1, lambda fraction, doing: told.append(fraction))
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1)
    assert len(told) == 2 * 3 * 2


def test_unreadable_data_are_refused_before_any_training(
    tiny_search: Settings, tmp_path: Path, make_images: Callable[..., Path]
) -> None:
    settings = tiny_search()
    root = make_images(tmp_path / "images")
    settings = settings.model_copy(update={"proxy": settings.proxy.model_copy(update={"root": str(root)})})
    broken = root / "class1" / "5.png"
    broken.write_bytes(b"no image")
    with pytest.raises(InputError, match=str(broken)):
        run_search(settings, tmp_path / "search", 1)
    assert not (tmp_path / "search" / "stage1").exists()


def test_any_seed_of_64_bits_will_do(tiny_search: Settings, tmp_path: Path) -> None:
    settings = tiny_search(stages=[{"epochs": 1, "frozen_epochs": 0, "layers": 3, "channels": 4}], max_skips=None)
    found = {run_search(settings, tmp_path / str(seed), seed).genotype for seed in (0, 5_000_000, 2**40)}
    assert found
