"""The claims parameter, authorization details, acr wishes and resources: what they mean, and what they refuse."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.levels import ACR_ONE, ACR_TWO, MFA, OTP, PASSWORD
from idp.oauth.authorization.acr import AcrWish, acr_told, lacks_factor
from idp.oauth.authorization.bounded_json import BoundedJsonError, read_json
from idp.oauth.authorization.claims_parameter import parse_claims, wanted
from idp.oauth.authorization.details import (
    CREDENTIAL,
    DATA_SHARING,
    DetailRules,
    details_cover,
    parse_details,
    shown,
)
from idp.oauth.authorization.wishes import hinted_language, hinted_login, is_resource
from idp.oauth.errors import AuthorizationError

TODAY = date(2026, 6, 30)
ALLOWED = ("name", "age_band", "loa")
RULES = DetailRules(types=(CREDENTIAL, DATA_SHARING), claims=ALLOWED, today=TODAY)
DIPLOMA = {
    "type": CREDENTIAL,
    "credential_types": ["urn:xinji:credential:diploma:1"],
    "actions": ["read"],
}
SHARING = {"type": DATA_SHARING, "fields": ["name"], "purpose": "核对报名资格", "until": "2026-12-27"}
ONE, TWO = (PASSWORD,), (PASSWORD, OTP, MFA)

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=12,
)


def claims(value: Any) -> Any:
    return parse_claims(json.dumps(value), allowed=ALLOWED)


def test_claims_are_sorted_by_place_and_bounded_by_what_was_registered() -> None:
    wish = claims(
        {
            "userinfo": {"name": None, "eid": {"essential": True}, "shoe_size": None},
            "id_token": {"loa": {"essential": True, "value": "L1", "unknown": [1]}, "auth_time": {"essential": True}},
            "verified_claims": {},
        }
    )
    assert wish.stored == {"userinfo": ["name"], "id_token": ["loa"]}
    assert wish.released == ("name", "loa")
    assert (wish.subs, wish.acr) == (None, None)


def test_wanted_reads_what_a_grant_keeps() -> None:
    stored = claims({"userinfo": {"name": None}}).stored
    assert wanted(stored, "userinfo") == ("name",)
    assert wanted(stored, "id_token") == ()
    assert wanted(None, "userinfo") == ()
    assert claims({"userinfo": {"eid": None}}).stored is None


def test_a_sub_binds_the_request_to_a_person() -> None:
    assert claims({"id_token": {"sub": {"value": "a"}}}).subs == {"a"}
    assert claims({"userinfo": {"sub": {"values": ["a", "b"]}}}).subs == {"a", "b"}
    both = {"userinfo": {"sub": {"value": "a"}}, "id_token": {"sub": {"value": "b"}}}
    assert claims(both).subs == frozenset()
    assert claims({"id_token": {"sub": None}}).subs is None


def test_an_acr_may_be_essential() -> None:
    assert claims({"id_token": {"acr": {"essential": True, "values": [ACR_TWO]}}}).acr == AcrWish((ACR_TWO,), True)
    assert claims({"id_token": {"acr": {"value": ACR_ONE}}}).acr == AcrWish((ACR_ONE,))
    assert claims({"id_token": {"acr": {"essential": True}}}).acr is None
    assert claims({"id_token": {"acr": None}}).acr is None
    assert claims({"userinfo": {"acr": {"essential": True, "value": ACR_TWO}}}).acr is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "[]",
        '"x"',
        '{"userinfo": []}',
        '{"userinfo": {"name": true}}',
        '{"userinfo": {"name": {"essential": "yes"}}}',
        '{"id_token": {"acr": {"values": "x"}}}',
        '{"id_token": {"acr": {"values": [1]}}}',
        '{"id_token": {"sub": {"value": 1}}}',
        '{"userinfo": {"name": null, "name": null}}',
        '{"userinfo": {"name": {"value": NaN}}}',
        '{"id_token": ' * 30 + "1" + "}" * 30,
        "[" * 3_000,
        '{"a":' * 700,
        "{" + ",".join(f'"c{at}": null' for at in range(300)) + "}",
        '{"userinfo": {"' + "x" * 4_000 + '": null}}',
    ],
)
def test_other_claims_parameters_are_refused(text: str) -> None:
    with pytest.raises(AuthorizationError, match="invalid_request"):
        parse_claims(text, allowed=ALLOWED)


@given(values)
def test_no_claims_parameter_gets_more_than_is_allowed_nor_breaks_anything(value: Any) -> None:
    try:
        wish = claims({"userinfo": value, "id_token": value})
    except AuthorizationError:
        return
    assert set(wish.released) <= set(ALLOWED)


@given(values)
def test_details_are_either_normal_or_refused(value: Any) -> None:
    for text in (json.dumps(value), json.dumps([{**DIPLOMA, "issuers": value}]), json.dumps([{**SHARING, "x": value}])):
        try:
            parsed = parse_details(text, RULES)
        except AuthorizationError:
            continue
        assert {detail["type"] for detail in parsed} <= set(RULES.types)


def details(*given: Any) -> list[dict[str, Any]]:
    return parse_details(json.dumps(given), RULES)


def test_good_details_are_kept_as_they_are() -> None:
    schools = {**DIPLOMA, "issuers": ["4141010459"]}
    assert details(DIPLOMA, schools, SHARING) == [DIPLOMA, schools, SHARING]
    assert parse_details(None, RULES) == []
    assert details({**SHARING, "until": TODAY.isoformat()})
    assert details({**DIPLOMA, "issuers": ["4141010459"] * 2}) == [schools]


@pytest.mark.parametrize(
    "detail",
    [
        {},
        [],
        "x",
        {"type": "payment"},
        {"type": ["xinji_credential"]},
        {"type": CREDENTIAL},
        {**DIPLOMA, "locations": ["https://x"]},
        {**DIPLOMA, "actions": ["read", "write"]},
        {**DIPLOMA, "actions": "read"},
        {**DIPLOMA, "actions": []},
        {**DIPLOMA, "credential_types": []},
        {**DIPLOMA, "credential_types": ["diploma"]},
        {**DIPLOMA, "credential_types": ["urn:xinji:credential:diploma:1\n"]},
        {**DIPLOMA, "credential_types": [{}]},
        {**DIPLOMA, "issuers": []},
        {**DIPLOMA, "issuers": None},
        {**DIPLOMA, "issuers": ["123"]},
        {**DIPLOMA, "issuers": ["４141010459"]},
        {**DIPLOMA, "issuers": ["4141010459"] * 21},
        {**SHARING, "fields": ["eid"]},
        {**SHARING, "fields": []},
        {**SHARING, "purpose": ""},
        {**SHARING, "purpose": "　"},
        {**SHARING, "purpose": "x" * 61},
        {**SHARING, "purpose": "a\nb"},
        {**SHARING, "purpose": "abc\u202edef"},
        {**SHARING, "purpose": None},
        {**SHARING, "until": "2026-06-29"},
        {**SHARING, "until": (TODAY + timedelta(days=181)).isoformat()},
        {**SHARING, "until": "20260701"},
        {**SHARING, "until": "2026-W27-3"},
        {**SHARING, "until": "２026-07-01"},
        {**SHARING, "until": "2026-02-30"},
        {**SHARING, "until": 1},
    ],
)
def test_other_details_are_refused(detail: Any) -> None:
    with pytest.raises(AuthorizationError, match="invalid_authorization_details"):
        details(detail)


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", "[" * 5_000, json.dumps([DIPLOMA] * 11)])
def test_other_lists_of_details_are_refused(text: str) -> None:
    with pytest.raises(AuthorizationError, match="invalid_authorization_details"):
        parse_details(text, RULES)


def test_a_type_must_be_registered() -> None:
    with pytest.raises(AuthorizationError, match="invalid_authorization_details"):
        parse_details(json.dumps([DIPLOMA]), DetailRules((DATA_SHARING,), ALLOWED, TODAY))


def test_consent_covers_the_same_or_less() -> None:
    two = {**DIPLOMA, "credential_types": [*DIPLOMA["credential_types"], "urn:xinji:credential:degree:1"]}
    school, other = {**DIPLOMA, "issuers": ["4141010459"]}, {**DIPLOMA, "issuers": ["4141010459", "4141010460"]}
    assert details_cover([two], [DIPLOMA])
    assert not details_cover([DIPLOMA], [two])
    assert details_cover([DIPLOMA], [school])
    assert not details_cover([school], [DIPLOMA])
    assert details_cover([other], [school])
    assert not details_cover([school], [other])
    assert details_cover([], [])
    assert not details_cover([], [DIPLOMA])
    assert not details_cover([DIPLOMA], [SHARING])


def test_sharing_is_covered_for_the_same_purpose_only() -> None:
    wide = {**SHARING, "fields": ["name", "loa"]}
    assert details_cover([wide], [SHARING])
    assert not details_cover([SHARING], [wide])
    assert not details_cover([SHARING], [{**SHARING, "purpose": "广告"}])
    assert details_cover([SHARING], [{**SHARING, "until": "2026-12-01"}])
    assert not details_cover([{**SHARING, "until": "2026-12-01"}], [SHARING])


def test_details_are_shown_by_type() -> None:
    first, second = shown([{**DIPLOMA, "issuers": ["4141010459"]}, SHARING])
    assert (first.credential_types, first.issuers) == (("urn:xinji:credential:diploma:1",), ("4141010459",))
    assert (second.fields, second.purpose, second.until) == (("name",), "核对报名资格", date(2026, 12, 27))


@pytest.mark.parametrize(
    ("wish", "amr", "lacks", "told"),
    [
        (AcrWish(), ONE, False, ACR_ONE),
        (AcrWish((ACR_TWO,)), ONE, True, ACR_ONE),
        (AcrWish((ACR_TWO,)), TWO, False, ACR_TWO),
        (AcrWish((ACR_ONE, ACR_TWO)), ONE, False, ACR_ONE),
        (AcrWish(("urn:foreign", ACR_TWO)), ONE, True, ACR_ONE),
        (AcrWish(("urn:foreign",)), ONE, False, ACR_ONE),
        (AcrWish((ACR_TWO,), essential=True), ONE, True, ACR_ONE),
        (AcrWish((ACR_TWO, ACR_ONE), essential=True), ONE, False, ACR_ONE),
        (AcrWish((ACR_ONE,), essential=True), TWO, False, ACR_ONE),
        (AcrWish((ACR_ONE,)), TWO, False, ACR_TWO),
    ],
)
def test_an_acr_wish_is_met_or_missed(wish: AcrWish, amr: tuple[str, ...], lacks: bool, told: str) -> None:
    assert lacks_factor(wish, amr) is lacks
    assert acr_told(wish, amr) == told
    assert AcrWish(("urn:foreign",), essential=True).hopeless
    assert not wish.hopeless


@pytest.mark.parametrize(
    ("uri", "good"),
    [
        ("https://api.example/", True),
        ("urn:xinji:api", True),
        ("https://api.example/#x", False),
        ("https://api.example/#", False),
        ("/api", False),
        ("//api.example", False),
        ("https:", False),
        ("http://[", False),
        ("https://接口.example", False),
    ],
)
def test_a_resource_is_an_absolute_uri_without_a_fragment(uri: str, good: bool) -> None:
    assert is_resource(uri) is good


def test_hints_are_bounded() -> None:
    assert hinted_language({"ui_locales": "fr EN-us zh"}) == "en"
    assert hinted_language({"ui_locales": "zh-Hans-CN"}) == "zh"
    assert hinted_language({"ui_locales": "x " * 2_000 + "en"}) is None
    assert hinted_language({}) is None
    assert hinted_login({"login_hint": "a" * 201}) == ""


@pytest.mark.parametrize("text", ["[" * 100_000, "{}" * 2, '{"a":1,"a":2}'])
def test_bounded_json_is_bounded(text: str) -> None:
    with pytest.raises(BoundedJsonError):
        read_json(text)
