"""Write and check the file that COCO's evaluation server takes for test-dev2017.

The papers report test-dev, whose annotations are not public. The server takes one JSON file, a list of detections, in a
zip archive of the same name, `detections_test-dev2017_<name>_results`, with at most 100 detections in an image.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from backbones.errors import InputError
from backbones.files import confirm_writable, read_json, replacing
from bench.detection.annotations import read_ids
from bench.detection.checkpoint import load
from bench.detection.coco_data import find_test
from bench.detection.inference import detect
from bench.detection.protocol import data_part
from bench.detection.repairs import is_number
from bench.tasks.architectures import NamedArchitecture
from bench.tasks.contract import Protocol
from bench.tasks.registry import load_protocol
from search.training.progress import ProgressCallback

#: The largest number of detections in an image that COCO counts.
MOST = 100

#: The server's list of the images.
IMAGE_INFO = "image_info_test-dev2017.json"

_NAME = re.compile(r"detections_test-dev2017_.+_results\.json")


@dataclass(frozen=True)
class Submission:
    """A file for the server, with its number of detections and of images with detections."""

    file: Path
    detections: int
    images_with_detections: int
    images: int

    def __str__(self) -> str:
        where = f"{self.images_with_detections:,} of {self.images:,} images"
        return f"{self.file}: {self.detections:,} detections in {where}"


def export_test_dev(
    protocol: Protocol,
    architecture: NamedArchitecture | None,
    checkpoint: Path,
    out: Path,
    progress: ProgressCallback = lambda fraction, doing: None,
) -> Submission:
    """Detect in the test part's images and write the submission and its zip archive into the folder `out`.

    The 100 detections of an image with the highest scores are kept. Coordinates are rounded to hundredths of a pixel,
    scores to five decimals. Runs in one process.

    Args:
        protocol: its `test_dataloader` names image_info_test-dev2017.json and test2017/.
        architecture: the checkpoint's architecture; None accepts any.
        checkpoint: the checkpoint of a detection run under this protocol.

    Returns:
        The JSON file with the counts of `check_submission`.

    Raises:
        InputError: the checkpoint is of another architecture or protocol or has other categories, the protocol's test
            part is another one, or images are missing or damaged.
    """
    if data_part(protocol.config, "test").annotation_file.name != IMAGE_INFO:
        raise InputError(f"{protocol.name}: test_dataloader has another annotation file; expected {IMAGE_INFO}")
    trained = load(checkpoint)
    if architecture is not None and trained.genotype_digest != architecture.design.digest:
        raise InputError(f"{checkpoint}: is of {trained.architecture}, not of {architecture.name}")
    if trained.protocol != protocol.name:
        raise InputError(f"{checkpoint}: was trained under {trained.protocol}, not under {protocol.name}")
    images = find_test(protocol.config)
    if images.categories != trained.categories:
        raise InputError(f"{checkpoint}: its categories or their ids are not those of {images.file}")
    category_ids = list(trained.categories.values())
    loader = protocol.config["test_dataloader"]
    listed = [(image.id, image.file) for image in images.images]
    file = out / f"detections_test-dev2017_{_plain_name(f'{trained.protocol}-{trained.architecture}')}_results.json"
    confirm_writable(file)
    samples = detect(trained, listed, loader.get("batch_size", 1), loader.get("num_workers", 0))
    with replacing(file) as partial, partial.open("w", encoding="utf-8") as stream:
        separator = "["
        for number, sample in enumerate(samples, start=1):
            for entry in _entries(sample, category_ids):
                stream.write(f"{separator}{json.dumps(entry)}")
                separator = ",\n"
            progress(number / len(listed), f"test-dev image {number} of {len(listed)}")
        stream.write("[]\n" if separator == "[" else "]\n")
    submission = check_submission(file, images.file)
    with replacing(file.with_suffix(".zip")) as partial, zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(file, file.name)
    return submission


def load_test_dev(name: str, options: Sequence[str] = ()) -> Protocol:
    """Load a detection protocol with a `test_dataloader` by name.

    Raises:
        InputError: the protocol does not exist, or has no `test_dataloader`.
    """
    task, protocol = load_protocol(name, options)
    if task.name != "detection" or not protocol.config.get("test_dataloader"):
        raise InputError(f"{name}: expected a detection protocol with a test_dataloader")
    return protocol


def check_test_dev(protocol: Protocol, file: Path) -> Submission:
    """Check a submission against the protocol's list of images; see `check_submission`."""
    return check_submission(file, data_part(protocol.config, "test").annotation_file)


def check_submission(file: Path, image_info: Path) -> Submission:
    """Check a submission against image_info_test-dev2017.json.

    Raises:
        InputError: the server would refuse the name or an entry; the message names the entry, counted from 0.
    """
    if not _NAME.fullmatch(file.name):
        raise InputError(f"{file}: the server expects the name detections_test-dev2017_<name>_results.json")
    image_ids, category_ids = read_ids(image_info)
    entries = read_json(file)
    if not isinstance(entries, list):
        raise InputError(f"{file}: holds a {type(entries).__name__}; expected a list of detections")
    found: Counter[int] = Counter()
    for index, entry in enumerate(entries):
        problem = _problem(entry, image_ids, category_ids)
        if problem is None:
            found[entry["image_id"]] += 1
            if found[entry["image_id"]] > MOST:
                problem = f"is number {MOST + 1} of image {entry['image_id']}; expected at most {MOST} in an image"
        if problem is not None:
            raise InputError(f"{file}: entry {index}: {problem}")
    return Submission(file, len(entries), len(found), len(image_ids))


def _problem(entry: Any, image_ids: frozenset[int], category_ids: frozenset[int]) -> str | None:
    if not isinstance(entry, dict):
        return f"{str(entry)[:40]!r}: expected an object with image_id, category_id, bbox and score"
    for key in ("image_id", "category_id", "bbox", "score"):
        if key not in entry:
            return f"key {key!r} is missing"
    for key, known in (("image_id", image_ids), ("category_id", category_ids)):
        if type(entry[key]) is not int or entry[key] not in known:
            return f"{key} {entry[key]!r} is not in image_info_test-dev2017.json"
    box = entry["bbox"]
    if not (isinstance(box, list) and len(box) == 4 and all(map(is_number, box))):
        return f"bbox {box!r}: expected [x, y, width, height], finite numbers"
    if box[2] < 0 or box[3] < 0:
        return f"bbox {box!r}: width or height is negative; expected [x, y, width, height], not corners"
    if not is_number(entry["score"]):
        return f"score {entry['score']!r}: expected a finite number"
    return None


def _entries(sample: Any, category_ids: list[int]) -> Iterator[dict[str, Any]]:
    """Yield the server's entries of one image, highest score first."""
    found = sample.pred_instances.cpu()
    order = found.scores.argsort(descending=True, stable=True)[:MOST]
    corners = found.bboxes[order].to(torch.float64)
    sides = corners[:, 2:] - corners[:, :2]
    rows = zip(
        corners[:, :2].tolist(), sides.tolist(), found.scores[order].tolist(), found.labels[order].tolist(), strict=True
    )
    for corner, side, score, label in rows:
        box = [round(number, 2) for number in (*corner, *side)]
        yield {"image_id": sample.img_id, "category_id": category_ids[label], "bbox": box, "score": round(score, 5)}


def _plain_name(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]+", "-", name.removeprefix("detection/"))
