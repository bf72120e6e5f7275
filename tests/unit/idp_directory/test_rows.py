"""Rows of a roster: every fault of a row at once, by column."""

from __future__ import annotations

from datetime import date

import pytest

from idp.directory.roster.rows import Fault, RosterRow, check_row

TODAY = date(2026, 6, 30)
GOOD = {
    "number": "2022001",
    "name": "张三",
    "gender": "女",
    "birthdate": "1949-12-31",
    "document_type": "居民身份证",
    "document_number": "110105491231002",
}


def faults(**cells: str) -> dict[str, str]:
    result = check_row({**GOOD, **cells}, today=TODAY)
    assert isinstance(result, list), result
    return {fault.column: fault.code for fault in result}


def row(**cells: str) -> RosterRow:
    result = check_row({**GOOD, **cells}, today=TODAY)
    assert isinstance(result, RosterRow), result
    return result


def test_a_good_row_is_read_and_survives_sealing() -> None:
    made = row(
        grade="2022 级", class_name="1班", ethnicity="回", nationality="中国", entered="2022年9月", status="在读"
    )
    assert made.document is not None
    assert made.document.number == "11010519491231002X"
    assert (made.gender, made.ethnicity, made.nationality, made.entered, made.status) == (
        "2",
        "03",
        "CHN",
        "202209",
        "01",
    )
    assert RosterRow.from_json(made.to_json()) == made


def test_blank_and_absent_optional_cells_mean_leave_it() -> None:
    assert row(grade="").grade is None
    assert row().status is None


@pytest.mark.parametrize(
    "cells", [{"document_type": "", "document_number": ""}, {"document_type": "其他", "document_number": ""}]
)
def test_people_without_documents_are_welcome(cells: dict[str, str]) -> None:
    assert row(**cells).document is None


def test_all_faults_of_a_row_are_found_at_once() -> None:
    assert faults(
        number="",
        name="张?",
        gender="x",
        birthdate="2005-02-30",
        document_number="110105194912310021",
        grade="x" * 65,
        ethnicity="外星",
        nationality="火星",
        entered="九月",
        status="飞",
    ) == {
        "number": "cell_missing",
        "name": "name_damaged",
        "gender": "gender",
        "birthdate": "day",
        "document_number": "document_check",
        "grade": "text",
        "ethnicity": "ethnicity",
        "nationality": "nationality",
        "entered": "month",
        "status": "student_status",
    }


def test_the_identity_number_must_agree_with_birth_and_gender() -> None:
    assert faults(birthdate="1949-12-30", gender="男") == {"birthdate": "birth_differs", "gender": "gender_differs"}


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("2.022E+10", "student_number_mangled"),
        ("2" * 21, "student_number"),
        ("20 22", "student_number"),
        ("-1", "student_number"),
        ("=1+1", "student_number"),
        ("11010519491231002X", "student_number_identity"),
        ("G11010519491231002X", "student_number_identity"),
        ("110105491231002", "student_number_identity"),
    ],
)
def test_student_numbers_that_are_refused(number: str, code: str) -> None:
    assert faults(number=number) == {"number": code}


def test_documents_need_a_kind_and_a_kind_its_number() -> None:
    assert faults(document_type="") == {"document_type": "cell_missing"}
    assert faults(document_type="借书证") == {"document_type": "document_type"}
    assert faults(document_number="") == {"document_number": "document_missing"}
    assert faults(document_type="护照", document_number="E1234567") == {"document_number": "document_country"}


def test_faults_keep_the_params_of_their_error() -> None:
    result = check_row({**GOOD, "document_number": "110105194912310021"}, today=TODAY)
    assert result == [Fault("document_number", "document_check", {"expected": "X"})]


@pytest.mark.parametrize("cell", ["1\u200b班", "a\x07b", "\ue000"])
def test_invisible_characters_in_text_are_refused(cell: str) -> None:
    assert faults(class_name=cell) == {"class_name": "text"}
