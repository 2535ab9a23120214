"""Studies: results folders that ship with wildnas, sealed by a manifest.

    python -m bench.records.studies RESULTS OUT --title TEXT     copy the records of a results folder to a study

A study's folder has `records/` and `study.json`, and can be used wherever a results folder is read.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

from pydantic import Field, ValidationError

from backbones.errors import InputError
from backbones.files import read_json, write_text
from bench.records.bounds import LARGEST_RECORD
from bench.records.store import RecordStore
from search.configs import Schema, first_problem, nearest

MANIFEST = "study.json"


class Study(Schema):
    """The manifest of a study.

    Attributes:
        title: what the study asks, in one line.
        records: number of records.
        sha256: digest over the names and contents of all files below `records/`.
    """

    title: str = Field(min_length=1, max_length=200)
    records: int = Field(ge=1)
    sha256: str


def studies_root() -> Path:
    """The folder of the shipped studies: `results/studies/` in a checkout, `bench/studies/` in an installation."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "studies"
    return installed if installed.is_dir() else package.parent / "results" / "studies"


def study_names() -> list[str]:
    return sorted(path.parent.name for path in studies_root().glob(f"*/{MANIFEST}"))


def study_folder(name: str) -> Path:
    """Return the results folder of a study after a check of all its files.

    Args:
        name: a shipped study, or a folder with a `study.json`.

    Raises:
        InputError: there is no such study, or its files are not those of its manifest.
    """
    folder = studies_root() / name if name in study_names() else Path(name)
    manifest = folder / MANIFEST
    if not manifest.is_file():
        known = study_names()
        raise InputError(
            f"study {name!r}: no such study ({nearest(name, known)}); name one of them, or a folder with a {MANIFEST}"
        )
    try:
        study = Study.model_validate(read_json(manifest, LARGEST_RECORD))
    except ValidationError as error:
        raise InputError(f"{manifest}: {first_problem(error, Study)}") from None
    files = _files(folder)
    count = sum(file.name.startswith("seed") and file.suffix == ".json" for file in files)
    if count != study.records:
        raise InputError(f"{folder}: has {count} records, not the {study.records} of its {MANIFEST}; install it again")
    if _digest(folder, files) != study.sha256:
        raise InputError(f"{folder}: a file below records/ is not that of its {MANIFEST}; install it again")
    return folder


def seal(results: Path, out: Path, title: str) -> Path:
    """Copy a results folder's records and curves to a new study.

    Raises:
        InputError: a record is broken, there is none, or `out` exists.
    """
    records, problems = RecordStore(results).read_sound()
    if problems:
        raise InputError(problems[0])
    if not records:
        raise InputError(f"{results}: holds no record")
    if out.exists():
        raise InputError(f"{out}: exists; name a new folder")
    shutil.copytree(results / "records", out / "records", ignore=shutil.ignore_patterns("*.partial", ".*"))
    study = Study(title=title, records=len(records), sha256=_digest(out, _files(out)))
    write_text(out / MANIFEST, study.model_dump_json(indent=1) + "\n")
    return out


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "records").rglob("*") if path.is_file())


def _digest(folder: Path, files: Sequence[Path]) -> str:
    total = hashlib.sha256()
    for file in files:
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        total.update(f"{content}  {file.relative_to(folder).as_posix()}\n".encode())
    return f"sha256:{total.hexdigest()}"


def main() -> None:
    parser = argparse.ArgumentParser(description="Copy the records of a results folder to a study.")
    parser.add_argument("results", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--title", required=True)
    arguments = parser.parse_args()
    try:
        print(seal(arguments.results, arguments.out, arguments.title))
    except InputError as error:
        parser.exit(2, f"{error}\n")


if __name__ == "__main__":
    main()
