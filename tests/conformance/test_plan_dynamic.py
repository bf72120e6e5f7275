"""The modules of the official Config and Dynamic plans, as docs/certification.md lists them (the suite was not run)."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from crypto.jose_foreign import verify_foreign_jwt
from crypto.keyring import KeyRing
from crypto.keys import RS256, PrivateKey
from idp.oauth.authorization.request_object import MEDIA_TYPES
from kernel.clock import ManualClock
from kernel.db import Database
from tests.conformance.relying import CALLBACK, HOME, Relying, jwk_of, rsa_key
from tests.integration.idp.conftest import World
from tests.integration.idp.machine import signed
from tests.integration.idp.registering import Registrar, error_of
from tests.integration.idp.signing_platform import Shelf

JWKS_URI, SECTOR_URI, REQUEST_URI = f"{HOME}/jwks", f"{HOME}/redirect_uris.json", f"{HOME}/requests/abc"
PROVES: dict[str, Any] = {"token_endpoint_auth_method": "private_key_jwt"}


def public_world(sqlite_database: Database, clock: ManualClock, keyring: KeyRing) -> World:
    return World(sqlite_database, clock, keyring, issuer="https://id.example")


def put_keys(shelf: Shelf, *keys: dict[str, Any]) -> None:
    shelf.bodies[JWKS_URI] = json.dumps({"keys": keys}).encode()


def test_oidcc_discovery_endpoint_verification(sqlite_database: Database, clock: ManualClock, keyring: KeyRing) -> None:
    http = public_world(sqlite_database, clock, keyring).browser().http
    answer = http.get("/.well-known/openid-configuration")
    found = answer.json()
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, "application/json")
    assert found["issuer"] == "https://id.example"
    assert {"code", "id_token", "id_token token"} <= set(found["response_types_supported"])
    assert {"authorization_code", "implicit"} <= set(found["grant_types_supported"])
    assert set(found["subject_types_supported"]) <= {"public", "pairwise"}
    assert RS256 in found["id_token_signing_alg_values_supported"]
    assert RS256 in found["userinfo_signing_alg_values_supported"]
    assert RS256 in found["request_object_signing_alg_values_supported"]
    assert found["claims_supported"]
    assert "openid" in found["scopes_supported"]
    assert isinstance(found["code_challenge_methods_supported"], list)
    for name in ("request_parameter_supported", "request_uri_parameter_supported", "claims_parameter_supported"):
        assert found[name] is True
    for name, value in found.items():
        if name.endswith(("_endpoint", "_uri")):
            assert urlsplit(value).scheme == "https", name


def test_oidcc_discovery_the_key_set_is_one_that_strict_readers_take(small_world: World) -> None:
    """FetchServerKeys, ValidateServerJWKs, CheckDistinctKeyIdValueInServerJWKs, no private or symmetric keys."""
    keys = small_world.browser().http.get("/oauth/jwks.json").json()["keys"]
    needed = {"RSA": {"n", "e"}, "EC": {"crv", "x", "y"}, "OKP": {"crv", "x"}}
    for key in keys:
        assert needed[key["kty"]] <= key.keys()
        assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & key.keys()
        assert (key["use"], bool(key["kid"]), bool(key["alg"])) == ("sig", True, True)
        assert not any(value.endswith("=") for value in key.values())
    assert len({key["kid"] for key in keys}) == len(keys)
    moduli = [key["n"] for key in keys if key["kty"] == "RSA"]
    assert len(set(moduli)) == len(moduli)  # No key serves two algorithms.
    assert min(len(modulus) for modulus in moduli) >= 342  # 2048 bits.
    assert {key["alg"] for key in keys} == {"RS256", "PS256", "ES256", "EdDSA"}


def test_oidcc_idtoken_rs256_and_server_with_private_key_jwt(small_world: World) -> None:
    party = Relying(small_world, id_token_signed_response_alg=RS256, **PROVES)
    assert "client_secret" not in party.client
    assert party.told(party.tokens(nonce="n-1")["id_token"], nonce="n-1")


def test_oidcc_idtoken_unsigned_is_not_announced(small_world: World) -> None:
    """The module is skipped where `none` is not in the metadata; who registers it all the same is told."""
    assert "none" not in Relying(small_world).metadata["id_token_signing_alg_values_supported"]
    refused = Registrar(small_world).register(id_token_signed_response_alg="none")
    assert error_of(refused) == "invalid_client_metadata"


def test_oidcc_userinfo_rs256(small_world: World) -> None:
    party = Relying(small_world, userinfo_signed_response_alg=RS256, **PROVES)
    body = party.tokens(nonce="n-1")
    answer = party.userinfo(body["access_token"])
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, "application/jwt")
    keys = small_world.browser().http.get("/oauth/jwks.json").json()
    _, claims = verify_foreign_jwt(answer.text, keys, typs=("JWT", None), algs=(RS256,))
    assert (claims["iss"], claims["aud"]) == (small_world.issuer, party.client["client_id"])
    assert claims["sub"] == party.told(body["id_token"], nonce="n-1")["sub"]
    assert "nonce" not in claims


def test_oidcc_ensure_redirect_uri_in_authorization_request(small_world: World) -> None:
    page = Relying(small_world, **PROVES).visit(redirect_uri=None)
    assert (page.status_code, page.headers["content-type"].partition(";")[0]) == (400, "text/html")


def test_oidcc_redirect_uri_query_ok_mismatch_and_added(small_world: World) -> None:
    uri = f"{CALLBACK}?foo=bar"
    party = Relying(small_world, redirect_uris=[uri], **PROVES)
    landed = party.through(party.visit(redirect_uri=uri, state="s-1"))
    assert (landed.params["foo"], landed.params["state"]) == ("bar", "s-1")
    assert party.redeem(landed.params["code"], redirect_uri=uri).status_code == 200
    for wrong in (f"{CALLBACK}?foo=other", CALLBACK, f"{uri}&extra=1", f"{CALLBACK}?"):
        page = party.visit(redirect_uri=wrong)
        assert (page.status_code, page.headers.get("location")) == (400, None)
    plain = Relying(small_world, **PROVES)
    assert plain.visit(redirect_uri=uri).status_code == 400


def test_oidcc_redirect_uri_regfrag(small_world: World) -> None:
    refused = Registrar(small_world).register(redirect_uris=[f"{CALLBACK}#foobar"])
    assert error_of(refused) == "invalid_redirect_uri"


def test_oidcc_registration_answers_what_was_registered_and_can_be_undone(small_world: World) -> None:
    """What every dynamic module does first and last: 201 with the client's metadata, 204 for its end."""
    registrar = Registrar(small_world, require_pkce=False)
    made = registrar.register(contacts=["a@suite.example"], client_name="suite", unknown_member={"x": 1})
    assert (made.status_code, made.headers["content-type"].partition(";")[0]) == (201, "application/json")
    document = made.json()
    assert document["contacts"] == ["a@suite.example"]
    assert document["client_secret_expires_at"] >= 0
    assert "unknown_member" not in document
    assert registrar.manage("GET", document).status_code == 200
    assert registrar.manage("DELETE", document).status_code == 204
    assert registrar.manage("GET", document).status_code == 401


