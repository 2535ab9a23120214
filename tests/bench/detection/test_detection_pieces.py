"""Small parts of detection: normalisation, precision, names of pictures, workload and what a config may say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from backbones.errors import InputError
from backbones.pretrained import Normalisation
from bench.detection import coco_data, components, cost, inference, protocol, test_dev
from bench.detection.keys import check_keys, check_loader_keys
from bench.detection.normalising import normalisation, set_normalisation
from bench.detection.precision import _full
from bench.detection.protocol import _check_own, _check_shorthand, _unscoped, innermost
from bench.tasks.architectures import resolve


def test_colours_count_from_0_to_255_in_a_detector() -> None:
    assert normalisation({"model": {}}) is normalisation({"model": {"data_preprocessor": {"type": "X"}}}) is None
    config: dict[str, Any] = {
        "model": {"data_preprocessor": {"type": "X", "mean": [51, 102, 255], "std": [5.1, 10.2, 25.5]}}
    }
    found = normalisation(config)
    assert found is not None
    assert found.mean == pytest.approx((0.2, 0.4, 1.0))
    assert found.std == pytest.approx((0.02, 0.04, 0.1))
    set_normalisation(config, Normalisation((0.5, 0.25, 0.123456789), (0.1, 0.2, 0.3)))
    written = {"mean": [127.5, 63.75, 31.4815], "std": [25.5, 51.0, 76.5], "bgr_to_rgb": True, "rgb_to_bgr": False}
    assert config == {"model": {"data_preprocessor": {"type": "X", **written}}}
    bare: dict[str, Any] = {"model": {}}
    set_normalisation(bare, Normalisation((0.5, 0.25, 0.123456789), (0.1, 0.2, 0.3)))
    assert bare["model"]["data_preprocessor"] == {"type": "DetDataPreprocessor", **written}


def test_only_half_precision_becomes_single() -> None:
    module = torch.nn.Identity()
    half, double = torch.ones(2, dtype=torch.bfloat16), torch.ones(2, dtype=torch.float64)
    found = _full(module, (), ([half, double], (half,)))
    assert isinstance(found, tuple)
    assert [each.dtype for each in found[0]] == [torch.float32, torch.float64]
    assert [each.dtype for each in found[1]] == [torch.float32]
    assert (type(found[0]), type(found[1])) == (list, tuple)


@pytest.mark.parametrize(
    ("image", "picture"),
    [("a.jpg", "a.jpg"), ("a.JPEG", "a.JPEG"), ("a.PNG", "a.PNG"), ("a.webp", "a.png"), ("a.b.tif", "a.b.png")],
)
def test_a_picture_is_named_like_its_image(image: str, picture: str) -> None:
    assert inference.picture_name(Path("x") / image) == picture


def test_labels_have_bright_colours_that_differ() -> None:
    colours = inference._palette(80)
    assert len(set(colours)) == 80
    # Of a hue, red first: full value, and saturation 0.85.
    assert colours[0] == (255, 38, 38)
    assert {(max(colour), min(colour)) for colour in colours} == {(255, 38)}
    assert colours[1] == (38, 101, 255)


def test_pictures_lie_as_their_images_do(tmp_path: Path) -> None:
    images, out = tmp_path / "images", tmp_path / "images" / "out"
    for name in ("a.jpg", "s/b.webp", ".hidden.jpg", ".h/c.jpg", "notes.txt", "out/a.jpg", "folder.jpg/x.txt"):
        (images / name).parent.mkdir(parents=True, exist_ok=True)
        (images / name).touch()
    assert inference._pictures([images, images / "s/b.webp"], out) == {
        images / "a.jpg": out / "a.jpg",
        images / "s/b.webp": out / "b.png",
    }
    (tmp_path / "other").mkdir()
    (tmp_path / "other/a.png").touch()
    for given, said in (
        (
            [images / "a.jpg", tmp_path / "other/a.png", tmp_path / "other/../images/a.jpg"],
            "would overwrite .*, the picture of",
        ),
        ([tmp_path / "other/a.png"], "would overwrite the image; use another output folder"),
        ([images / "folder.jpg"], r"no image in this folder \(\.bmp"),
    ):
        with pytest.raises(InputError, match=said):
            inference._pictures(given, tmp_path / "other" if "output" in said else out)


def test_repeated_data_are_more_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost, "model_config", lambda *what, **how: {"type": "X"})
    monkeypatch.setattr(cost, "_detector", lambda model, shape: (7, shape == (48, 64)))
    resize = {"pipeline": [{"type": "Resize", "scale": [64, 48]}]}

    def epochs(dataset: dict[str, Any]) -> int:
        config = {
            "train_cfg": {"max_epochs": 3},
            "train_dataloader": {"dataset": dataset},
            "val_dataloader": {"dataset": resize},
            "expected": {"train images": 11},
        }
        workload = cost.training_workload(config, resolve("PDARTS").design, {"train images": 11})
        assert (workload.images, workload.macs, workload.separable) == (11, 7, True)
        return workload.epochs

    assert epochs({}) == 3
    assert epochs({"times": 5, "dataset": {}}) == 15
    assert epochs({"dataset": {"times": 2, "dataset": {"times": 9}}}) == 6
    assert innermost({"dataset": {"times": 2, "dataset": {"times": 9}}}) == {"times": 9}


def test_every_head_has_the_classes_of_the_data() -> None:
    model = {"a": {"num_classes": 80, "b": [{"num_classes": 80}, 3]}, "num_classes": 1, "c": "num_classes"}
    coco_data._set_classes(model, 5)
    assert model == {"a": {"num_classes": 5, "b": [{"num_classes": 5}, 3]}, "num_classes": 5, "c": "num_classes"}


def test_classes_are_a_list_of_names() -> None:
    def config(dataset: Any) -> dict[str, Any]:
        return {"val_dataloader": {"dataset": {"dataset": dataset}}}

    for dataset in ({}, {"metainfo": None}, {"metainfo": {}}, {"metainfo": {"classes": []}}):
        assert coco_data._classes(config(dataset), "val") == []
    assert coco_data._classes(config({"metainfo": {"classes": ["a"]}}), "val") == ["a"]
    for classes in ("a", ["a", 1], {"a": 1}):
        with pytest.raises(InputError, match=r"val_dataloader\.dataset\.metainfo\.classes: .*expected a list of names"):
            coco_data._classes(config({"metainfo": {"classes": classes}}), "val")


OWN: dict[str, Any] = {
    "architecture": None,
    "expected": {},
    "limit": None,
    "execution": {"trackers": []},
    "precision": "fp32",
}


@pytest.mark.parametrize(
    "changes",
    [
        {"architecture": 3},
        {"architecture": "resnet"},
        {"expected": []},
        {"expected": {"a": -1}},
        {"expected": {"a": True}},
        {"limit": 0},
        {"limit": True},
        {"limit": 1.0},
        {"execution": {}},
        {"execution": {"trackers": [], "more": 1}},
        {"execution": {"trackers": "wandb"}},
        {"execution": {"trackers": [1]}},
        {"precision": "fp16"},
    ],
)
def test_an_own_key_that_cannot_be_used_is_named(changes: dict[str, Any]) -> None:
    (key,) = changes
    with pytest.raises(InputError, match=f"^x: {key}="):
        _check_own({**OWN, **changes}, "x")
    for good in (
        {},
        {"architecture": "timm:vgg16", "expected": {"a": 0}, "limit": 1},
        {"execution": {"trackers": ["wandb"]}, "precision": "bf16"},
    ):
        _check_own({**OWN, **good}, "x")


def test_a_shorthand_must_agree_with_what_it_was_copied_to() -> None:
    values = {"data_root": [{"a": 1, "_scope_": "mmdet"}]}
    _check_shorthand(values, "data_root", {"data_root": [{"a": 1}]}, "data_root", "x", "f.py")
    _check_shorthand({}, "data_root", {"data_root": 1}, "data_root", "x", "f.py")
    with pytest.raises(InputError, match=r"^f\.py: data_root differs from x\.data_root"):
        _check_shorthand(values, "data_root", {"data_root": [{"a": 2}]}, "data_root", "x", "f.py")
    assert _unscoped({"_scope_": 1, "a": ({"_scope_": 2},), "b": [{"_scope_": 3}]}) == {
        "a": ({"_scope_": 2},),
        "b": [{}],
    }


def test_keys_of_nested_parts_are_looked_up() -> None:
    check_keys([{"type": "SGD", "lr": 1, "priority": "LOW", "_scope_": "mmdet"}, 3, "type"], "x")
    # Not looked into.
    check_keys({"init_cfg": {"type": "NoSuchThing"}, "nms": {"type": "nms", "any": 1}}, "x")
    check_keys({"type": "OptimWrapper", "optimizer": None, "constructor": 1, "paramwise_cfg": {}}, "x")
    for value, said in (
        (
            [{"type": "SGD"}, {"a": {"type": "SGD", "lrr": 1}}],
            r"^x\[1\]\.a: unknown key 'lrr' of SGD; did you mean 'lr'",
        ),
        ({"type": "Zqxw"}, r"^x\.type: nothing is registered as 'Zqxw'; is its module among custom_imports\?"),
        ({"type": "SGD", "constructor": 1}, "unknown key 'constructor'"),
    ):
        with pytest.raises(InputError, match=said):
            check_keys(value, "x")
    check_loader_keys({"batch_size": 1, "num_batch_per_epoch": 2, "_scope_": 3, "disable_subprocess_warning": 1}, "x")
    with pytest.raises(InputError, match=r"^x: unknown key 'batchsize'; did you mean 'batch_size'"):
        check_loader_keys({"batchsize": 1}, "x")


def test_a_submission_s_box_may_be_a_line() -> None:
    entry = {"image_id": 1, "category_id": 2, "bbox": [1, 2, 0, 0], "score": 0}
    assert test_dev._problem(entry, frozenset({1}), frozenset({2})) is None
    for box in ([1, 2, -0.1, 0], [1, 2, 0, -0.1]):
        found = test_dev._problem({**entry, "bbox": box}, frozenset({1}), frozenset({2}))
        assert "width or height is negative" in (found or "")
    assert (
        test_dev._problem("x" * 50, frozenset(), frozenset())
        == f"'{'x' * 40}': expected an object with image_id, category_id, bbox and score"
    )
    assert test_dev._plain_name("detection/a b/c_d.e") == "a-b-c-d.e"


@pytest.mark.parametrize("build", [components._maps, cost._detector, protocol._confirm_builds])
def test_a_network_that_was_built_is_not_built_again(build: Any) -> None:
    """A pipeline asks for the same one hundreds of times; each takes seconds."""
    assert build.cache_info().maxsize is None
