"""Losses that are logged together are logged as mmengine logs them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from search.training.deferred import ClippingOptimWrapper, DeferredRuntimeInfoHook
from search.training.hooks import FiniteLossHook, default_hooks, experiment_name


class Line(BaseModel):
    """A model whose losses are 1, 2, 3, …, given in one tensor that each step overwrites."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(1, 1)
        self.loss = torch.zeros(())

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)

    def train_step(self, data: Any, optim_wrapper: OptimWrapper) -> dict[str, Tensor]:
        self.loss += 1
        return {"loss": self.loss}


def run(folder: Path, hooks: dict[str, Hook], custom: list[Hook] | None = None, epochs: int = 2) -> Path:
    model = Line()
    runner = Runner(
        model=model,
        work_dir=str(folder),
        train_dataloader=DataLoader(TensorDataset(torch.ones(7, 1)), batch_size=1),
        train_cfg={"by_epoch": True, "max_epochs": epochs},
        optim_wrapper=OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1)),
        default_hooks={**default_hooks(), "logger": {"type": "LoggerHook", "interval": 3}, **hooks},
        custom_hooks=custom or [],
        experiment_name=experiment_name(folder),
    )
    runner.train()
    (log,) = folder.glob("*/vis_data/scalars.json")
    return log


def test_the_log_is_mmengine_s(tmp_path: Path) -> None:
    logs = []
    for name, hooks in {"ours": {"runtime_info": DeferredRuntimeInfoHook(3)}, "theirs": {}}.items():
        lines = run(tmp_path / name, hooks).read_text(encoding="utf-8").splitlines()
        logs.append([(each["step"], each["loss"]) for each in map(json.loads, lines)])
    assert logs[0] == logs[1]
    assert [step for step, _ in logs[0]] == [3, 6, 10, 13]


@pytest.mark.parametrize("bad", [2, 6, 7])
def test_the_iteration_of_a_loss_that_is_not_finite_is_named(
    tmp_path: Path, bad: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looked at every third iteration and as the epoch ends; the losses share one tensor."""

    def train_step(self: Line, data: Any, optim_wrapper: OptimWrapper) -> dict[str, Tensor]:
        self.steps = getattr(self, "steps", 0) + 1
        return {"loss": self.loss.fill_(float("nan") if self.steps == 7 + bad else 1.0)}

    monkeypatch.setattr(Line, "train_step", train_step)
    with pytest.raises(FloatingPointError, match=f"the loss is nan at epoch 2, iteration {7 + bad};"):
        run(tmp_path, {}, [FiniteLossHook(3)])
    assert not (tmp_path / "epoch_2.pth").exists()


def test_clipping_is_torch_s_and_its_norm_stays_a_tensor() -> None:
    weights = []
    for ours in (True, False):
        torch.manual_seed(0)
        layer = nn.Linear(3, 2)
        sgd = torch.optim.SGD(layer.parameters(), lr=0.1)
        layer(torch.ones(4, 3)).square().sum().backward()
        if ours:
            wrapper = ClippingOptimWrapper(sgd, clip_grad={"max_norm": 0.5})
            assert wrapper.grad_norm is None
            wrapper.step()
            assert isinstance(wrapper.grad_norm, Tensor)
            assert wrapper.grad_norm > 0.5
        else:
            nn.utils.clip_grad_norm_(layer.parameters(), 0.5)
            sgd.step()
        weights.append(layer.weight.detach())
    assert torch.equal(*weights)
