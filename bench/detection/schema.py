"""The components that a detector's checkpoint may contain: a closed list, with the arguments of each.

A checkpoint is a file of unknown origin. MMDetection's registry has components that evaluate text as Python, execute
config files or fetch URLs, so only names in this list are looked up there: those in wildnas' own protocols. Every
number has bounds, and keys that only matter in training are dropped.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from backbones.errors import InputError
from bench.detection.protocol import BACKBONE

#: A function that checks a value and returns it as it is built from; the text names the key in messages.
Kind = Callable[[Any, str], Any]

#: Keys that are dropped everywhere: initialisation, which may fetch files, and mmengine's mark of inherited configs.
_LEFT_OUT = ("init_cfg", "_scope_", "weights", "train_cfg", "pretrained")

_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,99}")


def _refuse(where: str, value: Any, expected: str) -> InputError:
    return InputError(f"{where}: {str(value)[:60]!r}: expected {expected}")


def whole(least: int, most: int) -> Kind:
    def check(value: Any, where: str) -> Any:
        if type(value) is not int or not least <= value <= most:
            raise _refuse(where, value, f"a whole number from {least} to {most}")
        return value

    return check


def number(least: float = -1e6, most: float = 1e6) -> Kind:
    def check(value: Any, where: str) -> Any:
        if type(value) not in (int, float) or not (least <= value <= most and math.isfinite(value)):
            raise _refuse(where, value, f"a number from {least:g} to {most:g}")
        return value

    return check


def flag(value: Any, where: str) -> Any:
    if type(value) is not bool:
        raise _refuse(where, value, "True or False")
    return value


def nothing(value: Any, where: str) -> Any:
    if value is not None:
        raise _refuse(where, value, "None")
    return value


def one_of(*choices: Any) -> Kind:
    def check(value: Any, where: str) -> Any:
        if type(value) not in {type(choice) for choice in choices} or value not in choices:
            raise _refuse(where, value, f"one of {', '.join(map(repr, choices))}")
        return value

    return check


def several(kind: Kind, most: int = 32) -> Kind:
    def check(value: Any, where: str) -> Any:
        if not isinstance(value, Sequence) or isinstance(value, (str, bytes)) or len(value) > most:
            raise _refuse(where, value, f"a list of {most} at most")
        return [kind(item, f"{where}.{index}") for index, item in enumerate(value)]

    return check


def either(*kinds: Kind) -> Kind:
    def check(value: Any, where: str) -> Any:
        for kind in kinds[:-1]:
            try:
                return kind(value, where)
            except InputError:
                continue
        return kinds[-1](value, where)

    return check


def genotype(value: Any, where: str) -> Any:
    """Check a genotype as JSON or text; both are parsed, never evaluated."""
    from backbones.zoo import genotype_of

    try:
        return genotype_of(value).to_json()
    except InputError as error:
        raise InputError(f"{where}: {error}") from error


def timm_name(value: Any, where: str) -> Any:
    """Check a plain model name; timm's `hf-hub:` and `local-dir:` would fetch or read other files."""
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        raise _refuse(where, value, "the name of a timm model")
    return value


#: Arguments by name.
Arguments = Mapping[str, Kind]


def built(components: Mapping[str, Arguments]) -> Kind:
    """Accept a dict with one of these types and its known arguments."""

    def check(value: Any, where: str) -> Any:
        if not isinstance(value, Mapping):
            raise _refuse(where, value, "an object with a type")
        name = value.get("type")
        if not isinstance(name, str) or name not in components:
            raise InputError(
                f"{where}: {str(name)[:60]!r} is not a component that a checkpoint may contain here; expected one of "
                f"{', '.join(components)}"
            )
        return {"type": name, **_arguments(value, components[name], f"{where}.{name}", beside=("type",))}

    return check


def settings(known: Arguments) -> Kind:
    """Accept a dict without a `type`."""

    def check(value: Any, where: str) -> Any:
        if not isinstance(value, Mapping):
            raise _refuse(where, value, "an object")
        return _arguments(value, known, where)

    return check


def _arguments(value: Mapping[Any, Any], known: Arguments, where: str, beside: tuple[str, ...] = ()) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, item in value.items():
        if key in beside or key in _LEFT_OUT:
            continue
        if key not in known:
            raise InputError(f"{where}: unknown key {str(key)[:60]!r}; known: {', '.join(known)}")
        found[key] = known[key](item, f"{where}.{key}")
    return found


_WIDTH = whole(1, 8192)
_WIDTHS = several(_WIDTH)
_COUNT = whole(0, 64)
_SIDE = whole(1, 8192)
_SIDES = either(several(_SIDE, 2), _SIDE)
_NORM = either(
    nothing,
    built(
        {
            "BN": {"eps": number(0, 1), "momentum": number(0, 1), "requires_grad": flag},
            "GN": {"num_groups": whole(1, 1024), "eps": number(0, 1), "requires_grad": flag},
        }
    ),
)
_ACTIVATION = either(nothing, built({name: {"inplace": flag} for name in ("ReLU", "ReLU6", "SiLU", "Swish")}))
_LAYERS: Arguments = {"conv_cfg": nothing, "norm_cfg": _NORM, "act_cfg": _ACTIVATION}

