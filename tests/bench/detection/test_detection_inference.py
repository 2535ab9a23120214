"""A detector built from its checkpoint alone, and `wildnas detect`."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.runner import Runner
from PIL import Image

from backbones import weights
from backbones.errors import InputError
from bench.commands.cli import main
from bench.detection import checkpoint
from bench.detection.coco_data import find
from bench.detection.inference import detect, draw
from bench.detection.training import resolve as resolve_config
from bench.tasks.architectures import resolve
from bench.tasks.contract import Job
from tests.bench.detection.conftest import CATEGORIES, tiny_protocol


@pytest.fixture(scope="module")
def trained(tiny_checkpoint: Path) -> checkpoint.Trained:
    return checkpoint.load(tiny_checkpoint)


def test_a_checkpoint_says_what_it_is_of(trained: checkpoint.Trained) -> None:
    assert dict(trained.categories) == {"left": 7, "right": 9}
    assert trained.architecture == "PDARTS"
    assert trained.genotype_digest == resolve("PDARTS").design.digest
    assert trained.protocol.startswith("detection/local-")
    assert [step["type"] for step in trained.pipeline] == ["LoadImageFromFile", "Resize", "PackDetInputs"]


def test_its_detections_are_those_of_the_validation(
    trained: checkpoint.Trained, tiny_checkpoint: Path, made_coco: Path, tmp_path: Path
) -> None:
    """Through MMDetection's own data set and loader, as a run scores them."""
    protocol = tiny_protocol(tmp_path, made_coco)
    data = find(protocol.config)
    config = resolve_config(Job(protocol, resolve("PDARTS"), 0, tmp_path / "job"), data)
    runner = Runner.from_cfg(config)
    runner.model.load_state_dict(weights.read_state_dict(tiny_checkpoint))
    runner.model.eval()
    expected = [sample for batch in runner.val_dataloader for sample in runner.model.val_step(batch)]
    found = list(detect(trained, [(image.id, image.file) for image in data.val.images], batch_size=4))
    assert [sample.img_id for sample in found] == [8, 9, 10, 11]
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.img_id == theirs.img_id
        assert len(ours.pred_instances) > 0
        torch.testing.assert_close(ours.pred_instances.bboxes, theirs.pred_instances.bboxes)
        torch.testing.assert_close(ours.pred_instances.scores, theirs.pred_instances.scores)
        assert torch.equal(ours.pred_instances.labels, theirs.pred_instances.labels)


def test_a_picture_shows_what_reaches_the_threshold(
    trained: checkpoint.Trained, made_coco: Path, tmp_path: Path
) -> None:
    file = made_coco / "val2017" / "000000000010.jpg"
    (sample,) = detect(trained, [(10, file)])
    scores = sample.pred_instances.scores.sort(descending=True).values
    threshold = float(scores[2])
    found = draw(sample, list(CATEGORIES), file, tmp_path / "a.png", threshold)
    assert [score for _, score in found] == pytest.approx(scores[:3].tolist())
    assert {name for name, _ in found} <= set(CATEGORIES)
    grey, drawn = (np.asarray(Image.open(path).convert("RGB")).astype(int) for path in (file, tmp_path / "a.png"))
    assert drawn.shape == grey.shape
    # The photograph is grey: what has a colour was drawn.
    coloured = np.ptp(drawn, axis=2) > 60
    assert 20 < coloured.sum() < coloured.size / 2
    assert draw(sample, list(CATEGORIES), file, tmp_path / "b.png", 1.0) == []
    empty = np.asarray(Image.open(tmp_path / "b.png").convert("RGB")).astype(int)
    assert np.abs(empty - grey).max() <= 2


