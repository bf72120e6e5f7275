"""Signed authorization requests (RFC 9101): one test per MUST of the provider's side."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from crypto.keys import ES256, generate_key
from idp.oauth.authorization.request_object import MEDIA_TYPES
from idp.oauth.metadata import provider_metadata
from tests.integration.idp.conftest import CALLBACK, World, answer_of
from tests.integration.idp.machine import signed
from tests.integration.idp.outside import answer, outside
from tests.integration.idp.signing_platform import TYP, Shelf, SigningPlatform, error_page, went_to

OBJECT_AT = "https://platform.example/request.jwt"


@pytest.fixture
def platform(small_world: World) -> SigningPlatform:
    return SigningPlatform(small_world, {"request_uris": [OBJECT_AT]})


@pytest.fixture
def shelf(small_world: World) -> Shelf:
    return Shelf.in_(small_world)


def error_of(platform: SigningPlatform, **values: str) -> str:
    page = platform.world.browser().get(platform.address(redirect_uri=CALLBACK, **values))
    return went_to(page)["error"]


def goes_on(platform: SigningPlatform, **values: str) -> bool:
    page = platform.world.browser().get(platform.address(**values))
    return bool(page.request.url.path == "/signin")


def test_rfc9101_4_an_object_is_signed_and_holds_the_parameters(platform: SigningPlatform) -> None:
    assert goes_on(platform, request=platform.object())
    for token in ("", "x", "a.b.c", "{}", "e30.e30.", "a.b.c.d.e"):
        assert token == "" or error_of(platform, request=token) == "invalid_request_object"


def test_rfc9101_4_an_object_holds_no_other_object(platform: SigningPlatform) -> None:
    assert error_of(platform, request=platform.object(request=platform.object())) == "invalid_request_object"
    assert error_of(platform, request=platform.object(request_uri=OBJECT_AT)) == "invalid_request_object"


def test_rfc9101_5_request_and_request_uri_exclude_each_other(platform: SigningPlatform) -> None:
    assert error_of(platform, request=platform.object(), request_uri=OBJECT_AT) == "invalid_request"


def test_rfc9101_5_client_id_is_outside_and_the_same_inside(platform: SigningPlatform) -> None:
    other = SigningPlatform(platform.world)
    assert error_of(platform, request=platform.object(client_id=other.client_id)) == "invalid_request_object"
    browser = platform.world.browser()
    assert "unknown_client" in error_page(browser.get(f"/oauth/authorize?request={platform.object()}"))
    error_page(browser.get(other.address(request=platform.object())))


def test_rfc9101_5_2_1_the_object_at_a_request_uri_is_fetched_and_verified(
    platform: SigningPlatform, shelf: Shelf
) -> None:
    shelf.bodies[OBJECT_AT] = platform.object().encode()
    assert goes_on(platform, request_uri=OBJECT_AT)
    shelf.bodies[OBJECT_AT] = platform.object(key=generate_key(ES256)).encode()
    assert error_of(platform, request_uri=OBJECT_AT) == "invalid_request_object"


def test_rfc9101_5_2_a_request_uri_has_at_most_512_characters(platform: SigningPlatform, shelf: Shelf) -> None:
    assert error_of(platform, request_uri=f"{OBJECT_AT}#{'x' * 512}") == "invalid_request_uri"
    assert shelf.asked == []


@pytest.mark.parametrize(("kind", "taken"), [(MEDIA_TYPES[0], True), ("application/jwt", True), ("text/html", False)])
def test_rfc9101_5_2_2_the_answer_has_the_media_type_of_an_object(small_world: World, kind: str, taken: bool) -> None:
    bodies: list[bytes] = []

    def handle(request: bytes) -> Iterator[bytes]:
        assert request.startswith(b"GET /request.jwt ")
        yield answer(bodies[0], kind=kind)

    assert MEDIA_TYPES[0] == "application/oauth-authz-req+jwt"
    with outside(handle) as server:
        uri = f"http://127.0.0.1:{server.port}/request.jwt"
        platform = SigningPlatform(small_world, {"request_uris": [uri]})
        bodies.append(platform.object().encode())
        assert goes_on(platform, request_uri=uri) is taken
        assert len(server.requests) >= 1


def test_rfc9101_6_2_the_signature_is_validated_with_the_clients_keys_and_registered_algorithm(
    small_world: World,
) -> None:
    platform = SigningPlatform(small_world, {"request_object_signing_alg": ES256})
    assert goes_on(platform, request=platform.object())
    token = platform.object()
    body, signature = token.rsplit(".", 1)
    assert error_of(platform, request=f"{body}.{'A' * len(signature)}") == "invalid_request_object"
    assert error_of(platform, request=f"{body}.") == "invalid_request_object"
    other = generate_key(ES256)
    header = {"alg": ES256, "typ": TYP, "kid": platform.key.key_id}
    assert error_of(platform, request=signed(header, platform.parameters(), other)) == "invalid_request_object"
    header = {"alg": "none", "typ": TYP}
    assert error_of(platform, request=signed(header, platform.parameters(), other)) == "invalid_request_object"


def test_rfc9101_6_3_only_parameters_of_the_object_count(platform: SigningPlatform) -> None:
    browser = platform.world.activate(platform.world.person(), factor=False)
    browser.get(platform.address(request=platform.object(), state="evil", nonce="evil", prompt="none"))
    assert answer_of(browser.submit("consent", decision="allow"))["state"] == "s-123"
    without = platform.object(state=None, code_challenge=None, code_challenge_method=None)
    outside = {"state": "evil", "code_challenge": "A" * 43, "code_challenge_method": "S256"}
    page = browser.get(platform.address(request=without, **outside))
    assert went_to(page)["error"] == "invalid_request"
    assert "state" not in went_to(page)


def test_rfc9101_6_3_parameters_are_checked_as_any_others(platform: SigningPlatform) -> None:
    refusals: tuple[tuple[dict[str, Any], str], ...] = (
        ({"scope": "profile"}, "invalid_scope"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
    )
    for changes, error in refusals:
        page = platform.world.browser().get(platform.address(request=platform.object(**changes)))
        assert went_to(page)["error"] == error


@pytest.mark.usefixtures("shelf")
def test_rfc9101_7_errors_have_the_codes_of_openid_connect(platform: SigningPlatform) -> None:
    assert error_of(platform, request="x") == "invalid_request_object"
    assert error_of(platform, request_uri=OBJECT_AT) == "invalid_request_uri"
    assert error_of(platform, request_uri="https://elsewhere.example/") == "invalid_request_uri"


def test_rfc9101_10_1_objects_are_signed_with_registered_algorithms_only(small_world: World) -> None:
    metadata = provider_metadata(small_world.issuer)
    assert "none" not in metadata["request_object_signing_alg_values_supported"]
    assert not [alg for alg in metadata["request_object_signing_alg_values_supported"] if alg.startswith("HS")]


def test_rfc9101_10_4_1_only_registered_addresses_are_called(platform: SigningPlatform, shelf: Shelf) -> None:
    for uri in ("https://evil.example/x", "http://127.0.0.1/x", "https://169.254.169.254/", f"{OBJECT_AT}/../x"):
        assert error_of(platform, request_uri=uri) == "invalid_request_uri"
    assert shelf.asked == []


def test_rfc9101_10_5_a_client_that_must_sign_cannot_do_without(small_world: World) -> None:
    platform = SigningPlatform(small_world, {"require_signed_request_object": True})
    page = small_world.browser().get(platform.address(**platform.parameters()))
    assert went_to(page)["error"] == "invalid_request"
    assert goes_on(platform, request=platform.object())
    assert provider_metadata(small_world.issuer)["require_signed_request_object"] is False


def test_rfc9101_10_8_jwts_of_other_kinds_are_no_requests(platform: SigningPlatform) -> None:
    assert error_of(platform, request=platform.assertion()["client_assertion"]) == "invalid_request_object"
    assert error_of(platform, request=platform.object(typ="dpop+jwt")) == "invalid_request_object"
    assert error_of(platform, request=platform.object(typ="at+jwt")) == "invalid_request_object"
