"""Run a trained detector on image files and draw its detections."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dataset import Compose, pseudo_collate
from mmengine.device import get_device
from mmengine.registry import DefaultScope
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from backbones.errors import InputError
from backbones.files import confirm_writable, replacing
from bench.detection.checkpoint import Trained, load
from bench.detection.pairs import restore_pairs
from bench.records.check import confirm_recorded
from search.data.checking import check_images
from search.data.names import SUFFIXES, is_hidden, is_image
from search.data.reader import plain_worker_errors, read_picture

from mmdet.visualization import DetLocalVisualizer  # isort: skip - behind what sees to mmcv's compiled module

#: Formats in which a picture is written as its image is; all others become PNG.
_WRITTEN = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG"}


def detect_in(
    checkpoint: Path, images: Sequence[Path], out: Path, threshold: float = 0.3, results: Path = Path("results")
) -> Iterator[tuple[Path, list[tuple[str, float]]]]:
    """Draw the detections of a trained detector in image files, or in all images of folders.

    Args:
        threshold: the lowest score that is drawn.
        results: the folder with the run's record; if there is one, its digest of the checkpoint must match.

    Yields:
        Each picture's file below `out`, with the names and scores of the drawn detections.

    Raises:
        InputError: a file is not an image or not a detector's checkpoint, two pictures would have the same name, or
            `out` cannot be written.
    """
    pictures = _pictures(images, out)
    # One picture of each folder; all of them would take long.
    for picture in {picture.parent: picture for picture in pictures.values()}.values():
        confirm_writable(picture)
    check_images([(file, None) for file in pictures])
    confirm_recorded(checkpoint, results)
    trained = load(checkpoint)
    categories = list(trained.categories)
    for (file, picture), sample in zip(pictures.items(), detect(trained, list(enumerate(pictures))), strict=True):
        yield picture, draw(sample, categories, file, picture, threshold)


def _pictures(given: Sequence[Path], out: Path) -> dict[Path, Path]:
    """List the image files with their pictures' files below `out`; subfolders are kept."""
    pictures: dict[Path, Path] = {}
    for path in given:
        if path.is_dir():
            files = sorted(file for file in path.rglob("*") if _is_meant(file.relative_to(path)) and file.is_file())
            # Earlier pictures may lie among the images.
            files = [file for file in files if not _real(file).is_relative_to(_real(out))]
            if not files:
                raise InputError(f"{path}: no image in this folder ({', '.join(SUFFIXES)})")
            pictures.update({file: out / file.relative_to(path).with_name(picture_name(file)) for file in files})
        else:
            pictures[path] = out / picture_name(path)
    taken: dict[Path, Path] = {}
    for file, picture in pictures.items():
        if picture in taken:
            raise InputError(f"{file}: its picture would overwrite {picture}, the picture of {taken[picture]}")
        if _real(picture) == _real(file):
            raise InputError(f"{file}: its picture would overwrite the image; use another output folder than {out}")
        taken[picture] = file
    return pictures


def _real(path: Path) -> Path:
    """Resolve a path; unlike `Path.resolve`, a link to itself is not an error here."""
    return Path(os.path.realpath(path))


def _is_meant(name: Path) -> bool:
    """Return whether a path in a folder is an image and not hidden."""
    return is_image(name.name) and not any(is_hidden(part) for part in name.parts)


def detect(
    trained: Trained, images: Sequence[tuple[int, Path]], batch_size: int = 1, workers: int = 0
) -> Iterator[Any]:
    """Detect objects in one image after another, on the GPU if there is one.

    Args:
        images: ids and files.

    Yields:
        MMDetection's `DetDataSample`s in the order of `images`: `img_id`, and `pred_instances` with `bboxes` `(N, 4)`
        as x1, y1, x2, y2 in pixels of the file, `scores` `(N,)` and `labels` `(N,)`.
    """
    detector: Any = trained.detector.to(get_device()).eval()
    loader = DataLoader(
        _Files(images, trained.pipeline), batch_size, num_workers=workers, collate_fn=pseudo_collate, shuffle=False
    )
    with torch.inference_mode(), plain_worker_errors():
        for batch in loader:
            yield from detector.test_step(batch)


class _Files(Dataset[Any]):
    """Image files as the input of a detector."""

    def __init__(self, images: Sequence[tuple[int, Path]], pipeline: Sequence[dict[str, Any]]) -> None:
        self.images = images
        with DefaultScope.overwrite_default_scope("mmdet"):
            self.pipeline = Compose([restore_pairs(dict(step)) for step in pipeline])

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Any:
        number, file = self.images[index]
        return self.pipeline({"img_id": number, "img_path": str(file)})


def draw(sample: Any, categories: Sequence[str], file: Path, out: Path, threshold: float) -> list[tuple[str, float]]:
    """Draw an image's detections with at least a score into a file, with names and scores in percent.

    Returns:
        Name and score of each drawn detection, highest score first.
    """
    visualizer = DetLocalVisualizer(name=f"detections-{id(sample)}", vis_backends=[])
    visualizer.dataset_meta = {"classes": tuple(categories), "palette": _palette(len(categories))}
    found = sample.pred_instances.cpu()
    found = found[found.scores >= threshold]
    found = found[found.scores.argsort()]
    drawn = sample.cpu().clone()
    image = np.asarray(read_picture(file))
    # Boxes that end at the image's border are drawn on its last pixels.
    corner = torch.tensor(image.shape[1::-1], dtype=found.bboxes.dtype).repeat(2) - 1
    found.bboxes = torch.minimum(found.bboxes.clamp(min=0), corner)
    drawn.pred_instances = found
    # No second threshold; the highest score comes last, on top of the others.
    visualizer.add_datasample(out.stem, image, drawn, False, pred_score_thr=-1.0)
    with replacing(out) as partial:
        Image.fromarray(visualizer.get_image()).save(partial, format=_WRITTEN[out.suffix.lower()], quality=95)
    pairs = zip(found.labels.tolist(), found.scores.tolist(), strict=True)
    return [(categories[label], score) for label, score in pairs][::-1]


def picture_name(file: Path) -> str:
    """Name an image's picture like the image, with `.png` for formats that are not written."""
    return file.name if file.suffix.lower() in _WRITTEN else f"{file.stem}.png"


def _palette(count: int) -> list[tuple[int, int, int]]:
    """Choose bright colours that differ clearly in hue between neighbouring labels."""
    from colorsys import hsv_to_rgb

    golden = 0.618034
    colours = (hsv_to_rgb((index * golden) % 1, 0.85, 1.0) for index in range(count))
    return [tuple(round(255 * part) for part in colour) for colour in colours]  # type: ignore[misc]
