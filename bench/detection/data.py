"""The data of a protocol: found, checked, counted, and written into the config that MMDetection runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backbones.errors import InputError
from bench.contract import DataReport
from bench.detection.annotations import Annotations, read
from bench.detection.protocol import DataPart, data_part, innermost
from bench.embedded import ensure_embedded
from search.fingerprint import fingerprint


@dataclass(frozen=True)
class Data:
    """Training and validation annotations of one protocol, with the same categories."""

    root: Path
    train: Annotations
    val: Annotations

    def report(self) -> DataReport:
        counts = {
            "train images": len(self.train.images),
            "train annotations": self.train.boxes,
            "val images": len(self.val.images),
            "val annotations": self.val.boxes,
            "categories": len(self.val.categories),
        }
        files = [*self.train.images, *self.val.images]
        return DataReport(counts, fingerprint(self.root, files, contents=[self.train.file, self.val.file]))

    def fill_in(self, config: dict[str, Any]) -> None:
        """Write the categories into every place of a resolved config that depends on them."""
        config["model"]["bbox_head"]["num_classes"] = len(self.val.categories)
        for part in ("train", "val"):
            # As a new dict: COCO's colours are for COCO's 80 names.
            innermost(config[f"{part}_dataloader"]["dataset"])["metainfo"] = {"classes": list(self.val.categories)}
        config["val_evaluator"]["ann_file"] = str(self.val.file)


def find(config: Mapping[str, Any]) -> Data:
    """Find and check the data of a config; embedded data are made first where they are not there.

    Raises:
        InputError: a folder, a file or an image is missing, or an annotation file cannot be used.
    """
    ensure_embedded(config.get("embedded"))
    parts = [data_part(config, part) for part in ("train", "val")]
    train, val = (_read(part) for part in parts)
    if train.categories != val.categories:
        raise InputError(f"{val.file}: its categories differ from those of {train.file}, by name or order")
    roots = [part.root.resolve() for part in parts]
    if roots[0] != roots[1]:
        raise InputError(
            f"{parts[0].key} and {parts[1].key} have different data roots: {parts[0].root}, {parts[1].root}"
        )
    return Data(parts[0].root, train, val)


def _read(part: DataPart) -> Annotations:
    if not part.root.is_dir():
        raise InputError(
            f"{part.root}: no such data folder (data_root of {part.key}); "
            "put COCO's annotations/, train2017/ and val2017/ there, or say where they are with WILDNAS_DATA"
        )
    if not part.images.is_dir():
        raise InputError(f"{part.images}: no such image folder (data_prefix of {part.key})")
    return read(part.annotation_file, part.images)
