"""Checkpoints: of any network, of a detector, of a re-identifier, and those that a training goes on from."""

from __future__ import annotations

import argparse
import copy
import io
import pickle
import zipfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy
import torch

from backbones import weights, zoo
from backbones.networks import ImageNetNetwork
from tests.fuzz.kinds.texts import NO_FILE, NO_JSON
from tests.fuzz.outcome import Row

Change = Callable[[dict[str, Any]], Any]


@cache
def network() -> ImageNetNetwork:
    torch.manual_seed(0)
    return ImageNetNetwork(zoo.get("PDARTS").genotype, channels=4, layers=3, num_classes=2, auxiliary=False)


@cache
def state() -> dict[str, torch.Tensor]:
    return network().state_dict()


def saved(content: Any, **settings: Any) -> bytes:
    stream = io.BytesIO()
    torch.save(content, stream, **settings)
    return stream.getvalue()


class Harm:
    """A pickle that would make a file."""

    def __reduce__(self) -> Any:
        return Path.touch, (Path("harm"),)


class Imported:
    def __reduce__(self) -> Any:
        return __import__, ("os",)


def reading(name: str = "weights.pth") -> Callable[[Path], Callable[[], Any]]:
    return lambda folder: lambda: weights.load(network(), folder / name)


def _of_bytes(content: bytes | Callable[[], bytes], name: str = "weights.pth") -> Callable[[Path], Callable[[], Any]]:
    def make(folder: Path) -> Callable[[], Any]:
        (folder / name).write_bytes(content if isinstance(content, bytes) else content())
        return lambda: weights.load(network(), folder / name)

    return make


def _first(change: Callable[[torch.Tensor], Any]) -> Callable[[], bytes]:
    def make() -> bytes:
        content: dict[str, Any] = dict(state())
        name = next(iter(content))
        content[name] = change(content[name])
        return saved(content)

    return make


def _zip(change: Callable[[zipfile.ZipFile, zipfile.ZipFile], None]) -> Callable[[], bytes]:
    def make() -> bytes:
        out = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(saved(state()))) as source, zipfile.ZipFile(out, "w") as target:
            change(source, target)
        return out.getvalue()

    return make


def _without_data(source: zipfile.ZipFile, target: zipfile.ZipFile) -> None:
    for name in source.namelist():
        if "/data/" not in name:
            target.writestr(name, source.read(name))


