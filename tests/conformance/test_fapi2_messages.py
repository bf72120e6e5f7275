"""FAPI 2.0 Message Signing (final): signed requests, and that nothing else gets through."""

from __future__ import annotations

from typing import Any

import pytest

from crypto.jose import peek
from tests.integration.idp.conftest import World
from tests.integration.idp.plain_browser import PlainBrowser
from tests.integration.idp.signing_platform import MESSAGES, TYP, SigningPlatform, went_to


@pytest.fixture
def platform(small_world: World) -> SigningPlatform:
    return SigningPlatform(small_world, MESSAGES)


def status(platform: SigningPlatform, **changes: Any) -> int:
    return int(platform.push({"request": platform.object(**changes)}).status_code)


def test_fapi2_messages_5_3_1_1_requests_are_signed_at_the_push(platform: SigningPlatform) -> None:
    assert status(platform) == 201
    refused = platform.push(platform.parameters())
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
    other = SigningPlatform(platform.world, MESSAGES)
    assert status(platform, key=other.key) == 400


def test_fapi2_messages_5_3_1_1_all_parameters_are_in_the_object(platform: SigningPlatform) -> None:
    values = platform.parameters()
    for name in ("response_type", "redirect_uri", "scope", "code_challenge"):
        without: dict[str, Any] = {name: None}
        fields = {"request": platform.object(**without), name: values[name]}
        assert platform.push(fields).status_code == 400


def test_fapi2_messages_5_3_1_2_the_audience_is_or_holds_the_issuer(platform: SigningPlatform) -> None:
    issuer = platform.world.issuer
    assert status(platform, aud=[issuer]) == 201
    assert status(platform, aud=[issuer, "https://other.example"]) == 201
    others: list[Any] = [None, "https://other.example", [], f"{issuer}/oauth/par"]
    for audience in others:
        assert status(platform, aud=audience) == 400


@pytest.mark.parametrize(("ago", "expected"), [(0, 201), (3_599, 201), (3_601, 400), (None, 400)])
def test_fapi2_messages_5_3_1_3_nbf_is_at_most_an_hour_ago(
    platform: SigningPlatform, ago: int | None, expected: int
) -> None:
    begins = None if ago is None else platform.now - ago
    assert status(platform, nbf=begins, exp=platform.now + 1) == expected


@pytest.mark.parametrize(("after", "expected"), [(1, 201), (3_600, 201), (3_601, 400), (0, 400), (None, 400)])
def test_fapi2_messages_5_3_1_4_exp_is_at_most_an_hour_after_nbf(
    platform: SigningPlatform, after: int | None, expected: int
) -> None:
    assert status(platform, exp=None if after is None else platform.now + after) == expected


def test_fapi2_messages_5_3_1_5_the_typ_of_rfc_9101_is_accepted(platform: SigningPlatform) -> None:
    assert peek(platform.object())[0]["typ"] == TYP
    assert status(platform, typ=TYP) == 201
    assert status(platform, typ="JWT") == 201


def test_fapi2_messages_5_4_1_answers_are_signed(platform: SigningPlatform) -> None:
    world = platform.world
    browser: PlainBrowser = world.activate(world.person(), factor=False)
    uri = platform.push({"request": platform.object(response_mode="jwt")}).json()["request_uri"]
    browser.get(platform.address(request_uri=uri))
    answer = went_to(browser.submit("consent", decision="allow"))
    assert answer.keys() == {"response"}
    claims = peek(answer["response"])[1]
    assert (claims["iss"], claims["aud"], claims["state"]) == (world.issuer, platform.client_id, "s-123")
    assert claims["code"]
    assert platform.push({"request": platform.object(response_mode="query")}).status_code == 400


def test_fapi2_messages_5_4_1_refusals_are_signed_too(platform: SigningPlatform) -> None:
    uri = platform.push({"request": platform.object(prompt="none")}).json()["request_uri"]
    answer = went_to(platform.world.browser().get(platform.address(request_uri=uri)))
    assert answer.keys() == {"response"}
    assert peek(answer["response"])[1]["error"] == "login_required"
