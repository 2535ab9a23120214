"""What a training computes, against the same training written out by hand."""

from __future__ import annotations

import copy
import functools
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from backbones import weights
from backbones.errors import InputError
from backbones.networks import CifarNetwork
from backbones.timm_backbone import create
from bench.classification.curve import TrainingCurve
from bench.classification.loaders import evaluation_loader, find, training_loader
from bench.classification.model import Classifier
from bench.classification.settings import ClassificationSettings, Execution
from bench.classification.training import train as train_network
from bench.runs.recording import redirected
from bench.tasks.architectures import resolve
from bench.tasks.contract import Job, Outcome, Protocol

Train = Callable[..., Outcome]
Make = Callable[..., Protocol]
CPU = torch.device("cpu")
SEED = 5


def bare_network() -> nn.Sequential:
    """Without BatchNorm, so that the parts of a batch have nothing to do with each other."""
    torch.manual_seed(3)
    return nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(6 * 6 * 6, 3))


def trained(protocol: Protocol, network: nn.Module, folder: Path, progress: Any = lambda *told: None) -> TrainingCurve:
    """Train a network of any kind under a protocol."""
    settings = ClassificationSettings.model_validate(protocol.config)
    folder.mkdir(parents=True, exist_ok=True)
    job = Job(protocol, resolve("PDARTS"), SEED, folder, progress=progress)
    sources = find(settings)
    with (folder / "output.log").open("a", encoding="utf-8") as log, redirected(log):
        training = training_loader(sources.train, settings, SEED, CPU)
        validation = evaluation_loader(sources.val, settings, CPU)
        return train_network(job, settings, Classifier(network, settings), training, validation)


def by_hand(network: nn.Module, folders: Path, epochs: int, decay: float | None) -> nn.Module:
    """Batches of 8 of the 24 images, SGD at 0.5 by cosine, momentum 0.6, weight decay 0.01, clipped at 0.5."""
    files = sorted((folders / "train").rglob("*.png"))
    labels = torch.tensor([("blue", "green", "red").index(file.parent.name) for file in files])
    pixels = np.stack([np.asarray(Image.open(file)) for file in files])
    images = (torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255 - 0.5) / 0.25
    network = copy.deepcopy(network)
    sgd = torch.optim.SGD(network.parameters(), lr=0.5, momentum=0.6, weight_decay=0.01)
    average: list[Tensor] = []
    for epoch in range(epochs):
        sgd.param_groups[0]["lr"] = 0.5 * (1 + math.cos(math.pi * epoch / epochs)) / 2
        order = torch.randperm(24, generator=torch.Generator().manual_seed(SEED * 100_003 + epoch))
        for batch in order.split(8):
            sgd.zero_grad()
            F.cross_entropy(network(images[batch]), labels[batch]).backward()
            nn.utils.clip_grad_norm_(network.parameters(), 0.5)
            sgd.step()
            now = [parameter.detach().clone() for parameter in network.parameters()]
            if decay and average:
                now = [decay * old + (1 - decay) * new for old, new in zip(average, now, strict=True)]
            average = now
    if decay:
        for parameter, value in zip(network.parameters(), average, strict=True):
            parameter.data.copy_(value)
    return network


@pytest.mark.parametrize("accumulate", [1, 2, 4])
@pytest.mark.parametrize("ema", [None, 0.7])
def test_a_training_is_the_one_by_hand(
    protocol: Make, folders: Path, tmp_path: Path, accumulate: int, ema: float | None
) -> None:
    network = bare_network()
    expected = by_hand(network, folders, epochs=4, decay=ema)
    # `clip_norm` bites in most steps.
    optimiser = {"lr": 0.5, "momentum": 0.6, "weight_decay": 0.01, "clip_norm": 0.5}
    values = {"optimiser": optimiser, "epochs": 4, "ema": ema, "execution": {"accumulate": accumulate}}
    trained(protocol(**values), network, tmp_path)
    for (name, found), parameter in zip(network.named_parameters(), expected.parameters(), strict=True):
        torch.testing.assert_close(found, parameter, rtol=1e-4, atol=1e-5, msg=name)
    # The average is not the last weights, which would pass for it otherwise.
    if ema is not None:
        last = by_hand(bare_network(), folders, epochs=4, decay=None)
        assert not torch.allclose(last[0].weight, expected[0].weight, rtol=1e-3)


