"""The papers' tables: as many rows as they have, and the numbers that stand there.

What is expected was typed and summed from the papers' text apart from the files.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import re
from collections import Counter
from pathlib import Path

import pytest

from backbones import zoo
from backbones.cost import measure
from backbones.errors import InputError
from bench.commands import evaluate
from bench.records.studies import MANIFEST
from bench.runs.requests import evaluations as evaluations_of
from bench.runs.run import Evaluation
from bench.tables.numbers import Number
from bench.tables.published import (
    PublishedRow,
    _shipped,
    as_row,
    published_problems,
    published_root,
    published_rows,
    read_published,
)
from bench.tables.write import environment
from bench.tasks.architectures import resolve
from bench.tasks.registry import load_protocol
from search.configs import config_names

FILES = sorted(published_root().glob("*.csv"))
TASKS = ("classification", "detection", "reid", "search")

#: Rows of every file; P-DARTS' Table 1 has 17 architectures, 7 of them with CIFAR-100, its Table 5 12 on 3 data sets.
#: Its Table 3 has 19 and the number in its footnote; PC-DARTS' Table 4 has 12 numbers of 3 methods.
ROWS = {
    "pc_darts_table1": 14,
    "pc_darts_table2": 16,
    "pc_darts_table3": 8,
    "pc_darts_table4": 3 * 12,
    "pc_darts_table5": 8,
    "pc_darts_text": 9 + 3,
    "p_darts_table1": 17 + 7,
    "p_darts_table2": 3,
    "p_darts_table3": 19 + 1,
    "p_darts_table4": 12,
    "p_darts_table5": 12 * 3,
    "p_darts_text": 27 + 7,
}

#: The sum of a column of a file, or of a part of it.
SUMS = [
    ("pc_darts_table1", "", "top1_error", "40.81"),
    ("pc_darts_table1", "", "top1_error_std", "0.62"),
    ("pc_darts_table1", "", "params_m", "78.1"),
    ("pc_darts_table1", "", "search_cost", "5483.4"),
    ("pc_darts_table2", "", "top1_error", "416.2"),
    ("pc_darts_table2", "", "top5_error", "127.2"),
    ("pc_darts_table2", "", "params_m", "82.6"),
    ("pc_darts_table2", "", "macs_m", "9120"),
    ("pc_darts_table2", "", "search_cost", "5193.5"),
    ("pc_darts_table3", "", "test_error", "116.16"),
    ("pc_darts_table3", "", "test_error_std", "0.77"),
    ("pc_darts_table3", "", "search_cost", "24.0"),
    ("pc_darts_table4", "Runs", "test_error", "43.48"),
    ("pc_darts_table4", "Epochs", "test_error", "35.31"),
    ("pc_darts_table4", "Nodes", "test_error", "25.34"),
    ("pc_darts_table5", "", "macs_b", "157.6"),
    ("pc_darts_table5", "", "ap", "190.2"),
    ("pc_darts_table5", "", "ap50", "216.9"),
    ("pc_darts_table5", "", "ap75", "123.3"),
    ("pc_darts_table5", "", "aps", "31.0"),
    ("pc_darts_table5", "", "apm", "128.2"),
    ("pc_darts_table5", "", "apl", "207.3"),
    ("p_darts_table1", "C10", "top1_error", "48.62"),
    ("p_darts_table1", "C10", "params_m", "107.2"),
    ("p_darts_table1", "C10", "search_cost", "8640.7"),
    ("p_darts_table1", "C100", "top1_error", "115.51"),
    ("p_darts_table2", "", "memory_stage1_gb", "29.4"),
    ("p_darts_table2", "", "memory_stage2_gb", "42.6"),
    ("p_darts_table2", "", "memory_stage3_gb", "43.0"),
    ("p_darts_table3", "", "top1_error", "520.7"),
    ("p_darts_table3", "", "top5_error", "152.3"),
    ("p_darts_table3", "", "params_m", "99.6"),
    ("p_darts_table3", "", "macs_m", "11296"),
    ("p_darts_table3", "", "search_cost", "15095.0"),
    ("p_darts_table4", "", "macs_b", "170.0"),
    ("p_darts_table4", "", "ap", "334.1"),
    ("p_darts_table4", "", "ap50", "433.7"),
    ("p_darts_table4", "", "ap75", "280.2"),
    ("p_darts_table4", "", "aps", "91.3"),
    ("p_darts_table4", "", "apm", "319.5"),
    ("p_darts_table4", "", "apl", "471.6"),
    ("p_darts_table5", "Market-1501", "rank1", "1113.09"),
    ("p_darts_table5", "Market-1501", "map", "975.08"),
    ("p_darts_table5", "DukeMCMT-reID", "rank1", "1015.88"),
    ("p_darts_table5", "DukeMCMT-reID", "map", "854.30"),
    ("p_darts_table5", "MSMT17", "rank1", "855.48"),
    ("p_darts_table5", "MSMT17", "map", "562.65"),
]

#: File, words that stand in one row alone, column, and the number as it is printed.
CELLS = [
    ("pc_darts_table1", "PC-DARTS + cutout", "top1_error", "2.57 ± 0.07"),
    ("pc_darts_table1", "NAONet-WS", "params_m", "3.1"),
    ("pc_darts_table2", "PC-DARTS (ImageNet)", "top1_error", "24.2"),
    ("pc_darts_table2", "ShuffleNet 2× (v2)", "params_m", "~5"),
    ("pc_darts_table3", "26.2", "search_cost", "3.8"),
    ("pc_darts_table5", "SSD300", "macs_b", "35.2"),
    ("pc_darts_table5", "Pelee", "ap75", "22.9"),
    ("p_darts_table2", "run 2", "memory_stage3_gb", "14.5"),
    ("p_darts_table3", "P-DARTS (searched on ImageNet)", "top1_error", "24.1"),
    ("p_darts_table4", "SSD300", "macs_b", "31.4"),
    ("p_darts_table4", "ResNet-101", "apl", "49.8"),
    ("p_darts_text", "randomly sampled", "test_error", "3.43"),
    ("p_darts_text", "fixed depth", "test_error", "2.70"),
    ("p_darts_text", "without Dropout, M = 4", "test_error", "3.51"),
    ("p_darts_text", "with Dropout, M = 3", "test_error", "2.84"),
    ("p_darts_text", "3 searches after", "test_error", "2.65 ± 0.05"),
    ("pc_darts_text", "without EN", "test_error", "2.54–3.01"),
    ("pc_darts_text", "11.5", "devices", "8 × Tesla V100"),
    # PC-DARTS 3.4 and 4.2.
    ("pc_darts_text", "over ProxylessNAS", "accuracy_gain", "0.7"),
    ("pc_darts_text", "over PARSEC", "accuracy_gain", "1.8"),
    ("pc_darts_text", "over first-order DARTS", "speed_up", "~4"),
    # P-DARTS' footnote 1, 4.3.2, 5.1.1 ("on CIFAR10 and CIFAR100"), 5.2.1 and 5.3.2.
    ("p_darts_text", "stage 1 to stage 2", "kept_edges", "5.3"),
    ("p_darts_text", "stage 2 to stage 3", "kept_edges", "6.7"),
    ("p_darts_text", "Section 4.3.2'", "skip_count", "2–4"),
    ("p_darts_text", "levels 1 and 2", "shallow_edges", "7"),
    ("p_darts_text", "Section 5.3.2", "training_days", "~3"),
    ("p_darts_text", "Section 5.3.2", "devices", "8 × Tesla V100"),
]

#: P-DARTS 5.2.3: M, error and parameters of the refined architectures.
REFINED = [("0", "2.78", "4.1"), ("1", "2.68", "3.7"), ("2", "2.69", "3.3"), ("3", "2.84", "3.0"), ("4", "2.97", "2.7")]


def raw(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((published_root() / f"{name}.csv").read_text(encoding="utf-8"))))


def test_every_table_of_both_papers_is_there() -> None:
    assert {file.stem for file in FILES} == set(ROWS)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_file_is_read_whole_and_its_names_are_known(file: Path) -> None:
    rows = list(read_published(file))
    assert len(rows) == len(raw(file.stem)) == ROWS[file.stem]
    paper, _, table = file.stem.rpartition("_")
    assert {row.paper for row in rows} == {{"pc_darts": "PC-DARTS", "p_darts": "P-DARTS"}[paper]}
    if table.startswith("table"):
        assert {row.table.partition(",")[0] for row in rows} == {f"Table {table[-1]}"}
    known = {"", *config_names()}
    assert {row.protocol for row in rows} <= known
    assert {getattr(row, "evaluation", "") for row in rows} <= known
    # Nothing is there twice.
    assert max(Counter(map(repr, rows)).values()) == 1


@pytest.mark.parametrize(("name", "group", "column", "total"), SUMS, ids=lambda value: value or "all")
def test_a_column_sums_up_to_what_the_paper_s_does(name: str, group: str, column: str, total: str) -> None:
    values = [row[column].lstrip("~") for row in raw(name) if row["group"] == group or not group]
    assert sum(float(value) for value in values if value) == pytest.approx(float(total), abs=1e-6)


@pytest.mark.parametrize(("name", "words", "column", "printed"), CELLS)
def test_a_cell_is_the_paper_s(name: str, words: str, column: str, printed: str) -> None:
    found = [row for task in TASKS for row in published_rows(task) if _is_of(row.published, name)]
    found = [row for row in found if words in repr(row.published)]
    assert len(found) == 1
    text = found[0].labels.get(column) or found[0].numbers[column].text
    assert text == printed


def _is_of(row: PublishedRow | None, name: str) -> bool:
    assert row is not None
    paper, _, table = name.rpartition("_")
    same = row.paper == {"pc_darts": "PC-DARTS", "p_darts": "P-DARTS"}[paper]
    own = f"Table {table[-1]}"
    return same and (
        row.table == own if table != "text" else not row.table.startswith("Table") or "footnote" in row.table
    )


def test_the_cost_of_cifar100_s_search_stands_under_its_own_protocol() -> None:
    rows = [row for row in published_rows("search") if row.labels.get("protocol") == "search/p_darts_cifar100"]
    assert [(row.numbers["hours"].text, row.numbers["search_cost"].text) for row in rows] == [
        ("7", "0.3"),
        ("4.5", "0.2"),
    ]


def test_refinement_s_errors_and_parameters() -> None:
    rows = [row for row in raw("p_darts_text") if row["group"] == "architecture refinement" and row["params_m"]]
    assert [(row["skip_count"], row["test_error"], row["params_m"]) for row in rows] == REFINED


def test_both_numbers_of_ssd300_stay() -> None:
    found = {
        row.labels["source"]: row.numbers["macs_b"].text
        for row in published_rows("detection")
        if row.labels["network"] == "SSD300"
    }
    assert found == {"PC-DARTS Table 5": "35.2", "P-DARTS Table 4": "31.4"}


def test_what_the_zoo_says_of_its_genotypes_stands_in_the_tables() -> None:
    keys = {"params_m": "params_m", "multiply_adds_m": "macs_m", "search_gpu_days": "search_cost"}
    checked = 0
    for name in zoo.names():
        for said in zoo.get(name).published:
            rows = [row for row in published_rows("classification") if row.labels.get("zoo") == name]
            rows = [row for row in rows if row.labels["source"] == f"{said['paper']} {said['where']}"]
            errors = {f"{data}_error": value for row in rows for data, value in _errors(row)}
            for key, value in said.items():
                if key.endswith("_error") and said.get("network") != "large":
                    assert errors[key] == value, (name, key)
                    checked += 1
                if key in keys:
                    assert value in {row.numbers[keys[key]].value for row in rows}, (name, key)
                    checked += 1
    assert checked > 60


def _errors(row: object) -> list[tuple[str, float | None]]:
    labels, numbers = row.labels, row.numbers  # type: ignore[attr-defined]
    data = labels["protocol"].removeprefix("classification/")
    if data == "imagenet_mobile":
        return [(f"imagenet_{key}", numbers[f"{key}_error"].value) for key in ("top1", "top5")]
    return [(data, numbers["top1_error"].value)]


def test_comparable_networks_have_the_multiply_adds_that_are_published() -> None:
    """The zoo's cell under the protocol is the published network: its ImageNet cost is the paper's."""
    import torch

    from backbones.build import build_classifier

    # 574 M is another tool's count of DARTS_V2 (544.0 M here): see `test_what_the_notes_say_of_our_counts_is_counted`.
    rows = [row for row in published_rows("classification") if row.published and row.published.comparable]
    found = {(row.labels["zoo"], row.numbers["macs_m"].value) for row in rows if "macs_m" in row.numbers}
    assert len(found) == 4
    for name, published in found - {("DARTS_V2", 574.0)}:
        with torch.device("meta"):
            network = build_classifier(zoo.get(name).genotype, "imagenet", 48, 14, num_classes=1000, auxiliary=False)
        cost = measure(network, (3, 224, 224))
        assert cost.published_macs is not None
        assert round(cost.published_macs / 1e6) == published


def test_counts_that_differ_are_told_where_they_are_shown() -> None:
    """Every row with another tool's count of a DARTS cell names ours."""
    rows = [row for task in TASKS for row in published_rows(task)]
    said = Counter(
        count
        for row in rows
        for count, shown in (
            ("574", row.numbers.get("macs_m")),
            ("573", row.numbers.get("macs_m")),
            ("3.3", row.numbers.get("params_m")),
        )
        if shown is not None
        and shown.text == count
        and row.labels.get("zoo") in (["DARTS_V1"] if count == "3.3" else ["DARTS_V2"])
        and {"574": "544.0 M", "573": "543.2 M", "3.3": "3.17 M"}[count] in row.labels.get("note", "")
    )
    # PC-DARTS Table 2 and P-DARTS Table 3; P-DARTS Table 5; PC-DARTS Table 1 and P-DARTS Table 1 with two data sets.
    assert said == {"574": 2, "573": 9, "3.3": 3}