_TAPS: Arguments = {
    "out_strides": several(one_of(1, 2, 4, 8, 16, 32), 4),
    "last_stride": one_of(1, 2),
    "drop_path": number(0, 1),
    "frozen_stages": whole(0, 4),
    "norm_eval": flag,
    "checkpointing": flag,
}

BACKBONES: dict[str, Arguments] = {
    BACKBONE: {
        "genotype": genotype,
        "channels": _WIDTH,
        "layers": whole(3, 200),
        "stem": one_of("imagenet", "cifar"),
        **_TAPS,
    },
    "WildnasTimmBackbone": {"name": timm_name, **_TAPS},
    "WildnasSSDVGG": {
        "depth": one_of(11, 13, 16, 19),
        "with_last_pool": flag,
        "ceil_mode": flag,
        "out_indices": several(_COUNT),
        "out_feature_indices": several(_COUNT),
    },
}

NECKS: dict[str, Arguments] = {
    "SSDNeck": {
        "in_channels": _WIDTHS,
        "out_channels": _WIDTHS,
        "level_strides": several(whole(1, 8)),
        "level_paddings": several(whole(0, 8)),
        "l2_norm_scale": either(nothing, number(0, 1e4)),
        "last_kernel_size": whole(1, 16),
        "use_depthwise": flag,
        **_LAYERS,
    },
    "FPN": {
        "in_channels": _WIDTHS,
        "out_channels": _WIDTH,
        "num_outs": whole(1, 16),
        "start_level": whole(0, 16),
        "end_level": whole(-1, 16),
        "add_extra_convs": either(flag, one_of("on_input", "on_lateral", "on_output")),
        "relu_before_extra_convs": flag,
        "no_norm_on_lateral": flag,
        **_LAYERS,
    },
}

_ANCHORS: dict[str, Arguments] = {
    "SSDAnchorGenerator": {
        "strides": several(either(_SIDE, number(1, 8192), several(number(1, 8192), 2))),
        "ratios": several(several(number(0.01, 100), 16)),
        "min_sizes": several(number(0, 16384)),
        "max_sizes": several(number(0, 16384)),
        "basesize_ratio_range": several(number(0, 2), 2),
        "input_size": _SIDE,
        "scale_major": flag,
    },
    "AnchorGenerator": {
        "strides": several(_SIDE),
        "ratios": several(number(0.01, 100), 16),
        "scales": several(number(0, 1000), 16),
        "base_sizes": several(number(0, 16384)),
        "octave_base_scale": number(0, 1000),
        "scales_per_octave": whole(1, 16),
        "scale_major": flag,
    },
}

_CODERS: dict[str, Arguments] = {
    "DeltaXYWHBBoxCoder": {
        "target_means": several(number(), 4),
        "target_stds": several(number(1e-6, 1e6), 4),
        "clip_border": flag,
        "add_ctr_clamp": flag,
        "ctr_clamp": whole(0, 10_000),
    }
}

_WEIGHT: Arguments = {"loss_weight": number(0, 1e6), "reduction": one_of("mean", "sum", "none")}
_LOSSES: dict[str, Arguments] = {
    "FocalLoss": {**_WEIGHT, "use_sigmoid": flag, "gamma": number(0, 100), "alpha": number(0, 1)},
    "CrossEntropyLoss": {**_WEIGHT, "use_sigmoid": flag},
    "L1Loss": _WEIGHT,
    "SmoothL1Loss": {**_WEIGHT, "beta": number(0, 100)},
}

_HEAD: Arguments = {
    "num_classes": whole(1, 10_000),
    "stacked_convs": whole(0, 32),
    "feat_channels": _WIDTH,
    "anchor_generator": built(_ANCHORS),
    "bbox_coder": built(_CODERS),
    "reg_decoded_bbox": flag,
    **_LAYERS,
}

HEADS: dict[str, Arguments] = {
    "WildnasSSDHead": {**_HEAD, "in_channels": _WIDTHS, "use_depthwise": flag},
    "RetinaHead": {**_HEAD, "in_channels": _WIDTH, "loss_cls": built(_LOSSES), "loss_bbox": built(_LOSSES)},
}

_NMS: Arguments = {
    "iou_threshold": number(0, 1),
    "class_agnostic": flag,
    "split_thr": whole(1, 10**6),
    "max_num": whole(-1, 10**6),
    "score_threshold": number(0, 1),
    "offset": one_of(0, 1),
}