def test_the_curve_s_loss_is_that_of_the_epoch_s_images(protocol: Make, tmp_path: Path) -> None:
    """A rate of nearly 0 leaves the weights alone: the mean over the batches is the mean over the images."""
    network = bare_network()
    made = protocol(optimiser={"lr": 1e-12, "weight_decay": 0.0}, epochs=1, execution={"accumulate": 2})
    settings = ClassificationSettings.model_validate(made.config)
    whole = settings.model_copy(update={"batch_size": 24, "execution": Execution()})
    (batch,) = training_loader(find(settings).train, whole, 0, CPU)
    with torch.no_grad():
        expected = Classifier(network, settings)(**batch, mode="loss")["loss_main"].item()
    (line,) = trained(made, network, tmp_path).entries()
    assert line["loss"] == line["loss_main"] == pytest.approx(expected, rel=1e-5)
    assert line["lr"] == 1e-12
    # Both are rounded, the seconds to thousandths, of which so short an epoch has few.
    least, most = (24 / max(line["seconds"] + error, 1e-9) for error in (0.0005, -0.0005))
    assert least - 0.005 <= line["images_per_second"] <= most + 0.005


def test_a_training_begins_with_the_weights_that_it_is_given(protocol: Make, tmp_path: Path) -> None:
    """Many of timm's models have an `init_weights`, which mmengine would call after pretrained weights were loaded."""
    network = create("resnet10t", num_classes=3)
    assert hasattr(network, "init_weights")
    given = {name: value.clone() for name, value in network.named_parameters()}
    trained(protocol(optimiser={"lr": 1e-12, "weight_decay": 0.0}, epochs=1), network, tmp_path)
    for name, value in network.named_parameters():
        torch.testing.assert_close(value, given[name], rtol=0, atol=1e-6, msg=name)


class Fixed(nn.Module):
    """Gives what it was made with."""

    def __init__(self, *out: Tensor) -> None:
        super().__init__()
        self.out = out

    def forward(self, x: Tensor) -> Any:
        return self.out if len(self.out) > 1 else self.out[0]


def smoothed(logits: list[float], label: int, smoothing: float) -> float:
    """Szegedy et al. 2016, section 7: the cross-entropy with (1 - ε) of the label and ε of the uniform distribution."""
    total = math.log(sum(map(math.exp, logits)))
    target = [smoothing / len(logits) + (1 - smoothing) * (place == label) for place in range(len(logits))]
    return sum(share * (total - logit) for share, logit in zip(target, logits, strict=True))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_losses_are_those_of_the_papers(protocol: Make, smoothing: float) -> None:
    main, side = [[2.0, 0.0, -1.0], [0.5, 0.5, 3.0]], [[0.0, 1.0, 0.0], [-2.0, 4.0, 0.0]]
    made = protocol(auxiliary_weight=0.4, label_smoothing=smoothing)
    settings = ClassificationSettings.model_validate(made.config)
    labels = torch.tensor([0, 1])
    classifier = Classifier(Fixed(torch.tensor(main), torch.tensor(side)), settings).train()
    losses = classifier(torch.zeros(2, 3, 8, 8, dtype=torch.uint8), labels, mode="loss")
    mean = [sum(smoothed(row, label, smoothing) for label, row in enumerate(rows)) / 2 for rows in (main, side)]
    assert set(losses) == {"loss_main", "loss_auxiliary"}
    assert losses["loss_main"].item() == pytest.approx(mean[0], rel=1e-5)
    assert losses["loss_auxiliary"].item() == pytest.approx(0.4 * mean[1], rel=1e-5)
    assert classifier.parse_losses(losses)[0].item() == pytest.approx(mean[0] + 0.4 * mean[1], rel=1e-5)


