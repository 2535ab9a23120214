"""What a detector's checkpoint may hold: every bound, its edge and the next value."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest

from backbones.errors import InputError
from bench.detection import schema
from bench.detection.schema import (
    built,
    categories_of,
    either,
    flag,
    nothing,
    number,
    one_of,
    pipeline_of,
    several,
    whole,
)

WIDTH = (1, 8192)
TAPS = {"last_stride": (1, 2), "drop_path": (0.0, 1.0), "frozen_stages": (0, 4)}
LOSS = {"loss_weight": (0.0, 1e6)}
NMS = {"iou_threshold": (0.0, 1.0), "split_thr": (1, 10**6), "max_num": (-1, 10**6), "score_threshold": (0.0, 1.0)}
HEAD = {"num_classes": (1, 10_000), "stacked_convs": (0, 32), "feat_channels": WIDTH}

#: Of every component the least and the largest number that an argument takes: whole ones, or with a point.
NUMBERS: dict[str, tuple[Mapping[str, Any], dict[str, dict[str, tuple[float, float]]]]] = {
    "backbone": (
        schema.BACKBONES,
        {
            "WildnasCellBackbone": {"channels": WIDTH, "layers": (3, 200), **TAPS},
            "WildnasTimmBackbone": TAPS,
        },
    ),
    "neck": (
        schema.NECKS,
        {
            "SSDNeck": {"l2_norm_scale": (0.0, 1e4), "last_kernel_size": (1, 16)},
            "FPN": {"out_channels": WIDTH, "num_outs": (1, 16), "start_level": (0, 16), "end_level": (-1, 16)},
        },
    ),
    "anchors": (
        schema._ANCHORS,
        {
            "SSDAnchorGenerator": {"input_size": WIDTH},
            "AnchorGenerator": {"octave_base_scale": (0.0, 1000.0), "scales_per_octave": (1, 16)},
        },
    ),
    "coder": (schema._CODERS, {"DeltaXYWHBBoxCoder": {"ctr_clamp": (0, 10_000)}}),
    "loss": (
        schema._LOSSES,
        {
            "FocalLoss": {**LOSS, "gamma": (0.0, 100.0), "alpha": (0.0, 1.0)},
            "CrossEntropyLoss": LOSS,
            "L1Loss": LOSS,
            "SmoothL1Loss": {**LOSS, "beta": (0.0, 100.0)},
        },
    ),
    "head": (schema.HEADS, {"WildnasSSDHead": HEAD, "RetinaHead": {**HEAD, "in_channels": WIDTH}}),
    "preprocessor": (
        schema._PREPROCESSORS,
        {"DetDataPreprocessor": {"pad_size_divisor": (1, 1024), "pad_value": (-1e6, 1e6)}},
    ),
    "detector": (schema.DETECTORS, {"WildnasSSD": {"input_size": WIDTH}}),
    "transform": (schema.TRANSFORMS, {"Resize": {"scale": WIDTH}, "Pad": {"size_divisor": (1, 1024)}}),
}

#: Lists: how many items at most, and an item's bounds.
LISTS: list[tuple[Mapping[str, Any], str, str, int, tuple[float, float]]] = [
    (schema.BACKBONES, "WildnasSSDVGG", "out_indices", 32, (0, 64)),
    (schema.BACKBONES, "WildnasSSDVGG", "out_feature_indices", 32, (0, 64)),
    (schema.NECKS, "SSDNeck", "in_channels", 32, WIDTH),
    (schema.NECKS, "SSDNeck", "level_strides", 32, (1, 8)),
    (schema.NECKS, "SSDNeck", "level_paddings", 32, (0, 8)),
    (schema._ANCHORS, "SSDAnchorGenerator", "strides", 32, (1.0, 8192.0)),
    (schema._ANCHORS, "SSDAnchorGenerator", "min_sizes", 32, (0.0, 16384.0)),
    (schema._ANCHORS, "SSDAnchorGenerator", "max_sizes", 32, (0.0, 16384.0)),
    (schema._ANCHORS, "SSDAnchorGenerator", "basesize_ratio_range", 2, (0.0, 2.0)),
    (schema._ANCHORS, "AnchorGenerator", "strides", 32, WIDTH),
    (schema._ANCHORS, "AnchorGenerator", "ratios", 16, (0.01, 100.0)),
    (schema._ANCHORS, "AnchorGenerator", "scales", 16, (0.0, 1000.0)),
    (schema._ANCHORS, "AnchorGenerator", "base_sizes", 32, (0.0, 16384.0)),
    (schema._CODERS, "DeltaXYWHBBoxCoder", "target_means", 4, (-1e6, 1e6)),
    (schema._CODERS, "DeltaXYWHBBoxCoder", "target_stds", 4, (1e-6, 1e6)),
    (schema._PREPROCESSORS, "DetDataPreprocessor", "mean", 3, (-1e6, 1e6)),
    (schema._PREPROCESSORS, "DetDataPreprocessor", "std", 3, (1e-6, 1e6)),
    (schema.DETECTORS, "WildnasSSD", "extra_channels", 32, WIDTH),
    (schema.DETECTORS, "WildnasSSD", "anchor_percents", 3, (1, 200)),
    (schema.TRANSFORMS, "Pad", "size", 2, WIDTH),
    (schema.TRANSFORMS, "Resize", "scale", 2, WIDTH),
]

#: Words and flags: what is taken, and what is not; 1 is no True and 0 no False.
CHOICES: list[tuple[Mapping[str, Any], str, str, tuple[Any, ...]]] = [
    (schema.BACKBONES, "WildnasCellBackbone", "stem", ("imagenet", "cifar")),
    (schema.BACKBONES, "WildnasCellBackbone", "norm_eval", (True, False)),
    (schema.BACKBONES, "WildnasCellBackbone", "checkpointing", (True, False)),
    (schema.BACKBONES, "WildnasSSDVGG", "depth", (11, 13, 16, 19)),
    (schema.BACKBONES, "WildnasSSDVGG", "with_last_pool", (True, False)),
    (schema.NECKS, "FPN", "add_extra_convs", (True, False, "on_input", "on_lateral", "on_output")),
    (schema.NECKS, "SSDNeck", "conv_cfg", (None,)),
    (schema._LOSSES, "L1Loss", "reduction", ("mean", "sum", "none")),
    (schema._LOSSES, "FocalLoss", "use_sigmoid", (True, False)),
    (schema.TRANSFORMS, "LoadImageFromFile", "color_type", ("color", "color_ignore_orientation")),
    (schema.TRANSFORMS, "LoadImageFromFile", "imdecode_backend", ("cv2", "pillow")),
    (schema.TRANSFORMS, "LoadImageFromFile", "ignore_empty", (False,)),
    (schema.TRANSFORMS, "Resize", "interpolation", ("nearest", "bilinear", "bicubic", "area", "lanczos")),
    (schema.TRANSFORMS, "Resize", "backend", ("cv2", "pillow")),
]


def taken(components: Mapping[str, Any], name: str, key: str, value: Any) -> bool:
    """Whether a component's argument may have a value, which it then keeps."""
    try:
        assert built(components)({"type": name, key: value}, "x") == {"type": name, key: value}
    except InputError as error:
        if f"x.{name}.{key}" not in str(error):
            raise
        return False
    return True


