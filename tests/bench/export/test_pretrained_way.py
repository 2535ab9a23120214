"""The whole way in the small: pretrained Lite0, a re-identifier and a detector, an ONNX file, a card."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from huggingface_hub import ModelCard

from backbones import pretrained
from bench.commands.cli import main
from bench.detection.checkpoint import load
from bench.detection.inference import detect
from bench.records.store import RecordStore
from search.data.reader import read_picture

ARCH, CARD = "timm:tf_efficientnet_lite0", "tf_efficientnet_lite0"


def test_from_a_card_to_a_folder_that_onnx_runtime_runs(
    on_mini_digits: Path, mini_digits: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ["evaluate", ARCH, "--weights", CARD, "--limit", "16", "--cfg-options", "embedded=None"]
    assert (
        main([*common, "train_cfg.max_epochs=1", "train_dataloader.batch_size=4", "--on", "detection/digits_ssd"]) == 0
    )
    assert main([*common, "epochs=1", "batch_size=8", "reduced_dim=8", "--on", "reid/digits_p3"]) == 0
    capsys.readouterr()
    store = RecordStore(Path("results"))
    names = [
        f"{protocol}/timm-tf_efficientnet_lite0-w57934424/seed0"
        for protocol in ("detection/digits_ssd", "reid/digits_p3")
    ]
    for name in names:
        record = store.find(name)
        assert record is not None
        assert record.initial_weights is not None
        assert (record.initial_weights.card, record.initial_weights.sha256) == (CARD, pretrained.get(CARD).sha256)
    assert main(["card", names[0], "--export", "--out", "card"]) == 0
    assert "weights tf_efficientnet_lite0" in Path("card/README.md").read_text()
    assert ModelCard.load("card/README.md").data.pipeline_tag == "object-detection"

    session = onnxruntime.InferenceSession("card/model.onnx", providers=["CPUExecutionProvider"])
    about = session.get_modelmeta().custom_metadata_map
    assert json.loads(about["mean"]) == json.loads(about["std"]) == [0.5, 0.5, 0.5]
    assert about["record"] == names[0]
    file = sorted((mini_digits / "coco" / "val2017").iterdir())[0]
    side = json.loads(about["input_shape"])[-1]
    picture = read_picture(file)
    # The canvases have the input's size, so that no way of resizing matters.
    assert picture.size == (side, side)
    image = (np.asarray(picture.convert("RGB"), dtype=np.float32) / 255 - 0.5) / 0.5
    boxes, scores, labels = session.run(None, {"images": image.transpose(2, 0, 1)[None]})
    (sample,) = detect(load(Path("card/checkpoint.pth")), [(0, file)])
    found = sample.pred_instances
    assert len(found) == len(scores) > 0
    np.testing.assert_allclose(scores, found.scores, rtol=1e-3)
    # Boxes whose scores are nearly equal may stand in another order.
    theirs, classes = found.bboxes.numpy(), found.labels.numpy()
    apart = np.abs(boxes[None] - theirs[:, None]).max(axis=2) + 1e3 * (labels[None] != classes[:, None])
    order = apart.argmin(axis=1)
    assert sorted(order) == list(range(len(scores)))
    np.testing.assert_allclose(boxes[order], theirs, atol=1e-2)
    np.testing.assert_allclose(scores[order], found.scores, rtol=1e-3)
    np.testing.assert_array_equal(labels[order], classes)