def test_drop_path_grows_with_the_epochs_and_is_left_out_in_validation(protocol: Make, tmp_path: Path) -> None:
    network = CifarNetwork(resolve("PDARTS").genotype, channels=4, layers=3, num_classes=3, auxiliary=False)
    seen: list[float] = []
    made = protocol(drop_path=0.3, epochs=4, batch_size=24)
    trained(made, network, tmp_path, lambda fraction, doing: seen.append(network.drop_path_rate))
    assert seen == pytest.approx([0.0, 0.075, 0.15, 0.225])
    network.eval()
    x = torch.randn(2, 3, 8, 8)
    with torch.no_grad():
        assert torch.equal(network(x), network(x))


def test_bf16_computes_the_network_only(train: Train, protocol: Make, tmp_path: Path) -> None:
    made = protocol(execution={"precision": "bf16"})
    settings = ClassificationSettings.model_validate(made.config)
    images, labels = torch.zeros(2, 3, 8, 8, dtype=torch.uint8), torch.tensor([0, 1])
    classifier = Classifier(bare_network(), settings).train()
    assert classifier(images, labels).dtype == torch.bfloat16
    assert classifier(images, labels, mode="loss")["loss_main"].dtype == torch.float32
    outcome = train(tmp_path, execution={"precision": "bf16"})
    assert outcome.checkpoint is not None
    kept = weights.read_state_dict(outcome.checkpoint).values()
    assert {value.dtype for value in kept} == {torch.float32, torch.int64}
    losses = [line["loss"] for line in map(json.loads, (tmp_path / "curve.jsonl").read_text().splitlines())]
    assert losses[-1] < losses[0]


def test_the_layout_changes_no_number(protocol: Make, tmp_path: Path) -> None:
    found = []
    for channels_last in (True, False):
        torch.manual_seed(1)
        network = CifarNetwork(resolve("PDARTS").genotype, channels=4, layers=3, num_classes=3, auxiliary=False)
        curve = trained(
            protocol(execution={"channels_last": channels_last}, epochs=1), network, tmp_path / str(channels_last)
        )
        found.append((curve.entries()[0]["loss"], network.state_dict()))
        assert network.stem[0].weight.is_contiguous(memory_format=torch.channels_last) == channels_last
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-4)
    for name, value in found[0][1].items():
        torch.testing.assert_close(value, found[1][1][name], rtol=1e-3, atol=1e-4, msg=name)


