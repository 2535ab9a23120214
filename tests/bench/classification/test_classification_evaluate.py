"""`wildnas evaluate` under classification protocols: what it writes, prints and refuses."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from backbones import weights, zoo
from backbones.networks import CifarNetwork
from bench.classification import task as classification
from bench.classification.curve import TrainingCurve
from bench.commands.cli import main
from bench.records.record import Record
from bench.records.store import RecordStore
from tests.backbones.darts_oracle import Original

Config = Callable[..., dict[str, Any]]
Command = Callable[..., Any]
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def evaluate(config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run the command under a protocol of these keys, `mine.py` in an empty folder; returns the exit code."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, code: int = 0, **changes: Any) -> None:
        values = {"epochs": 2, **changes}
        text = "".join(f"{key} = {value!r}\n" for key, value in config(**values).items())
        (tmp_path / "mine.py").write_text(text, encoding="utf-8")
        assert main(["evaluate", *arguments, "--on", "mine.py"]) == code

    return run


@pytest.fixture
def records(tmp_path: Path) -> Callable[[], dict[str, Record]]:
    """All records by the names of their architectures."""

    def read() -> dict[str, Record]:
        found = list(RecordStore(tmp_path / "results").read_all())
        assert all(isinstance(record, Record) for record in found)
        return {record.architecture.name: record for record in found if isinstance(record, Record)}

    return read


def one_line(capsys: Capture) -> str:
    captured = capsys.readouterr()
    lines = [text for text in captured.err.splitlines() if not text.startswith("[1/")]
    assert len(lines) == 1, captured.err
    assert captured.out == ""
    return lines[0]


def digest(file: Path) -> str:
    return f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"


def test_a_record_has_all_of_a_run(
    evaluate: Command, records: Callable[[], dict[str, Record]], tmp_path: Path, capsys: Capture
) -> None:
    evaluate("PDARTS", epochs=3, macs_limit=10_000)
    (record,) = records().values()
    assert set(record.metrics) == {
        "top1_error",
        "top5_error",
        "best_top1_error",
        "best_top5_error",
        "best_epoch",
    }
    assert record.data.counts == {"train images": 24, "val images": 12, "classes": 3}
    # One number where it is that of every class.
    assert record.data.per_class == {"train": 8, "val": 4}
    assert record.counts == {"val images": 12}
    curve = RecordStore(tmp_path / "results").curve_path(record.name)
    assert record.curve == digest(curve)
    lines = TrainingCurve(curve).entries()
    assert [entry["epoch"] for entry in lines] == [1, 2, 3]
    assert record.metrics["top1_error"].value == lines[-1]["top1_error"]
    assert record.cost.seconds_per_epoch is not None
    assert record.cost.images_per_second is not None
    assert 0 < record.cost.seconds_per_epoch < record.cost.seconds
    assert record.cost.peak_memory > 0
    assert record.checkpoint is not None
    assert record.checkpoint.sha256 == digest(tmp_path / "work" / record.checkpoint.path)
    out = capsys.readouterr().out
    assert "PDARTS ‡" in out
    assert "‡ classification/local-" in out
    assert "0 M multiply-adds or more" in out
    # The best epoch's error is no column beside the last one's.
    assert "est epoch" not in out


def test_another_run_moves_record_and_curve_aside(
    evaluate: Command, records: Callable[[], dict[str, Record]], tmp_path: Path, capsys: Capture
) -> None:
    evaluate("PDARTS")
    (first,) = records().values()
    evaluate("PDARTS", epochs=3, code=2)
    assert "replace moves it to replaced/" in one_line_of(capsys)
    evaluate("PDARTS", "--replace", epochs=3)
    (second,) = records().values()
    assert second.key != first.key
    aside = tmp_path / "results/replaced" / f"{first.name}-{first.key[7:15]}"
    moved = aside.with_name(f"{aside.name}.curve.jsonl")
    assert len(moved.read_text().splitlines()) == 2
    assert digest(moved) == first.curve
    assert json.loads(aside.with_name(f"{aside.name}.json").read_text())["key"] == first.key
    assert second.curve == digest(RecordStore(tmp_path / "results").curve_path(second.name))


def one_line_of(capsys: Capture) -> str:
    """The last run's complaint; what came before is not looked at."""
    return capsys.readouterr().err.splitlines()[-1]


# --- weights ---------------------------------------------------------------------------------------------------------


def test_given_weights_are_scored_as_they_are(
    evaluate: Command, records: Callable[[], dict[str, Record]], tmp_path: Path, capsys: Capture
) -> None:
    evaluate("PDARTS", auxiliary_weight=0.4)
    trained = records()["PDARTS"]
    assert trained.checkpoint is not None
    file = tmp_path / "work" / trained.checkpoint.path
    capsys.readouterr()
    evaluate("PDARTS", "--weights", str(file), "--eval-only", auxiliary_weight=0.4)
    name = f"PDARTS-w{trained.checkpoint.sha256[7:15]}"
    assert f"{name} †" in capsys.readouterr().out
    found = records()
    assert set(found) == {"PDARTS", name}
    scored = found[name]
    assert set(scored.metrics) == {"top1_error", "top5_error"}
    for key, metric in scored.metrics.items():
        assert metric == trained.metrics[key]
    assert scored.reduced == ["evaluated only; trained elsewhere"]
    assert scored.checkpoint is None
    assert scored.curve is None
    assert scored.initial_weights is not None
    assert scored.initial_weights.sha256 == trained.checkpoint.sha256
    assert scored.key != trained.key


