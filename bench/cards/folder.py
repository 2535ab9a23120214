"""A folder ready to upload: a model card with the files that it speaks of."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from backbones.errors import InputError
from backbones.files import replacing, write_text
from bench.cards.card import card_text, find_record
from bench.export.networks import Wanted
from bench.export.writing import export_network
from bench.records.record import Record
from bench.runs.run import Places, checkpoint_of

#: Names of the files beside the card.
CHECKPOINT, ONNX, RECORD = "checkpoint.pth", "model.onnx", "record.json"


def write_card(
    given: str,
    out: Path | None = None,
    export: bool = False,
    results: Path = Path("results"),
    work: Path = Path("work"),
) -> list[Path]:
    """Write the card of a record as `README.md` of a folder.

    Args:
        given: a record's name or file.
        out: the folder; None is `<results>/cards/` and the record's name.
        export: whether to put the checkpoint, the record and an ONNX file beside it.

    Returns:
        The files that were written.

    Raises:
        InputError: no such record, its checkpoint is missing, or it cannot be exported.
    """
    record = find_record(given, results)
    folder = out or results / "cards" / record.name.replace("/", "-")
    _confirm_folder(folder, (CHECKPOINT, ONNX, RECORD) if export else ())
    files = _exported(record, folder, results, work) if export else []
    write_text(folder / "README.md", card_text(record, results, [file.name for file in files]))
    return [folder / "README.md", *files]


def _confirm_folder(folder: Path, names: Sequence[str]) -> None:
    """Check that no file of somebody else is replaced, such as a project's own README.md.

    Raises:
        InputError: the folder is a file, or holds such a file and no card of wildnas.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file; expected a folder for the card")
    card = folder / "README.md"
    if card.is_file() and "\nlibrary_name: wildnas\n" in card.read_text(encoding="utf-8", errors="replace"):
        return
    held = [name for name in ("README.md", *names) if (folder / name).exists()]
    if held:
        raise InputError(f"{folder / held[0]}: is there already and no card's; expected a folder without it (--out)")


def _exported(record: Record, folder: Path, results: Path, work: Path) -> list[Path]:
    checkpoint = checkpoint_of(record, Places(results, work))
    if checkpoint is None:
        raise InputError(f"{record.name}: --export needs its checkpoint, which is missing or changed in {work}")
    export_network(str(checkpoint), folder / ONNX, wanted=Wanted(results=results))
    with replacing(folder / CHECKPOINT) as partial:
        shutil.copyfile(checkpoint, partial)
    write_text(folder / RECORD, record.to_text())
    return [folder / name for name in (CHECKPOINT, ONNX, RECORD)]
