"""Find, check and count a protocol's data, and write them into the config that MMDetection runs.

COCO 2017's train2017 is what the papers call trainval35k (2014's training images and 35,000 of its validation images),
and val2017 is their minival, the other 5,000.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backbones.errors import InputError
from bench.detection import repairs
from bench.detection.annotations import Annotations, look_into, read, write_repaired
from bench.detection.protocol import DataPart, data_part, innermost
from bench.digits.recipe import ensure_embedded
from bench.tasks.contract import DataReport
from search.data.fingerprint import fingerprint


@dataclass(frozen=True)
class Data:
    """Training and validation annotations of one protocol, with the same categories.

    Attributes:
        limit: use only the first images of each part, in the file's order; None uses all. In the training part only
            images that MMDetection trains on count: with COCO's `filter_cfg`, images with a box.
    """

    root: Path
    train: Annotations
    val: Annotations
    limit: int | None = None

    def report(self) -> DataReport:
        counts = {**self.train.counts("train"), **self.val.counts("val"), "categories": len(self.val.categories)}
        counts |= repairs.as_counts(Counter(self.train.repairs) + Counter(self.val.repairs))
        files = [*self.train.files, *self.val.files]
        digest = fingerprint(self.root, files, contents=[self.train.file, self.val.file])
        if self.train.chosen:
            # The same files, and other data.
            names = "\0".join([digest, *self.train.categories])
            digest = f"sha256:{hashlib.sha256(names.encode()).hexdigest()}"
        return DataReport(counts, digest)

    def fill_in(self, config: dict[str, Any], folder: Path) -> None:
        """Write the categories and the limit into a resolved config.

        Args:
            folder: the run's folder; repaired annotation files are written there, for MMDetection to read.
        """
        _set_classes(config["model"], len(self.val.categories))
        for part in ("train", "val"):
            dataset = innermost(config[f"{part}_dataloader"]["dataset"])
            # A new dict, since the colours of COCO's metainfo are for its 80 categories.
            dataset["metainfo"] = {"classes": list(self.val.categories)}
            annotations = self.train if part == "train" else self.val
            if self.limit is not None:
                dataset["indices"] = len(annotations.images)
            file = annotations.file
            if annotations.repairs:
                file = write_repaired(annotations, folder.resolve() / "annotations" / f"{part}.json")
                dataset["ann_file"] = str(file)
            if part == "val":
                config["val_evaluator"]["ann_file"] = str(file)
        if self.limit is not None:
            config["val_evaluator"]["limit"] = len(self.val.images)


def find(config: Mapping[str, Any]) -> Data:
    """Find and check the data of a config; missing embedded data are made first.

    Raises:
        InputError: a folder, a file or an image is missing, an annotation file is invalid, or an image is damaged, cut
            off or has another size than annotated.
    """
    ensure_embedded(config.get("embedded"))
    parts = {part: data_part(config, part) for part in ("train", "val")}
    train, val = (_read(parts[part], classes=_classes(config, part)) for part in ("train", "val"))
    roots = train.unused_roots & val.unused_roots
    train, val = train.without(roots), val.without(roots)
    _compare(train, val)
    folders = [part.root.resolve() for part in parts.values()]
    if folders[0] != folders[1]:
        raise InputError(
            f"{parts['train'].key} and {parts['val'].key} have different data roots: "
            f"{parts['train'].root}, {parts['val'].root}; expected one"
        )
    limit = config.get("limit")
    usable = train.trainable(innermost(config["train_dataloader"]["dataset"]).get("filter_cfg"))
    if not usable.images:
        raise InputError(f"{train.file}: no image to train on: none has a box, or all are too small (filter_cfg)")
    if limit is not None:
        train, val = usable.first(limit), val.first(limit)
    look_into(train)
    look_into(val)
    return Data(parts["train"].root, train, val, limit)


def find_test(config: Mapping[str, Any]) -> Annotations:
    """Find the images of a config's test part (test-dev2017), whose annotations only COCO's server has.

    Raises:
        InputError: as `find`.
    """
    test = _read(data_part(config, "test"), annotated=False)
    look_into(test)
    return test


def _set_classes(model: Any, count: int) -> None:
    """Set `num_classes` in every head of a detector; some have several heads."""
    for value in model.values() if isinstance(model, dict) else model if isinstance(model, list) else ():
        _set_classes(value, count)
    if isinstance(model, dict) and "num_classes" in model:
        model["num_classes"] = count


def _compare(train: Annotations, val: Annotations) -> None:
    """Check that both parts have the same categories, with the same ids and in the same order.

    Labels are indices into the list of categories, and a submitted detection has a category's id.
    """
    for name, number in train.categories.items():
        other = val.categories.get(name)
        if other is not None and other != number:
            raise InputError(f"{val.file}: category {name!r} has the id {other}, but {number} in {train.file}")
    if list(train.categories) != list(val.categories):
        only = sorted(train.categories.keys() ^ val.categories.keys())
        problem = f"only one of them has {only[0]!r}" if only else "their order differs"
        raise InputError(f"{val.file}: its categories differ from those of {train.file}: {problem}")


def _classes(config: Mapping[str, Any], part: str) -> list[str]:
    """The categories that a config names for a part; empty if it names none.

    Raises:
        InputError: not a list of names.
    """
    given = (innermost(config[f"{part}_dataloader"]["dataset"]).get("metainfo") or {}).get("classes") or []
    if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
        raise InputError(f"{part}_dataloader.dataset.metainfo.classes: {given!r}: expected a list of names")
    return given


def _read(part: DataPart, annotated: bool = True, classes: Sequence[str] = ()) -> Annotations:
    if not part.root.is_dir():
        raise InputError(
            f"{part.root}: no such data folder (data_root of {part.key}); "
            "put COCO's annotations/, train2017/ and val2017/ there, or set WILDNAS_DATA to their folder"
        )
    if not part.images.is_dir():
        raise InputError(f"{part.images}: no such image folder (data_prefix of {part.key})")
    return read(part.annotation_file, part.images, annotated, classes)
