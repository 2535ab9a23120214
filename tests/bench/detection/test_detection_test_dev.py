"""The submission to COCO's evaluation server: what is written, and what the checker names."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from backbones.errors import InputError
from bench.commands.cli import main
from bench.detection.checkpoint import load
from bench.detection.inference import detect
from bench.detection.test_dev import IMAGE_INFO, check_submission, export_test_dev, load_test_dev
from bench.tasks.architectures import resolve
from bench.tasks.contract import Protocol
from search.configs import config_root
from tests.bench.detection.conftest import tiny_protocol

NAME = "detections_test-dev2017_mine_results.json"


@pytest.fixture
def coco(made_coco: Path, tmp_path: Path) -> Path:
    """The made data with a test part: the validation images, without annotations."""
    root = Path(shutil.copytree(made_coco, tmp_path / "coco"))
    shutil.copytree(root / "val2017", root / "test2017")
    content = json.loads((root / "annotations" / "instances_val2017.json").read_text(encoding="utf-8"))
    del content["annotations"]
    (root / "annotations" / IMAGE_INFO).write_text(json.dumps(content), encoding="utf-8")
    return root


@pytest.fixture
def protocol(coco: Path, tmp_path: Path, tiny_checkpoint: Path) -> Protocol:
    """The protocol that the checkpoint was made under, with this data."""
    made = tiny_protocol(tmp_path, coco, "test_dataloader.num_workers=0", "test_dataloader.batch_size=3")
    dataset = dict(made.config["test_dataloader"]["dataset"], data_root=str(coco))
    config = {**made.config, "test_dataloader": {**made.config["test_dataloader"], "dataset": dataset}}
    return Protocol(load(tiny_checkpoint).protocol, made.path, config)


def test_the_file_is_what_the_server_takes(
    protocol: Protocol, coco: Path, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    told: list[float] = []
    submission = export_test_dev(
        protocol, resolve("PDARTS"), tiny_checkpoint, tmp_path / "out", lambda done, doing: told.append(done)
    )
    assert submission.file.name.startswith("detections_test-dev2017_local-")
    assert submission.file.name.endswith("-PDARTS_results.json")
    assert told == [0.25, 0.5, 0.75, 1]
    entries = json.loads(submission.file.read_text(encoding="utf-8"))
    assert len(entries) == submission.detections
    assert submission.images == submission.images_with_detections == 4
    assert str(submission) == f"{submission.file}: {len(entries):,} detections in 4 of 4 images"

    trained = load(tiny_checkpoint)
    images = json.loads((coco / "annotations" / IMAGE_INFO).read_text(encoding="utf-8"))["images"]
    listed = [(image["id"], coco / "test2017" / image["file_name"]) for image in images]
    for sample, image in zip(detect(trained, listed), images, strict=True):
        found = sample.pred_instances
        here = [entry for entry in entries if entry["image_id"] == image["id"]]
        # SSD keeps 200 detections an image, the server 100: the surest.
        assert len(found) > 100
        assert len(here) == 100
        best = found.scores.argsort(descending=True)[:100]
        assert [entry["score"] for entry in here] == pytest.approx(found.scores[best].tolist(), abs=6e-6)
        for entry, place in zip(here, best.tolist(), strict=True):
            x1, y1, x2, y2 = found.bboxes[place].tolist()
            assert entry["bbox"] == pytest.approx([x1, y1, x2 - x1, y2 - y1], abs=0.006)
        assert {entry["category_id"] for entry in here} <= {7, 9}
    with zipfile.ZipFile(submission.file.with_suffix(".zip")) as archive:
        assert archive.namelist() == [submission.file.name]
        assert archive.read(submission.file.name) == submission.file.read_bytes()


def test_what_does_not_belong_together_is_refused(
    protocol: Protocol, coco: Path, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with pytest.raises(InputError, match=r"is of PDARTS, not of PC_DARTS_image"):
        export_test_dev(protocol, resolve("PC_DARTS_image"), tiny_checkpoint, out)
    other = Protocol("detection/coco_ssd320", protocol.path, protocol.config)
    with pytest.raises(InputError, match=r"was trained under detection/local-.*, not under detection/coco_ssd320"):
        export_test_dev(other, None, tiny_checkpoint, out)
    file = coco / "annotations" / IMAGE_INFO
    content = json.loads(file.read_text(encoding="utf-8"))
    content["categories"][0]["id"] = 1
    file.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(InputError, match="its categories or their ids are not those of"):
        export_test_dev(protocol, None, tiny_checkpoint, out)
    (coco / "test2017" / "000000000009.jpg").unlink()
    with pytest.raises(InputError, match=r"test2017/000000000009\.jpg: no such image"):
        export_test_dev(protocol, None, tiny_checkpoint, out)
    val = {**protocol.config, "test_dataloader": protocol.config["val_dataloader"]}
    with pytest.raises(InputError, match=f"another annotation file; expected {IMAGE_INFO}"):
        export_test_dev(Protocol(protocol.name, protocol.path, val), None, tiny_checkpoint, out)
    assert not out.exists()


GOOD = {"image_id": 8, "category_id": 7, "bbox": [1.5, 2, 3, 4.25], "score": 0.5}


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([GOOD, {**GOOD, "image_id": 1}], "entry 1: image_id 1 is not in"),
        ([{**GOOD, "image_id": "8"}], "entry 0: image_id '8' is not in"),
        ([{**GOOD, "image_id": True}], "entry 0: image_id True is not in"),
        ([{**GOOD, "category_id": 1}], "entry 0: category_id 1 is not in"),
        ([{**GOOD, "category_id": 7.0}], "entry 0: category_id 7.0 is not in"),
        ([{**GOOD, "bbox": [1, 2, 3]}], r"entry 0: bbox \[1, 2, 3\]: expected"),
        ([{**GOOD, "bbox": [1, 2, 3, float("nan")]}], "entry 0: bbox .* finite numbers"),
        ([{**GOOD, "bbox": [10, 10, -5, 3]}], "entry 0: bbox .*negative; expected"),
        ([{**GOOD, "score": float("inf")}], "entry 0: score inf: expected a finite number"),
        ([{**GOOD, "score": "high"}], "entry 0: score 'high'"),
        ([{"image_id": 8, "category_id": 7, "bbox": [0, 0, 1, 1]}], "entry 0: key 'score' is missing"),
        ([[8, 7, 0.5]], "entry 0: .*expected an object"),
        ([GOOD] * 101, "entry 100: is number 101 of image 8; expected at most 100 in an image"),
        ({"detections": [GOOD]}, "holds a dict; expected a list"),
    ],
)
def test_the_entry_is_named(coco: Path, tmp_path: Path, entries: Any, message: str) -> None:
    file = tmp_path / NAME
    file.write_text(json.dumps(entries), encoding="utf-8")
    with pytest.raises(InputError, match=message):
        check_submission(file, coco / "annotations" / IMAGE_INFO)


def test_the_name_counts_too(coco: Path, tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    file.write_text(json.dumps([GOOD]), encoding="utf-8")
    with pytest.raises(InputError, match=r"expects the name detections_test-dev2017_<name>_results\.json"):
        check_submission(file, coco / "annotations" / IMAGE_INFO)


def test_the_command_checks(
    coco: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WILDNAS_DATA", str(tmp_path))
    file = tmp_path / NAME
    file.write_text(json.dumps([GOOD] * 100), encoding="utf-8")
    assert main(["test-dev", "check", str(file), "--on", "detection/coco_ssd320"]) == 0
    assert capsys.readouterr().out == f"{file}: 100 detections in 1 of 4 images\n"
    file.write_text(json.dumps([GOOD, {}]), encoding="utf-8")
    assert main(["test-dev", "check", str(file), "--on", "detection/coco_ssd320"]) == 2
    assert capsys.readouterr().err == f"wildnas: {file}: entry 1: key 'image_id' is missing\n"
    assert main(["test-dev", "check", str(file), "--on", "reid/market1501_p3"]) == 2
    assert "expected a detection protocol" in capsys.readouterr().err


def test_only_a_detection_protocol_with_a_test_dataloader_has_a_submission(tmp_path: Path) -> None:
    assert load_test_dev("detection/coco_ssd320").name == "detection/coco_ssd320"
    without = tmp_path / "without.py"
    without.write_text(f"_base_ = {str(config_root() / 'detection/coco_ssd320.py')!r}\ntest_dataloader = None\n")
    for name in ("classification/digits", str(without)):
        with pytest.raises(InputError, match="expected a detection protocol with a test_dataloader"):
            load_test_dev(name)
