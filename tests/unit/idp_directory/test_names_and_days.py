"""Names and dates as people write them."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.directory import input_errors as errors
from idp.directory.days import parse_day, parse_month
from idp.directory.errors import InputError
from idp.directory.names import clean_name, clean_title, name_key

TODAY = date(2026, 6, 30)


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("张三", "张三"),
        ("\u3000张 三 ", "张 三"),
        ("𠮷田𫍲", "𠮷田𫍲"),  # CJK Extensions B and E
        ("\U00031350某", "\U00031350某"),  # Extension H: newer than Python 3.11's tables
        ("阿迪力•买买提", "阿迪力·买买提"),
        ("阿迪力・买买提", "阿迪力·买买提"),
        ("阿迪力．买买提", "阿迪力·买买提"),
        ("Anne-Marie O'Neil", "Anne-Marie O'Neil"),
        ("Jose\u0301", "José"),
        ("武〇", "武〇"),
    ],
)
def test_names_that_people_have(typed: str, name: str) -> None:
    assert clean_name(typed) == name
    assert clean_name(name) == name


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        ("", errors.NameMissingError),
        (" \u3000", errors.NameMissingError),
        ("张" * 61, errors.NameLengthError),
        ("张\u0000三", errors.NameControlError),
        ("张\u200b三", errors.NameControlError),
        ("张\u202e三", errors.NameControlError),
        ("张\n三", errors.NameControlError),
        ("张\ue123", errors.NamePrivateError),
        ("张?", errors.NameDamagedError),
        ("张\ufffd", errors.NameDamagedError),
        ("张3", errors.NameSignError),
        ("=cmd", errors.NameSignError),
        ("·-·", errors.NameSignError),
        ("😀", errors.NameSignError),
    ],
)
def test_names_that_are_refused(typed: str, error: type[InputError]) -> None:
    with pytest.raises(error):
        clean_name(typed)


def test_errors_of_names_say_where() -> None:
    with pytest.raises(errors.NameControlError) as caught:
        clean_name("张\u200b三")
    assert caught.value.params == {"place": 2, "point": "U+200B"}


@given(st.text(max_size=80))
def test_whatever_is_accepted_is_stable_and_printable(text: str) -> None:
    try:
        name = clean_name(text)
    except InputError:
        return
    assert clean_name(name) == name
    assert all(sign.isprintable() or ord(sign) >= 0x20000 for sign in name)


def test_spellings_of_one_name_share_a_key() -> None:
    assert name_key("阿迪力·买买提") == name_key("阿迪力 买买提")
    assert name_key("Ann LEE") == name_key("ann-lee")
    assert name_key("张三") != name_key("张叁")


def test_titles() -> None:
    assert clean_title("  郑州  大学 ") == "郑州 大学"
    with pytest.raises(errors.NameControlError):
        clean_title("郑州\u202e大学")
    with pytest.raises(errors.NameMissingError):
        clean_title(" ")
    with pytest.raises(errors.NameLengthError):
        clean_title("大" * 121)


@pytest.mark.parametrize(
    "typed",
    ["2005-01-31", "2005/1/31", "20050131", "2005年1月31日", "2005.1.31", "２００５-01-31", "2005-01-31 00:00:00"],
)
def test_days(typed: str) -> None:
    assert parse_day(typed, today=TODAY) == date(2005, 1, 31)


@pytest.mark.parametrize("typed", ["", "38383", "31/1/2005", "2005-02-30", "2005-13-01", "20051", "二〇〇五年"])
def test_what_is_no_day(typed: str) -> None:
    with pytest.raises(errors.DayError):
        parse_day(typed, today=TODAY)


@pytest.mark.parametrize("typed", ["1899-12-31", "2026-07-01"])
def test_days_out_of_range(typed: str) -> None:
    with pytest.raises(errors.DayRangeError):
        parse_day(typed, today=TODAY)


@pytest.mark.parametrize(
    ("typed", "month"),
    [
        ("202209", "202209"),
        ("2022-09", "202209"),
        ("2022年9月", "202209"),
        ("2022-09-01", "202209"),
        ("20220901", "202209"),
        ("2022.9", "202209"),
        ("202213", None),
        ("九月", None),
    ],
)
def test_months(typed: str, month: str | None) -> None:
    assert parse_month(typed) == month
