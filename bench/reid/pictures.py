"""Draw ranked lists: the query, then its nearest gallery images, with frames for right and wrong."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from backbones.files import confirm_writable, replacing, write_text
from bench.digits.recipe import ensure_embedded
from bench.records.check import confirm_recorded
from bench.reid.checkpoints import load_pcb
from bench.reid.data_sets import read_layout
from bench.reid.listing import Listing
from bench.reid.market import QUERY, read_test_folders
from bench.reid.ranked_lists import RankedList, rank_listing
from bench.reid.ranking import Ranking
from bench.reid.schema import ReidConfig, Reranking
from search.data.reader import read_picture
from search.training.progress import ProgressCallback

#: Width and height of an image's cell without its frame, in pixels; images keep their aspect ratio.
CELL = (112, 168)

FRAME = 6
_GAP = 6
_LINE = 15
_CAPTION = 3 * _LINE
_HEAD = 24

#: Colours that colour-blind people can tell apart; a word below each image says the same.
COLOURS = {"query": (40, 40, 40), "right": (0, 130, 60), "wrong": (215, 40, 30)}

#: The file in the output folder with the lists.
LISTS = "ranked_lists.json"


def draw(ranked: RankedList) -> Image.Image:
    """Draw one list."""
    cells = [(ranked.query, "query", "")]
    cells += [(each.image, "right" if each.right else "wrong", f"{each.distance:.3f}") for each in ranked.images]
    width, height = CELL[0] + 2 * FRAME, CELL[1] + 2 * FRAME
    picture = Image.new(
        "RGB", (_GAP + len(cells) * (width + _GAP), _HEAD + height + _CAPTION + 2 * _GAP), (255, 255, 255)
    )
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(12)
    pen.text((_GAP, _GAP), Path(ranked.query[0]).name, (0, 0, 0), font)
    for rank, ((file, identity, camera), kind, distance) in enumerate(cells):
        left, top = _GAP + rank * (width + _GAP), _HEAD + _GAP
        pen.rectangle((left, top, left + width - 1, top + height - 1), COLOURS[kind])
        picture.paste(_cell(file), (left + FRAME, top + FRAME))
        lines = (f"{rank}. {kind}" if rank else kind, f"identity {identity}", f"camera {camera + 1}  {distance}")
        for number, line in enumerate(lines):
            pen.text((left, top + height + 2 + number * _LINE), line, COLOURS[kind], font)
    return picture


def _cell(file: str) -> Image.Image:
    image = read_picture(file)
    scale = min(CELL[0] / image.width, CELL[1] / image.height)
    image = image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))))
    cell = Image.new("RGB", CELL, (225, 225, 225))
    cell.paste(image, ((CELL[0] - image.width) // 2, (CELL[1] - image.height) // 2))
    return cell


def save_pictures(lists: list[RankedList], folder: Path) -> list[Path]:
    """Write a PNG for each list, named by its query, and the lists as JSON; files are written atomically."""
    files = []
    for ranked in lists:
        file = folder / f"{Path(ranked.query[0]).stem}.png"
        with replacing(file) as partial:
            draw(ranked).save(partial, format="PNG")
        files.append(file)
    write_text(folder / LISTS, json.dumps([asdict(ranked) for ranked in lists], indent=1) + "\n")
    return files


@dataclass(frozen=True)
class CheckpointRanking:
    """A checkpoint's ranking of a test set, with the number of gallery images and the pictures' files."""

    ranking: Ranking
    gallery: int
    files: list[Path]


def rank_checkpoint(
    checkpoint: Path,
    out: Path,
    data: Path | None,
    queries: int,
    length: int,
    metric: str | None,
    rerank: bool,
    progress: ProgressCallback,
    results: Path = Path("results"),
) -> CheckpointRanking:
    """Rank a test set by a trained re-identifier, and draw the nearest images of some queries below `out`.

    Args:
        data: a folder with `query/` and `bounding_box_test/`, or a data root; None takes the protocol's.
        queries: the number of queries that are drawn, each with a list of `length` images.
        metric: the distance; None takes the protocol's.
        rerank: whether to add k-reciprocal re-ranking.
        results: the folder with the run's record; if there is one, its digest of the checkpoint must match.

    Raises:
        InputError: the file is not a re-identifier's checkpoint, the data are missing or invalid, or `out` cannot be
            written.
    """
    confirm_writable(out / LISTS)
    confirm_recorded(checkpoint, results)
    pcb, config = load_pcb(checkpoint)
    changes: dict[str, Any] = {"metric": metric} if metric else {}
    if rerank:
        changes["rerank"] = config.rerank or Reranking()
    config = config.model_copy(update=changes)
    listing = _listing(data, config)
    ranking, lists = rank_listing(pcb, config, listing, queries, length, progress)
    return CheckpointRanking(ranking, len(listing.gallery), save_pictures(lists, out))


def _listing(data: Path | None, config: ReidConfig) -> Listing:
    if data is None:
        ensure_embedded(config.embedded)
        return read_layout(config.dataset, Path(config.data_root), config.limit, config.queries)
    return read_test_folders(data) if (data / QUERY).is_dir() else read_layout(config.dataset, data)