def test_what_the_notes_say_of_our_counts_is_counted() -> None:
    import torch

    from backbones.build import build_backbone, build_classifier

    with torch.device("meta"):
        first, second = (zoo.get(name).genotype for name in ("DARTS_V1", "DARTS_V2"))
        small = build_classifier(first, "cifar", 36, 20, num_classes=10, auxiliary=False)
        large = build_classifier(second, "imagenet", 48, 14, num_classes=1000, auxiliary=False)
        backbone = build_backbone(second, channels=48, layers=14, out_strides=(32,))
    assert f"{measure(small, (3, 32, 32)).params / 1e6:.2f}" == "3.17"
    assert f"{measure(large, (3, 224, 224)).published_macs / 1e6:.1f}" == "544.0"
    sizes = {size: measure(backbone, (3, size, size)).published_macs / 1e6 for size in (224, 320, 512)}
    assert f"{sizes[224]:.1f}" == "543.2"
    assert [f"{sizes[size] / 1e3:.1f}" for size in (320, 512)] == ["1.1", "2.8"]
    # By area, as P-DARTS' own rows scale (556 M, 1.1 B, 2.9 B), 574 M without the classifier would be these.
    assert [f"{(574 - 0.768) * (size / 224) ** 2 / 1e3:.1f}" for size in (320, 512)] == ["1.2", "3.0"]
    notes = {
        row.labels["input_size"] if "input_size" in row.labels else row.numbers["input_size"].text: row.labels["note"]
        for row in published_rows("detection")
        if row.labels["architecture"] == "DARTS"
    }
    assert "1.1 B" in notes["320"]
    assert "1.2 B" in notes["320"]
    assert "2.8 B" in notes["512"]
    assert "3.0 B" in notes["512"]


