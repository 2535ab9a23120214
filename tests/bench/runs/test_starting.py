"""What `--weights` means: a card, a record, a file; and what follows from it before anything runs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from backbones import pretrained, weights, zoo
from backbones.design import TimmModel
from backbones.errors import InputError
from backbones.files import file_digest
from backbones.pretrained import IMAGENET, Normalisation
from backbones.timm_backbone import create
from bench.records.record import Record
from bench.records.store import RecordStore
from bench.runs.requests import evaluations
from bench.runs.run import Evaluation, Places
from bench.runs.session import Manner, run_all
from bench.runs.starting import StartingWeights, find_weights, planned_weights
from bench.tasks.architectures import resolve
from bench.tasks.contract import DataReport
from bench.tasks.weights import check_weights
from tests.bench.runs.quick import QuickTask, quick_protocol

MakeRecord = Callable[..., Record]
LITE0, PDARTS = TimmModel("tf_efficientnet_lite0"), zoo.get("PDARTS").genotype
HALF = Normalisation((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
CARD = pretrained.get("tf_efficientnet_lite0")
DATA = DataReport({}, "sha256:" + "d" * 64)


def shipped() -> Path:
    return pretrained.find(CARD, Path("nowhere"))


def test_a_name_is_a_card_with_its_file_and_preprocessing() -> None:
    found = find_weights("tf_efficientnet_lite0", LITE0, Path("results"))
    assert (found.file, found.card, found.record, found.normalisation) == (shipped(), CARD, None, HALF)
    assert found.digest == CARD.sha256


def test_a_card_s_file_is_recognised_wherever_it_lies(tmp_path: Path) -> None:
    copy = shutil.copy(shipped(), tmp_path / "mine.pth")
    assert find_weights(str(copy), LITE0, tmp_path) == StartingWeights(Path(copy), CARD, normalisation=HALF)


@pytest.mark.parametrize(
    ("given", "design", "said"),
    [
        ("tf_efficientnet_lite0", PDARTS, r"weights of another architecture: timm:tf_efficientnet_lite0, not genotype"),
        ("mobilenetv2_100", LITE0, r"another architecture: timm:mobilenetv2_100, not timm:tf_efficientnet_lite0"),
        ("timm:resnet18", LITE0, r"weights timm:resnet18\.a1_in1k: not on this machine|another architecture"),
        ("timm", PDARTS, r"expected the architecture to be timm:MODEL"),
        ("tf_efficientnet_lite", LITE0, r"no such file; did you mean the weights 'tf_efficientnet_lite"),
        ("none.pth", LITE0, r"^weights none\.pth: no such file$"),
        ("record:../../secret", LITE0, r"no such record below"),
        ("record:", LITE0, r"no such record below"),
        ("record:classification/digits/PDARTS/seed9", LITE0, r"no such record below"),
    ],
)
def test_what_cannot_be_meant_is_one_line(
    given: str, design: TimmModel, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=said) as caught:
        find_weights(given, design, tmp_path)
    assert "\n" not in str(caught.value)


def test_a_record_s_weights_are_those_of_its_checkpoint(tmp_path: Path, make_record: MakeRecord) -> None:
    checkpoint = {"path": "classification/digits/PDARTS/seed0/x/checkpoint.pth", "sha256": "sha256:" + "a" * 64}
    images = {"mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6]}
    record = make_record(checkpoint=checkpoint, config={"images": images})
    RecordStore(tmp_path).write(record)
    found = find_weights("record:classification/digits/PDARTS/seed0", PDARTS, tmp_path)
    assert (found.file, found.card, found.record) == (None, None, record)
    assert found.normalisation == Normalisation((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))
    with pytest.raises(InputError, match="another architecture: PDARTS, not timm:tf_efficientnet_lite0"):
        find_weights("record:classification/digits/PDARTS/seed0", LITE0, tmp_path)
    RecordStore(tmp_path).write(make_record(seed=1))
    with pytest.raises(InputError, match="a run of classification leaves no weights"):
        find_weights("record:classification/digits/PDARTS/seed1", PDARTS, tmp_path)


@pytest.mark.parametrize(
    ("protocol", "key"),
    [("classification/digits", "images"), ("detection/digits_ssd", "model"), ("reid/digits_p3", "mean")],
)
def test_every_task_is_fed_as_the_card_says(protocol: str, key: str) -> None:
    (one,) = evaluations(["timm:tf_efficientnet_lite0"], [protocol], weights="tf_efficientnet_lite0")
    (plain,) = evaluations(["timm:tf_efficientnet_lite0"], [protocol])
    assert one.architecture is not None
    assert one.architecture.name == "timm-tf_efficientnet_lite0-w57934424"
    assert one.task.normalisation(one.protocol.config) == HALF
    own = plain.task.normalisation(plain.protocol.config)
    assert own is not None
    assert own.is_close(IMAGENET)
    # Nothing else is changed, and no run is marked by it.
    assert {name for name in one.protocol.config if one.protocol.config[name] != plain.protocol.config.get(name)} <= {
        key,
        "std",
    }
    assert one.protocol.options == plain.protocol.options == ()
    assert one.task.validate(one.protocol.config, "again") == one.protocol.config
    assert one.key(DATA) != plain.key(DATA)
    assert one.initial_weights(shipped()) == {"sha256": CARD.sha256, "record": None, "card": CARD.name}


def test_a_card_with_the_protocol_s_own_preprocessing_changes_no_config() -> None:
    for protocol in ("classification/digits", "detection/digits_ssd", "reid/digits_p3"):
        (one,) = evaluations(["timm:mobilenetv2_100"], [protocol], weights="mobilenetv2_100")
        (plain,) = evaluations(["timm:mobilenetv2_100"], [protocol])
        assert one.protocol == plain.protocol


def test_of_a_file_nothing_is_known_and_that_is_said(tmp_path: Path) -> None:
    file = tmp_path / "theirs.pth"
    file.write_bytes(b"theirs")
    (one,) = evaluations(["PDARTS"], ["classification/digits"], weights=file)
    (plain,) = evaluations(["PDARTS"], ["classification/digits"])
    assert one.protocol == plain.protocol
    assert one.card is None
    assert one.remark == (
        f"weights {file}: nothing is known of the images that they were trained on; classification/digits "
        "normalises by mean (0.485, 0.456, 0.406), deviation (0.229, 0.224, 0.225)"
    )
    assert plain.remark == ""


def test_a_known_checkpoint_with_other_images_is_remarked(tmp_path: Path, make_record: MakeRecord) -> None:
    name = "classification/digits/PDARTS/seed0"
    file = tmp_path / "work" / name / "x" / "checkpoint.pth"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"ours")
    kept = {"path": f"{name}/x/checkpoint.pth", "sha256": file_digest(file)}
    remarks = []
    for mean in ([0.5, 0.5, 0.5], [0.485, 0.456, 0.406]):
        images = {"mean": mean, "std": [0.229, 0.224, 0.225]}
        results = tmp_path / f"results{len(remarks)}"
        RecordStore(results).write(make_record(checkpoint=kept, config={"images": images}))
        (one,) = evaluations(["PDARTS"], ["reid/digits_p3"], weights=file, results=results)
        remarks.append(one.remark)
    assert remarks == [
        f"weights {file}: were trained with mean (0.5, 0.5, 0.5), deviation (0.229, 0.224, 0.225); reid/digits_p3 "
        "normalises by mean (0.485, 0.456, 0.406), deviation (0.229, 0.224, 0.225)",
        "",
    ]


def test_a_run_begins_with_its_record_s_checkpoint_and_says_its_remark(tmp_path: Path) -> None:
    places, task, said = Places(tmp_path / "results", tmp_path / "work"), QuickTask(), []
    first = Evaluation(task, quick_protocol(), resolve("PDARTS"), 0, remark="a remark")
    (parent,) = run_all([first], Manner(places, notice=said.append))
    assert said == ["a remark"]
    second = Evaluation(task, quick_protocol(("epochs=2",), epochs=2), resolve("PDARTS"), 1, parent)
    (record,) = run_all([second], Manner(places))
    assert parent.checkpoint is not None
    assert task.jobs[-1].weights == places.work / parent.checkpoint.path
    assert not task.jobs[-1].new_classifier
    assert record.initial_weights is not None
    assert record.initial_weights.model_dump() == {"sha256": parent.checkpoint.sha256, "record": parent.name}
    # What is done is not said again.
    run_all([first], Manner(places, notice=said.append))
    assert said == ["a remark"]
    (places.work / parent.checkpoint.path).write_bytes(b"another")
    third = Evaluation(task, quick_protocol(), resolve("PDARTS"), 2, parent)
    with pytest.raises(InputError, match="its checkpoint is missing or changed"):
        run_all([third], Manner(places))


def test_a_classifier_may_start_anew_with_a_card_alone(tmp_path: Path) -> None:
    places, task = Places(tmp_path / "results", tmp_path / "work"), QuickTask()
    one = Evaluation(task, quick_protocol(), resolve("PDARTS"), 0, weights_file=shipped(), card=CARD)
    (record,) = run_all([one], Manner(places))
    assert task.jobs[-1].new_classifier
    assert record.initial_weights is not None
    assert record.initial_weights.card == CARD.name


def test_a_pipeline_names_weights_before_they_are_there() -> None:
    found = planned_weights("p_darts_imagenet", PDARTS)
    assert found.file is not None
    assert not found.file.exists()
    assert found.named(resolve("PDARTS")).name == "PDARTS"
    assert planned_weights("mine.pth", PDARTS) == StartingWeights(Path("mine.pth"))
    with pytest.raises(InputError, match=r"weights='mobilenetv2_100': are weights of another architecture"):
        planned_weights("mobilenetv2_100", LITE0)
    with pytest.raises(InputError, match="a pipeline's own retraining gives such weights"):
        planned_weights("record:classification/digits/PDARTS/seed0", PDARTS)


def test_weights_of_another_architecture_are_refused_before_their_file_is_looked_for(tmp_path: Path) -> None:
    for given in ("darts_imagenet", "timm:resnet34"):
        with pytest.raises(InputError, match="are weights of another architecture"):
            find_weights(given, resolve("random:0").design, tmp_path)
    # Of two cells, whichever digest comes first.
    for given, other in (("darts_imagenet", "p_darts_imagenet"), ("p_darts_imagenet", "darts_imagenet")):
        with pytest.raises(InputError, match="are weights of another architecture"):
            find_weights(given, resolve(pretrained.get(other).architecture).design, tmp_path)
    with pytest.raises(InputError, match="weights lite0: no such file, nor a name of `wildnas weights list`"):
        find_weights("lite0", resolve("random:0").design, tmp_path)


def test_a_file_without_a_known_digest_fits_or_is_refused(tmp_path: Path) -> None:
    network = create("mobilenetv2_050", num_classes=1000)
    fits, other = weights.save(network, tmp_path / "a.pth"), weights.save(torch.nn.Linear(2, 2), tmp_path / "b.pth")
    card, said = check_weights(fits, "timm:mobilenetv2_050")
    assert card is not None
    assert said.startswith("has the names and shapes of the weights timm:mobilenetv2_050")
    assert said.endswith("whether it is the authors' file is not known")
    with pytest.raises(InputError, match=r"b\.pth: lacks .*; expected the weights timm:mobilenetv2_050"):
        check_weights(other, "timm:mobilenetv2_050")
    with pytest.raises(InputError, match=r"lacks .*; expected the weights darts_imagenet$"):
        check_weights(other, "darts_imagenet")
    with pytest.raises(InputError, match="is a folder; expected a file of weights"):
        check_weights(tmp_path)
    # DINO's weights have no classifier.
    bare = weights.save(create("vit_small_patch16_224", num_classes=0), tmp_path / "c.pth")
    assert check_weights(bare, "timm:vit_small_patch16_224.dino")[1].startswith("has the names and shapes of")
    assert check_weights(shipped())[1].startswith("the weights tf_efficientnet_lite0; ")
    assert check_weights(other)[1].startswith("no card knows this file")


def test_a_file_of_other_weights_is_not_those_of_a_card_without_digest() -> None:
    with pytest.raises(InputError, match="is the file of the weights tf_efficientnet_lite0, not darts_imagenet"):
        check_weights(shipped(), "darts_imagenet")
