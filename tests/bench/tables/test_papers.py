"""One row of a paper's table: what its columns may hold."""

from __future__ import annotations

from typing import Any

import pytest

from bench.tables.numbers import Number
from bench.tables.papers import PublishedRow, base_of, is_number


def row(**changes: Any) -> PublishedRow:
    content = {"task": "classification", "paper": "My-NAS", "architecture": "A"}
    return PublishedRow.model_validate({**content, **changes})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"top1_error": "0"}, "0 is no percentage"),
        ({"top1_error": "100"}, "100 is no percentage"),
        ({"test_error_std": "100"}, "100 is no percentage"),
        ({"macs_b": "0.0"}, "0.0 is not more than 0"),
        ({"memory_stage3_gb": "x"}, "key 'memory_stage3_gb': 'x' is no number"),
        *(({name: "1"}, f"column '{name}' is filled in by wildnas") for name in ("seeds", "reduced", "compared")),
        ({"protocol": "reid/x"}, "protocol 'reid/x' is not one of task 'classification'"),
        ({"zoo": "PDART"}, "zoo has no 'PDART'"),
        ({"zoo": "PDARTS", "timm": "resnet50"}, "one of both is empty"),
        ({"comparable": "yes", "zoo": "PDARTS"}, "comparable needs an entry of the zoo and a protocol"),
        ({"comparable": "yes", "protocol": "classification/cifar10"}, "comparable needs an entry"),
        ({"comparable": "true"}, "'true' is neither yes nor no"),
        ({"paper": ""}, "paper"),
        ({"architecture": ""}, "architecture"),
    ],
)
def test_a_cell_or_column_that_cannot_be_used_is_refused(changes: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        row(**changes)


def test_what_may_stand_in_a_row_does() -> None:
    read = row(
        table="Table 2",
        zoo="PDARTS",
        protocol="classification/mine",
        comparable="yes",
        top1_error="99.9",
        params_m="0.1",
        skip_count="0",
        licence="MIT",
        hours="",
        year="2024",
    )
    assert read.comparable
    assert not row().comparable
    assert not row(comparable="no").comparable
    assert (read.source, row(paper="N").source) == ("My-NAS Table 2", "N")
    assert read.others == {
        "top1_error": Number(99.9, "99.9"),
        "params_m": Number(0.1, "0.1"),
        "skip_count": Number(0.0, "0"),
        "licence": "MIT",
        "year": Number(2024.0, "2024"),
    }
    # Neither what is empty nor what is no word.
    assert set(read.words) == {"task", "paper", "table", "zoo", "protocol", "architecture"}


def test_a_part_belongs_to_its_column() -> None:
    assert [base_of(key) for key in ("test_error_std", "skip_count_min", "skip_count_max", "ap")] == [
        "test_error",
        "skip_count",
        "skip_count",
        "ap",
    ]
    assert [key for key in ("ap50_std", "hours", "skip_count_min", "licence", "ap60", "std") if is_number(key)] == [
        "ap50_std",
        "hours",
        "skip_count_min",
    ]