def test_the_best_of_several_is_said_of_two_rows_alone() -> None:
    """PC-DARTS Table 1, footnote ‡, and the randomly sampled search spaces of P-DARTS 5.2.2."""
    rows = [row for task in TASKS for row in published_rows(task)]
    said = [
        row for row in rows if re.search(r"best (of|from)", f"{row.labels.get('footnote')} {row.labels.get('note')}")
    ]
    assert [(row.labels["source"], row.labels["protocol"]) for row in said] == [
        ("PC-DARTS Table 1", "classification/cifar10"),
        ("P-DARTS Section 5.2.2", "search/p_darts_cifar10_random_space"),
    ]


def test_one_network_has_one_identity() -> None:
    rows = [row for task in TASKS[:3] for row in published_rows(task)]
    assert all(row.labels.get("identity") for row in rows)
    for key in ("zoo", "timm"):
        pairs = {(row.labels[key], row.labels["identity"]) for row in rows if key in row.labels}
        assert len({name for name, _ in pairs}) == len({identity for _, identity in pairs}) == len(pairs)
    places = {
        (row.labels["source"], row.labels["protocol"].partition("/")[0])
        for row in rows
        if row.labels["identity"] == "P-DARTS (ImageNet)"
    }
    assert places == {
        ("P-DARTS Table 3", "classification"),
        ("P-DARTS Table 4", "detection"),
        ("P-DARTS Table 5", "reid"),
    }


