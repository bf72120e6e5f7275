"""Modules of the official FAPI 2.0 plans, as docs/certification.md lists them (the suite was not run)."""

from __future__ import annotations

import json
import secrets
from datetime import timedelta
from typing import Any

import pytest

from crypto.encoding import b64u
from crypto.jose import peek
from crypto.keys import ES256, PS256, RS256, generate_key
from tests.integration.idp.conftest import CALLBACK, VERIFIER, World
from tests.integration.idp.machine import key_of, nonce_of, proof, signed
from tests.integration.idp.plain_browser import PlainBrowser
from tests.integration.idp.signing_platform import FAPI, MESSAGES, SigningPlatform, error_page, went_to

SCOPE = "openid profile offline_access"
KEY, OTHER = key_of(), key_of(ES256, "other")


class Fapi:
    """The first client of a plan, with a person who is signed in."""

    def __init__(self, world: World, **changes: Any) -> None:
        self.world = world
        self.client = SigningPlatform(world, {**FAPI, **changes})
        self.browser: PlainBrowser = world.activate(world.person(), factor=False)

    def code(self, *, headers: dict[str, str] | None = None, **changes: Any) -> str:
        fields = self.client.parameters(**{"scope": SCOPE, **changes})
        pushed = self.client.push(fields, headers=headers)
        assert pushed.status_code == 201, pushed.text
        page = self.browser.get(self.client.address(request_uri=pushed.json()["request_uri"]))
        return went_to(self.browser.submit("consent", decision="allow") if page.status_code == 200 else page)["code"]

    def proof(self, path: str = "/oauth/token", *, key: Any = KEY, **more: Any) -> dict[str, str]:
        nonce = nonce_of(self.world)
        return {"dpop": proof(self.world, key, f"{self.world.issuer}{path}", **{"nonce": nonce, **more})}

    def token(self, *, headers: dict[str, str] | None = None, **fields: str | None) -> Any:
        sent = {name: value for name, value in fields.items() if value is not None}
        return self.client.post("/oauth/token", sent, headers=self.proof() if headers is None else headers)

    def redeem(self, code: str, *, headers: dict[str, str] | None = None, **changes: str | None) -> Any:
        usual = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
        return self.token(headers=headers, **{**usual, **changes})

    def userinfo(self, access: str, *, scheme: str = "DPoP", headers: list[tuple[str, str]] | None = None) -> Any:
        own = headers or [("dpop", self.resource_proof(access))]
        sent = [("authorization", f"{scheme} {access}"), *own]
        return self.world.browser().http.get("/oauth/userinfo", headers=sent)

    def resource_proof(self, access: str, *, key: Any = KEY, **more: Any) -> str:
        url = f"{self.world.issuer}/oauth/userinfo"
        values = {"method": "GET", "access": access, "nonce": nonce_of(self.world), **more}
        return proof(self.world, key, values.pop("url", url), **values)


@pytest.fixture
def fapi(small_world: World) -> Fapi:
    return Fapi(small_world)


def refusal(answer: Any) -> tuple[int, str]:
    assert answer.headers["content-type"].partition(";")[0] == "application/json"
    return answer.status_code, answer.json()["error"]


@pytest.mark.parametrize("path", ["openid-configuration", "oauth-authorization-server"])
def test_fapi2_discovery_end_point_verification(small_world: World, path: str) -> None:
    found = small_world.browser().http.get(f"/.well-known/{path}").json()
    for name in ("dpop", "id_token", "userinfo", "authorization", "request_object", "token_endpoint_auth"):
        assert {PS256, ES256, "EdDSA"} <= set(found[f"{name}_signing_alg_values_supported"])
    assert {"private_key_jwt", "tls_client_auth"} <= set(found["token_endpoint_auth_methods_supported"])
    assert found["tls_client_certificate_bound_access_tokens"] is True
    assert found["authorization_response_iss_parameter_supported"] is True
    assert "S256" in found["code_challenge_methods_supported"]
    assert {"jwt", "query.jwt"} <= set(found["response_modes_supported"])
    assert found["pushed_authorization_request_endpoint"].startswith(found["issuer"])


