"""The engine's loops on a network of a few numbers: progress, optimiser, schedule and terms of the loss."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bench.reid import engine as engine_module
from bench.reid.engine import PcbEngine, build_optimisation
from bench.reid.pcb import PCB
from bench.reid.resume import ResumePoint
from bench.reid.schema import ReidConfig


class Mixing(nn.Module):
    """A backbone of one convolution."""

    feature_channels = (5,)

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Conv2d(5, 5, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.mix(x)


def config(**changes: Any) -> ReidConfig:
    given = {"task": "reid", "dataset": "market1501", "data_root": "x", "parts": 2, "reduced_dim": 4, "epochs": 2}
    return ReidConfig.model_validate({**given, **changes})


def batches(count: int, size: int = 4) -> list[dict[str, Any]]:
    """Images of noise of two identities, from two cameras by turns."""
    draw = torch.Generator().manual_seed(count)
    return [
        {
            "img": torch.randn(size, 5, 4, 2, generator=draw),
            "pid": torch.arange(size) // 2 % 2,
            "camid": torch.arange(size) % 2,
            "impath": "",
        }
        for _ in range(count)
    ]


def made(told: list[tuple[float, str]] | None = None, **changes: Any) -> PcbEngine:
    """An engine with three batches to train on, two of queries and four of the gallery."""
    torch.manual_seed(0)
    resume = changes.pop("resume", None)
    seed = changes.pop("seed", 0)
    manager = SimpleNamespace(
        train_loader=batches(3), test_loader={"made": {"query": batches(2), "gallery": batches(4)}}, sources=["made"]
    )
    pcb = PCB(Mixing(), 2, parts=2, reduced_dim=4, dropout=0.5)
    tell = (lambda *each: None) if told is None else lambda *each: told.append(each)
    return PcbEngine(manager, pcb, config(**changes), seed=seed, resume=resume, progress=tell)


def test_nineteen_twentieths_of_a_job_are_its_training(tmp_path: Path) -> None:
    told: list[tuple[float, str]] = []
    ranking = made(told).fit(tmp_path)
    training = [(0.95 * done / 6, f"epoch {1 + (done - 1) // 3} of 2") for done in range(1, 7)]
    queries = [(0.95 + 0.05 * done, "extracting features: queries") for done in (0.25, 0.5)]
    gallery = [(0.95 + 0.05 * done, "extracting features: gallery") for done in (0.625, 0.75, 0.875, 1.0)]
    assert [doing for _, doing in told] == [doing for _, doing in (*training, *queries, *gallery, (1, "ranking"))]
    expected = [*(done for done, _ in (*training, *queries, *gallery)), 1.0]
    assert [done for done, _ in told] == pytest.approx(expected)
    assert (ranking.queries, ranking.queries_without_match) == (8, 0)


def test_without_epochs_all_of_a_job_is_extracting(tmp_path: Path) -> None:
    told: list[tuple[float, str]] = []
    made(told, epochs=0).fit(tmp_path)
    assert [done for done, _ in told] == pytest.approx([0.25, 0.5, 0.625, 0.75, 0.875, 1.0, 1.0])
    assert list(tmp_path.iterdir()) == []


def test_what_is_done_is_not_done_again(tmp_path: Path) -> None:
    whole = made()
    ranking = whole.fit(tmp_path)
    parts = [made(resume=ResumePoint(tmp_path / "resume.pth", {"seed": 0}), epochs=epochs) for epochs in (1, 2)]
    told: list[tuple[float, str]] = []
    parts[0].fit(tmp_path / "a")
    parts[1].progress = lambda *each: told.append(each)
    assert parts[1].fit(tmp_path / "b") == ranking
    assert {doing for _, doing in told if doing.startswith("epoch")} == {"epoch 2 of 2"}
    for name, value in whole.model.state_dict().items():
        assert torch.equal(parts[1].model.state_dict()[name], value)
    # Another seed draws other dropout.
    other = made(seed=1)
    other.fit(tmp_path / "c")
    assert not torch.equal(other.model.backbone.mix.weight, whole.model.backbone.mix.weight)


def test_the_terms_of_the_loss_are_told() -> None:
    engine = made()
    engine.batch_idx, engine.num_batches = 0, 1
    (batch,) = batches(1)
    assert set(engine.forward_backward(batch)) == {"loss", "acc"}
    triplet = made(loss="softmax_triplet", batch_size=4, instances=2)
    triplet.batch_idx, triplet.num_batches = 0, 1
    before = triplet.model.backbone.mix.weight.clone()
    terms = triplet.forward_backward(batch)
    assert set(terms) == {"loss", "acc", "loss_softmax", "loss_triplet"}
    assert terms["loss"] == pytest.approx(terms["loss_softmax"] + terms["loss_triplet"])
    assert 0 <= terms["acc"] <= 100
    assert not torch.equal(triplet.model.backbone.mix.weight, before)
    # The gradients of a step are its own.
    gradient = triplet.model.backbone.mix.bias.grad.clone()
    with torch.no_grad():
        for parameter in triplet.model.parameters():
            parameter.grad.fill_(1e6)
    triplet.forward_backward(batch)
    assert float(triplet.model.backbone.mix.bias.grad.abs().max()) < 1e3 + float(gradient.abs().max())


def test_a_loss_that_is_not_finite_is_named_with_its_epoch() -> None:
    engine = made()
    engine.batch_idx, engine.num_batches, engine.epoch = 0, 1, 4
    (batch,) = batches(1)
    batch["img"][0, 0, 0, 0] = torch.inf
    with pytest.raises(FloatingPointError, match="the loss is nan at epoch 5; try a lower learning rate"):
        engine.forward_backward(batch)


def test_features_are_single_precision_in_both_precisions() -> None:
    (batch,) = batches(1)
    features = {}
    for precision in ("fp32", "bf16"):
        engine = made(precision=precision)
        engine.set_model_mode("eval")
        features[precision] = engine.extract_features(batch["img"])
        assert features[precision].dtype == torch.float32
        assert features[precision].shape == (4, 10)
    assert not torch.equal(features["fp32"], features["bf16"])
    torch.testing.assert_close(features["fp32"], features["bf16"], rtol=0, atol=2e-2)


def test_nothing_is_kept_for_gradients_while_ranking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    distances = engine_module.protocol_distances
    seen = []

    def watched(queries: Tensor, gallery: Tensor, given: ReidConfig) -> Any:
        seen.append((queries.requires_grad, gallery.requires_grad, len(queries), len(gallery)))
        return distances(queries, gallery, given)

    monkeypatch.setattr(engine_module, "protocol_distances", watched)
    made(epochs=1).fit(tmp_path)
    assert seen == [(False, False, 8, 16)]


def test_trackers_are_written_to_where_there_is_a_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[tuple[Any, ...]] = []
    closed: list[bool] = []

    def tracked(writer: Any, *what: Any) -> Any:
        opened.append(what)
        return SimpleNamespace(add_scalar=lambda *each: None, close=lambda: closed.append(True))

    monkeypatch.setattr(engine_module, "TrackedWriter", tracked)
    made(epochs=0, execution={"trackers": ["wandb"]}).fit(tmp_path)
    made(epochs=1).fit(tmp_path)
    assert opened == []
    engine = made(epochs=1, execution={"trackers": ["wandb"]})
    engine.fit(tmp_path)
    assert opened == [(["wandb"], tmp_path, engine.config.model_dump())]
    assert closed


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"schedule": "constant"}, None),
        ({"schedule": "constant", "epochs": 0}, None),
        ({"schedule": "multi_step", "epochs": 0}, None),
        ({"schedule": "cosine", "epochs": 0}, None),
        ({"schedule": "multi_step"}, "MultiStepLR"),
        ({"schedule": "cosine"}, "CosineAnnealingLR"),
    ],
)
def test_a_schedule_is_the_config_s(changes: dict[str, Any], kind: str | None) -> None:
    _, scheduler = build_optimisation(PCB(Mixing(), 2), config(**changes), pretrained=False)
    assert (None if scheduler is None else type(scheduler).__name__) == kind


def test_milestones_lower_the_learning_rate_by_gamma() -> None:
    given = config(epochs=5, milestones=[1, 3], gamma=0.5, learning_rate=0.8, schedule="multi_step")
    optimiser, scheduler = build_optimisation(PCB(Mixing(), 2), given, pretrained=True)
    rates = []
    for _ in range(5):
        rates.append([group["lr"] for group in optimiser.param_groups])
        optimiser.step()
        assert scheduler is not None
        scheduler.step()
    # A pretrained backbone has a tenth of the others' rate.
    assert rates == [pytest.approx([0.08 * part, 0.8 * part]) for part in (1, 0.5, 0.5, 0.25, 0.25)]


@pytest.mark.parametrize(
    ("name", "kind", "settings"),
    [
        ("sgd", torch.optim.SGD, {"momentum": 0.7, "nesterov": True, "weight_decay": 0.02}),
        ("adam", torch.optim.Adam, {"amsgrad": False, "weight_decay": 0.02}),
        ("amsgrad", torch.optim.Adam, {"amsgrad": True, "weight_decay": 0.02}),
    ],
)
def test_an_optimiser_is_the_config_s(name: str, kind: type, settings: dict[str, Any]) -> None:
    given = config(optimiser=name, momentum=0.7, weight_decay=0.02)
    pcb = PCB(Mixing(), 2)
    optimiser, _ = build_optimisation(pcb, given, pretrained=False)
    assert type(optimiser) is kind
    for group, parameters in zip(optimiser.param_groups, (list(pcb.backbone.parameters()), None), strict=True):
        assert {key: group[key] for key in settings} == settings
        if parameters is not None:
            assert all(one is other for one, other in zip(group["params"], parameters, strict=True))
