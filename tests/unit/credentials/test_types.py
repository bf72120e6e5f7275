"""The diploma type: its schema, its issuers, how values are shown."""

from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator, ValidationError

from credentials.errors import UnknownCredentialTypeError
from credentials.types import TYPES, type_of
from credentials.types.diploma import DIPLOMA

CLAIMS = {
    "name": "陈𠮷睿",  # CJK Extension B
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


def test_a_full_diploma_fits_its_schema() -> None:
    validator = Draft202012Validator(DIPLOMA.schema())
    Draft202012Validator.check_schema(DIPLOMA.schema())
    validator.validate(CLAIMS)
    assert set(CLAIMS) == set(DIPLOMA.names)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", ""),
        ("gender", "3"),
        ("level", "20"),
        ("level", 21),
        ("study_form", "远程"),
        ("study_length", "4"),
        ("study_length", 0),
        ("study_length", 2.3),
        ("birthdate", "20040229"),
        ("certificate_number", "10459120260500012"),
        ("conclusion", "肄业"),
        ("name", None),
        ("id_card", "11010519491231002X"),
    ],
)
def test_a_wrong_field_does_not(name: str, value: object) -> None:
    with pytest.raises(ValidationError):
        Draft202012Validator(DIPLOMA.schema()).validate({**CLAIMS, name: value})


def test_every_field_is_needed_but_the_english_name_of_the_school() -> None:
    validator = Draft202012Validator(DIPLOMA.schema())
    optional = {name for name in CLAIMS if validator.is_valid({key: CLAIMS[key] for key in CLAIMS if key != name})}
    assert optional == {"school_name_en"}


def test_types_are_found_by_their_vct() -> None:
    assert type_of("urn:xinji:credential:diploma:1") is DIPLOMA
    assert all(len(type_.fields) <= type_.digests for type_ in TYPES.values())
    with pytest.raises(UnknownCredentialTypeError):
        type_of("urn:xinji:credential:diploma:2")


def test_the_layout_names_fields_of_the_type() -> None:
    for type_ in TYPES.values():
        layout = type_.layout
        assert {layout.holder, layout.number, layout.signed_by, *layout.lines} <= set(type_.names)
        assert type_.field(layout.number).name == layout.number
    with pytest.raises(KeyError):
        DIPLOMA.field("id_card")


def test_codes_and_dates_are_shown_in_words() -> None:
    assert DIPLOMA.field("level").show("21", "zh") == "大学本科毕业"
    assert DIPLOMA.field("level").show("21", "en") == "Undergraduate, graduated"
    assert DIPLOMA.field("level").show("99", "zh") == "99"
    assert DIPLOMA.field("graduation_date").show("2026-06-30", "zh") == "2026年6月30日"
    assert DIPLOMA.field("graduation_date").show("2026-06-30", "en") == "30 June 2026"
    assert DIPLOMA.field("study_length").show(2.5, "zh") == "2.5"
    assert (DIPLOMA.title("zh"), DIPLOMA.title("en")) == ("毕业证书", "Diploma of Graduation")
    assert DIPLOMA.field("name").title("en") == "Name"
    assert DIPLOMA.field("name").title("zh") == "姓名"
