"""Studies: results folders that ship with wildnas, sealed by a manifest.

    python -m bench.records.studies RESULTS OUT --title TEXT     copy the records of a results folder to a study

A study's folder has `records/` and `study.json`, and can be used wherever a results folder is read.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import Field, ValidationError

from backbones.errors import InputError
from backbones.files import read_json, write_text
from bench.records.bounds import LARGEST_RECORD
from bench.records.check import check_records
from search.configs import Schema, first_problem, nearest

MANIFEST = "study.json"

#: Letters of a file's digest that are kept, to name the file; `sha256` is what protects.
_SHORT = 16


class Study(Schema):
    """The manifest of a study.

    Attributes:
        title: what the study asks, in one line.
        records: number of records.
        sha256: digest over the names and contents of all files below `records/`.
        files: the beginning of each file's SHA-256 by name, to name a changed one; an older manifest has none.
    """

    title: str = Field(min_length=1, max_length=200)
    records: int = Field(ge=1)
    sha256: str
    files: dict[str, str] = Field(default_factory=dict)


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
    found = _digests(folder)
    if _total(found) != study.sha256 or _count(found) != study.records:
        ships = folder.parent == studies_root()
        remedy = "install wildnas or check its files out again" if ships else "put it back as it was"
        raise InputError(f"{folder}: {_changed(found, study)}; {remedy}, or seal the records as a study of their own")
    return folder


def _changed(found: Mapping[str, str], study: Study) -> str:
    """Say which file is not as it was sealed."""
    given = {name: digest[:_SHORT] for name, digest in found.items()}
    if study.files:
        for name in sorted(study.files.keys() | given.keys()):
            if name not in given:
                return f"{name} of its {MANIFEST} is missing"
            if name not in study.files:
                return f"{name} is not in its {MANIFEST}"
            if given[name] != study.files[name]:
                return f"{name} was changed after it was sealed by {MANIFEST}"
    if _count(given) != study.records:
        return f"has {_count(given)} records, not the {study.records} of its {MANIFEST}"
    return f"a file below records/ is not that of its {MANIFEST}"


def seal(results: Path, out: Path, title: str) -> Path:
    """Copy a results folder's records and curves to a new study.

    Raises:
        InputError: a record or its curve is broken, there is none, or `out` exists.
    """
    report = check_records(results)
    if report.broken:
        raise InputError(report.broken[0])
    if not report.sound:
        raise InputError(f"{results}: holds no record")
    if out.exists():
        raise InputError(f"{out}: exists; name a new folder")
    shutil.copytree(results / "records", out / "records", ignore=shutil.ignore_patterns("*.partial", ".*"))
    digests = _digests(out)
    short = {name: digest[:_SHORT] for name, digest in digests.items()}
    study = Study(title=title, records=report.sound, sha256=_total(digests), files=short)
    write_text(out / MANIFEST, study.model_dump_json(indent=1) + "\n")
    return out


def _digests(folder: Path) -> dict[str, str]:
    """The SHA-256 of each file below `records/`, by its path in the study."""
    files = sorted(path for path in (folder / "records").rglob("*") if path.is_file())
    return {file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def _count(names: Iterable[str]) -> int:
    return sum(Path(name).name.startswith("seed") and name.endswith(".json") for name in names)


def _total(digests: Mapping[str, str]) -> str:
    lines = "".join(f"{digest}  {name}\n" for name, digest in digests.items())
    return f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"


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