def test_fapi2_happy_flow_for_two_clients(small_world: World) -> None:
    for alg in (ES256, PS256):
        fapi = Fapi(small_world, id_token_signed_response_alg=alg)
        body = fapi.redeem(fapi.code()).json()
        header, claims = peek(body["id_token"])
        assert (header["alg"], claims["nonce"], body["token_type"]) == (alg, "n-456", "DPoP")
        told = fapi.userinfo(body["access_token"])
        assert (told.status_code, told.json()["sub"]) == (200, claims["sub"])


def test_fapi2_user_rejects_authentication(fapi: Fapi) -> None:
    fapi.browser.get(fapi.client.address(request_uri=fapi.client.pushed()))
    answer = went_to(fapi.browser.submit("consent", decision="deny"))
    assert (answer["error"], answer["state"], answer["iss"]) == ("access_denied", "s-123", fapi.world.issuer)


def test_fapi2_requests_without_state_or_nonce_and_in_another_order_succeed(fapi: Fapi) -> None:
    page = fapi.browser.get(fapi.client.address(request_uri=fapi.client.pushed(state=None, nonce=None)))
    answer = went_to(fapi.browser.submit("consent", decision="allow") if page.status_code == 200 else page)
    assert "state" not in answer
    assert "nonce" not in peek(fapi.redeem(answer["code"]).json()["id_token"])[1]
    assert fapi.redeem(fapi.code(scope="offline_access profile openid")).status_code == 200


def test_fapi2_claims_parameter_identity_claims(fapi: Fapi) -> None:
    claims = json.dumps({"id_token": {"name": {"essential": True}, "given_name": None, "birthdate": None}})
    told = peek(fapi.redeem(fapi.code(claims=claims)).json()["id_token"])[1]
    assert told["name"]
    assert "given_name" not in told


@pytest.mark.parametrize("scheme", ["dpop", "DPOP", "DPoP"])
def test_fapi2_access_token_type_header_case_sensitivity(fapi: Fapi, scheme: str) -> None:
    access = fapi.redeem(fapi.code()).json()["access_token"]
    assert fapi.userinfo(access, scheme=scheme).status_code == 200


@pytest.mark.parametrize("more", [{"nbf": 0, "exp": 300}, {"iat": -10}, {"iat": 10}])
def test_fapi2_dpop_proofs_with_nbf_exp_and_iat_of_ten_seconds_before_and_after(
    fapi: Fapi, more: dict[str, int]
) -> None:
    times: dict[str, Any] = {name: fapi.client.now + seconds for name, seconds in more.items()}
    body = fapi.redeem(fapi.code(), headers=fapi.proof(**times)).json()
    shown = [("dpop", fapi.resource_proof(body["access_token"], **times))]
    assert fapi.userinfo(body["access_token"], headers=shown).status_code == 200


def test_fapi2_codes_are_bound_to_a_dpop_key(fapi: Fapi) -> None:
    """mismatched-dpop-jkt, mismatched-dpop-proof-jkt, mismatched-dpop-jkt (token), and both kinds of binding."""
    at_par = fapi.proof("/oauth/par")
    wrong = fapi.client.push(fapi.client.parameters(dpop_jkt=OTHER.key_id), headers=at_par)
    assert refusal(wrong) == (400, "invalid_request")
    for bound in (fapi.code(headers=fapi.proof("/oauth/par")), fapi.code(dpop_jkt=KEY.key_id)):
        assert refusal(fapi.redeem(bound, headers=fapi.proof(key=OTHER))) == (400, "invalid_grant")
    for bound in (fapi.code(headers=fapi.proof("/oauth/par")), fapi.code(dpop_jkt=KEY.key_id)):
        assert fapi.redeem(bound).status_code == 200


