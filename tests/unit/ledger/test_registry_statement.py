"""Statements and their status: what is not in the exact form is refused, with the field named."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from crypto.jose import jwks
from crypto.keys import RS256, generate_key
from ledger.registry.entities import parse_entity_id
from ledger.registry.errors import InvalidEntityError, InvalidStatementError, RegistryError, UnsupportedPolicyError
from ledger.registry.statement import ISSUER, Names, parse_statement
from ledger.registry.statement_status import State, StatementStatus, parse_status, status_payload
from tests.unit.ledger.federation import (
    CITY,
    COUNTY,
    DIPLOMA,
    PROVINCE,
    STATUS_SERVICE,
    UNIVERSITY,
    Organisation,
    authority_of,
    public,
    school_of,
    status_service_of,
)

province, city, university = Organisation(PROVINCE), Organisation(CITY), Organisation(UNIVERSITY)
service = Organisation(STATUS_SERVICE)


def about_the_university() -> dict[str, Any]:
    return copy.deepcopy(province.payload(university, school_of(university)))


def about_the_city() -> dict[str, Any]:
    return copy.deepcopy(province.payload(city, authority_of()))


def test_a_school() -> None:
    statement = parse_statement(about_the_university())
    assert statement.issuer.entity_id == PROVINCE
    assert statement.subject.entity_id == UNIVERSITY
    assert statement.federation_keys == public(university.federation)
    assert statement.service_keys == public(university.service)
    assert statement.names == Names("郑州大学", "Zhengzhou University")
    assert statement.metadata[ISSUER]["credential_types"] == [DIPLOMA]
    assert statement.max_path_length is None


def test_an_authority_and_a_status_service() -> None:
    statement = parse_statement(about_the_city())
    assert statement.max_path_length == 2
    assert statement.names == Names("示范教育局")
    assert statement.policy[ISSUER]["province"] == ("41",)
    assert statement.service_keys == ()
    assert parse_statement(province.payload(service, status_service_of(service))).names is None


def put(*path: str | int, to: object) -> Callable[[dict[str, Any]], None]:
    def change(payload: dict[str, Any]) -> None:
        part: Any = payload
        for step in path[:-1]:
            part = part[step]
        part[path[-1]] = to

    change.__name__ = f"{'.'.join(map(str, path))} = {to!r:.40}"
    return change


def drop(*path: str) -> Callable[[dict[str, Any]], None]:
    def change(payload: dict[str, Any]) -> None:
        part: Any = payload
        for step in path[:-1]:
            part = part[step]
        del part[path[-1]]

    change.__name__ = f"no {'.'.join(path)}"
    return change


def name_of(change: object) -> str:
    return getattr(change, "__name__", repr(change))


@pytest.mark.parametrize(
    "change",
    [
        drop("iss"),
        put("iss", to=UNIVERSITY),
        put("iss", to=STATUS_SERVICE),
        put("iss", to="410000"),
        drop("sub"),
        put("sub", to=PROVINCE),
        put("sub", to=f"{CITY}/status"),
        drop("iat"),
        put("iat", to="1767225600"),
        put("iat", to=1767225600.0),
        put("iat", to=True),
        put("iat", to=0),
        put("iat", to=2**53),
        drop("exp"),
        put("exp", to=1),
        put("crit", to=["x"]),
        put("metadata_policy_crit", to=["x"]),
        put("metadata_policy", to=[]),
        put("constraints", to=2),
        put("constraints", to={"naming_constraints": {}}),
        put("constraints", to={"max_path_length": -1}),
        put("constraints", to={"max_path_length": True}),
        put("constraints", to={"max_path_length": None}),
        drop("jwks"),
        put("jwks", to={}),
        put("jwks", to={"keys": []}),
        put("jwks", to={"keys": [{}]}),
        put("jwks", to={"keys": ["key"]}),
        put("jwks", to={"keys": [dict(public(university.federation)[0].jwk)] * 2}),
        put("jwks", to={"keys": [dict(public(university.federation)[0].jwk)] * 17}),
        put("jwks", "keys", 0, "x", to="AAAA"),
        put("jwks", "keys", 0, "d", to="AAAA"),
        drop("metadata"),
        drop("metadata", "federation_entity"),
        put("metadata", "federation_entity", "organization_name", to=""),
        put("metadata", "federation_entity", "organization_name", to="大" * 201),
        put("metadata", "federation_entity", "organization_name#en", to=1),
        drop("metadata", ISSUER),
        drop("metadata", ISSUER, "school_code"),
        put("metadata", ISSUER, "school_code", to="4141010459"),
        put("metadata", ISSUER, "credential_types", to=[]),
        put("metadata", ISSUER, "credential_types", to=[DIPLOMA, DIPLOMA]),
        put("metadata", ISSUER, "province", to=[41]),
        drop("metadata", ISSUER, "jwks"),
        put("metadata", ISSUER, "jwks", to=jwks(public(university.federation))),
        put("metadata", "xinji_status_provider", to={}),
    ],
    ids=name_of,
)
def test_a_school_of_another_form(change: Callable[[dict[str, Any]], None]) -> None:
    payload = about_the_university()
    parse_statement(payload)
    change(payload)
    with pytest.raises((InvalidStatementError, InvalidEntityError, UnsupportedPolicyError)) as raised:
        parse_statement(payload)
    assert isinstance(raised.value, RegistryError)


@pytest.mark.parametrize(
    "change",
    [
        drop("metadata_policy"),
        drop("metadata_policy", ISSUER),
        drop("metadata_policy", ISSUER, "province"),
        drop("metadata_policy", ISSUER, "school_type"),
        drop("metadata_policy", ISSUER, "credential_types"),
        drop("constraints"),
        drop("constraints", "max_path_length"),
        put("metadata", ISSUER, to=school_of(university)["metadata"][ISSUER]),
    ],
    ids=name_of,
)
def test_an_authority_without_limits(change: Callable[[dict[str, Any]], None]) -> None:
    payload = about_the_city()
    change(payload)
    with pytest.raises(InvalidStatementError):
        parse_statement(payload)


def test_an_authority_accredits_no_other_authority_s_status_service() -> None:
    payload = province.payload(service, status_service_of(service))
    for other in (f"{CITY}/status", "http://localhost:8001/authorities/410000/status"):
        with pytest.raises(InvalidStatementError):
            parse_statement({**payload, "sub": other})


def test_keys_of_other_algorithms_may_stand_there_but_sign_nothing() -> None:
    payload = about_the_university()
    payload["jwks"]["keys"].append(dict(generate_key(RS256).public.jwk))
    assert len(parse_statement(payload).federation_keys) == 3


status = StatementStatus(
    parse_entity_id(PROVINCE),
    parse_entity_id(COUNTY),
    bytes(range(32)),
    State.COMPROMISED,
    1_700_000_000,
    1_767_225_600,
)


def test_a_status_survives_its_payload() -> None:
    assert parse_status(status_payload(status)) == status


@pytest.mark.parametrize(
    "change",
    [
        drop("statement"),
        put("statement", to="00"),
        put("statement", to="AB" * 32),
        put("state", to="active"),
        put("state", to=None),
        put("state", to=["retired"]),
        put("state", to="retired"),  # `since` lies before it was said.
        put("since", to="now"),
        drop("iat"),
        put("iss", to="x"),
        drop("sub"),
    ],
    ids=name_of,
)
def test_a_status_of_another_form(change: Callable[[dict[str, Any]], None]) -> None:
    payload = status_payload(status)
    change(payload)
    with pytest.raises((InvalidStatementError, InvalidEntityError)):
        parse_status(payload)