#: MMDetection evaluates the `type` of NMS as Python, so only two words are allowed.
_TEST = settings(
    {
        "nms_pre": whole(-1, 10**6),
        "nms": built(
            {
                "nms": _NMS,
                "soft_nms": {
                    **_NMS,
                    "method": one_of("linear", "gaussian", "naive"),
                    "sigma": number(0, 100),
                    "min_score": number(0, 1),
                },
            }
        ),
        "min_bbox_size": number(-1, 8192),
        "score_thr": number(0, 1),
        "max_per_img": whole(-1, 10**5),
    }
)

_PREPROCESSORS: dict[str, Arguments] = {
    "DetDataPreprocessor": {
        "mean": either(nothing, several(number(), 3)),
        "std": either(nothing, several(number(1e-6, 1e6), 3)),
        "bgr_to_rgb": flag,
        "rgb_to_bgr": flag,
        "pad_size_divisor": whole(1, 1024),
        "pad_value": number(),
    }
}

_PARTS: Arguments = {
    "data_preprocessor": either(nothing, built(_PREPROCESSORS)),
    "backbone": built(BACKBONES),
    "neck": built(NECKS),
    "bbox_head": built(HEADS),
    "test_cfg": _TEST,
}

DETECTORS: dict[str, Arguments] = {
    "WildnasSSD": {
        **_PARTS,
        "input_size": _SIDE,
        "extra_channels": _WIDTHS,
        "anchor_percents": several(whole(1, 200), 3),
        "halve_to_one": flag,
    },
    "SingleStageDetector": _PARTS,
    "RetinaNet": _PARTS,
}

_META = one_of(
    "img_id", "img_path", "ori_shape", "img_shape", "scale_factor", "flip", "flip_direction", "pad_shape", "img"
)

TRANSFORMS: dict[str, Arguments] = {
    "LoadImageFromFile": {
        "backend_args": nothing,
        "to_float32": flag,
        "color_type": one_of("color", "color_ignore_orientation"),
        "imdecode_backend": one_of("cv2", "pillow"),
        "ignore_empty": one_of(False),
    },
    "Resize": {
        "scale": _SIDES,
        "keep_ratio": flag,
        "interpolation": one_of("nearest", "bilinear", "bicubic", "area", "lanczos"),
        "backend": one_of("cv2", "pillow"),
    },
    "Pad": {"size": several(_SIDE, 2), "size_divisor": whole(1, 1024), "pad_to_square": flag},
    "PackDetInputs": {"meta_keys": several(_META)},
}

#: Keys that the detector's post-processing needs.
_NEEDED = {"img_id", "img_path", "ori_shape", "img_shape", "scale_factor"}

_DETECTOR, _TRANSFORM = built(DETECTORS), built(TRANSFORMS)


def model_of(value: Any, where: str) -> dict[str, Any]:
    """Check a checkpoint's `model`.

    Raises:
        InputError: a component or an argument is unknown, or a value is out of bounds.
    """
    model: dict[str, Any] = _DETECTOR(value, f"{where}: model")
    for part in ("backbone", "neck", "bbox_head", "test_cfg"):
        if part not in model:
            raise InputError(f"{where}: model: key {part!r} is missing")
    return model


def pipeline_of(value: Any, where: str) -> list[dict[str, Any]]:
    """Check a checkpoint's `pipeline`, from a file to the detector's input.

    Raises:
        InputError: as `model_of`.
    """
    steps: list[dict[str, Any]] = several(_TRANSFORM)(value, f"{where}: pipeline")
    kinds = [step["type"] for step in steps if step["type"] != "Pad"]
    if kinds != ["LoadImageFromFile", "Resize", "PackDetInputs"] or steps[-1]["type"] != "PackDetInputs":
        raise InputError(
            f"{where}: pipeline: expected LoadImageFromFile, Resize and PackDetInputs, not {', '.join(kinds)}"
        )
    if not set(steps[-1].get("meta_keys", _NEEDED)) >= _NEEDED:
        raise InputError(f"{where}: pipeline.PackDetInputs.meta_keys: expected at least {', '.join(sorted(_NEEDED))}")
    return steps


def categories_of(value: Any, where: str) -> dict[str, int]:
    """Check a checkpoint's categories, ids by name.

    Raises:
        InputError: a name or an id is invalid.
    """
    if not isinstance(value, Mapping) or not 1 <= len(value) <= 10_000:
        raise InputError(f"{where}: categories: expected 1 to 10,000 ids by name")
    for name, number_ in value.items():
        if not isinstance(name, str) or not 0 < len(name) <= 200 or not name.isprintable():
            raise InputError(f"{where}: categories: {str(name)[:60]!r}: expected a name of 200 characters at most")
        if type(number_) is not int or not 0 <= number_ < 2**53:
            raise InputError(f"{where}: categories: {str(number_)[:60]!r}: expected an id, 0 or more")
    return dict(value)