@pytest.mark.parametrize("changes", [FAPI, MESSAGES])
def test_fapi2_state_and_nonce_outside_the_request_are_not_used(small_world: World, changes: dict[str, Any]) -> None:
    """Both modules of different values inside and outside, and the one of a state that is outside only."""
    client = SigningPlatform(small_world, changes)
    browser = small_world.activate(small_world.person(), factor=False)
    for inside in ("s-1", None):
        fields: dict[str, Any] = {"state": inside, "nonce": "n-1"}
        pushed = client.push(
            {"request": client.object(**fields)} if changes is MESSAGES else client.parameters(**fields)
        )
        outside = {"request_uri": pushed.json()["request_uri"], "state": "outside", "nonce": "outside"}
        page = browser.get(client.address(**outside))
        answer = went_to(browser.submit("consent", decision="allow") if page.status_code == 200 else page)
        said = peek(answer["response"])[1] if changes is MESSAGES else answer
        assert said.get("state") == inside
        usual = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
        shown = {"dpop": proof(small_world, KEY, f"{small_world.issuer}/oauth/token", nonce=nonce_of(small_world))}
        body = client.post("/oauth/token", {**usual, "code": said["code"]}, headers=shown).json()
        assert peek(body["id_token"])[1]["nonce"] == "n-1"


def test_fapi2_long_state_and_long_nonce_come_back(fapi: Fapi) -> None:
    pushed = fapi.client.pushed(state="s" * 1_000, nonce="n" * 1_000)
    page = fapi.browser.get(fapi.client.address(request_uri=pushed))
    answer = went_to(fapi.browser.submit("consent", decision="allow") if page.status_code == 200 else page)
    assert answer["state"] == "s" * 1_000
    assert peek(fapi.redeem(answer["code"]).json()["id_token"])[1]["nonce"] == "n" * 1_000


@pytest.mark.parametrize("kind", ["mixed", "unsigned", "bent", "request_uri"])
def test_fapi2_request_objects_that_cannot_be_believed(small_world: World, kind: str) -> None:
    client = SigningPlatform(small_world, MESSAGES)
    good = client.object()
    head, body, signature = good.split(".")
    token = {
        "mixed": client.object(key=SigningPlatform(small_world, MESSAGES).key),
        "unsigned": f"{b64u(json.dumps({'alg': 'none'}).encode())}.{body}.",
        "bent": f"{head}.{body}.{signature[:8]}{'A' if signature[8] != 'A' else 'B'}{signature[9:]}",
        "request_uri": client.object(request_uri="urn:ietf:params:oauth:request_uri:x"),
    }[kind]
    assert refusal(client.push({"request": token})) == (400, "invalid_request_object")
    assert client.push({"request": good}).status_code == 201


def test_fapi2_redirect_uris_and_response_types_that_are_not_registered(fapi: Fapi) -> None:
    """ensure-registered-…, tolerate-unregistered-…, redirect-uri-in-authorization-request, response-type-…-fails."""
    client = fapi.client
    assert refusal(client.push(client.parameters(redirect_uri=f"{CALLBACK}2"))) == (400, "invalid_request")
    assert refusal(client.push(client.parameters(redirect_uri=None))) == (400, "invalid_request")
    allowed = {"unsupported_response_type", "invalid_request", "unauthorized_client"}
    for response_type in ("code id_token", "token"):
        status, error = refusal(client.push(client.parameters(response_type=response_type)))
        assert (status, error in allowed) == (400, True)


def test_fapi2_client_id_in_token_endpoint_and_holder_of_key(fapi: Fapi) -> None:
    code = fapi.code()
    second = SigningPlatform(fapi.world, FAPI)
    claims = {**peek(second.assertion()["client_assertion"])[1], "jti": secrets.token_hex(8)}
    mixed = signed({"alg": ES256}, claims, fapi.client.key)  # For the second client, signed by the first.
    answer = fapi.redeem(code, client_id=second.client_id)
    assert refusal(answer) == (401, "invalid_client")
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    proven = {**second.assertion(), "client_assertion": mixed, "client_id": second.client_id}
    answer = fapi.world.browser().http.post("/oauth/token", data={**fields, **proven}, headers=fapi.proof())
    assert refusal(answer) == (401, "invalid_client")
    assert refusal(fapi.redeem(code, headers={})) == (400, "invalid_request")
    assert fapi.redeem(code).status_code == 200


