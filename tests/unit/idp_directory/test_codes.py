"""School codes, administrative codes, social credit codes: what is accepted, and which digit is named."""

from __future__ import annotations

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.directory import input_errors as errors
from idp.directory.code_tables import COUNTRIES, country_code, ethnic_code, gender_code, status_code
from idp.directory.errors import InputError
from idp.directory.places import PLACES, PROVINCES, level_of, parse_place, superior_codes
from idp.directory.school_code import parse_school_code
from idp.directory.uscc import parse_uscc

TODAY = date(2026, 6, 30)
# standards.md §1.1
PATTERN = re.compile(r"^(11|2[12]|3[1-7]|4[12]|51|9[123])(1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[12])\d{6}$")


@pytest.mark.parametrize(
    "code",
    ["4111010001", "4111010030", "4141010459", "4141010475", "4123010213", "4161010698", "1144000501", "2141999001"],
)
def test_real_and_synthetic_school_codes_are_accepted(code: str) -> None:
    parsed = parse_school_code(code)
    assert (parsed.type, parsed.province, parsed.serial) == (code[:2], code[2:4], code[4:])


def test_full_width_and_blanks_are_accepted() -> None:
    assert parse_school_code(" ４１４１ 010459 ").code == "4141010459"


@given(st.text(alphabet="0123456789", min_size=10, max_size=10))
def test_the_rule_is_the_published_pattern(code: str) -> None:
    lawful = bool(PATTERN.match(code)) and (code[:2] not in ("41", "42") or code[4] == "0")
    try:
        parse_school_code(code)
    except InputError:
        assert not lawful
    else:
        assert lawful


@pytest.mark.parametrize(
    ("code", "error", "params"),
    [
        ("", errors.SchoolCodeLengthError, {"length": 0}),
        ("414101045", errors.SchoolCodeLengthError, {"length": 9}),
        ("41410104590", errors.SchoolCodeLengthError, {"length": 11}),
        ("41410l0459", errors.SchoolCodeDigitError, {"place": 6, "sign": "l"}),
        ("8841010459", errors.SchoolTypeError, {"type": "88"}),
        ("6141010459", errors.SchoolCodeOrderError, {"swapped": "4161010459"}),
        ("6134999001", errors.SchoolCodeOrderError, {"swapped": "3461999001"}),
        ("4199010459", errors.SchoolProvinceError, {"province": "99"}),
        ("4141910459", errors.SchoolSerialError, {"digit": "9"}),
        ("٤١٤١٠١٠٤٥٩", errors.SchoolCodeDigitError, {"place": 1, "sign": "٤"}),
    ],
)
def test_a_wrong_school_code_names_digit_and_reason(
    code: str, error: type[InputError], params: dict[str, object]
) -> None:
    with pytest.raises(error) as caught:
        parse_school_code(code)
    assert caught.value.params == params


def test_a_swapped_code_of_henan_is_told_from_a_college_of_liaoning() -> None:
    assert parse_school_code("4121010145").province == "21"
    with pytest.raises(errors.SchoolCodeOrderError) as caught:
        parse_school_code("4121010145", within="41")
    assert caught.value.params == {"swapped": "2141010145"}
    assert parse_school_code("4141010459", within="41").type == "41"
    with pytest.raises(errors.SchoolCodeOrderError):
        parse_school_code("6134999001", within="61")
    with pytest.raises(errors.SchoolTypeError):
        parse_school_code("8841999001", within="41")


def test_the_table_of_places_is_well_formed() -> None:
    assert len(PROVINCES) == 34
    assert sum(code[:2] == "41" and code != "410000" for code in PLACES) == 18
    assert sum(code[:2] == "61" and level_of(code) == "city" for code in PLACES) == 10
    for place in PLACES.values():
        assert re.fullmatch(r"\d{6}", place.code)
        assert place.valid_from is None or place.valid_to is None or place.valid_from < place.valid_to


@pytest.mark.parametrize("code", ["410000", "410100", "419001", "610403", "610881", "410105", "440305", "441900"])
def test_places_in_force(code: str) -> None:
    assert parse_place(code, TODAY) == code


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("41010", errors.PlaceLengthError),
        ("41010x", errors.PlaceDigitError),
        ("990000", errors.PlaceProvinceError),
        ("411800", errors.PlaceUnknownError),
        ("411801", errors.PlaceUnknownError),
        ("419002", errors.PlaceUnknownError),
        ("410001", errors.PlaceUnknownError),
        ("440001", errors.PlaceUnknownError),
        ("610821", errors.PlaceRetiredError),
    ],
)
def test_places_that_are_refused(code: str, error: type[InputError]) -> None:
    with pytest.raises(error):
        parse_place(code, TODAY)


def test_places_have_their_days() -> None:
    assert parse_place("610821", date(2017, 4, 9)) == "610821"
    with pytest.raises(errors.PlaceFutureError):
        parse_place("610881", date(2017, 4, 9))


def test_who_may_stand_above_whom() -> None:
    assert superior_codes("410000") == ()
    assert superior_codes("410100") == ("410000",)
    assert superior_codes("419001") == ("410000",)
    assert superior_codes("410105") == ("410100", "410000")


@pytest.mark.parametrize(
    "code",
    ["12100000400002259P", "91350100M000100Y43", "9144030071526726XG", "91330100799655058B", "914403001922038216"],
)
def test_social_credit_codes(code: str) -> None:
    assert parse_uscc(code.lower()) == code
    with pytest.raises(errors.UsccCheckError) as caught:
        parse_uscc(code[:17] + ("0" if code[17] != "0" else "1"))
    assert caught.value.params == {"expected": code[17]}
    inner = code[:16] + ("1" if code[16] != "1" else "2") + code[17]
    with pytest.raises(errors.UsccInnerCheckError) as wrong:
        parse_uscc(inner)
    assert wrong.value.params == {"expected": code[16]}


def test_social_credit_codes_of_wrong_form() -> None:
    with pytest.raises(errors.UsccLengthError):
        parse_uscc("1210000040000225")
    with pytest.raises(errors.UsccSignError) as caught:
        parse_uscc("1210O000400002259P")
    assert caught.value.params["place"] == 5
    with pytest.raises(errors.UsccSignError):
        parse_uscc("12A00000400002259P")


def test_code_tables_are_read_by_code_and_by_name() -> None:
    assert [gender_code(text) for text in ("男", "1", "Ｆ", "female", "x", "")] == ["1", "1", "2", "2", None, None]
    assert [ethnic_code(text) for text in ("回", "回族", "03", "3", "基诺", "外星")] == [
        "03",
        "03",
        "03",
        "03",
        "56",
        None,
    ]
    assert [country_code(text) for text in ("中国", "usa", "韩国", "Germany", "??")] == [
        "CHN",
        "USA",
        "KOR",
        "DEU",
        None,
    ]
    assert [status_code(text) for text in ("在读", "1", "07", "飞")] == ["01", "01", "07", None]
    assert len(COUNTRIES) == 249