@pytest.mark.parametrize("member", ["logo_uri", "policy_uri", "tos_uri", "client_uri"])
def test_oidcc_registration_logo_policy_and_tos_uri_are_shown(small_world: World, member: str) -> None:
    """The modules want a screenshot of it; a logo is a link too, for no page of ours loads what others keep."""
    address = f"{HOME}/{member}.html?a=1&b=%22"
    party = Relying(small_world, **{**PROVES, member: address})
    assert party.client[member] == address
    party.visit()
    party.world.fill_in(party.human, party.browser)
    page = party.browser.page
    assert f'<a href="{address.replace("&", "&amp;")}" rel="noopener noreferrer" target="_blank">' in page.text
    assert "platform-links" not in _consent_of(Relying(small_world, human=party.human, client_name="x", **PROVES))


def _consent_of(party: Relying) -> str:
    party.visit()
    return str(party.world.fill_in(party.human, party.browser).page.text)


def test_oidcc_registration_jwks_uri(small_world: World) -> None:
    shelf = Shelf.in_(small_world)
    put_keys(shelf, jwk_of(rsa_key(), kid="first"))
    party = Relying(small_world, jwks=None, jwks_uri=JWKS_URI, **PROVES)
    assert party.tokens()["id_token"]
    assert shelf.asked == [JWKS_URI]