def test_the_readme_s_commands_write_under_the_rows_protocols() -> None:
    """Every row of a network that can be run here has a command, whose records stand under the row's protocol."""
    readme = (published_root() / "README.md").read_text(encoding="utf-8")
    commands = [line.removeprefix("wildnas ").split() for line in readme.splitlines() if line.startswith("wildnas ")]
    written = {
        (evaluation.protocol.name, evaluation.architecture.name)
        for command in commands
        for evaluation in planned(command)
    }
    rows = [row for task in TASKS[:3] for row in published_rows(task) if row.published and row.labels.get("protocol")]
    wanted = {(row.labels["protocol"], row.labels["zoo"]) for row in rows if row.published and row.published.comparable}
    wanted |= {(row.labels["protocol"], f"timm-{row.labels['timm']}") for row in rows if "timm" in row.labels}
    assert wanted == written
    for row in published_rows("search"):
        if row.labels.get("protocol"):
            assert load_protocol(row.labels["protocol"], (), ("search",))[1].name == row.labels["protocol"]


def planned(command: list[str]) -> list[Evaluation]:
    """The runs that `wildnas evaluate …` would make, each of an architecture that its protocol takes."""
    parser = argparse.ArgumentParser()
    evaluate.add_arguments(parser)
    assert command[0] == "evaluate"
    asked = parser.parse_args(command[1:])
    evaluations = evaluations_of(asked.arch, asked.on, asked.seeds, asked.weights, asked.cfg_options, asked.limit)
    for each in evaluations:
        only = each.protocol.config.get("architecture")
        assert only is None or resolve(only) == each.architecture
    return evaluations


