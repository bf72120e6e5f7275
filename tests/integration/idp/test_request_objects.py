"""Request objects: whose keys, which parameters, what time; by value, by reference, pushed."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from crypto.jose import assemble, jwks, peek, sign_jwt
from crypto.keys import ES256, RS256, SGD_SM3_SM2, generate_key
from tests.integration.idp.conftest import CALLBACK, World, answer_of
from tests.integration.idp.signing_platform import FAPI, MESSAGES, TYP, Shelf, SigningPlatform, error_page, went_to

OBJECT_AT = "https://platform.example/request.jwt"


def unsigned(header: dict[str, Any], payload: dict[str, Any], signature: str = "") -> str:
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, payload)]
    return ".".join([*parts, signature])


def refusal(world: World, platform: SigningPlatform, token: str, **outside: str) -> str:
    """Return the error with which an object in the address is refused; it goes to the redirect_uri outside."""
    page = world.browser().get(platform.address(request=token, redirect_uri=CALLBACK, state="out", **outside))
    answer = went_to(page)
    assert answer["state"] == "out"
    return answer["error"]


def accepted(world: World, platform: SigningPlatform, token: str, **outside: str) -> bool:
    return bool(world.browser().get(platform.address(request=token, **outside)).request.url.path == "/signin")


def test_another_platforms_keys_sign_nothing(small_world: World) -> None:
    platform, other = SigningPlatform(small_world), SigningPlatform(small_world)
    assert accepted(small_world, platform, platform.object())
    assert refusal(small_world, platform, platform.object(key=other.key)) == "invalid_request_object"
    assert refusal(small_world, platform, other.object()) == "invalid_request_object"
    error_page(small_world.browser().get(platform.address(request=other.object())))


def test_unsigned_and_confused_algorithms_are_refused(small_world: World) -> None:
    platform = SigningPlatform(small_world)
    members = platform.parameters(iss=platform.client_id, aud=small_world.issuer)
    for header in ({"alg": "none", "typ": TYP}, {"alg": "None"}, {"typ": TYP}, {"alg": "HS256", "typ": TYP}):
        assert refusal(small_world, platform, unsigned(header, members)) == "invalid_request_object"
    signature = platform.object().rsplit(".", 1)[1]
    assert refusal(small_world, platform, unsigned({"alg": ES256}, members, signature)) == "invalid_request_object"
    sm2 = generate_key(SGD_SM3_SM2)
    assert refusal(small_world, platform, platform.object(key=sm2)) == "invalid_request_object"


def test_only_the_registered_algorithm_counts(small_world: World) -> None:
    rsa = generate_key(RS256)
    both = {"jwks": {"keys": []}, "request_object_signing_alg": ES256}
    platform = SigningPlatform(small_world)
    both["jwks"] = jwks([platform.key.public, rsa.public])
    strict = SigningPlatform(small_world, both, platform.key)
    assert accepted(small_world, strict, strict.object())
    assert refusal(small_world, strict, strict.object(key=rsa)) == "invalid_request_object"


@pytest.mark.parametrize("name", ["jku", "x5u", "jwk", "x5c", "crit"])
def test_headers_that_bring_keys_are_refused(small_world: World, name: str) -> None:
    platform = SigningPlatform(small_world)
    evil = generate_key(ES256)
    values = {"jku": "https://evil.example/jwks", "x5u": "https://evil.example/x", "jwk": dict(evil.public.jwk)}
    header = {"alg": ES256, "typ": TYP, "kid": evil.key_id, name: values.get(name, ["exp"])}
    token = unsigned(header, platform.parameters(iss=platform.client_id, aud=small_world.issuer), "A" * 86)
    assert refusal(small_world, platform, token) == "invalid_request_object"


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "xc_other"},
        {"iss": None},
        {"aud": "https://other.example"},
        {"aud": None},
        {"aud": []},
        {"client_id": "xc_other"},
        {"client_id": None},
        {"exp": 1},
        {"exp": "soon"},
        {"exp": True},
        {"exp": -1},
        {"nbf": 4_000_000_000},
        {"iat": 4_000_000_000},
        {"request": "x"},
        {"request_uri": "urn:ietf:params:oauth:request_uri:x"},
        {"scope": ["openid"]},
        {"nonce": {"a": 1}},
        {"max_age": 1.5},
    ],
)
def test_objects_for_somebody_else_or_another_time_are_refused(small_world: World, changes: dict[str, Any]) -> None:
    platform = SigningPlatform(small_world)
    assert refusal(small_world, platform, platform.object(**changes)) == "invalid_request_object"


def test_half_a_character_is_refused(small_world: World) -> None:
    platform = SigningPlatform(small_world)
    whole = unsigned({"alg": ES256, "typ": TYP}, peek(platform.object(state="\U0001f600"))[1] | {"state": "\ud83d"})
    data = whole.rstrip(".").encode()
    assert refusal(small_world, platform, assemble(data, platform.key.sign(data))) == "invalid_request_object"


def test_an_audience_may_be_a_list_and_times_may_be_missing(small_world: World) -> None:
    platform = SigningPlatform(small_world)
    assert accepted(small_world, platform, platform.object(aud=["https://other.example", small_world.issuer]))
    assert accepted(small_world, platform, platform.object(exp=None, nbf=None, iat=None))
    assert accepted(small_world, platform, platform.object(iat=platform.now + 10, nbf=platform.now + 10))
    assert refusal(small_world, platform, platform.object(nbf=platform.now + 61)) == "invalid_request_object"


def test_a_client_assertion_is_no_request(small_world: World) -> None:
    platform = SigningPlatform(small_world)
    assert refusal(small_world, platform, platform.assertion()["client_assertion"]) == "invalid_request_object"
    assert refusal(small_world, platform, platform.object(sub=platform.client_id)) == "invalid_request_object"


def test_by_rfc_9101_only_the_object_counts(small_world: World) -> None:
    platform = SigningPlatform(small_world)
    browser = small_world.activate(small_world.person(), factor=False)
    outside = {"state": "evil", "scope": "openid eid", "prompt": "none", "nonce": "evil"}
    page = browser.get(platform.address(request=platform.object(), **outside))
    assert "eid" not in page.text.split('id="claims"')[1].split("</dl>")[0].lower()
    assert answer_of(browser.submit("consent", decision="allow"))["state"] == "s-123"
    without = platform.object(redirect_uri=None)
    assert went_to_page(small_world, platform, without)


def went_to_page(world: World, platform: SigningPlatform, token: str) -> bool:
    """Whether an object without a redirect_uri leads nowhere, though there is one outside."""
    page = world.browser().get(platform.address(request=token, redirect_uri=CALLBACK))
    return "unknown_redirect_uri" in error_page(page)


def test_by_oidc_core_the_object_wins_and_the_rest_may_stand_outside(small_world: World) -> None:
    platform = SigningPlatform(small_world)
    browser = small_world.activate(small_world.person(), factor=False)
    token = platform.object(typ="JWT", state=None, client_id=None, iss=None, aud=None)
    outside = {"state": "varies", "nonce": "evil", "redirect_uri": "https://evil.example/", "response_type": "code"}
    page = browser.get(platform.address(request=token, **outside))
    assert answer_of(browser.submit("consent", decision="allow") if page.status_code == 200 else page)["state"] == (
        "varies"
    )


def test_an_object_must_not_lead_to_a_foreign_redirect_uri(small_world: World) -> None:
    platform = SigningPlatform(small_world)
    token = platform.object(redirect_uri="https://evil.example/")
    error_page(small_world.browser().get(platform.address(request=token, redirect_uri=CALLBACK)))


def test_a_platform_that_registered_so_sends_no_unsigned_request(small_world: World) -> None:
    platform = SigningPlatform(small_world, {"require_signed_request_object": True})
    page = small_world.browser().get(platform.address(**platform.parameters()))
    assert went_to(page)["error"] == "invalid_request"
    assert accepted(small_world, platform, platform.object())
    refused = platform.push(platform.parameters())
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
    # OIDC Core's way of leaving parameters outside is over, whatever the object's typ says.
    token = platform.object(typ="JWT", redirect_uri=None)
    error_page(small_world.browser().get(platform.address(request=token, redirect_uri=CALLBACK)))


@pytest.fixture
def shelf(small_world: World) -> Shelf:
    return Shelf.in_(small_world)


def test_a_registered_request_uri_is_read_once(small_world: World, shelf: Shelf) -> None:
    platform = SigningPlatform(small_world, {"request_uris": [f"{OBJECT_AT}#hash"]})
    human = small_world.person()
    small_world.activate(human, factor=False)
    browser = small_world.browser()
    shelf.bodies[OBJECT_AT] = platform.object(scope="openid").encode()
    page = browser.get(platform.address(request_uri=f"{OBJECT_AT}#other"))
    assert page.request.url.path == "/signin"
    shelf.bodies[OBJECT_AT] = platform.object(scope="openid profile eid").encode()
    page = small_world.fill_in(human, browser).page
    assert human.name not in page.text.split('id="consent"')[0].split("<article")[1]
    assert "code" in answer_of(browser.submit("consent", decision="allow"))
    assert shelf.asked == [OBJECT_AT]  # What is answered is what was shown.


@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example/request.jwt",
        f"{OBJECT_AT}?x=1",
        "http://platform.example/request.jwt",
        "http://127.0.0.1:9/x",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "https://platform.example/" + "x" * 600,
        "//",
        "http://[",
    ],
)
def test_other_addresses_are_not_called(small_world: World, shelf: Shelf, uri: str) -> None:
    platform = SigningPlatform(small_world, {"request_uris": [OBJECT_AT]})
    page = small_world.browser().get(platform.address(request_uri=uri, redirect_uri=CALLBACK))
    assert went_to(page)["error"] == "invalid_request_uri"
    assert shelf.asked == []


def test_what_lies_at_a_request_uri_must_be_a_signed_object(small_world: World, shelf: Shelf) -> None:
    platform = SigningPlatform(small_world, {"request_uris": [OBJECT_AT]})
    for body, error in (
        (None, "invalid_request_uri"),
        (b"\xff\xfe", "invalid_request_uri"),
        (b"{}", "invalid_request_object"),
        (SigningPlatform(small_world).object().encode(), "invalid_request_object"),
    ):
        shelf.bodies = {} if body is None else {OBJECT_AT: body}
        page = small_world.browser().get(platform.address(request_uri=OBJECT_AT, redirect_uri=CALLBACK))
        assert went_to(page)["error"] == error


def test_keys_behind_a_jwks_uri_sign_requests_by_value_and_pushed(small_world: World, shelf: Shelf) -> None:
    key = generate_key(ES256)
    uri = "https://platform.example/jwks"
    platform = SigningPlatform(small_world, {"jwks": None, "jwks_uri": uri}, key)
    shelf.bodies[uri] = json.dumps(jwks([key.public])).encode()
    assert accepted(small_world, platform, platform.object())
    answer = platform.push({"request": platform.object(), "client_id": platform.client_id})
    assert answer.status_code == 201, answer.text


def test_several_objects_at_once_are_refused(small_world: World) -> None:
    platform = SigningPlatform(small_world, {"request_uris": [OBJECT_AT]})
    address = platform.address(request=platform.object(), request_uri=OBJECT_AT, redirect_uri=CALLBACK)
    assert went_to(small_world.browser().get(address))["error"] == "invalid_request"
    twice = f"{platform.address(redirect_uri=CALLBACK)}&request={platform.object()}&request={platform.object()}"
    assert went_to(small_world.browser().get(twice))["error"] == "invalid_request"


def test_huge_requests_are_refused(small_world: World) -> None:
    platform = SigningPlatform(small_world)
    page = small_world.browser().get(platform.address(request="x" * 40_000))
    assert page.status_code == 413
    many = "&".join(f"p{at}=1" for at in range(70))
    assert small_world.browser().get(f"{platform.address()}&{many}").status_code == 413
    assert small_world.browser().post("/oauth/authorize", {"request": "x" * 40_000}).status_code == 413
    big = platform.push(platform.parameters(state="x" * 3_000))
    assert (big.status_code, big.json()["error"]) == (400, "invalid_request")
    assert platform.push({f"p{at}": "1" for at in range(70)}).status_code == 400
    assert platform.push({"padding": "x" * 70_000}).status_code == 413


def test_a_nul_sign_is_refused_before_it_reaches_the_database(world: World) -> None:
    platform = SigningPlatform(world)
    answer = platform.push(platform.parameters(nonce="a\0b"))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_fapi_objects_live_an_hour_at_most(small_world: World) -> None:
    platform = SigningPlatform(small_world, MESSAGES)

    def status(**changes: Any) -> int:
        fields = {"request": platform.object(**changes), "client_id": platform.client_id}
        return int(platform.push(fields).status_code)

    assert status() == 201
    assert status(nbf=None) == 400
    assert status(exp=None) == 400
    assert status(nbf=platform.now - 3_601) == 400
    assert status(nbf=platform.now - 3_000, exp=platform.now + 600) == 201
    assert status(nbf=platform.now - 3_000, exp=platform.now + 601) == 400
    assert status(nbf=platform.now + 10) == 201


def test_fapi_knows_no_rs256_and_no_sm2(small_world: World) -> None:
    rsa, sm2 = generate_key(RS256), generate_key(SGD_SM3_SM2)
    platform = SigningPlatform(small_world, FAPI)
    both = SigningPlatform(small_world, {**FAPI, "jwks": jwks([platform.key.public, rsa.public])}, platform.key)
    for key in (rsa, sm2):
        answer = both.push({"request": both.object(key=key), "client_id": both.client_id})
        assert answer.json()["error"] == "invalid_request_object"


def test_a_jwt_of_ours_is_no_request(small_world: World) -> None:
    platform = SigningPlatform(small_world)
    ours = sign_jwt(platform.parameters(), small_world.idp.keys.active(ES256), typ="JWT")
    assert refusal(small_world, platform, ours) == "invalid_request_object"