def test_the_authors_checkpoints_are_scored(
    evaluate: Command, records: Callable[[], dict[str, Record]], folders: Path, tmp_path: Path
) -> None:
    """In the original code's layout, under `state_dict` and with DataParallel's prefix; against its own outputs."""
    torch.manual_seed(0)
    original = Original(zoo.get("PDARTS").genotype, 4, 3, 3, imagenet=True)
    state = {f"module.{name}": value for name, value in original.state_dict().items()}
    torch.save({"epoch": 7, "state_dict": state}, tmp_path / "authors.pth.tar")
    # 64 pixels: the original's auxiliary head needs a map, though no classifier in evaluation does.
    evaluate(
        *("PDARTS", "--weights", "authors.pth.tar", "--eval-only"),
        network="imagenet",
        images={"resize": True, "image_size": 224},
        batch_size=4,
    )
    (record,) = records().values()
    wrong = 0
    original.eval()
    for label, name in enumerate(("blue", "green", "red")):
        for file in sorted((folders / "val" / name).iterdir()):
            picture = Image.open(file).resize((224, 224), Image.Resampling.BICUBIC)
            pixels = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8).view(224, 224, 3)
            with torch.no_grad():
                logits = original((pixels.permute(2, 0, 1)[None] / 255 - 0.5) / 0.25)[0]
            wrong += int(logits.argmax()) != label
    assert record.metrics["top1_error"].value == pytest.approx(100 * wrong / 12)
    assert record.counts == {"val images": 12}