def test_fapi2_a_code_is_bound_to_its_client_and_its_reuse_ends_its_token(fapi: Fapi) -> None:
    thief = Fapi(fapi.world)
    code = fapi.code()
    assert refusal(thief.redeem(code)) == (400, "invalid_grant")
    body = fapi.redeem(code).json()
    fapi.world.clock.move(timedelta(seconds=1))
    assert refusal(fapi.redeem(code)) == (400, "invalid_grant")
    assert fapi.userinfo(body["access_token"]).status_code == 401


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": -300},
        {"exp": None},
        {"aud": "https://other.example"},
        {"aud": None},
        {"sub": None},
        {"iss": "other"},
        {"iss": None},
        {"jti": None},
        {"alg": RS256},
    ],
)
def test_fapi2_client_assertions_that_are_not_good(fapi: Fapi, changes: dict[str, Any]) -> None:
    """Old, for somebody else, without subject, under RS256, and what ensure-invalid-client-assertions-fail adds."""
    client = fapi.client
    usual = client.assertion()
    claims = {**peek(usual["client_assertion"])[1], **{n: v for n, v in changes.items() if n != "alg"}}
    if isinstance(changes.get("exp"), int):
        claims["exp"] = client.now + changes["exp"]
    key = generate_key(RS256) if "alg" in changes else client.key
    bad = signed({"alg": key.alg}, {name: value for name, value in claims.items() if value is not None}, key)
    for path in ("/oauth/par", "/oauth/token"):
        fields = {**client.parameters(), "grant_type": "authorization_code", "code": "x", **usual}
        fields["client_assertion"] = bad
        answer = fapi.world.browser().http.post(path, data=fields, headers=fapi.proof(path))
        assert refusal(answer) == (401, "invalid_client")


def test_fapi2_a_token_request_without_client_assertion(fapi: Fapi) -> None:
    fields = {"grant_type": "authorization_code", "code": fapi.code(), "redirect_uri": CALLBACK}
    data = {**fields, "code_verifier": VERIFIER, "client_id": fapi.client.client_id}
    answer = fapi.world.browser().http.post("/oauth/token", data=data, headers=fapi.proof())
    assert refusal(answer) == (401, "invalid_client")


@pytest.mark.parametrize("ahead", [8, 61])
def test_fapi2_assertions_and_objects_from_a_clock_that_goes_ahead(fapi: Fapi, ahead: int) -> None:
    times: dict[str, Any] = {"iat": fapi.client.now + ahead, "nbf": fapi.client.now + ahead}
    claims = {**peek(fapi.client.assertion()["client_assertion"])[1], **times, "exp": fapi.client.now + ahead + 60}
    proven = {**fapi.client.assertion(), "client_assertion": signed({"alg": ES256}, claims, fapi.client.key)}
    answer = fapi.world.browser().http.post("/oauth/par", data={**fapi.client.parameters(), **proven})
    assert answer.status_code == (201 if ahead == 8 else 401)
    client = SigningPlatform(fapi.world, MESSAGES)
    assert client.push({"request": client.object(**times)}).status_code == (201 if ahead == 8 else 400)


GOOD: tuple[dict[str, Any], ...] = (
    {"header": {"tx_id": 1, "kid": "any"}, "x": {"y": [1]}},
    {"url": "http://LOCALHOST:8000/oauth/userinfo?a=b#c"},
    {"url": "http://localhost:8000/oauth/%75serinfo"},
)
BAD: tuple[dict[str, Any], ...] = (
    *({"header": {name: None}} for name in ("typ", "alg", "jwk")),
    *({name: None} for name in ("jti", "htm", "htu", "iat", "ath")),
    {"header": {"typ": "JWT"}},
    {"header": {"alg": "none"}},
    {"header": {"alg": "RS256"}},
    {"header": {"jwk": {**key_of().public.jwk, "d": "x"}}},
    {"htm": "PUT"},
    {"htu": "http://localhost:8000/oauth/other"},
    {"iat": 1},
    {"iat": 9_999_999_999},
    {"ath": "wrong"},
    {"nonce": "made-up"},
)