def test_the_command_draws_files_and_folders(
    tiny_checkpoint: Path, made_coco: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    single = tmp_path / "photo.webp"
    Image.new("RGB", (50, 40), (90, 20, 200)).save(single)
    folder = tmp_path / "folder"
    (folder / "sub").mkdir(parents=True)
    shutil.copy(made_coco / "val2017" / "000000000008.jpg", folder)
    shutil.copy(made_coco / "val2017" / "000000000009.jpg", folder / "sub")
    (folder / "notes.txt").write_text("no image", encoding="utf-8")
    out = tmp_path / "out"
    command = ["detect", str(tiny_checkpoint), str(single), str(folder), "--out", str(out), "--threshold", "0.9"]
    assert main(command) == 0
    written = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert written == {"photo.png", "000000000008.jpg", "sub/000000000009.jpg"}
    assert Image.open(out / "photo.png").size == (50, 40)
    inside = ["detect", str(tiny_checkpoint), str(folder), "--out", str(folder / "drawn"), "--threshold", "0.9"]
    assert main(inside) == main(inside) == 0
    assert len(list(folder.rglob("*.jpg"))) == 4
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{out / 'photo.png'}: nothing"
    assert len(lines) == 7


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.jpg"], "missing.jpg: no such image"),
        (["broken.jpg"], "broken.jpg: cannot be read as an image"),
        (["empty"], "empty: no image in this folder"),
        (["a.jpg", "b/a.jpg"], ", the picture of"),
        (["a.jpg", "--out", "."], "its picture would overwrite the image"),
        (["a.jpg", "--out", "b/a.jpg"], "b/a.jpg: Not a directory"),
        (["a.jpg", "--threshold", "2"], "expected a number from 0 to 1 (got '2')"),
    ],
)
def test_mistakes_of_detect_are_one_line(
    tiny_checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("b", "empty"):
        (tmp_path / folder).mkdir()
    for name in ("a.jpg", "b/a.jpg"):
        Image.new("RGB", (20, 20)).save(tmp_path / name)
    (tmp_path / "broken.jpg").write_bytes((tmp_path / "a.jpg").read_bytes()[:200])
    command = ["detect", str(tiny_checkpoint), "--out", "pictures", *arguments]
    try:
        code = main(command)
    except SystemExit as left:
        code = left.code
    assert code == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "pictures").exists()


def test_other_checkpoints_are_refused(tiny_checkpoint: Path, tmp_path: Path) -> None:
    other = weights.save(torch.nn.Linear(2, 2), tmp_path / "other.pth", task="classification")
    with pytest.raises(InputError, match=r"other\.pth: holds classification weights of a run; expected the checkpoint"):
        checkpoint.load(other)
    state, about = weights.read(tiny_checkpoint)
    for key in ("model", "categories", "pipeline"):
        file = tmp_path / f"{key}.pth"
        torch.save({"state_dict": state, "about": {**about, key: None}}, file)
        with pytest.raises(InputError, match=f"key '{key}' is missing"):
            checkpoint.load(file)
    del state["backbone.stem.0.weight" if "backbone.stem.0.weight" in state else next(iter(state))]
    torch.save({"state_dict": state, "about": dict(about)}, tmp_path / "part.pth")
    with pytest.raises(InputError, match="its weights do not fit the detector"):
        checkpoint.load(tmp_path / "part.pth")


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("model", "backbone", "type"), "os.system"),
        (("model", "bbox_head", "type"), "pathlib.Path"),
        (("model", "test_cfg", "nms", "type"), "__import__('pathlib').Path('harm').touch()"),
        (("model", "backbone", "type"), ["os"]),
        (("pipeline", 0, "type"), "subprocess.run"),
    ],
)
def test_a_checkpoint_cannot_have_code_run(tiny_checkpoint: Path, tmp_path: Path, place: Any, value: Any) -> None:
    """mmengine imports and calls what a `type` names, and mmcv evaluates that of NMS."""
    content = torch.load(tiny_checkpoint, weights_only=True)
    *path, last = place
    spot = content["about"]
    for key in path:
        spot = spot[key]
    assert spot[last] != value
    spot[last] = value
    file = tmp_path / "harmful.pth"
    torch.save(content, file)
    with pytest.raises(InputError, match=r"is not a component that a checkpoint may contain here"):
        checkpoint.load(file)
