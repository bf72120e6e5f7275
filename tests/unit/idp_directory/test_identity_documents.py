"""Numbers of identity documents: two spellings of one number have one normal form and one index."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.blind import BlindIndex
from idp.directory import input_errors as errors
from idp.directory.errors import InputError
from idp.directory.identity_document import mod_11_2, parse_document, parse_document_type


def test_the_worked_blind_index_of_the_standard() -> None:
    document = parse_document("1", "110105491231002")
    assert document.number == "11010519491231002X"
    assert document.index_text == "bidx:v1|CHN|1|11010519491231002X"
    index = BlindIndex(bytes(range(32)), "1").of(document.index_text)
    assert index.hex() == "94d58b05e82fdd0b10ff26319441d986c6923a138541834e768a7de61855fbe0"


@pytest.mark.parametrize(
    "typed",
    ["11010519491231002x", " 110105 19491231 002X ", "１１０１０５１９４９１２３１００２Ｘ", "110105-19491231-002X"],
)
def test_spellings_of_one_number_are_one(typed: str) -> None:
    assert parse_document("1", typed) == parse_document("1", "11010519491231002X")


@pytest.mark.parametrize(
    ("type_", "number", "normal"),
    [
        ("1", "440524188001010014", "440524188001010014"),
        ("C", "810000199408230021", "810000199408230021"),
        ("C", "830000199201300022", "830000199201300022"),
        ("F", "911124198108030024", "911124198108030024"),
        ("F", "abc123456789012", "ABC123456789012"),
        ("6", "H12345678", "H12345678"),
        ("6", "H1234567801", "H12345678"),
        ("8", "12345678", "12345678"),
        ("2", "军字第12345号", "12345"),
        ("Z", "", ""),
    ],
)
def test_the_kinds(type_: str, number: str, normal: str) -> None:
    assert parse_document(type_, number).number == normal


def test_a_permit_belongs_to_the_region_of_its_letter() -> None:
    assert parse_document("6", "M12345678") == parse_document("7", "M1234567802")


def test_a_passport_is_known_by_its_country() -> None:
    american = parse_document("A", "e12345678", nationality="USA")
    korean = parse_document("A", "E12345678", nationality="KOR")
    assert american.index_text == "bidx:v1|USA|A|E12345678"
    assert american != korean
    with pytest.raises(errors.DocumentCountryError):
        parse_document("A", "E12345678")


def test_what_identifies_nobody_has_no_index() -> None:
    assert parse_document("Z", "").index_text is None
    assert parse_document("B", "410000123").index_text is None


@pytest.mark.parametrize(
    ("type_", "number", "error", "params"),
    [
        ("1", "", errors.DocumentNumberMissingError, {}),
        ("1", "1101051949123100", errors.DocumentLengthError, {"expected": 18, "length": 16}),
        ("1", "11010519491231002A", errors.DocumentFormError, {}),
        ("1", "110105194912310021", errors.DocumentCheckError, {"expected": "X"}),
        ("1", "11010519491331002X", errors.DocumentBirthError, {}),
        ("1", "810000199408230021", errors.DocumentProvinceError, {"province": "81"}),
        ("1", "4.10102E+17", errors.DocumentMangledError, {}),
        ("C", "11010519491231002X", errors.DocumentFormError, {}),
        ("F", "11010519491231002X", errors.DocumentFormError, {}),
        ("8", "1234567", errors.DocumentFormError, {}),
        ("6", "12", errors.DocumentFormError, {}),
        ("A", "1" * 21, errors.DocumentFormError, {}),
    ],
)
def test_refusals_say_what_is_wrong(
    type_: str, number: str, error: type[InputError], params: dict[str, object]
) -> None:
    with pytest.raises(error) as caught:
        parse_document(type_, number, nationality="USA")
    assert caught.value.params == params


@given(st.integers(0, 16), st.integers(1, 9))
def test_every_single_wrong_digit_is_found(place: int, shift: int) -> None:
    number = "110105194912310" + "02X"
    wrong = number[:place] + str((int(number[place]) + shift) % 10) + number[place + 1 :]
    with pytest.raises(InputError):
        parse_document("1", wrong)


def test_birth_and_gender_are_read_from_the_number() -> None:
    document = parse_document("1", "11010519491231002X")
    assert str(document.birthdate) == "1949-12-31"
    assert document.gender == "2"
    assert parse_document("F", "ABC123456789012").birthdate is None
    assert mod_11_2("11010519491231002") == "X"


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("居民身份证", "1"),
        ("身份证", "1"),
        ("1", "1"),
        ("ａ", "A"),
        ("护照", "A"),
        ("其他", "Z"),
        ("c", "C"),
        ("无", "Z"),
    ],
)
def test_kinds_by_code_and_name(typed: str, code: str) -> None:
    assert parse_document_type(typed) == code


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(errors.DocumentTypeError):
        parse_document_type("借书证")