def beside(bounds: tuple[float, float]) -> list[float]:
    """The next number below the least, and above the largest."""
    least, most = bounds
    if isinstance(least, int):
        return [least - 1, most + 1, float("nan")]
    return [math.nextafter(least, -math.inf), math.nextafter(most, math.inf), math.nan]


@pytest.mark.parametrize("kind", NUMBERS)
def test_a_number_is_taken_up_to_its_bounds(kind: str) -> None:
    components, arguments = NUMBERS[kind]
    for name, numbers in arguments.items():
        for key, bounds in numbers.items():
            assert all(taken(components, name, key, value) for value in bounds), (name, key)
            assert not any(taken(components, name, key, value) for value in beside(bounds)), (name, key)


@pytest.mark.parametrize(("components", "name", "key", "most", "bounds"), LISTS, ids=lambda each: str(each)[:30])
def test_a_list_is_taken_up_to_its_bounds(
    components: Mapping[str, Any], name: str, key: str, most: int, bounds: tuple[float, float]
) -> None:
    assert all(taken(components, name, key, [value] * most) for value in bounds)
    assert not taken(components, name, key, [bounds[1]] * (most + 1))
    assert not any(taken(components, name, key, [value]) for value in beside(bounds))
    for value in ("12", b"12", {1: 2}):
        assert not taken(components, name, key, value)


@pytest.mark.parametrize(("components", "name", "key", "values"), CHOICES, ids=lambda each: str(each)[:30])
def test_a_choice_is_one_of_few(components: Mapping[str, Any], name: str, key: str, values: tuple[Any, ...]) -> None:
    assert all(taken(components, name, key, value) for value in values)
    assert not any(taken(components, name, key, value) for value in ("other", 0, 1, 3, ["cv2"], math.nan))


