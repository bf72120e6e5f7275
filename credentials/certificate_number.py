"""The 18-digit registration number of diplomas (学历证书电子注册号), standards.md §4.1.

5 digits school, 1 form of school, 4 year of graduation, 2 level, 6 serial; no check digit.
Pure: says what is wrong with a number, knows no file and no database.
"""

from __future__ import annotations

from typing import Final, NamedTuple

FORMS: Final = {"1": "普通", "5": "成人", "6": "文凭考试", "7": "网络"}
# The number's level and the GB/T 4658 codes of the credential that agree with it.
LEVELS: Final = {
    "01": frozenset({"11", "12"}),
    "02": frozenset({"14", "15"}),
    "04": frozenset({"21", "22"}),
    "05": frozenset({"21", "22"}),
    "06": frozenset({"31", "32"}),
}
FIRST_YEAR: Final = 2002  # Earlier numbers have 17 digits and are not issued any more.
LENGTH: Final = 18


class Fault(NamedTuple):
    """What is wrong with a number: a code and the values that its sentence names."""

    code: str
    params: dict[str, str | int]


def faults(number: str, *, school_code: str, graduation_year: int, level: str) -> list[Fault]:
    """Return everything that is wrong with `number`, or nothing.

    Args:
        number: The number as written.
        school_code: The school's 10-digit code; its last five digits open the number.
        graduation_year: The year of the graduation date.
        level: The GB/T 4658 code of the credential.
    """
    if not number.isascii() or not number.isdigit():
        return [Fault("number_not_digits", {})]
    if len(number) != LENGTH:
        return [Fault("number_length", {"length": len(number)})]
    found: list[Fault] = []
    school, form, year, code = number[:5], number[5], number[6:10], number[10:12]
    if school != school_code[5:10]:
        found.append(Fault("number_school", {"found": school, "expected": school_code[5:10]}))
    if form not in FORMS:
        found.append(Fault("number_form", {"found": form}))
    if year != f"{graduation_year:04d}":
        found.append(Fault("number_year", {"found": year, "expected": graduation_year}))
    elif int(year) < FIRST_YEAR:
        found.append(Fault("number_too_old", {"found": year}))
    if code not in LEVELS:
        found.append(Fault("number_level_unknown", {"found": code}))
    elif level not in LEVELS[code]:
        found.append(Fault("number_level", {"found": code}))
    if number[12:] == "000000":
        found.append(Fault("number_serial", {}))
    return found