def _shortened(source: zipfile.ZipFile, target: zipfile.ZipFile) -> None:
    for name in source.namelist():
        content = source.read(name)
        target.writestr(name, content[: len(content) // 2] if "/data/" in name else content)


def _climbing(source: zipfile.ZipFile, target: zipfile.ZipFile) -> None:
    for name in source.namelist():
        target.writestr(f"../../{name}", source.read(name))


#: What weights of a network cannot be.
REFUSED: dict[str, bytes | Callable[[], bytes]] = {
    **NO_JSON,
    "cut in half": lambda: saved(state())[: len(saved(state())) // 2],
    "cut by a byte": lambda: saved(state())[:-1],
    "end alone": lambda: saved(state())[-3000:],
    "old format, cut": lambda: saved(state(), _use_new_zipfile_serialization=False)[:5000],
    "zip without weights": _zip(_without_data),
    "zip with half of the weights": _zip(_shortened),
    "zip that climbs": _zip(_climbing),
    "empty zip": _zip(lambda source, target: None),
    "pickle that runs": lambda: saved({"state_dict": Harm()}),
    "pickle that imports": lambda: saved({"state_dict": Imported()}),
    "plain pickle that runs": lambda: pickle.dumps(Harm()),
    "NumPy arrays": lambda: saved({"a": numpy.zeros(3)}),
    "a module": lambda: saved(torch.nn.Linear(2, 2)),
    "a tensor": lambda: saved(torch.zeros(3)),
    "a list of tensors": lambda: saved([torch.zeros(3)]),
    "no entry": lambda: saved({}),
    "numbers for names": lambda: saved({1: torch.zeros(3)}),
    "numbers for tensors": lambda: saved({"stem0.0.weight": 3.0}),
    "under an unknown key": lambda: saved({"theirs": state()}),
    "lacks an entry": lambda: saved(dict(list(state().items())[1:])),
    "a foreign entry": lambda: saved({**state(), "other.weight": torch.zeros(2)}),
    "a name twice": lambda: saved({**state(), f"module.{next(iter(state()))}": torch.zeros(2)}),
    "NaN": _first(lambda value: torch.full_like(value, float("nan"))),
    "one infinity": _first(lambda value: value.clone().index_fill_(0, torch.tensor([0]), float("inf"))),
    "meta tensor": _first(lambda value: value.to("meta")),
    "sparse tensor": _first(lambda value: value.flatten(1).to_sparse()),
    "sparse rows": _first(lambda value: value.flatten(1).to_sparse_csr()),
    "quantized": _first(lambda value: torch.quantize_per_tensor(value, 0.1, 0, torch.qint8)),
    "whole numbers": _first(lambda value: value.to(torch.int32)),
    "truth values": _first(lambda value: value > 0),
    "complex numbers": _first(lambda value: value.to(torch.complex64)),
    "no dimension": _first(lambda value: torch.tensor(1.0)),
    "another shape": _first(lambda value: value[:1]),
    "a tensor of 10^16 from one number": _first(lambda value: torch.zeros(1).expand(10**8, 10**8)),
    "expanded": _first(lambda value: torch.zeros(1).expand(value.shape)),
    "a text for a tensor": _first(lambda value: "text"),
    "None for a tensor": _first(lambda value: None),
}

#: Residue that training scripts leave around the weights.
READ: dict[str, Callable[[], Any]] = {
    "plain": lambda: state(),
    "state_dict": lambda: {"state_dict": state()},
    "model": lambda: {"model": state(), "epoch": 3},
    "net": lambda: {"net": state(), "acc": numpy.float64(3)},
    "state_dict in model": lambda: {"model": {"state_dict": state()}},
    "averaged weights alone": lambda: {"state_dict_ema": state()},
    "averaged weights, too": lambda: {"state_dict": state(), "state_dict_ema": state()},
    "args": lambda: {"state_dict": state(), "args": argparse.Namespace(layers=3, save=Path("a"))},
    "NumPy scalars": lambda: {
        "state_dict": state(),
        "best": numpy.float32(3),
        "flag": numpy.bool_(True),
        "epoch": numpy.uint8(4),
    },
    "module.": lambda: {f"module.{name}": value for name, value in state().items()},
    "_orig_mod.": lambda: {f"_orig_mod.{name}": value for name, value in state().items()},
    "module._orig_mod.": lambda: {f"module._orig_mod.{name}": value for name, value in state().items()},
    "_orig_mod.module.": lambda: {f"_orig_mod.module.{name}": value for name, value in state().items()},
    "_orig_mod in the middle": lambda: {
        name.replace("cells.0.", "cells.0._orig_mod."): v for name, v in state().items()
    },
    "mixed": lambda: {f"module.{name}" if place % 2 else name: v for place, (name, v) in enumerate(state().items())},
    "thop": lambda: {**state(), "total_ops": torch.zeros(1), "stem0.total_params": torch.zeros(1, dtype=torch.int64)},
    "averaged model": lambda: {"n_averaged": torch.tensor(3), **{f"module.{n}": value for n, value in state().items()}},
    "half precision": lambda: {
        name: value.half() if value.is_floating_point() else value for name, value in state().items()
    },
}


def rows() -> Iterator[Row]:
    for name, content in REFUSED.items():
        yield Row("checkpoint", name, _of_bytes(content))
    for name, content in READ.items():
        yield Row("checkpoint with residue", name, _of_bytes(lambda content=content: saved(content())), refused=False)
    for name, place in NO_FILE.items():

        def make(folder: Path, place: Callable[[Path], None] = place) -> Callable[[], Any]:
            place(folder / "weights.pth")
            return lambda: weights.load(network(), folder / "weights.pth")

        yield Row("checkpoint", name, make)
    for name in ("empty", "torn", "HTML", "Git LFS pointer", "NUL"):
        yield Row("safetensors", name, _of_bytes(NO_JSON[name], "weights.SAFETENSORS"))
    yield Row(
        "safetensors", "a header of 10^18 bytes", _of_bytes((10**18).to_bytes(8, "little") + b"{}", "w.safetensors")
    )
    yield from _detectors()
    yield from _reidentifiers()
    yield from _resumed()


# Detectors


@cache
def detector() -> dict[str, Any]:
    """The content of a checkpoint of a tiny SSD."""
    from bench.detection.components import build_detector, model_config
    from bench.tasks.architectures import resolve
    from search.configs import load_config

    config = load_config("detection/digits_ssd", ["model.backbone.channels=4", "model.backbone.layers=3"]).values
    model = model_config(config, resolve("PDARTS").design, None)
    model["backbone"].pop("weights")
    torch.manual_seed(0)
    pipeline = [step for step in config["test_pipeline"] if step["type"] != "LoadAnnotations"]
    about = {
        "task": "detection",
        "protocol": "detection/digits_ssd",
        "architecture": "PDARTS",
        "genotype_digest": resolve("PDARTS").design.digest,
        "seed": 0,
        "categories": {f"digit {number}": number for number in range(10)},
        "model": model,
        "pipeline": pipeline,
    }
    return {"state_dict": build_detector(model).state_dict(), "about": about}


def _at(*path: Any, value: Any) -> Change:
    def change(content: dict[str, Any]) -> None:
        spot: Any = content["about"]
        for key in path[:-1]:
            spot = spot[key]
        spot[path[-1]] = value

    return change


def _gone(*path: Any) -> Change:
    def change(content: dict[str, Any]) -> None:
        spot: Any = content["about"]
        for key in path[:-1]:
            spot = spot[key]
        del spot[path[-1]]

    return change


def _of_nan(content: dict[str, Any]) -> None:
    for value in content["state_dict"].values():
        if value.is_floating_point():
            value.fill_(float("nan"))


_TRACKER = {"type": "CameraMotionCompensation", "warp_mode": "__import__('os').system('touch harm')"}
_TEACHER = {"type": "KnowledgeDistillationSingleStageDetector", "teacher_config": "harm.py"}
_FETCHED = {"type": "AppearanceFreeLink", "checkpoint": "http://192.0.2.1/harm.pth"}
_HEAD, _BACK, _NECK = ("model", "bbox_head"), ("model", "backbone"), ("model", "neck")

DETECTORS: dict[str, Change] = {
    **{
        f"model is {name}": _at("model", value=value) for name, value in (("None", None), ("a list", []), ("empty", {}))
    },
    "evaluates a text": _at("model", value=_TRACKER),
    "evaluates a text, in the neck": _at(*_NECK, value=_TRACKER),
    "evaluates a text, in a transform": _at("pipeline", 1, value=_TRACKER),
    "executes a config": _at("model", value=_TEACHER),
    "executes a config, below": _at(*_BACK, value=_TEACHER),
    "fetches a URL": _at(*_HEAD, "bbox_coder", value=_FETCHED),
    "imports a module": _at(*_BACK, "type", value="os.system"),
    "a type of mmengine": _at(*_BACK, "type", value="mmengine.Config"),
    "a registered backbone": _at(*_BACK, value={"type": "ResNet", "depth": 50}),
    "a registered detector": _at("model", "type", value="FasterRCNN"),
    "a class for a type": _at(*_BACK, "type", value=["os"]),
    "nms evaluated": _at("model", "test_cfg", "nms", "type", value="__import__('os').system('touch harm')"),
    "nms of another name": _at("model", "test_cfg", "nms", "type", value="batched_nms"),
    "nms with arguments": _at("model", "test_cfg", "nms", "other", value=1),
    "an unknown key": _at("model", "other", value=1),
    "an unknown key in the head": _at(*_HEAD, "other", value=1),
    "a convolution of its own": _at(*_NECK, "conv_cfg", value={"type": "DCN"}),
    "a norm of its own": _at(*_NECK, "norm_cfg", value={"type": "os.system"}),
    "an activation of its own": _at(*_NECK, "act_cfg", value={"type": "os.system"}),
    "batch augmentation": _at("model", "data_preprocessor", "batch_augments", value=[{"type": "os.system"}]),
    "channels = 10**6": _at(*_BACK, "channels", value=10**6),
    "channels = -4": _at(*_BACK, "channels", value=-4),
    "channels = 8": _at(*_BACK, "channels", value=8),
    "channels = '4'": _at(*_BACK, "channels", value="4"),
    "channels = 4.0": _at(*_BACK, "channels", value=4.0),
    "channels = True": _at(*_BACK, "channels", value=True),
    "layers = 10**9": _at(*_BACK, "layers", value=10**9),
    "layers = 60": _at(*_BACK, "layers", value=60),
    "a genotype of an object": _at(*_BACK, "genotype", value={"normal": 3}),
    "a genotype that is evaluated": _at(*_BACK, "genotype", value="Genotype(__import__('os'))"),
    "no genotype": _gone(*_BACK, "genotype"),
    "another genotype": _at(*_BACK, "genotype", value="DARTS_V2"),
    "a stem of its own": _at(*_BACK, "stem", value="other"),
    "strides of its own": _at(*_BACK, "out_strides", value=[3]),
    "strides that fall": _at(*_BACK, "out_strides", value=[32, 16, 8]),
    "input_size = 10**6": _at("model", "input_size", value=10**6),
    "input_size = 1": _at("model", "input_size", value=1),
    "input_size = 0": _at("model", "input_size", value=0),
    "num_classes = 10**9": _at(*_HEAD, "num_classes", value=10**9),
    "num_classes = 9": _at(*_HEAD, "num_classes", value=9),
    "stacked_convs = 10**9": _at(*_HEAD, "stacked_convs", value=10**9),
    "anchors of infinite size": _at("model", "anchor_percents", value=[float("inf")] * 3),
    "anchors of size 0": _at("model", "anchor_percents", value=[0, 0, 0]),
    "two anchors": _at("model", "anchor_percents", value=[7, 15]),
    "no neck": _gone(*_NECK),
    "no test_cfg": _gone("model", "test_cfg"),
    "iou = NaN": _at("model", "test_cfg", "nms", "iou_threshold", value=float("nan")),
    "max_per_img = 10**12": _at("model", "test_cfg", "max_per_img", value=10**12),
    "deviation 0": _at("model", "data_preprocessor", "std", value=[0, 0, 0]),
    "mean of two": _at("model", "data_preprocessor", "mean", value=[1.0, 2.0]),
    "timm by URL": _at(*_BACK, value={"type": "WildnasTimmBackbone", "name": "hf-hub:other/model"}),
    "timm from a folder": _at(*_BACK, value={"type": "WildnasTimmBackbone", "name": "local-dir:/tmp"}),
    "timm of no name": _at(*_BACK, value={"type": "WildnasTimmBackbone", "name": "no_such_model"}),
    "pipeline empty": _at("pipeline", value=[]),
    "pipeline of a text": _at("pipeline", value="text"),
    "pipeline fetches": _at("pipeline", 0, "backend_args", value={"backend": "http"}),
    "pipeline of other imports": _at("pipeline", 0, "type", value="subprocess.run"),
    "pipeline without resizing": _gone("pipeline", 1),
    "pipeline without its end": _gone("pipeline", 2),
    "pipeline ten times": _at("pipeline", value=[{"type": "LoadImageFromFile"}] * 10),
    "scale of 10**6": _at("pipeline", 1, "scale", value=[10**6, 10**6]),
    "scale of nothing": _at("pipeline", 1, "scale", value=None),
    "meta_keys of none": _at("pipeline", 2, "meta_keys", value=[]),
    "categories empty": _at("categories", value={}),
    "categories of lists": _at("categories", value={f"{number}": [] for number in range(10)}),
    "categories of control characters": _at("categories", value={f"\x1b[{number}m": number for number in range(10)}),
    "category ids of 400 digits": _at("categories", value={f"{number}": 10**400 for number in range(10)}),
    "another task": _at("task", value="reid"),
    "a task of a list": _at("task", value=[1]),
    "a protocol of 10,000 letters": _at("protocol", value="a" * 10_000),
    "a digest of a number": _at("genotype_digest", value=5),
    "no about": lambda content: content.pop("about"),
    "weights that are not finite": lambda content: content["state_dict"].update(
        {name: torch.full_like(value, float("nan")) for name, value in list(content["state_dict"].items())[:1]}
    ),
    "weights that lack one": lambda content: content["state_dict"].popitem(),
    "all of NaN": _of_nan,
}


def _changed(original: Callable[[], dict[str, Any]], change: Change, load: Callable[[Path], Any]) -> Any:
    def make(folder: Path) -> Callable[[], Any]:
        content = copy.deepcopy(original())
        change(content)
        torch.save(content, folder / "checkpoint.pth")
        return lambda: load(folder / "checkpoint.pth")

    return make


def load_detector(file: Path) -> Any:
    import bench.detection.components  # noqa: F401 - sees to mmcv's compiled module
    from bench.detection.checkpoint import load

    return load(file)


def _detectors() -> Iterator[Row]:
    yield Row("detector", "as it is", _changed(detector, lambda content: None, load_detector), refused=False)
    for name, change in DETECTORS.items():
        yield Row("detector", name, _changed(detector, change, load_detector))


# Re-identifiers


@cache
def reidentifier() -> dict[str, Any]:
    from bench.reid.model import build_pcb
    from bench.reid.schema import ReidConfig
    from bench.tasks.architectures import resolve
    from search.configs import load_config, parse

    options = ["channels=4", "layers=3", "height=64", "width=32", "reduced_dim=8"]
    values = load_config("reid/digits_p3", options).values
    design = resolve("PDARTS").design
    pcb = build_pcb(parse(ReidConfig, values, "reid/digits_p3"), design, 5)
    about = {
        "task": "reid",
        "protocol": "reid/digits_p3",
        "architecture": design.to_json(),
        "config": values,
        "genotype_digest": design.digest,
    }
    return {"state_dict": pcb.state_dict(), "about": about}


REIDENTIFIERS: dict[str, Change] = {
    **{
        f"{key} = {value!r:.20}": _at("config", key, value=value)
        for key, value in (
            ("height", 10**6),
            ("height", -1),
            ("height", 10**400),
            ("width", 10**6),
            ("width", "wide"),
            ("channels", 10**6),
            ("channels", 8),
            ("layers", 10**9),
            ("layers", 30),
            ("parts", 10**6),
            ("parts", 0),
            ("parts", 2),
            ("reduced_dim", 10**9),
            ("reduced_dim", 9),
            ("batch_size", 0),
            ("test_batch_size", 10**9),
            ("dropout", float("nan")),
            ("dropout", 2.0),
            ("feature", "other"),
            ("metric", "__import__('os')"),
            ("dataset", "other"),
            ("data_root", ""),
            ("data_root", 5),
            ("rerank", {"k1": 10**9}),
            ("rerank", {"k1": 0}),
            ("rerank", "yes"),
            ("other", 1),
            ("transforms", ["os.system"]),
        )
    },
    "no config": _gone("config"),
    "config of a list": _at("config", value=[]),
    "architecture of None": _at("architecture", value=None),
    "architecture by URL": _at("architecture", value={"timm": "hf-hub:other/model"}),
    "architecture of a number": _at("architecture", value={"timm": 5}),
    "another architecture": _at("architecture", value=zoo.get("DARTS_V2").genotype.to_json()),
    "no classifier": lambda content: content["state_dict"].pop("classifiers.0.weight"),
    "a classifier of one dimension": lambda content: content["state_dict"].update(
        {"classifiers.0.weight": torch.zeros(5)}
    ),
    "classifiers of 10^16": lambda content: content["state_dict"].update(
        {"classifiers.0.weight": torch.zeros(1).expand(10**8, 10**8)}
    ),
    "all of NaN": _of_nan,
}


def load_reidentifier(file: Path) -> Any:
    from bench.reid.checkpoints import load_pcb

    return load_pcb(file)


def _reidentifiers() -> Iterator[Row]:
    yield Row(
        "re-identifier", "as it is", _changed(reidentifier, lambda content: None, load_reidentifier), refused=False
    )
    for name, change in REIDENTIFIERS.items():
        yield Row("re-identifier", name, _changed(reidentifier, change, load_reidentifier))


# Those that a training goes on from


def _point(epoch: Any = 2, **changes: Any) -> dict[str, Any]:
    return {"meta": {"epoch": epoch, "iter": 4}, "state_dict": {"a": torch.zeros(2)}, "optimizer": {}, **changes}


POINTS: dict[str, Callable[[], bytes]] = {
    "torn": lambda: saved(_point())[:-200],
    "empty": lambda: b"",
    "null": lambda: saved(None),
    "of epoch 10**9": lambda: saved(_point(10**9)),
    "of epoch -1": lambda: saved(_point(-1)),
    "of epoch '2'": lambda: saved(_point("2")),
    "of epoch NaN": lambda: saved(_point(float("nan"))),
    "no meta": lambda: saved({"state_dict": {}, "optimizer": {}}),
    "meta of a list": lambda: saved(_point(meta=[])),
    "no weights": lambda: saved(_point(state_dict=None)),
    "no optimizer": lambda: saved({"meta": {"epoch": 2}, "state_dict": {}}),
    "NaN": lambda: saved(_point(state_dict={"a": torch.tensor([float("nan")])})),
    "meta tensor": lambda: saved(_point(state_dict={"a": torch.zeros(2, device="meta")})),
    "pickle that runs": lambda: saved(_point(other=Harm())),
}


def _resumed() -> Iterator[Row]:
    from search.training.resuming import resume_point

    for name, content in POINTS.items():

        def make(folder: Path, content: Callable[[], bytes] = content) -> Callable[[], Any]:
            (folder / "epoch_2.pth").write_bytes(content())
            (folder / "last_checkpoint").write_text("epoch_2.pth")
            return lambda: resume_point(folder, 5)

        def beside(folder: Path, content: Callable[[], bytes] = content) -> Callable[[], Any]:
            (folder / "epoch_1.pth").write_bytes(saved(_point(1)))
            make(folder, content)

            def read() -> Any:
                assert resume_point(folder, 5) == folder / "epoch_1.pth"

            return read

        yield Row("checkpoint to go on from", name, make)
        yield Row("checkpoint to go on from, one before", name, beside, refused=False)