def test_weights_for_other_classes_are_refused(evaluate: Command, tmp_path: Path, capsys: Capture) -> None:
    network = CifarNetwork(zoo.get("PDARTS").genotype, channels=4, layers=3, num_classes=2, auxiliary=True)
    weights.save(network, tmp_path / "two.pth", zoo.get("PDARTS").genotype)
    for options in ([], ["--eval-only"]):
        evaluate("PDARTS", "--weights", "two.pth", *options, auxiliary_weight=0.4, code=2)
        line = one_line(capsys)
        assert line.startswith("wildnas: two.pth: differs in shape at")
        assert line.endswith("its network was for 2 classes, not 3")
    assert not (tmp_path / "results/records").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["PDARTS", "--eval-only"], "evaluate only: weights are missing"),
        (["PDARTS", "--eval-only", "--weights", "no.pth"], "weights no.pth: no such file"),
        (["PDARTS", "--eval-only", "--weights", "mine.py", "--seeds", "1"], "evaluate only: a seed does not change"),
        (["PDARTS", "DARTS_V2", "--weights", "mine.py"], "weights: belong to one architecture"),
        (["PDARTS", "--weights", "mine.py"], "mine.py: cannot be read as a checkpoint"),
        (["PDARTS", "--launcher", "pytorch"], "RANK is not set; start with: torchrun"),
    ],
)
def test_options_that_do_not_go_together(
    evaluate: Command, arguments: list[str], said: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RANK", raising=False)
    evaluate(*arguments, code=2)
    assert said in one_line(capsys)


# --- several architectures -------------------------------------------------------------------------------------------


def test_the_best_on_held_out_images_is_chosen_and_its_test_error_reported(
    evaluate: Command, records: Callable[[], dict[str, Record]], capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PC-DARTS Table 1, footnote ‡. No test image is read before a training has ended."""
    order: list[str] = []
    train, loader = classification.train, classification.evaluation_loader

    def noted_train(*arguments: Any) -> Any:
        found = train(*arguments)
        order.append("trained")
        return found

    def noted_loader(source: Any, *arguments: Any) -> Any:
        order.append(source.root.name if len(source.files) == 12 else "held out")
        return loader(source, *arguments)

    monkeypatch.setattr(classification, "train", noted_train)
    monkeypatch.setattr(classification, "evaluation_loader", noted_loader)
    evaluate("PDARTS", "random:1", "random:2", images={"validation": 6})
    assert order == ["held out", "trained", "val"] * 3
    found = records()
    assert len(found) == 3
    for record in found.values():
        assert set(record.metrics) == {"top1_error", "top5_error", "validation_error"}
        assert record.counts == {"validation images": 6, "test images": 12}
        assert record.data.per_class == {"train": 6, "validation": 2, "test": 4}
    best = min(found.values(), key=lambda record: record.metrics["validation_error"].value)
    least = best.metrics["validation_error"].value
    out = capsys.readouterr().out
    assert "Val. err. (%)" in out
    (line,) = [text for text in out.splitlines() if "has the least validation error" in text]
    chosen = line.partition(": ")[2].partition(",")[0]
    assert found[chosen].metrics["validation_error"].value == least
    assert f"({least:.2f} %) of 3 runs" in line
    assert line.endswith(f"its test error is {found[chosen].metrics['top1_error'].value:.2f} %")


def test_a_limit_marks_a_run(evaluate: Command, records: Callable[[], dict[str, Record]], capsys: Capture) -> None:
    evaluate("PDARTS", "--limit", "9")
    (record,) = records().values()
    assert record.reduced == ["option limit=9"]
    assert record.counts == {"val images": 9}
    assert record.data.counts["train images"] == 9
    assert "PDARTS †" in capsys.readouterr().out


def test_how_a_run_is_computed_does_not_mark_it_but_other_data_do(
    evaluate: Command, records: Callable[[], dict[str, Record]], tmp_path: Path, make_folders: Callable[..., Path]
) -> None:
    expected = {"train images": 24, "val images": 12, "classes": 3}
    options = ["execution.accumulate=2", "execution.channels_last=False", "execution.precision=bf16"]
    evaluate("PDARTS", "--cfg-options", *options, "validate_every=2", expected=expected)
    (record,) = records().values()
    assert record.reduced == []
    assert record.config["execution"]["accumulate"] == 2
    other = make_folders(tmp_path / "other", each=9)
    evaluate(
        *("PDARTS", "--replace", "--cfg-options", f"images.train={other / 'train'}", "optimiser.lr=0.1"),
        expected=expected,
    )
    (record,) = records().values()
    assert record.reduced == ["option optimiser.lr=0.1", "27 train images, not 24"]


def test_a_timm_model_trains_and_is_scored(
    evaluate: Command, records: Callable[[], dict[str, Record]], tmp_path: Path
) -> None:
    recipe = {
        "network": "imagenet",
        "images": {"image_size": 32, "resize": True},
        "auxiliary_weight": 0.4,
        "drop_path": 0.2,
        "label_smoothing": 0.1,
        "channels": "fit",
        "macs_limit": 600_000_000,
    }
    evaluate("timm:mobilenetv3_small_050", **recipe)
    record = records()["timm-mobilenetv3_small_050"]
    fixed = dict.fromkeys(("auxiliary_weight", "network", "channels", "layers"))
    assert record.resolved == {**fixed, "drop_path": 0.0}
    assert record.architecture.timm == "mobilenetv3_small_050"
    assert record.checkpoint is not None
    file = tmp_path / "work" / record.checkpoint.path
    evaluate("timm:mobilenetv3_small_050", "--weights", str(file), "--eval-only", **recipe)
    scored = records()[f"timm-mobilenetv3_small_050-w{record.checkpoint.sha256[7:15]}"]
    assert scored.metrics["top1_error"] == record.metrics["top1_error"]


# --- broken data and broken numbers ----------------------------------------------------------------------------------


@pytest.mark.parametrize("images", [{}, {"memory": False, "decoding": {"workers": 2}}], ids=["memory", "workers"])
def test_a_truncated_jpeg_is_one_line(
    evaluate: Command, make_folders: Callable[..., Path], tmp_path: Path, images: dict[str, Any], capsys: Capture
) -> None:
    root = make_folders(tmp_path / "mine", size=32)
    broken = root / "train/red/02.jpg"
    Image.open(root / "train/red/02.png").save(broken)
    (root / "train/red/02.png").unlink()
    broken.write_bytes(broken.read_bytes()[: broken.stat().st_size // 2])
    lying = {"train": str(root / "train"), "val": str(root / "val"), "image_size": 32, **images}
    evaluate("PDARTS", images=lying, code=2)
    assert one_line(capsys).startswith(f"wildnas: {broken}: cannot be read as an image: ")
    # Repaired, it is another data set, and a run of its own.
    Image.new("RGB", (32, 32)).save(broken)
    evaluate("PDARTS", images=lying)


def test_a_diverged_training_is_one_line_and_exit_code_1(evaluate: Command, capsys: Capture, tmp_path: Path) -> None:
    evaluate("PDARTS", optimiser={"lr": 1e30, "clip_norm": None}, code=1)
    line = one_line(capsys)
    assert line.startswith("wildnas: ")
    assert "epoch 1" in line
    assert "no checkpoint has been written yet" in line
    assert not (tmp_path / "results/records").exists()


def test_an_interrupted_command_goes_on(
    evaluate: Command, records: Callable[[], dict[str, Record]], capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bench.console.progress import Progress

    told = Progress.__call__
    evaluate("PDARTS", "--results", "undisturbed", "--work-dir", "apart")

    def interrupt(progress: Progress, fraction: float, doing: str) -> None:
        told(progress, fraction, doing)
        if doing.startswith("epoch 2"):
            raise KeyboardInterrupt

    capsys.readouterr()
    with monkeypatch.context() as patch:
        patch.setattr(Progress, "__call__", interrupt)
        evaluate("PDARTS", code=2)
    assert "the same command resumes from there" in one_line(capsys)
    evaluate("PDARTS")
    (record,) = records().values()
    (other,) = RecordStore(Path("undisturbed")).read_all()
    assert isinstance(other, Record)
    assert record.metrics == other.metrics
    assert record.key == other.key