def test_fapi2_dpop_negative_tests(fapi: Fapi) -> None:
    access = fapi.redeem(fapi.code()).json()["access_token"]
    good = fapi.resource_proof(access)
    for more in GOOD:
        shown = [("DPOP", fapi.resource_proof(access, **more))]
        assert fapi.userinfo(access, headers=shown).status_code == 200, more
    assert fapi.userinfo(access, headers=[("dpop", good), ("dpop", fapi.resource_proof(access))]).status_code == 401
    for more in BAD:
        answer = fapi.userinfo(access, headers=[("dpop", fapi.resource_proof(access, **more))])
        assert answer.status_code == 401, more
        assert answer.headers["www-authenticate"].startswith("DPoP")
    head, body, signature = good.split(".")
    for broken in ("", "x", f"{head}.{body}", f"{head}.{body}.{signature[:-4]}AAAA"):
        assert fapi.userinfo(access, headers=[("dpop", broken)]).status_code == 401
    assert fapi.userinfo(access, headers=[("dpop", fapi.resource_proof(access, key=OTHER))]).status_code == 401
    assert fapi.userinfo(access, scheme="Bearer").status_code == 401
    assert fapi.userinfo(access, headers=[("dpop", good)]).status_code == 200
    assert fapi.userinfo(access, headers=[("dpop", good)]).status_code == 401  # The same jti again.


def test_fapi2_refresh_token(small_world: World) -> None:
    fapi, second = Fapi(small_world), Fapi(small_world)
    one, other = (party.redeem(party.code(prompt="consent")).json()["refresh_token"] for party in (fapi, second))
    fields = {"grant_type": "refresh_token", "refresh_token": one}
    fresh = fapi.token(**fields)
    assert fresh.status_code == 200
    assert fapi.userinfo(fresh.json()["access_token"]).status_code == 200
    assert refusal(fapi.token(headers={}, **fields)) == (400, "invalid_request")  # No proof of possession.
    assert refusal(fapi.token(grant_type="refresh_token", refresh_token=other)) == (400, "invalid_grant")
    stolen = fresh.json()["access_token"]
    assert second.userinfo(stolen, headers=[("dpop", second.resource_proof(stolen, key=OTHER))]).status_code == 401


def test_fapi2_par_reused_request_uri_prior_to_auth_completion_succeeds_and_after_it_does_not(fapi: Fapi) -> None:
    human = fapi.world.person(name="韩梅梅")
    fapi.world.activate(human, factor=False)
    browser = fapi.world.browser()
    address = fapi.client.address(request_uri=fapi.client.pushed())
    assert browser.get(address).status_code == 200  # The sign-in page, and nothing is done there.
    browser.get(address)
    fapi.world.fill_in(human, browser)
    assert went_to(browser.submit("consent", decision="allow"))["code"]
    error_page(browser.get(address))


def test_fapi2_par_expired_foreign_and_nested_request_uris_and_other_verbs(fapi: Fapi) -> None:
    uri = fapi.client.pushed()
    second = SigningPlatform(fapi.world, FAPI)
    error_page(fapi.browser.get(second.address(request_uri=uri)))
    fapi.world.clock.move(timedelta(seconds=91))
    error_page(fapi.browser.get(fapi.client.address(request_uri=uri)))
    assert refusal(fapi.client.push({**fapi.client.parameters(), "request_uri": uri})) == (400, "invalid_request")
    for verb in ("PUT", "GET", "DELETE"):
        assert fapi.world.browser().http.request(verb, "/oauth/par").status_code == 405


def test_fapi2_pkce_verifiers_at_the_token_endpoint(fapi: Fapi) -> None:
    code = fapi.code()
    for verifier in (None, "w" * 64):
        assert refusal(fapi.redeem(code, code_verifier=verifier)) == (400, "invalid_grant")
    assert fapi.redeem(code).status_code == 200
