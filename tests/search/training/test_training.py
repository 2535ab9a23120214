from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from search.training.hooks import (
    EpochSeedHook,
    FiniteLossHook,
    PlainCheckpointHook,
    ProgressHook,
    default_hooks,
    experiment_name,
    last_checkpoint,
)
from search.training.seeds import seed_everything, seed_worker


def draws() -> tuple[float, float, float]:
    return random.random(), float(np.random.rand()), float(torch.rand(()))


class Line(BaseModel):
    """A linear model whose step notes what the random generators give."""

    def __init__(self, losses: list[float] | None = None) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 1)
        self.drawn: list[tuple[float, float, float]] = []
        self.losses = losses

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x)

    def train_step(self, data: list[torch.Tensor], optim_wrapper: OptimWrapper) -> dict[str, torch.Tensor]:
        self.drawn.append(draws())
        loss = self(data[0]).square().mean()
        optim_wrapper.update_params(loss)
        return {"loss": loss.detach() if self.losses is None else torch.tensor(self.losses[len(self.drawn) - 1])}


def run(
    folder: Path, *hooks: Hook, epochs: int = 3, resume: Path | None = None, losses: list[float] | None = None
) -> Line:
    torch.manual_seed(0)
    model = Line(losses)
    runner = Runner(
        model=model,
        work_dir=str(folder),
        train_dataloader=DataLoader(TensorDataset(torch.ones(4, 2)), batch_size=2, shuffle=True),
        train_cfg={"by_epoch": True, "max_epochs": epochs},
        optim_wrapper=OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)),
        default_hooks=default_hooks(),
        custom_hooks=list(hooks),
        load_from=None if resume is None else str(resume),
        resume=resume is not None,
        experiment_name=experiment_name(folder),
    )
    runner.train()
    return model


@pytest.fixture
def no_safe_globals() -> Iterator[None]:
    """As in a fresh process: whatever other code has allow-listed is not."""
    saved = torch.serialization.get_safe_globals()
    torch.serialization.clear_safe_globals()
    yield
    torch.serialization.clear_safe_globals()
    torch.serialization.add_safe_globals(saved)


def test_seeding_differs_by_seed_and_epoch_and_is_reproducible() -> None:
    seen = []
    for seed, epoch in [(0, 0), (0, 1), (1, 0), (1, 1), (7, 2**32 - 1), (2**40, 3)]:
        seed_everything(seed, epoch)
        seen.append(draws())
        seed_everything(seed, epoch)
        assert draws() == seen[-1]
    for kind in zip(*seen, strict=True):
        assert len(set(kind)) == len(seen)


def test_workers_are_seeded_from_torch() -> None:
    seen = []
    for epoch in (0, 1):
        seed_everything(0, epoch)
        seed_worker(0)
        seen.append((random.random(), float(np.random.rand())))
    assert seen[0] != seen[1]


def test_every_epoch_draws_its_own_numbers_resumed_or_not(tmp_path: Path) -> None:
    whole = run(tmp_path / "a", EpochSeedHook(5), PlainCheckpointHook())
    again = run(tmp_path / "b", EpochSeedHook(5), PlainCheckpointHook(), epochs=1)
    assert len(set(whole.drawn)) == 6
    assert again.drawn == whole.drawn[:2]
    resumed = run(tmp_path / "c", EpochSeedHook(5), PlainCheckpointHook(), resume=last_checkpoint(tmp_path / "b"))
    assert resumed.drawn == whole.drawn[2:]
    for name, value in resumed.state_dict().items():
        assert torch.equal(value, whole.state_dict()[name])
    assert run(tmp_path / "d", EpochSeedHook(6), PlainCheckpointHook()).drawn[0] != whole.drawn[0]


@pytest.mark.usefixtures("no_safe_globals")
def test_plain_checkpoints_need_no_allow_list(tmp_path: Path) -> None:
    run(tmp_path, PlainCheckpointHook(), epochs=1)
    file = last_checkpoint(tmp_path)
    assert file is not None
    content = torch.load(file, weights_only=True)
    assert content["meta"]["epoch"] == 1
    assert set(content["state_dict"]) == {"layer.weight", "layer.bias"}
    assert content["optimizer"]["state"]
    run(tmp_path, PlainCheckpointHook(), epochs=2, resume=file)


def planted(tmp_path: Path) -> tuple[Path, Path]:
    """A checkpoint whose config writes a file when it is run, and that file."""
    run(tmp_path / "first", PlainCheckpointHook(), epochs=1)
    file, touched = tmp_path / "first" / "epoch_1.pth", tmp_path / "touched"
    content = torch.load(file, weights_only=True)
    content["meta"]["config"] = content["meta"]["cfg"] = f"open({str(touched)!r}, 'w').close()\n"
    torch.save(content, file)
    return file, touched


def test_a_config_in_a_checkpoint_is_not_run(tmp_path: Path) -> None:
    file, touched = planted(tmp_path)
    run(tmp_path / "second", PlainCheckpointHook(), epochs=2, resume=file)
    assert not touched.exists()


def test_mmengine_alone_would_run_it(tmp_path: Path) -> None:
    """Guards the test above: should mmengine stop doing so, the hook can go."""
    file, touched = planted(tmp_path)
    run(tmp_path / "second", epochs=2, resume=file)
    assert touched.exists()


def test_progress_rises_to_1(tmp_path: Path) -> None:
    told: list[tuple[float, str]] = []
    run(tmp_path, ProgressHook(lambda fraction, doing: told.append((fraction, doing))), epochs=2)
    assert told == [(0.25, "epoch 1 of 2"), (0.5, "epoch 1 of 2"), (0.75, "epoch 2 of 2"), (1.0, "epoch 2 of 2")]


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_stops_before_the_next_checkpoint(tmp_path: Path, bad: float) -> None:
    with pytest.raises(FloatingPointError, match="epoch 2, iteration 4"):
        run(tmp_path, FiniteLossHook(), PlainCheckpointHook(), losses=[1.0, 1.0, 1.0, bad])
    found = last_checkpoint(tmp_path)
    assert found is not None
    assert found.name == "epoch_1.pth"


def test_last_checkpoint_survives_a_move_and_a_lost_file(tmp_path: Path) -> None:
    assert last_checkpoint(tmp_path) is None
    run(tmp_path / "first", PlainCheckpointHook(), epochs=1)
    (tmp_path / "first").rename(tmp_path / "moved")
    assert last_checkpoint(tmp_path / "moved") == tmp_path / "moved" / "epoch_1.pth"
    (tmp_path / "moved" / "epoch_1.pth").unlink()
    assert last_checkpoint(tmp_path / "moved") is None
    (tmp_path / "moved" / "last_checkpoint").write_text("", encoding="utf-8")
    assert last_checkpoint(tmp_path / "moved") is None


def test_a_pointer_that_was_being_written_stands_for_the_newest_checkpoint(tmp_path: Path) -> None:
    run(tmp_path, PlainCheckpointHook(), epochs=2)
    (tmp_path / "last_checkpoint").write_text("", encoding="utf-8")
    assert last_checkpoint(tmp_path) == tmp_path / "epoch_2.pth"


def test_two_runs_never_share_a_log(tmp_path: Path) -> None:
    assert experiment_name(tmp_path) != experiment_name(tmp_path)
