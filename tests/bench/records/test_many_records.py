"""Thousands of records: quick, and a broken one is named as if it were alone."""

from __future__ import annotations

import io
import json
import random
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from types import FrameType

import pytest

from backbones.errors import InputError
from bench.commands.cli import main
from bench.records.record import Record
from bench.records.store import QuickReader, RecordStore, read_record

MakeRecord = Callable[..., Record]
WRITTEN = Path(__file__).parent / "shapes/1-weights/records/reid/digits_p3/digits_pc_darts-s0-b527807e/seed0.json"


def fill(results: Path, count: int) -> None:
    """Records as a run writes them: 10 seeds of architectures under 10 protocols, each number another."""
    content, draw = json.loads(WRITTEN.read_text()), random.Random(0)
    for number in range(count):
        protocol, name, seed = f"reid/p{number % 10}", f"a{number // 100}", number // 10 % 10
        content["protocol"], content["seed"], content["architecture"]["name"] = protocol, seed, name
        for metric in content["metrics"].values():
            metric["value"] = draw.uniform(0, 100)
        path = results / "records" / protocol / name / f"seed{seed}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, indent=1) + "\n")


def calls_of_a_table(results: Path, records: int) -> int:
    """Functions of Python that are called while the table of so many records is made; it has all of their rows."""
    fill(results, records)
    calls, out = 0, io.StringIO()

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        with redirect_stdout(out):
            assert main(["table", "reid", "--results", str(results), "--format", "csv"]) == 0
    finally:
        sys.setprofile(before)
    # P-DARTS Table 5 has 36 rows of this kind.
    assert len(out.getvalue().splitlines()) == 1 + 36 + records // 10
    return calls


def test_a_table_of_thousands_of_records_stays_cheap(tmp_path: Path) -> None:
    # Counted, as seconds are the machine's. Ten thousand take 2.3 seconds at 193 calls each on two quiet cores.
    calls_of_a_table(tmp_path / "first", 100)
    small, large = calls_of_a_table(tmp_path / "small", 1000), calls_of_a_table(tmp_path / "large", 2000)
    assert (large - small) / 1000 < 250


def test_every_broken_record_is_named_and_the_others_are_in_the_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(tmp_path, 300)
    broken = {
        "p0/a0": lambda text: text[: len(text) // 2],
        "p1/a0": lambda text: text[:-3],
        "p2/a1": lambda text: text.replace('"rank1"', '"rank1": 3, "rank2"'),
        "p3/a1": lambda text: text.replace('"value": ', '"value": "", "x": ', 1),
        "p4/a2": lambda text: text.replace('"seed": 0', '"seed": 7'),
        "p5/a2": lambda text: text.replace("5696f0", "0696f0").replace("sep_conv_3x3", "sep_conv_4x4", 1),
        "p6/a2": lambda text: text + "}",
        "p7/a2": lambda text: text.replace('\n "seed": 0,', '\n "seed": 0,\n "seed": "x",'),
    }
    for name, change in broken.items():
        path = tmp_path / "records/reid" / name / "seed0.json"
        text = path.read_text()
        path.write_text(change(text))
        assert path.read_text() != text
    assert main(["table", "reid", "--measured", "--results", str(tmp_path), "--format", "json"]) == 0
    captured = capsys.readouterr()
    assert sum(row["seeds"] for row in json.loads(captured.out)["rows"]) == 300 - len(broken)
    complaints = captured.err.splitlines()
    assert len(complaints) == len(broken)
    for name in broken:
        path = tmp_path / "records/reid" / name / "seed0.json"
        with pytest.raises(InputError) as alone:
            read_record(path)
        with pytest.raises(InputError) as among:
            QuickReader()(str(path))
        assert str(alone.value) == str(among.value)
        assert f"wildnas: left out: {alone.value}" in complaints


def test_shared_sections_do_not_mix_records(tmp_path: Path, make_record: MakeRecord) -> None:
    store = RecordStore(tmp_path)
    written = [
        make_record(seed=0),
        make_record(seed=1, config={"epochs": 2}),
        make_record(seed=2, data={"counts": {"a": 1}, "fingerprint": "sha256:" + "5" * 64}),
        make_record(seed=3),
    ]
    for record in written:
        store.write(record)
    assert list(store.read_all()) == written
