"""Numbers as they are written and read."""

from __future__ import annotations

import pytest

from bench.tables.numbers import Number, mean_of, printed, quantity, signed


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.0, 2, "0.00"),
        (12.345, 1, "12.3"),
        (1234.5, 2, "1234.50"),
        (0.1, 1, "0.10"),
        (0.0996, 2, "0.100"),
        (0.00042, 2, "0.00042"),
        (-0.00042, 2, "-0.00042"),
    ],
)
def test_a_small_quantity_keeps_two_digits(value: float, digits: int, text: str) -> None:
    assert quantity(value, digits) == text


def test_a_quantity_has_two_decimals_where_nothing_else_is_asked() -> None:
    assert quantity(3.14159) == "3.14"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.04, "+0.04"), (-0.3, "−0.30"), (0.0, "0.00"), (0.004, "0.00"), (-0.004, "0.00"), (-0.006, "−0.01")],
)
def test_a_difference_has_a_sign_unless_it_is_nothing(value: float, text: str) -> None:
    assert signed(value) == text


@pytest.mark.parametrize(
    ("text", "deviation", "number"),
    [
        ("2.50", "", Number(2.5, "2.50")),
        ("2.50", "0.07", Number(2.5, "2.50 ± 0.07", 0.07)),
        ("~5", "", Number(5.0, "~5", exact=False)),
        ("<12", "", Number(12.0, "<12", exact=False)),
        ("≤0.15", "", Number(0.15, "≤0.15", exact=False)),
    ],
)
def test_a_printed_number_keeps_its_digits(text: str, deviation: str, number: Number) -> None:
    assert printed(text, deviation) == number
    assert Number(1.0, "1").exact


@pytest.mark.parametrize("text", ["", "-1", "2.", ".5", "1e3", "2.5 M", "≈5"])
def test_what_no_paper_prints_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no number as a paper prints one"):
        printed(text)


def test_one_seed_has_no_deviation() -> None:
    assert mean_of([2.0]) == Number(2.0, "2.00")
    # Of a sample: half of 2 squared, over one.
    assert mean_of([1.0, 3.0], "{:.1f}".format) == Number(2.0, "2.0 ± 1.4", 2**0.5)
