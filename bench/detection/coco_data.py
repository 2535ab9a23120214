"""The data of a protocol: found, checked, counted, and written into the config that MMDetection runs.

COCO 2017's train2017 is what the papers call trainval35k (2014's training images and 35,000 of its validation images),
and val2017 is their minival, the other 5,000.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backbones.errors import InputError
from bench.detection import repairs
from bench.detection.annotations import Annotations, look_into, read, write_repaired
from bench.detection.protocol import DataPart, data_part, innermost
from bench.digits.embedded import ensure_embedded
from bench.tasks.contract import DataReport
from search.data.fingerprint import fingerprint


@dataclass(frozen=True)
class Data:
    """Training and validation annotations of one protocol, with the same categories.

    Attributes:
        limit: how many images of each part are used, the first ones in the files' order; None is all. The training
            part's are the first that MMDetection trains on: with COCO's `filter_cfg`, images that have a box.
    """

    root: Path
    train: Annotations
    val: Annotations
    limit: int | None = None

    def report(self) -> DataReport:
        counts = {**self.train.counts("train"), **self.val.counts("val"), "categories": len(self.val.categories)}
        counts |= repairs.as_counts(Counter(self.train.repairs) + Counter(self.val.repairs))
        files = [*self.train.files, *self.val.files]
        return DataReport(counts, fingerprint(self.root, files, contents=[self.train.file, self.val.file]))

    def fill_in(self, config: dict[str, Any], folder: Path) -> None:
        """Write the categories and the limit into every place of a resolved config that depends on them.

        Args:
            folder: of the run; annotation files that had to be repaired are written there, for MMDetection to read.
        """
        _set_classes(config["model"], len(self.val.categories))
        for part in ("train", "val"):
            dataset = innermost(config[f"{part}_dataloader"]["dataset"])
            # As a new dict: COCO's colours are for COCO's 80 names.
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
    """Find and check the data of a config; embedded data are made first where they are not there.

    Raises:
        InputError: a folder, a file or an image is missing, an annotation file cannot be used, or an image is damaged,
            cut off or of another size than annotated.
    """
    ensure_embedded(config.get("embedded"))
    parts = {part: data_part(config, part) for part in ("train", "val")}
    train, val = (_read(parts[part]) for part in ("train", "val"))
    roots = train.unused_roots & val.unused_roots
    train, val = train.without(roots), val.without(roots)
    _compare(train, val)
    folders = [part.root.resolve() for part in parts.values()]
    if folders[0] != folders[1]:
        raise InputError(
            f"{parts['train'].key} and {parts['val'].key} have different data roots: "
            f"{parts['train'].root}, {parts['val'].root}"
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
    """The images of a config's test part, of which nobody but COCO's server has the annotations (test-dev2017).

    Raises:
        InputError: as `find`.
    """
    test = _read(data_part(config, "test"), annotated=False)
    look_into(test)
    return test


def _set_classes(model: Any, count: int) -> None:
    """Every head of a detector says `num_classes`; some have more than one head."""
    for value in model.values() if isinstance(model, dict) else model if isinstance(model, list) else ():
        _set_classes(value, count)
    if isinstance(model, dict) and "num_classes" in model:
        model["num_classes"] = count


def _compare(train: Annotations, val: Annotations) -> None:
    """Labels are places in the list of categories, and ids are what a detection is handed in with."""
    for name, number in train.categories.items():
        other = val.categories.get(name)
        if other is not None and other != number:
            raise InputError(f"{val.file}: category {name!r} has the id {other}, and {number} in {train.file}")
    if list(train.categories) != list(val.categories):
        only = sorted(train.categories.keys() ^ val.categories.keys())
        problem = f"only one of them has {only[0]!r}" if only else "their order is another"
        raise InputError(f"{val.file}: its categories differ from those of {train.file}: {problem}")


def _read(part: DataPart, annotated: bool = True) -> Annotations:
    if not part.root.is_dir():
        raise InputError(
            f"{part.root}: no such data folder (data_root of {part.key}); "
            "put COCO's annotations/, train2017/ and val2017/ there, or say where they are with WILDNAS_DATA"
        )
    if not part.images.is_dir():
        raise InputError(f"{part.images}: no such image folder (data_prefix of {part.key})")
    return read(part.annotation_file, part.images, annotated)
