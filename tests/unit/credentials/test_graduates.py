"""Rows of graduation tables: each wrong cell named by row, column and reason."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest

from credentials.directory import Person, School
from credentials.errors import MissingColumnsError, RepeatedColumnError
from credentials.graduates import COLUMNS, Graduate, columns_of, complete, parse_row, spelled, title_of
from credentials.sheet import SheetRow

HEADINGS = ("学号", "姓名", "证书编号", "学历层次", "专业", "学习形式", "学制", "入学日期", "毕业日期", "结论", "校长")
ROW = {
    "学号": "20220001",
    "姓名": "陈𠮷睿",
    "证书编号": "104591202605000123",
    "学历层次": "本科",
    "专业": "计算机科学与技术",
    "学习形式": "普通全日制",
    "学制": "4",
    "入学日期": "2022-09-01",
    "毕业日期": "2026-06-30",
    "结论": "毕业",
    "校长": "李蓬",
}
SCHOOL = School("4141010459", "郑州大学", "Zhengzhou University", "41", "41", ("410000",))
PERSON = Person(UUID(int=1), "陈𠮷睿", "1", date(2004, 2, 29), "20220001", "P7K3W0QR4XT1M1")
TODAY = date(2026, 6, 20)


def read(**changes: str) -> Graduate:
    cells = tuple({**ROW, **changes}[heading] for heading in HEADINGS)
    return parse_row(SheetRow(7, cells), columns_of(HEADINGS), today=TODAY)


def problems(person: Person | None = PERSON, **changes: str) -> list[tuple[str, str]]:
    graduate = read(**changes)
    complete(graduate, school=SCHOOL, person=person)
    assert all(problem.row == 7 for problem in graduate.problems)
    return [(problem.column, problem.code) for problem in graduate.problems]


def test_a_good_row_becomes_claims() -> None:
    graduate = read()
    assert complete(graduate, school=SCHOOL, person=PERSON) == {
        "name": "陈𠮷睿",
        "gender": "1",
        "birthdate": "2004-02-29",
        "school_name": "郑州大学",
        "school_name_en": "Zhengzhou University",
        "level": "21",
        "major": "计算机科学与技术",
        "study_form": "全日制",
        "study_length": 4,
        "entry_date": "2022-09-01",
        "graduation_date": "2026-06-30",
        "conclusion": "毕业",
        "certificate_number": "104591202605000123",
        "president": "李蓬",
        "issued_on": "2026-06-30",
    }
    assert graduate.problems == []


def test_a_school_without_an_english_name_leaves_it_out() -> None:
    school = School("4141010459", "郑州大学", "", "41", "41", ("410000",))
    assert "school_name_en" not in complete(read(), school=school, person=PERSON)


@pytest.mark.parametrize(
    ("heading", "cell", "expected"),
    [
        ("学号", "", [("student_no", "empty")]),
        ("姓名", "", [("name", "empty")]),
        ("姓名", "陈睿", [("name", "name_mismatch")]),
        ("证书编号", "10459120260500012", [("certificate_number", "number_length")]),
        ("证书编号", "104601202605000123", [("certificate_number", "number_school")]),
        (
            "证书编号",
            "104591202506000123",
            [("certificate_number", "number_year"), ("certificate_number", "number_level")],
        ),
        ("证书编号", "1.04591E+17", [("certificate_number", "number_rounded")]),
        ("学历层次", "高中", [("level", "unknown_word")]),
        ("学历层次", "硕士研究生", [("certificate_number", "number_level")]),
        ("学历层次", "22", [("level", "level_conclusion")]),
        ("学习形式", "远程", [("study_form", "unknown_word")]),
        ("学制", "四", []),
        ("学制", "很久", [("study_length", "not_years")]),
        ("学制", "0", [("study_length", "not_years")]),
        ("学制", "13", [("study_length", "not_years")]),
        ("学制", "2.3", [("study_length", "not_years")]),
        ("入学日期", "2022-02-30", [("entry_date", "not_a_date")]),
        ("入学日期", "2021111", [("entry_date", "not_a_date")]),
        ("入学日期", "2026-06-30", [("graduation_date", "graduation_before_entry")]),
        ("入学日期", "2003-09-01", [("entry_date", "entry_before_birth")]),
        ("毕业日期", "去年", [("graduation_date", "not_a_date")]),
        ("毕业日期", "2030-06-30", [("graduation_date", "too_far_ahead")]),
        ("结论", "肄业", [("conclusion", "unknown_word")]),
        ("专业", "学" * 101, [("major", "schema")]),
        ("专业", "学" * 201, [("major", "too_long")]),
        ("校长", "", [("president", "empty")]),
    ],
)
def test_each_wrong_cell_is_named(heading: str, cell: str, expected: list[tuple[str, str]]) -> None:
    assert problems(PERSON, **{heading: cell}) == expected


def test_all_problems_of_a_row_are_found_at_once() -> None:
    found = problems(学习形式="远程", 学制="很久", 入学日期="昨天", 姓名="别人")
    assert found == [
        ("study_form", "unknown_word"),
        ("study_length", "not_years"),
        ("entry_date", "not_a_date"),
        ("name", "name_mismatch"),
    ]


def test_a_student_who_is_not_on_the_roster_is_named() -> None:
    assert problems(person=None) == [("student_no", "student_unknown")]


def test_a_problem_never_tells_what_the_roster_says() -> None:
    graduate = read(姓名="别人")
    complete(graduate, school=SCHOOL, person=PERSON)
    assert PERSON.name not in repr(graduate.problems)


def test_a_row_with_more_cells_than_headings_is_named() -> None:
    row = SheetRow(9, (*ROW.values(), "extra"))
    (problem,) = parse_row(row, columns_of(HEADINGS), today=TODAY).problems
    assert (problem.row, problem.code, problem.params) == (9, "row_too_wide", {"width": 11, "found": 12})


def test_a_short_row_lacks_its_last_cells() -> None:
    row = SheetRow(9, tuple(ROW.values())[:-2])
    assert [problem.column for problem in parse_row(row, columns_of(HEADINGS), today=TODAY).problems] == [
        "conclusion",
        "president",
    ]


@pytest.mark.parametrize(
    "text",
    ["2022-9-1", "2022/09/01", "2022.9.1", "20220901", "2022年9月1日", "2022-09-01 00:00:00", "２０２２-０９-０１"],
)
def test_dates_come_in_many_forms(text: str) -> None:
    assert read(入学日期=text).values["entry_date"] == "2022-09-01"


@pytest.mark.parametrize(
    ("text", "years"), [("4", 4), ("4年", 4), ("2.5", 2.5), ("5.0", 5), ("三年", 3), ("三年制", 3), ("４", 4)]
)
def test_years_come_in_many_forms(text: str, years: float) -> None:
    assert read(学制=text).values["study_length"] == years


@pytest.mark.parametrize(
    ("level", "conclusion", "code"),
    [
        ("本科", "毕业", "21"),
        ("大学本科", "结业", "22"),
        ("21", "毕业", "21"),
        ("博士研究生", "毕业", "11"),
        ("硕士", "结业", "15"),
        ("专科", "毕业", "31"),
        ("高职（专科）", "毕业", "31"),
        ("专升本", "毕业", "21"),
        ("本科生", "毕业", "21"),
    ],
)
def test_levels_come_as_words_or_codes(level: str, conclusion: str, code: str) -> None:
    assert read(学历层次=level, 结论=conclusion).values["level"] == code


def test_the_date_of_issue_may_be_given() -> None:
    headings = (*HEADINGS, "发证日期")
    row = SheetRow(2, (*ROW.values(), "2026-07-01"))
    assert parse_row(row, columns_of(headings), today=TODAY).values["issued_on"] == "2026-07-01"
    wrong = parse_row(SheetRow(2, (*ROW.values(), "soon")), columns_of(headings), today=TODAY)
    assert [(problem.column, problem.code) for problem in wrong.problems] == [("issued_on", "not_a_date")]


def test_missing_columns_are_named_all_at_once() -> None:
    with pytest.raises(MissingColumnsError) as caught:
        columns_of(["学号", "姓名", "证书编号", "学历层次", "专业", "学习形式", "学制", "备注"])
    assert caught.value.params == {"columns": "入学日期、毕业日期、结论、校长", "count": 4}


def test_headings_come_in_any_order_spelling_and_language() -> None:
    columns = columns_of(
        [
            *("毕（结）业结论", " 姓 名 ", "Student No.", "certificate_number", "层次*", "专业名称", "学习形式"),
            *("学制（年）", "入学日期", "毕(结)业日期", "校（院）长姓名", "身份证号"),
        ]
    )
    assert columns.places["conclusion"] == 0
    assert columns.places["name"] == 1
    assert columns.places["student_no"] == 2
    assert columns.unused == ("身份证号",)


def test_two_headings_of_one_column_are_named() -> None:
    with pytest.raises(RepeatedColumnError) as caught:
        columns_of([*HEADINGS, "专业名称"])
    assert caught.value.params == {"column": "专业"}


def test_every_column_has_a_chinese_heading() -> None:
    assert [title_of(column) for column in COLUMNS][:3] == ["学号", "姓名", "证书编号"]
    assert title_of("other") == "other"


def test_names_are_compared_in_one_spelling() -> None:
    assert spelled("阿依古丽 • 买买提") == spelled("阿依古丽·买买提")
    assert spelled("王芳") != spelled("王 方")