def test_compiled_it_is_the_same_network(protocol: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names of weights included, with a moving average, which copies it. Inductor needs a compiler; eager does not."""
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="eager"))
    found = []
    for compiled in (True, False):
        network = bare_network()
        execution = {"compile": compiled, "accumulate": 2}
        trained(protocol(execution=execution, ema=0.5, epochs=2), network, tmp_path / str(compiled))
        assert (network._compiled_call_impl is not None) == compiled
        found.append(network.state_dict())
    assert found[0].keys() == found[1].keys()
    for name, value in found[0].items():
        torch.testing.assert_close(value, found[1][name], rtol=1e-5, atol=1e-6, msg=name)


# --- errors and curve ------------------------------------------------------------------------------------------------


def line(epoch: int, error: float | None = None, seconds: float = 2.0) -> dict[str, float]:
    errors = {} if error is None else {"top1_error": error, "top5_error": error / 10}
    return {"epoch": epoch, "lr": 0.1, "loss": 1.0, "seconds": seconds, "images_per_second": 100 / seconds, **errors}


def written(folder: Path, *lines: dict[str, float]) -> TrainingCurve:
    curve = TrainingCurve(folder / "curve.jsonl")
    for each in lines:
        values = dict(each)
        curve.put(int(values.pop("epoch")), **values)
    return curve


def test_the_last_epoch_is_reported_and_the_best_is_named_so(tmp_path: Path) -> None:
    curve = written(tmp_path, line(1, 50.0), line(2, 20.0), line(3), line(4, 20.0), line(5, 30.0))
    assert curve.metrics() == {
        "top1_error": 30.0,
        "top5_error": 3.0,
        "best_top1_error": 20.0,
        "best_top5_error": 2.0,
        # The first of two that are as good.
        "best_epoch": 2,
    }


def test_the_pace_is_the_median_epoch_s(tmp_path: Path) -> None:
    # The first epoch warms up, another shares the machine.
    curve = written(tmp_path, line(1, 9.0, 8.0), line(2, 9.0, 2.0), line(3, 9.0, 2.5), line(4, 9.0, 20.0), line(5, 9.0))
    assert (curve.pace().seconds_per_epoch, curve.pace().images_per_second) == (2.5, 40.0)


def test_an_epoch_s_line_replaces_those_of_an_interrupted_run(tmp_path: Path) -> None:
    curve = written(tmp_path, line(1, 9.0), line(2, 8.0), line(3, 7.0), {"epoch": 2, "loss": 0.5})
    assert [entry["epoch"] for entry in curve.entries()] == [1, 2]
    assert curve.has_errors(1)
    assert curve.has_errors(2)
    assert curve.entries()[1]["loss"] == 0.5
    assert not curve.has_errors(3)


def test_a_run_reports_its_last_epoch(train: Train, tmp_path: Path) -> None:
    outcome = train(tmp_path, epochs=5, validate_every=2)
    lines = TrainingCurve(tmp_path / "curve.jsonl").entries()
    assert [entry["epoch"] for entry in lines] == [1, 2, 3, 4, 5]
    assert [entry["epoch"] for entry in lines if "top1_error" in entry] == [2, 4, 5]
    assert outcome.metrics["top1_error"] == lines[-1]["top1_error"]
    assert outcome.metrics["best_top1_error"] == min(entry["top1_error"] for entry in lines if "top1_error" in entry)
    assert outcome.pace is not None
    assert min(entry["seconds"] for entry in lines) <= outcome.pace.seconds_per_epoch
    assert outcome.pace.seconds_per_epoch <= max(entry["seconds"] for entry in lines)


# --- divergence ------------------------------------------------------------------------------------------------------


class Spoiling:
    """A progress callback that puts a NaN into a network's weights behind the nth step."""

    def __init__(self, network: nn.Module, step: int) -> None:
        self.network = network
        self.left = step

    def __call__(self, fraction: float, doing: str) -> None:
        self.left -= 1
        if self.left == 0:
            next(self.network.parameters()).data.fill_(float("nan"))


@pytest.mark.parametrize("step", [4, 5])
def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_checkpoint(
    protocol: Make, tmp_path: Path, step: int
) -> None:
    network = bare_network()
    with pytest.raises(FloatingPointError, match=rf"the loss is nan at epoch 2, iteration {step + 1};.*epoch_1\.pth"):
        trained(protocol(epochs=4), network, tmp_path / "a", Spoiling(network, step))
    assert [file.name for file in (tmp_path / "a").glob("epoch_*.pth")] == ["epoch_1.pth"]
    resumed, whole = bare_network(), bare_network()
    curve = trained(protocol(epochs=4), resumed, tmp_path / "a")
    assert curve.metrics() == trained(protocol(epochs=4), whole, tmp_path / "b").metrics()
    for one, other in zip(resumed.parameters(), whole.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("step", [6, 12])
def test_weights_that_break_in_an_epoch_s_last_step_are_no_checkpoint(
    protocol: Make, tmp_path: Path, step: int
) -> None:
    """The loss of that step is finite: it was computed before."""
    network = bare_network()
    with pytest.raises(FloatingPointError, match=rf"epoch {step // 3}\b"):
        trained(protocol(epochs=4), network, tmp_path, Spoiling(network, step))
    last = torch.load(tmp_path / f"epoch_{step // 3 - 1}.pth", weights_only=True)["state_dict"]
    assert all(bool(torch.isfinite(value).all()) for value in last.values())
    resumed = bare_network()
    trained(protocol(epochs=4), resumed, tmp_path)
    assert all(bool(torch.isfinite(parameter).all()) for parameter in resumed.parameters())


def test_a_damaged_checkpoint_is_named(train: Train, tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    def stop(fraction: float, doing: str) -> None:
        if "epoch 3" in doing:
            raise Stop

    with pytest.raises(Stop):
        train(tmp_path, stop)
    # Two are kept; of one that is damaged the one before is gone on from.
    for file in tmp_path.glob("epoch_*.pth"):
        file.write_bytes(file.read_bytes()[:5000])
    with pytest.raises(InputError, match=r"epoch_\d\.pth") as caught:
        train(tmp_path)
    assert "\n" not in str(caught.value)
