"""Records, their curves, and the papers' tables: one bad file is named, and never hides the good ones."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from bench.records.check import check_records
from bench.records.record import Record
from bench.records.store import RecordStore
from bench.tables.published import read_published
from tests.fuzz.kinds.changes import Change, at
from tests.fuzz.kinds.texts import NO_FILE, NO_JSON
from tests.fuzz.outcome import Row, refused

SHAPES = Path(__file__).parents[2] / "bench" / "records" / "shapes" / "2" / "records"
NAME = "classification/digits/PDARTS/seed0"


@cache
def sound() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((SHAPES / f"{NAME}.json").read_text(encoding="utf-8"))
    return {**content, "curve": None}


def put(folder: Path, content: Any, name: str = NAME) -> Path:
    file = folder / "records" / f"{name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, indent=1, ensure_ascii=True), encoding="utf-8")
    return file


def with_a_good_one(folder: Path) -> Callable[[], Any]:
    """Read all records as tables do, beside a good one, which must be among them."""
    good = copy.deepcopy(sound())
    good["seed"] = 7
    put(folder, good, NAME.replace("seed0", "seed7"))

    def read() -> Any:
        from bench.report.page import TASKS
        from bench.tables.frame import merged_rows
        from bench.tables.table import lay_out
        from bench.tables.write import FORMATS, render
        from bench.tasks.metrics import METRICS

        store = RecordStore(folder)
        records, problems = store.read_sound()
        assert any(record.seed == 7 for record in records)
        report = check_records(folder)
        assert report.sound == len(records)
        for task in TASKS:
            mine = [record for record in records if record.task == task]
            rows = [row for row in merged_rows(task, mine, lambda name: None, []) if row.records]
            for form in FORMATS:
                render(lay_out("t", rows, METRICS[task]), form).encode()
        return refused("\n".join(problems), 0) if problems else records

    return read


_VALUE = ("metrics", "top1_error", "value")

#: What a record cannot say.
REFUSED: dict[str, Change] = {
    "metric of 400 digits": at(*_VALUE, value=10**400),
    "metric of 1e308": at(*_VALUE, value=1e308),
    "metric of NaN": at(*_VALUE, value=float("nan")),
    "metric of a text": at(*_VALUE, value="five"),
    "metric of None": at(*_VALUE, value=None),
    "metric of a list": at("metrics", "top1_error", value=[1]),
    "metrics of None": at("metrics", value=None),
    "unit of 5,000 letters": at("metrics", "top1_error", "unit", value="%" * 5000),
    "unit of a number": at("metrics", "top1_error", "unit", value=5),
    "seed of 400 digits": at("seed", value=10**400),
    "seed of -1": at("seed", value=-1),
    "seed of a text": at("seed", value="zero"),
    "another seed": at("seed", value=5),
    "params of 400 digits": at("cost", "params", value=10**400),
    "params of 1.5": at("cost", "params", value=1.5),
    "macs of 1e300": at("cost", "published_macs", value=10**300),
    "seconds of 1e308": at("cost", "seconds", value=1e308),
    "seconds of -1": at("cost", "seconds", value=-1.0),
    "counts of 10**30": at("counts", "val images", value=10**30),
    "data counts of 400 digits": at("data", "counts", "train images", value=10**400),
    "data of None": at("data", value=None),
    "fingerprint of a text": at("data", "fingerprint", value="five"),
    "per_class of a list": at("data", "per_class", value=[1]),
    "config of None": at("config", value=None),
    "config of a list": at("config", value=[]),
    "macs_limit of a text": at("config", "macs_limit", value="600 M"),
    "macs_limit of a list": at("config", "macs_limit", value=[1]),
    "macs_limit of 400 digits": at("config", "macs_limit", value=10**400),
    "input_size of an object": at("config", "input_size", value={}),
    "config of infinity": at("config", "drop_path", value=float("inf")),
    "config of 60 levels": at("config", "deep", value=json.loads("[" * 60 + "]" * 60)),
    "config with half a pair": at("config", "name", value="\ud800"),
    "config with a key of 5,000 letters": at("config", "k" * 5000, value=1),
    "config with a text of 10**6 letters": at("config", "name", value="n" * 10**6),
    "processes of a text": at("environment", "processes", value="two"),
    "processes of 0": at("environment", "processes", value=0),
    "environment of a list": at("environment", value=[]),
    "method of 5,000 letters": at("method", value="m" * 5000),
    "method of None": at("method", value=None),
    "method with half a pair": at("method", value="\udfff"),
    "name of a path": at("architecture", "name", value="../../../x"),
    "name of 5,000 letters": at("architecture", "name", value="n" * 5000),
    "genotype of a text": at("architecture", "genotype", value="PDARTS"),
    "genotype with another digest": at("architecture", "digest", value="0" * 64),
    "genotype and timm": at("architecture", "timm", value="resnet50"),
    "protocol of another task": at("protocol", value="reid/digits_p3"),
    "protocol of a path": at("protocol", value="classification/../../../etc"),
    "task of none": at("task", value="other"),
    "version of 400 digits": at("version", value=10**400),
    "schema_version 99": at("schema_version", value=99),
    "schema_version True": at("schema_version", value=True),
    "schema_version of a list": at("schema_version", value=[]),
    "key of a text": at("key", value="five"),
    "reduced of numbers": at("reduced", value=[5]),
    "reduced of 10**5 letters": at("reduced", value=["r" * 10**5]),
    "parents of a text": at("parents", value="five"),
    "parent of another role": at("parents", value=[{"role": "other", "record": "a", "key": "sha256:" + "0" * 64}]),
    "checkpoint without a digest": at("checkpoint", value={"path": "a"}),
    "resolved of 400 digits": at("resolved", value={"channels": 10**400}),
    "an unknown key": at("other", value=1),
    "no metrics": lambda content: content.pop("metrics"),
    "no schema_version": lambda content: content.pop("schema_version"),
}

#: What a record may say, though it looks odd.
SHOWN: dict[str, Change] = {
    "a formula for a method": at("method", value='=HYPERLINK("http://192.0.2.1")'),
    "control characters in a method": at("method", value="a\x1b[2Jb\x00\u202ec"),
    "markup in a method": at("method", value="<script>alert(1)</script> | `x` [a](http://192.0.2.1) \\input{x}"),
    "markup in a reason": at("reduced", value=["# heading", "* list", "![a](http://192.0.2.1)", "line\nbreak"]),
    "a metric of 0": at(*_VALUE, value=0.0),
    "a metric that nobody knows": at("metrics", "other", value={"value": 1.0, "unit": "x", "higher_is_better": True}),
}


def _record(change: Change) -> Callable[[Path], Callable[[], Any]]:
    def make(folder: Path) -> Callable[[], Any]:
        content = copy.deepcopy(sound())
        change(content)
        put(folder, content)
        return with_a_good_one(folder)

    return make


def _bytes(content: bytes) -> Callable[[Path], Callable[[], Any]]:
    def make(folder: Path) -> Callable[[], Any]:
        put(folder, {}).write_bytes(content)
        return with_a_good_one(folder)

    return make


def _placed(place: Callable[[Path], None]) -> Callable[[Path], Callable[[], Any]]:
    def make(folder: Path) -> Callable[[], Any]:
        file = put(folder, {})
        file.unlink()
        place(file)
        return with_a_good_one(folder)

    return make


def _moved(name: str) -> Callable[[Path], Callable[[], Any]]:
    def make(folder: Path) -> Callable[[], Any]:
        put(folder, sound(), name)
        return with_a_good_one(folder)

    return make


def rows() -> Iterator[Row]:
    for name, change in REFUSED.items():
        yield Row("record", name, _record(change))
    for name, change in SHOWN.items():
        yield Row("record", name, _record(change), refused=False)
    for name, content in NO_JSON.items():
        yield Row("record", name, _bytes(content))
    text = json.dumps(sound(), indent=1)
    yield Row("record", "a metric twice", _bytes(text.replace('"seed": 0', '"seed": 0,\n "seed": 0').encode()))
    yield Row("record", "a nested key twice", _bytes(text.replace('"epochs":', '"epochs": 1, "epochs":').encode()))
    yield Row("record", "cut in half", _bytes(text[: len(text) // 2].encode()))
    yield Row("record", "17 MB", _bytes(text.encode() + b" " * (17 << 20)))
    for name, place in NO_FILE.items():
        # A folder of a record's name holds no record, and is none.
        yield Row("record", name, _placed(place), refused=name != "folder")
    for where in (
        f"classification/old/{NAME}",
        f"backup/{NAME}",
        "classification/digits/PDARTS/copy/seed0",
        "classification/digits/DARTS_V2/seed0",
        "reid/digits/PDARTS/seed0",
        "seed0",
    ):
        yield Row("record elsewhere", where, _moved(where))
    yield from _curves()
    yield from _published()


# Curves


def _curve(content: bytes | Callable[[Path], None]) -> Callable[[Path], Callable[[], Any]]:
    def make(folder: Path) -> Callable[[], Any]:
        from backbones.errors import InputError
        from backbones.files import file_digest
        from bench.report.curves import read_curves, search_figure, training_figure

        record = Record.model_validate(sound())
        file = RecordStore(folder).curve_path(record.name)
        file.parent.mkdir(parents=True)
        if isinstance(content, bytes):
            file.write_bytes(content)
        else:
            content(file)

        def read() -> Any:
            try:
                digest = file_digest(file) if isinstance(content, bytes) else "sha256:" + "0" * 64
            except InputError as error:
                digest = str(error)
            curves, problems = read_curves([record.model_copy(update={"curve": digest})], RecordStore(folder))
            search_figure(curves, lambda record: "")
            training_figure(curves, lambda record: "")
            return refused("\n".join(problems), 0) if problems else curves

        return read

    return make


CURVES: dict[str, bytes] = {
    **{name: content for name, content in NO_JSON.items() if name not in ("empty", "empty object")},
    "a number for an epoch": b"5\n",
    "100,000 lines": b'{"epoch": 1, "top1_error": 5.0}\n' * 100_000,
    "an error of 400 digits": b'{"epoch": 1, "top1_error": ' + b"9" * 400 + b"}\n",
    "an error of 1e300": b'{"epoch": 1, "top1_error": 1e300}\n',
    "a deep line": b'{"epoch": 1, "x": ' + b"[" * 5000 + b"]" * 5000 + b"}\n",
    "a torn last line": b'{"epoch": 1, "top1_error": 5.0}\n{"epoch": 2, "top1',
    "half a pair": b'{"epoch": 1, "top1_error": "\\ud800"}\n',
    "a key twice in a line": b'{"epoch": 1, "epoch": 2}\n',
    "a key of 5,000 letters": b'{"' + b"k" * 5000 + b'": 1}\n',
}


def _curves() -> Iterator[Row]:
    for name, content in CURVES.items():
        yield Row("curve", name, _curve(content))
    for name in ("empty", "empty object"):
        yield Row("curve", name, _curve(NO_JSON[name]), refused=False)
    yield Row("curve", "an error of a text", _curve(b'{"epoch": 1, "top1_error": "five"}\n'), refused=False)
    for name, place in NO_FILE.items():
        yield Row("curve", name, _curve(place))


# The papers' tables

_HEADER = b"task,paper,table,group,protocol,architecture,cited,zoo,comparable,method,footnote,note"
_ROW = b"\nsearch,PC-DARTS,Table 1,,search/pc_darts_cifar10,x,,,no,,,"

PUBLISHED: dict[str, bytes] = {
    **{name: content for name, content in NO_JSON.items() if name != "infinity"},
    "a header alone": _HEADER,
    "no header": _ROW.strip(),
    "too few columns": b"task\nsearch\n",
    "too many cells": _HEADER + _ROW + b",,,,,,,,,,,,,,,,,,,,,,",
    "a task of none": _HEADER + b"\nother,,,",
    "a cell of 200,000 letters": _HEADER + b"\nsearch," + b"x" * 200_000,
    "a quote that is left open": _HEADER + b'\nsearch,"PC-DARTS',
    "NUL in a cell": _HEADER + b"\nsearch,\x00",
}


def _published() -> Iterator[Row]:
    def written(content: bytes) -> Callable[[Path], Callable[[], Any]]:
        def make(folder: Path) -> Callable[[], Any]:
            (folder / "p.csv").write_bytes(content)
            return lambda: list(read_published(folder / "p.csv"))

        return make

    def placed(place: Callable[[Path], None]) -> Callable[[Path], Callable[[], Any]]:
        def make(folder: Path) -> Callable[[], Any]:
            place(folder / "p.csv")
            return lambda: list(read_published(folder / "p.csv"))

        return make

    for name, content in PUBLISHED.items():
        yield Row("published table", name, written(content))
    for name, place in NO_FILE.items():
        yield Row("published table", name, placed(place))
