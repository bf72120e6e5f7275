"""Entity identifiers have one spelling, and say what they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.registry.entities import Kind, authority_id, parse_entity_id, school_id, status_service_id
from ledger.registry.errors import InvalidEntityError

bases = st.sampled_from(
    ["https://xinji.example", "http://localhost:8000", "http://[::1]:8000", "https://a.b.c:8443/xinji/v1"]
)


@given(bases, st.from_regex(r"[0-9]{10}", fullmatch=True))
def test_a_school(base: str, code: str) -> None:
    entity = parse_entity_id(school_id(base, code))
    assert (entity.kind, entity.code, entity.log_code) == (Kind.SCHOOL, code, code)
    assert (entity.school_type, entity.province) == (code[:2], code[2:4])


@given(bases, st.from_regex(r"[0-9]{6}", fullmatch=True))
def test_an_authority_and_its_status_service(base: str, code: str) -> None:
    authority, service = parse_entity_id(authority_id(base, code)), parse_entity_id(status_service_id(base, code))
    assert (authority.kind, service.kind) == (Kind.AUTHORITY, Kind.STATUS)
    assert authority.code == service.code == code
    assert authority.log_code == f"0000{code}"
    assert authority.province == service.province == code[:2]
    assert service.entity_id == f"{authority.entity_id}/status"
    with pytest.raises(InvalidEntityError):
        _ = authority.school_type


@pytest.mark.parametrize(
    "text",
    [
        None,
        4141010459,
        b"https://xinji.example/schools/4141010459",
        "",
        "https://xinji.example/schools/414101045",
        "https://xinji.example/schools/41410104590",
        "https://xinji.example/schools/４141010459",
        "https://xinji.example/schools/4141010459/",
        "https://xinji.example/schools/4141010459\n",
        "https://xinji.example/schools/4141010459?x",
        "https://xinji.example/schools/4141010459#x",
        "https://xinji.example/schools/4141010459/status",
        "https://xinji.example/authorities/410000/status/status",
        "https://xinji.example/authorities/4100000",
        "https://user@xinji.example/authorities/410000",
        "https://xinji.example@evil.example/authorities/410000",
        "https://XINJI.example/authorities/410000",
        "HTTPS://xinji.example/authorities/410000",
        "https://xinji.example:0/authorities/410000",
        "https://-xinji.example/authorities/410000",
        "https:///authorities/410000",
        "ftp://xinji.example/authorities/410000",
        "//xinji.example/authorities/410000",
        "https://xinji.example//authorities/410000",
        "https://xinji.example/" + "a" * 255 + "/authorities/410000",
    ],
)
def test_other_forms_are_refused(text: object) -> None:
    with pytest.raises(InvalidEntityError):
        parse_entity_id(text)


def test_builders_refuse_a_code_of_another_form() -> None:
    for make, code in ((school_id, "41"), (authority_id, "41"), (status_service_id, "41 0000")):
        with pytest.raises(InvalidEntityError):
            make("https://xinji.example", code)