@pytest.mark.parametrize(
    ("protocol", "architecture", "ap"),
    [
        ("detection/coco_ssd300_vgg16", "VGG-16", "23.2"),
        ("detection/coco_ssd512_vgg16", "VGG-16", "26.8"),
        ("detection/coco_ssd513", "ResNet-101", "31.2"),
        ("detection/coco_ssdlite320", "MobileNetV1", "22.2"),
        ("detection/coco_ssdlite320", "MobileNetV2", "22.1"),
        ("detection/coco_ssdlite320", "MnasNet-A1", "23.0"),
    ],
)
def test_baselines_of_detection_stand_under_their_protocols(protocol: str, architecture: str, ap: str) -> None:
    rows = [row for row in published_rows("detection") if row.labels["architecture"] == architecture]
    rows = [row for row in rows if row.labels.get("protocol") == protocol]
    # Both papers have them, but for ResNet-101.
    assert [row.numbers["ap"].text for row in rows] == [ap] * (1 if architecture == "ResNet-101" else 2)


@pytest.mark.parametrize(
    ("column", "cell", "said"),
    [
        ("top1_error", "2,5", "no number as a paper prints one"),
        ("top1_error", "250", "no percentage"),
        ("params_m", "0", "not more than 0"),
        ("task", "classify", "key 'task'"),
        ("zoo", "PDART", "zoo has no 'PDART'"),
        ("protocol", "reid/cifar10", "not one of task 'classification'"),
        ("comparable", "perhaps", "neither yes nor no"),
        ("paper", "", "key 'paper'"),
    ],
)
def test_a_cell_that_cannot_be_used_is_named(tmp_path: Path, column: str, cell: str, said: str) -> None:
    rows = raw("p_darts_table1")
    rows[3][column] = cell
    file = tmp_path / "table.csv"
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    with pytest.raises(InputError) as caught:
        list(read_published(file))
    assert "line 5" in str(caught.value)
    assert said in str(caught.value)


