"""FAPI 2.0 Security Profile (final), clause by clause for authorization servers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from crypto.jose import jwks, peek
from crypto.keys import EDDSA, ES256, PS256, RS256, SGD_SM3_SM2, generate_key
from idp.errors import InvalidClientMetadataError
from idp.oauth.authorization.kept import LIFE
from idp.oauth.clients.assertions import TYPE
from idp.oauth.metadata import provider_metadata
from idp.oauth.tokens.values import CODE_LIFE
from tests.integration.idp.conftest import CALLBACK, VERIFIER, World
from tests.integration.idp.machine import key_of, nonce_of, proof, signed
from tests.integration.idp.plain_browser import PlainBrowser
from tests.integration.idp.signing_platform import FAPI, SigningPlatform, error_page, went_to

SCOPE = "openid profile offline_access"
KEY = key_of()


@pytest.fixture
def platform(small_world: World) -> SigningPlatform:
    return SigningPlatform(small_world, FAPI)


@pytest.fixture
def browser(small_world: World) -> PlainBrowser:
    return small_world.activate(small_world.person(), factor=False)


def authorized(platform: SigningPlatform, browser: PlainBrowser, **changes: Any) -> dict[str, str]:
    page = browser.get(platform.address(request_uri=platform.pushed(scope=SCOPE, **changes)))
    return went_to(browser.submit("consent", decision="allow") if page.status_code == 200 else page)


def proven(platform: SigningPlatform, **claims: Any) -> dict[str, str]:
    world = platform.world
    return {
        "dpop": proof(world, claims.pop("key", KEY), f"{world.issuer}/oauth/token", nonce=nonce_of(world), **claims)
    }


def redeemed(platform: SigningPlatform, code: str, *, headers: dict[str, str] | None = None) -> Any:
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    return platform.post("/oauth/token", fields, headers=proven(platform) if headers is None else headers)


def assertion(platform: SigningPlatform, **changes: Any) -> dict[str, str]:
    claims = {**peek(platform.assertion()["client_assertion"])[1], **changes}
    header = {"alg": ES256, "kid": platform.key.key_id}
    return {"client_assertion_type": TYPE, "client_assertion": signed(header, claims, platform.key)}


def pushed_as(platform: SigningPlatform, authentication: dict[str, str]) -> int:
    http = platform.world.browser().http
    return int(http.post("/oauth/par", data={**platform.parameters(), **authentication}).status_code)


def _one(name: str, value: Any) -> dict[str, Any]:
    return {name: value}


def test_fapi2_5_2_2_the_authorization_endpoint_knows_no_cors(platform: SigningPlatform) -> None:
    http = platform.world.browser().http
    answer = http.get(platform.address(**platform.parameters()), headers={"origin": "https://evil.example"})
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_fapi2_5_3_2_1_01_metadata_is_published(small_world: World) -> None:
    answer = small_world.browser().http.get("/.well-known/openid-configuration")
    assert answer.json()["authorization_endpoint"].startswith(small_world.issuer)


def test_fapi2_5_3_2_1_02_the_password_grant_is_refused(platform: SigningPlatform) -> None:
    fields = {"grant_type": "password", "username": "a", "password": "b"}
    answer = platform.post("/oauth/token", fields, headers=proven(platform))
    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")
    assert "password" not in provider_metadata(platform.world.issuer)["grant_types_supported"]


@pytest.mark.parametrize("method", ["none", "client_secret_basic", "client_secret_post"])
def test_fapi2_5_3_2_1_03_06_clients_are_confidential_and_have_keys_or_certificates(
    small_world: World, method: str
) -> None:
    with pytest.raises(InvalidClientMetadataError):
        SigningPlatform(small_world, {**FAPI, "token_endpoint_auth_method": method})


def test_fapi2_5_3_2_1_04_05_tokens_are_bound_to_a_key(platform: SigningPlatform, browser: PlainBrowser) -> None:
    code = authorized(platform, browser)["code"]
    assert redeemed(platform, code, headers={}).status_code == 400
    answer = redeemed(platform, code)
    assert answer.json()["token_type"] == "DPoP"
    http = platform.world.browser().http
    bearer = {"authorization": f"Bearer {answer.json()['access_token']}"}
    assert http.get("/oauth/userinfo", headers=bearer).status_code == 401


def test_fapi2_5_3_2_1_07_nobody_is_redirected_to_a_foreign_address(platform: SigningPlatform) -> None:
    answer = platform.push(platform.parameters(redirect_uri="https://evil.example/"))
    assert answer.status_code == 400
    values = platform.parameters(redirect_uri="https://evil.example/")
    error_page(platform.world.browser().get(platform.address(**values)))


def test_fapi2_5_3_2_1_08_the_audience_of_an_assertion_is_the_issuer_as_a_string(platform: SigningPlatform) -> None:
    issuer = platform.world.issuer
    assert pushed_as(platform, assertion(platform)) == 201
    for audience in ([issuer], [issuer, "https://other.example"], f"{issuer}/oauth/par", f"{issuer}/oauth/token", ""):
        assert pushed_as(platform, assertion(platform, aud=audience, jti=str(audience))) == 401


def test_fapi2_5_3_2_1_09_refresh_tokens_do_not_rotate(platform: SigningPlatform, browser: PlainBrowser) -> None:
    first = redeemed(platform, authorized(platform, browser)["code"]).json()["refresh_token"]
    fields = {"grant_type": "refresh_token", "refresh_token": first}
    for _ in range(2):
        answer = platform.post("/oauth/token", fields, headers=proven(platform)).json()
        assert answer.get("refresh_token", first) == first
        assert answer["token_type"] == "DPoP"


def test_fapi2_5_3_2_1_11_codes_live_60_seconds_at_most(platform: SigningPlatform, browser: PlainBrowser) -> None:
    assert CODE_LIFE.total_seconds() <= 60
    code = authorized(platform, browser)["code"]
    platform.world.clock.move(timedelta(seconds=60))
    assert redeemed(platform, code).json()["error"] == "invalid_grant"


def test_fapi2_5_3_2_1_12_a_code_may_be_bound_to_a_dpop_key(platform: SigningPlatform, browser: PlainBrowser) -> None:
    other = key_of(ES256, "other")
    code = authorized(platform, browser, dpop_jkt=KEY.key_id)["code"]
    assert redeemed(platform, code, headers=proven(platform, key=other)).status_code == 400
    code = authorized(platform, browser, dpop_jkt=KEY.key_id)["code"]
    assert redeemed(platform, code).status_code == 200
    url = f"{platform.world.issuer}/oauth/par"
    header = {"dpop": proof(platform.world, KEY, url, nonce=nonce_of(platform.world))}
    uri = platform.push(platform.parameters(scope=SCOPE), headers=header).json()["request_uri"]
    code = went_to(browser.get(platform.address(request_uri=uri)))["code"]
    assert redeemed(platform, code, headers=proven(platform, key=other)).status_code == 400


@pytest.mark.parametrize(("ahead", "status"), [(0, 201), (10, 201), (61, 401)])
def test_fapi2_5_3_2_1_13_clocks_may_be_a_little_ahead(platform: SigningPlatform, ahead: int, status: int) -> None:
    for name in ("iat", "nbf"):
        moved: dict[str, Any] = {name: platform.now + ahead, "exp": platform.now + ahead + 60, "jti": f"{name}{ahead}"}
        assert pushed_as(platform, assertion(platform, **moved)) == status
        answer = platform.push({"request": platform.object(**_one(name, platform.now + ahead))})
        assert answer.status_code == (201 if status == 201 else 400)


@pytest.mark.parametrize("response_type", ["code id_token", "id_token", "code token", "id_token token"])
def test_fapi2_5_3_2_2_01_only_codes_are_given(platform: SigningPlatform, response_type: str) -> None:
    assert platform.push(platform.parameters(response_type=response_type)).status_code == 400
    with pytest.raises(InvalidClientMetadataError):
        SigningPlatform(platform.world, {**FAPI, "response_types": ["code", response_type]})


def test_fapi2_5_3_2_2_02_requests_are_pushed_by_authenticated_clients(
    platform: SigningPlatform, browser: PlainBrowser
) -> None:
    assert "code" in authorized(platform, browser)


def test_fapi2_5_3_2_2_03_requests_that_were_not_pushed_are_refused(
    platform: SigningPlatform, browser: PlainBrowser
) -> None:
    assert went_to(browser.get(platform.address(**platform.parameters())))["error"] == "invalid_request"
    assert went_to(browser.get(platform.address(request=platform.object())))["error"] == "invalid_request"


def test_fapi2_5_3_2_2_04_a_push_without_client_authentication_is_refused(platform: SigningPlatform) -> None:
    assert pushed_as(platform, {}) == 401
    assert pushed_as(platform, {"client_secret": "x"}) == 401
    other = SigningPlatform(platform.world, FAPI)
    assert pushed_as(platform, other.assertion()) == 401
    used = platform.assertion()
    assert pushed_as(platform, used) == 201
    assert pushed_as(platform, used) == 401


@pytest.mark.parametrize(
    "changes",
    [
        {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge_method": "plain"},
        {"code_challenge_method": None},
        {"code_challenge": "short"},
    ],
)
def test_fapi2_5_3_2_2_05_pkce_with_s256_is_needed(platform: SigningPlatform, changes: dict[str, Any]) -> None:
    answer = platform.push(platform.parameters(**changes))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    answer = platform.push({"request": platform.object(**changes)})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_fapi2_5_3_2_2_06_the_redirect_uri_is_in_the_push(platform: SigningPlatform) -> None:
    assert platform.push(platform.parameters(redirect_uri=None)).status_code == 400


def test_fapi2_5_3_2_2_07_the_answer_names_the_issuer(platform: SigningPlatform, browser: PlainBrowser) -> None:
    assert authorized(platform, browser)["iss"] == platform.world.issuer
    refused = went_to(platform.world.browser().get(platform.address(request_uri=platform.pushed(prompt="none"))))
    assert (refused["error"], refused["iss"]) == ("login_required", platform.world.issuer)


@pytest.mark.parametrize("uri", ["http://platform.example/callback", "http://192.0.2.1/callback"])
def test_fapi2_5_3_2_2_08_answers_go_over_tls(small_world: World, uri: str) -> None:
    with pytest.raises(InvalidClientMetadataError):
        SigningPlatform(small_world, {**FAPI, "redirect_uris": [uri]})


def test_fapi2_5_3_2_2_09_a_used_code_is_refused(platform: SigningPlatform, browser: PlainBrowser) -> None:
    code = authorized(platform, browser)["code"]
    assert redeemed(platform, code).status_code == 200
    assert redeemed(platform, code).json()["error"] == "invalid_grant"


def test_fapi2_5_3_2_2_10_11_redirects_are_303(platform: SigningPlatform, browser: PlainBrowser) -> None:
    browser.get(platform.address(request_uri=platform.pushed()))
    assert browser.submit("consent", decision="allow").status_code == 303
    fresh = platform.world.browser()
    fresh.get(platform.address(request_uri=platform.pushed()))
    form = fresh.form("signin")
    human = platform.world.person(name="韩梅梅")
    platform.world.activate(human, factor=False)
    sent = fresh.http.post(form.action, data={**form.fields, "login": human.eid, "password": "summer-rain-7-lotus"})
    assert sent.status_code == 303


def test_fapi2_5_3_2_2_12_a_request_uri_lives_less_than_600_seconds(platform: SigningPlatform) -> None:
    assert LIFE.total_seconds() < 600
    assert 5 <= platform.push(platform.parameters()).json()["expires_in"] < 600


def test_fapi2_5_3_2_2_13_the_person_sees_who_asks_for_what(platform: SigningPlatform, browser: PlainBrowser) -> None:
    page = browser.get(platform.address(request_uri=platform.pushed(scope=SCOPE)))
    assert "示范平台甲" in page.text
    assert 'id="claims"' in page.text


def test_fapi2_5_3_2_2_14_a_nonce_may_have_64_characters(platform: SigningPlatform, browser: PlainBrowser) -> None:
    nonce, state = "n" * 64, "s" * 1_500
    answer = authorized(platform, browser, nonce=nonce, state=state)
    assert answer["state"] == state
    assert peek(redeemed(platform, answer["code"]).json()["id_token"])[1]["nonce"] == nonce


def test_fapi2_5_3_3_the_request_uri_is_all_that_the_browser_needs(
    platform: SigningPlatform, browser: PlainBrowser
) -> None:
    address = platform.address(request_uri=platform.pushed())
    assert set(dict(parse_qsl(urlsplit(address).query))) == {"client_id", "request_uri"}
    assert browser.get(address).status_code == 200


@pytest.mark.parametrize(
    ("alg", "status"), [(PS256, 201), (ES256, 201), (EDDSA, 201), (RS256, 400), (SGD_SM3_SM2, 400)]
)
def test_fapi2_5_4_1_requests_are_signed_with_ps256_es256_or_eddsa(small_world: World, alg: str, status: int) -> None:
    key, own = generate_key(alg), generate_key(ES256)
    platform = SigningPlatform(small_world, {**FAPI, "jwks": jwks([own.public, key.public])}, own)
    assert platform.push({"request": platform.object(key=key)}).status_code == status
    if status == 400:
        with pytest.raises(InvalidClientMetadataError):
            SigningPlatform(small_world, {**FAPI, "request_object_signing_alg": alg})
        with pytest.raises(InvalidClientMetadataError):
            SigningPlatform(small_world, {**FAPI, "id_token_signed_response_alg": alg})


def test_fapi2_5_4_1_unsigned_jwts_are_refused(platform: SigningPlatform) -> None:
    token = signed({"alg": "none"}, platform.parameters(iss=platform.client_id), platform.key)
    assert platform.push({"request": token}).json()["error"] == "invalid_request_object"


def test_fapi2_5_4_1_credentials_hold_at_least_128_bits(platform: SigningPlatform, browser: PlainBrowser) -> None:
    answer = authorized(platform, browser)
    tokens = redeemed(platform, answer["code"]).json()
    for text in (answer["code"], tokens["access_token"], tokens["refresh_token"]):
        assert len(text.removeprefix("xat_").removeprefix("xrt_")) >= 22  # Six bits a sign, which may be "_" too.