@pytest.mark.parametrize(
    ("settings", "bounds"),
    [
        *(({"type": "BN", key: None}, (0.0, 1.0)) for key in ("eps", "momentum")),
        ({"type": "GN", "num_groups": None}, (1, 1024)),
        ({"type": "GN", "eps": None}, (0.0, 1.0)),
    ],
)
def test_a_norm_has_bounds(settings: dict[str, Any], bounds: tuple[float, float]) -> None:
    def norm(value: Any) -> dict[str, Any]:
        return {key: value if given is None else given for key, given in settings.items()}

    assert all(taken(schema.NECKS, "FPN", "norm_cfg", norm(value)) for value in bounds)
    for value in beside(bounds):
        with pytest.raises(InputError, match=r"norm_cfg\.(BN|GN)\."):
            built(schema.NECKS)({"type": "FPN", "norm_cfg": norm(value)}, "x")


@pytest.mark.parametrize("kind", ["nms", "soft_nms"])
def test_the_test_settings_have_bounds(kind: str) -> None:
    plain = {
        "nms_pre": (-1, 10**6),
        "min_bbox_size": (-1.0, 8192.0),
        "score_thr": (0.0, 1.0),
        "max_per_img": (-1, 10**5),
    }
    soft = {"sigma": (0.0, 100.0), "min_score": (0.0, 1.0)} if kind == "soft_nms" else {}
    for key, bounds in plain.items():
        assert [schema._TEST({key: value}, "x")[key] for value in bounds] == list(bounds)
        for value in beside(bounds):
            with pytest.raises(InputError, match=rf"^x\.{key}: "):
                schema._TEST({key: value}, "x")
    for key, bounds in {**NMS, **soft}.items():
        assert [schema._TEST({"nms": {"type": kind, key: value}}, "x")["nms"][key] for value in bounds] == list(bounds)
        for value in beside(bounds):
            with pytest.raises(InputError, match=rf"^x\.nms\.{kind}\.{key}: "):
                schema._TEST({"nms": {"type": kind, key: value}}, "x")
    for value in (0, 1):
        schema._TEST({"nms": {"type": kind, "offset": value}}, "x")
    for value in (2, -1, True):
        with pytest.raises(InputError, match="offset"):
            schema._TEST({"nms": {"type": kind, "offset": value}}, "x")


def test_ratios_and_strides_may_be_lists_of_pairs() -> None:
    def ssd(key: str, value: Any) -> bool:
        return taken(schema._ANCHORS, "SSDAnchorGenerator", key, value)

    assert ssd("ratios", [[0.01, 100.0], [2.0] * 16])
    assert not any(ssd("ratios", value) for value in ([[2.0] * 17], [[0.009]], [[100.1]], [2.0]))
    assert ssd("strides", [8, 16.5, [1.0, 8192.0]])
    assert not any(ssd("strides", value) for value in ([[8.0] * 3], [[0.9]], [[8192.1]]))
    assert taken(schema.BACKBONES, "WildnasTimmBackbone", "out_strides", [1, 2, 4, 8])
    assert taken(schema.BACKBONES, "WildnasTimmBackbone", "out_strides", [16, 32])
    assert not any(
        taken(schema.BACKBONES, "WildnasTimmBackbone", "out_strides", value) for value in ([8] * 5, [3], [64], [0])
    )


def test_a_timm_model_has_a_plain_name() -> None:
    for name in ("resnet18", "a" * 100, "A.b-c_9"):
        assert taken(schema.BACKBONES, "WildnasTimmBackbone", "name", name)
    for name in ("a" * 101, "hf-hub:x/y", "local-dir:x", "9net", "", 3, None):
        assert not taken(schema.BACKBONES, "WildnasTimmBackbone", "name", name)
    with pytest.raises(InputError, match=r"^x\.WildnasCellBackbone\.genotype: "):
        built(schema.BACKBONES)({"type": "WildnasCellBackbone", "genotype": "__import__('os')"}, "x")