def test_a_copy_of_a_shipped_table_is_passed_over_and_a_changed_one_is_not(tmp_path: Path) -> None:
    shipped = published_root() / "pc_darts_table5.csv"
    mine = tmp_path / "published" / shipped.name
    mine.parent.mkdir()
    before = len(published_rows("detection"))
    mine.write_bytes(shipped.read_bytes())
    assert len(published_rows("detection", tmp_path)) == before
    # Of the same size and time, with another number in it.
    mine.write_text(shipped.read_text(encoding="utf-8").replace("35.2", "35.3"), encoding="utf-8")
    times = shipped.stat()
    os.utime(mine, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert len(published_rows("detection", tmp_path)) == before + len(raw("pc_darts_table5"))
    # A folder of that name is named and not read.
    mine.unlink()
    mine.mkdir()
    assert len(published_rows("detection", tmp_path)) == before
    (problem,) = published_problems(tmp_path)
    assert str(mine) in problem


def test_a_study_is_shown_without_the_papers(tmp_path: Path) -> None:
    (tmp_path / "published").mkdir()
    (tmp_path / "published" / "mine.csv").write_text("task,paper,architecture\nreid,Mine,A\n", encoding="utf-8")
    assert len(published_rows("reid", tmp_path)) == len(published_rows("reid")) + 1
    (tmp_path / MANIFEST).write_text("{}", encoding="utf-8")
    assert [row.labels["source"] for row in published_rows("reid", tmp_path)] == ["Mine"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "has no header"),
        ("paper,architecture\nMine,A\n", "has no header"),
        ("task,paper,architecture\n", "has a header and no row below it"),
        ("task,paper,architecture\nreid,Mine,A,more\n", "line 2: more cells than the first line names columns"),
        ('task,paper,architecture\nreid,"' + "x" * 140_000 + '"\n', "not a CSV file"),
        ("task,paper,architecture\n" + "\0" * ((16 << 20) - 24), "too large|larger|at most"),
    ],
    ids=["empty", "no task", "no row", "more cells", "a long cell", "a large file"],
)
def test_a_file_that_is_no_table_is_refused(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "t.csv").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=said):
        list(read_published(tmp_path / "t.csv"))


def test_a_range_and_a_deviation_alone_are_texts(tmp_path: Path) -> None:
    def shown(columns: str, cells: str) -> dict[str, Number]:
        file = tmp_path / "t.csv"
        file.write_text(f"task,paper,architecture,{columns}\nsearch,Mine,A,{cells}\n", encoding="utf-8")
        (row,) = read_published(file)
        return dict(as_row(row).numbers)

    every = "test_error,test_error_std,test_error_min,test_error_max"
    assert shown(every, "2.5,0.1,,") == {"test_error": Number(2.5, "2.5 ± 0.1", 0.1)}
    assert shown(every, ",0.1,,") == {"test_error": Number(None, "± 0.1", 0.1)}
    assert shown(every, ",,2.1,2.9") == {"test_error": Number(None, "2.1–2.9")}
    # Half a range is none.
    assert shown(every, ",,2.1,") == shown(every, ",,,2.9") == {}
    assert shown("hours,rest_std", "~5,3") == {"hours": Number(5.0, "~5", exact=False), "rest_std": Number(3.0, "3")}


def test_tables_and_templates_that_come_with_wildnas_are_read_once() -> None:
    assert _shipped() is _shipped()
    assert environment("bench.tables") is environment("bench.tables")
    assert environment("bench.tables").autoescape is True