def test_oidcc_registration_sector_uri_and_sector_bad(small_world: World) -> None:
    shelf = Shelf.in_(small_world)
    shelf.bodies[SECTOR_URI] = json.dumps([CALLBACK, f"{HOME}/other"]).encode()
    object.__setattr__(small_world.idp.registering, "fetcher", shelf)
    party = Relying(small_world, sector_identifier_uri=SECTOR_URI, **PROVES)
    assert party.tokens()["id_token"]
    shelf.bodies[SECTOR_URI] = json.dumps([f"{HOME}/other"]).encode()
    refused = Registrar(small_world).register(redirect_uris=[CALLBACK], sector_identifier_uri=SECTOR_URI)
    assert error_of(refused) == "invalid_client_metadata"


def test_oidcc_refresh_token_rp_key_rotation(small_world: World) -> None:
    shelf = Shelf.in_(small_world)
    put_keys(shelf, jwk_of(rsa_key(), kid="first"))
    grants = ["authorization_code", "refresh_token"]
    party = Relying(small_world, jwks=None, jwks_uri=JWKS_URI, grant_types=grants, **PROVES)
    body = party.tokens(scope="openid offline_access", prompt="consent")
    party.key = rsa_key("second")
    put_keys(shelf, jwk_of(party.key, kid="second"))
    small_world.clock.move(timedelta(seconds=60))
    fresh = party.refresh(body["refresh_token"])
    assert fresh.status_code == 200, fresh.text
    assert party.userinfo(fresh.json()["access_token"]).status_code == 200


@pytest.mark.parametrize("audience", ["issuer", "token endpoint", "both"])
def test_oidcc_ensure_client_assertion_with_iss_aud_succeeds(small_world: World, audience: str) -> None:
    party = Relying(small_world, **PROVES)
    token_endpoint = party.metadata["token_endpoint"]
    named = {"issuer": small_world.issuer, "token endpoint": token_endpoint}.get(
        audience, [small_world.issuer, token_endpoint]
    )
    code = party.ask().params["code"]
    answer = party.redeem(code, client_assertion=party.assertion(aud=named))
    assert answer.status_code == 200


def object_of(party: Relying, key: PrivateKey, **changes: Any) -> str:
    client_id = party.client["client_id"]
    query = dict(parse_qsl(urlsplit(party.address(state="s-1", nonce="n-1")).query))
    claims = {**query, "iss": client_id, "aud": party.world.issuer, **changes}
    return signed({"alg": RS256}, claims, key)


@pytest.mark.parametrize("kind", ["application/jwt", "application/oauth-authz-req+jwt"])
def test_oidcc_request_uri_signed_rs256(small_world: World, kind: str) -> None:
    """The suite's object has no kid, no typ and no times, and stands beside the parameters it repeats."""
    assert kind in MEDIA_TYPES
    shelf = Shelf.in_(small_world)
    party = Relying(small_world, request_uris=[REQUEST_URI], request_object_signing_alg=RS256, **PROVES)
    shelf.bodies[REQUEST_URI] = object_of(party, party.key).encode()
    landed = party.through(party.visit(request_uri=REQUEST_URI, state="s-1", nonce="n-1"))
    assert landed.params["state"] == "s-1"
    assert party.told(party.redeem(landed.params["code"]).json()["id_token"], nonce="n-1")
    assert shelf.asked
    unregistered = party.visit(request_uri=f"{REQUEST_URI}2", state="s-1")
    assert "invalid_request_uri" in unregistered.headers["location"]


def test_oidcc_ensure_request_object_with_redirect_uri(small_world: World) -> None:
    """The module itself uses an unsigned object and is skipped; the same with a signed one."""
    party = Relying(small_world, **PROVES)
    page = party.visit(redirect_uri=f"{HOME}/invalid", request=object_of(party, party.key), state="s-1", nonce="n-1")
    landed = party.through(page)
    assert (landed.uri, landed.params["state"]) == (CALLBACK, "s-1")
