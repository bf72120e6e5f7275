"""Rich authorization requests (RFC 9396): one test per MUST of the provider's side."""

from __future__ import annotations

import json
from typing import Any

import pytest

from crypto.jose import peek
from idp.oauth.authorization.details import TYPES
from idp.oauth.metadata import provider_metadata
from tests.integration.idp.conftest import CALLBACK, VERIFIER, World, answer_of
from tests.integration.idp.plain_browser import PlainBrowser
from tests.integration.idp.signing_platform import SigningPlatform, went_to

DIPLOMA = {"type": "xinji_credential", "credential_types": ["urn:xinji:credential:diploma:1"], "actions": ["read"]}
DEGREE = {**DIPLOMA, "credential_types": ["urn:xinji:credential:degree:1"]}
ERROR = "invalid_authorization_details"


@pytest.fixture
def platform(small_world: World) -> SigningPlatform:
    return SigningPlatform(small_world, {"authorization_details_types": list(TYPES)})


@pytest.fixture
def browser(small_world: World) -> PlainBrowser:
    return small_world.activate(small_world.person(), factor=False)


def asking(platform: SigningPlatform, *details: Any) -> str:
    return platform.address(**platform.parameters(authorization_details=json.dumps(details)))


def redeemed(platform: SigningPlatform, browser: PlainBrowser, *details: Any, **fields: str) -> Any:
    page = browser.get(asking(platform, *details))
    answer = answer_of(browser.submit("consent", decision="allow") if page.status_code == 200 else page)
    code = {"grant_type": "authorization_code", "code": answer["code"], "redirect_uri": CALLBACK}
    return platform.post("/oauth/token", {**code, "code_verifier": VERIFIER, **fields})


@pytest.mark.parametrize(
    "details",
    [
        [{"credential_types": [], "actions": ["read"]}],
        [{"type": "unknown"}],
        [{**DIPLOMA, "unknown": 1}],
        [{**DIPLOMA, "actions": {"read": True}}],
        [{**DIPLOMA, "actions": ["issue"]}],
        [{"type": "xinji_credential"}],
        [DIPLOMA, {"type": "unknown"}],
    ],
)
def test_rfc9396_5_details_that_break_their_type_are_refused(
    platform: SigningPlatform, browser: PlainBrowser, details: list[Any]
) -> None:
    assert went_to(browser.get(asking(platform, *details)))["error"] == ERROR
    answer = platform.push(platform.parameters(authorization_details=json.dumps(details)))
    assert (answer.status_code, answer.json()["error"]) == (400, ERROR)


def test_rfc9396_2_details_are_a_list_of_objects_with_a_type(platform: SigningPlatform, browser: PlainBrowser) -> None:
    for text in ("{}", "[]", "[1]", "x", '[{"type": 1}]'):
        address = platform.address(**platform.parameters(authorization_details=text))
        assert went_to(browser.get(address))["error"] == ERROR


def test_rfc9396_5_a_type_that_the_client_did_not_register_is_refused(
    small_world: World, browser: PlainBrowser
) -> None:
    platform = SigningPlatform(small_world, {"authorization_details_types": ["xinji_data_sharing"]})
    assert went_to(browser.get(asking(platform, DIPLOMA)))["error"] == ERROR


def test_rfc9396_4_the_person_sees_what_is_asked_for(platform: SigningPlatform, browser: PlainBrowser) -> None:
    purpose = "核对报名资格"
    sharing = {"type": "xinji_data_sharing", "fields": ["name"], "purpose": purpose, "until": "2026-12-01"}
    page = browser.get(asking(platform, DIPLOMA, sharing))
    assert page.status_code == 200
    assert purpose in page.text
    assert "2026年12月1日" in page.text


def test_rfc9396_7_the_token_answer_says_what_was_granted(platform: SigningPlatform, browser: PlainBrowser) -> None:
    answer = redeemed(platform, browser, DIPLOMA).json()
    assert answer["authorization_details"] == [DIPLOMA]


def test_rfc9396_6_1_the_token_request_asks_for_no_more_than_was_granted(
    platform: SigningPlatform, browser: PlainBrowser
) -> None:
    answer = redeemed(platform, browser, DIPLOMA, DEGREE, authorization_details=json.dumps([DIPLOMA]))
    assert answer.json()["authorization_details"] == [DIPLOMA]
    answer = redeemed(platform, browser, DIPLOMA, authorization_details=json.dumps([DEGREE]))
    assert (answer.status_code, answer.json()["error"]) == (400, ERROR)


def test_rfc9396_9_2_introspection_tells_the_details(platform: SigningPlatform, browser: PlainBrowser) -> None:
    token = redeemed(platform, browser, DIPLOMA).json()["access_token"]
    told = platform.post("/oauth/introspect", {"token": token}).json()
    assert told["authorization_details"] == [DIPLOMA]


def test_rfc9396_9_1_a_jwt_access_token_holds_the_details(small_world: World, browser: PlainBrowser) -> None:
    types = {"authorization_details_types": list(TYPES), "xinji_access_token_format": "jwt"}
    platform = SigningPlatform(small_world, types)
    token = redeemed(platform, browser, DIPLOMA).json()["access_token"]
    assert peek(token)[1]["authorization_details"] == [DIPLOMA]


def test_rfc9396_10_metadata_names_the_types(small_world: World) -> None:
    assert provider_metadata(small_world.issuer)["authorization_details_types_supported"] == list(TYPES)
