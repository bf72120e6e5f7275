"""The 18-digit rule of diploma numbers (standards.md §4.1)."""

from __future__ import annotations

import pytest

from credentials.certificate_number import faults

ZZU = "4141010459"


def codes(number: str, *, school: str = ZZU, year: int = 2025, level: str = "21") -> list[str]:
    return [fault.code for fault in faults(number, school_code=school, graduation_year=year, level=level)]


def test_the_published_example_holds() -> None:
    assert codes("104591202505000123") == []


@pytest.mark.parametrize(
    ("number", "year", "level"),
    [
        ("104591202501000001", 2025, "11"),
        ("104591202502000001", 2025, "15"),
        ("104595202504000001", 2025, "21"),
        ("104597202505999999", 2025, "22"),
        ("104596200206000001", 2002, "31"),
    ],
)
def test_each_level_and_form_of_school_holds(number: str, year: int, level: str) -> None:
    assert codes(number, year=year, level=level) == []


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("", ["number_not_digits"]),
        ("10459120250500012X", ["number_not_digits"]),
        ("１０４５９１２０２５０５０００１２３", ["number_not_digits"]),
        ("10459120250500123", ["number_length"]),
        ("1045912025050001230", ["number_length"]),
        ("104601202505000123", ["number_school"]),
        ("104592202505000123", ["number_form"]),
        ("104591202405000123", ["number_year"]),
        ("104591202506000123", ["number_level"]),
        ("104591202503000123", ["number_level_unknown"]),
        ("104591202505000000", ["number_serial"]),
        (
            "100000000000000000",
            ["number_school", "number_form", "number_year", "number_level_unknown", "number_serial"],
        ),
    ],
)
def test_each_fault_is_named(number: str, expected: list[str]) -> None:
    assert codes(number) == expected


def test_numbers_before_2002_had_another_form() -> None:
    assert codes("104591200105000123", year=2001) == ["number_too_old"]


def test_the_expected_value_is_named() -> None:
    (fault,) = faults("104601202505000123", school_code=ZZU, graduation_year=2025, level="21")
    assert fault.params == {"found": "10460", "expected": "10459"}