def test_kinds_say_what_they_expect() -> None:
    for kind, value, said in (
        (whole(1, 3), 1.0, "x: '1.0': expected a whole number from 1 to 3"),
        (whole(0, 1), True, "x: 'True': expected a whole number from 0 to 1"),
        (number(0, 0.5), "y" * 70, f"x: '{'y' * 60}': expected a number from 0 to 0.5"),
        (number(), True, "x: 'True': expected a number from -1e+06 to 1e+06"),
        (number(-math.inf, math.inf), math.inf, "x: 'inf': expected a number from -inf to inf"),
        (flag, 1, "x: '1': expected True or False"),
        (nothing, 0, "x: '0': expected None"),
        (one_of("a", 2), "b", "x: 'b': expected one of 'a', 2"),
        (several(flag, 2), [True, 0], "x.1: '0': expected True or False"),
        (several(flag, 2), [True] * 3, "x: '[True, True, True]': expected a list of 2 at most"),
        (either(flag, nothing), 3, "x: '3': expected None"),
        (built({"A": {}, "B": {}}), {"type": "C" * 70}, f"x: '{'C' * 60}' is not a component"),
        (built({"A": {}, "B": {}}), {"type": ["A"]}, "expected one of A, B"),
        (built({"A": {}}), ["A"], "x: \"['A']\": expected an object with a type"),
        (built({"A": {"b": flag}}), {"type": "A", "c": 1}, "x.A: unknown key 'c'; known: b"),
        (schema.settings({"b": flag}), [], "x: '[]': expected an object"),
    ):
        with pytest.raises(InputError) as caught:
            kind(value, "x")
        assert said in str(caught.value)
    assert several(flag)([True] * 32, "x") == [True] * 32
    with pytest.raises(InputError, match="a list of 32 at most"):
        several(flag)([True] * 33, "x")
    assert either(flag, nothing, whole(0, 1))(1, "x") == 1
    # Of training only.
    beside_it = {"init_cfg": 1, "_scope_": 2, "weights": 3, "train_cfg": 4, "pretrained": 5}
    assert built({"A": {"b": flag}})({"type": "A", "b": True, **beside_it}, "x") == {"type": "A", "b": True}


LOAD, RESIZE, PACK = {"type": "LoadImageFromFile"}, {"type": "Resize", "scale": [64, 64]}, {"type": "PackDetInputs"}
NEEDED = ["img_id", "img_path", "ori_shape", "img_shape", "scale_factor"]


def test_a_pipeline_loads_resizes_and_packs() -> None:
    pad = {"type": "Pad", "size_divisor": 32}
    for steps in (
        [LOAD, RESIZE, PACK],
        [LOAD, pad, RESIZE, pad, PACK],
        [LOAD, RESIZE, {**PACK, "meta_keys": [*NEEDED, "flip"]}],
    ):
        assert pipeline_of(steps, "x") == steps
    for steps in ([], [LOAD, PACK], [RESIZE, LOAD, PACK], [LOAD, RESIZE, PACK, pad], [LOAD, RESIZE, RESIZE, PACK]):
        with pytest.raises(InputError, match=r"^x: pipeline: expected LoadImageFromFile, Resize and PackDetInputs"):
            pipeline_of(steps, "x")
    for left_out in NEEDED:
        keys = [key for key in NEEDED if key != left_out]
        with pytest.raises(
            InputError, match="meta_keys: expected at least img_id, img_path, img_shape, ori_shape, scale"
        ):
            pipeline_of([LOAD, RESIZE, {**PACK, "meta_keys": keys}], "x")


def test_categories_have_names_and_ids() -> None:
    for categories in ({"a": 0, "n" * 200: 2**53 - 1}, {str(each): each for each in range(10_000)}):
        assert categories_of(categories, "x") == categories
    for categories in (
        {},
        {str(each): each for each in range(10_001)},
        ["a"],
        {"": 1},
        {"n" * 201: 1},
        {"a\n": 1},
        {3: 1},
        {"a": -1},
        {"a": 2**53},
        {"a": 1.0},
        {"a": True},
    ):
        with pytest.raises(InputError, match=r"^x: categories: "):
            categories_of(categories, "x")


@pytest.mark.parametrize("part", ["backbone", "neck", "bbox_head", "test_cfg"])
def test_a_part_of_the_model_that_is_missing_is_named(part: str) -> None:
    model = {
        "type": "SingleStageDetector",
        "data_preprocessor": None,
        "backbone": {"type": "WildnasTimmBackbone", "name": "resnet18"},
        "neck": {"type": "SSDNeck"},
        "bbox_head": {"type": "WildnasSSDHead"},
        "test_cfg": {},
    }
    assert schema.model_of(model, "x") == model
    with pytest.raises(InputError, match=rf"^x: model: key '{part}' is missing"):
        schema.model_of({key: value for key, value in model.items() if key != part}, "x")
