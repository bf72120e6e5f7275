"""DPoP (RFC 9449): one test per MUST of the provider's side, and what thieves of proofs and tokens try."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from crypto.encoding import b64u
from crypto.hashes import sha256
from crypto.jose import peek
from crypto.keys import EDDSA, ES256, PS256, RS256, SGD_SM3_SM2
from idp.oauth.metadata import provider_metadata
from idp.oauth.server import Answer
from idp.oauth.tokens import nonces
from tests.conformance.answers import body, error, reasons
from tests.integration.idp.conftest import CALLBACK, VERIFIER, World
from tests.integration.idp.machine import Machine, fapi_platform, grant_code, key_of, nonce_of, proof, signed

CLIENT: dict[str, Any] = {"grant_types": ["client_credentials"], "response_types": ["code"]}
CODE: dict[str, Any] = {"grant_types": ["authorization_code", "refresh_token"]}
PUBLIC: dict[str, Any] = {**CODE, "token_endpoint_auth_method": "none"}
CREDENTIALS = {"grant_type": "client_credentials"}


@pytest.fixture
def machine(small_world: World) -> Machine:
    return Machine(small_world, small_world.platform(**CLIENT), key=key_of())


def url(world: World, path: str = "/oauth/token") -> str:
    return f"{world.issuer}{path}"


def ask(machine: Machine, text: str) -> Answer:
    return machine.token(CREDENTIALS, dpop=text)


@pytest.mark.parametrize("alg", [ES256, PS256, EDDSA, SGD_SM3_SM2])
def test_rfc9449_5_a_token_is_bound_to_the_key_of_the_proof(small_world: World, alg: str) -> None:
    machine = Machine(small_world, small_world.platform(**CLIENT), key=key_of(alg))
    answer = body(machine.credentials())
    assert answer["token_type"] == "DPoP"
    told = body(machine.introspect(answer["access_token"]))
    assert told["cnf"] == {"jkt": key_of(alg).key_id}
    assert told["token_type"] == "DPoP"


def test_rfc9449_4_3_there_is_one_header_and_no_more(machine: Machine) -> None:
    world = machine.world
    one, two = (proof(world, key_of(), url(world)) for _ in range(2))
    assert error(ask(machine, f"{one}, {two}")) == "invalid_dpop_proof"
    basic = machine.world.browser().http
    headers = [("dpop", one), ("dpop", two)]
    fields = {**CREDENTIALS, "client_id": machine.platform.client_id, "client_secret": machine.platform.client_secret}
    refused = basic.post("/oauth/token", data=fields, headers=headers)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    secret = (machine.platform.client_id, machine.platform.client_secret or "")
    refused = basic.post("/oauth/token", data=CREDENTIALS, headers=headers, auth=secret)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_dpop_proof")
    assert basic.post("/oauth/token", data=CREDENTIALS, headers=headers[:1], auth=secret).status_code == 200


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "电", "." * 9_000, "e30.e30.e30"])
def test_rfc9449_4_3_a_proof_is_a_well_formed_jwt(machine: Machine, text: str) -> None:
    assert error(ask(machine, text)) == "invalid_dpop_proof"


@pytest.mark.parametrize("missing", ["jti", "htm", "htu", "iat"])
def test_rfc9449_4_3_all_required_claims_are_there(machine: Machine, missing: str) -> None:
    changes: dict[str, Any] = {missing: None}
    assert error(ask(machine, proof(machine.world, key_of(), url(machine.world), **changes))) == ("invalid_dpop_proof")


@pytest.mark.parametrize(
    "claims",
    [
        {"jti": 7}, {"jti": ""}, {"jti": "j" * 300}, {"jti": "\ud800"}, {"jti": "电"}, {"htm": 7}, {"htu": 7},
        {"htu": ["x"]}, {"iat": "now"}, {"iat": True}, {"iat": 10**400}, {"iat": -1}, {"nonce": 7}, {"nonce": ["x"]},
    ],
)  # fmt: skip
def test_rfc9449_4_2_the_claims_are_of_their_types(machine: Machine, claims: dict[str, Any]) -> None:
    assert error(ask(machine, proof(machine.world, key_of(), url(machine.world), **claims))) == "invalid_dpop_proof"


@pytest.mark.parametrize("typ", [None, "JWT", "dpop", "at+jwt", "DPOP+JWT "])
def test_rfc9449_4_3_typ_is_dpop_jwt(machine: Machine, typ: str | None) -> None:
    text = proof(machine.world, key_of(), url(machine.world), header={"typ": typ})
    assert error(ask(machine, text)) == "invalid_dpop_proof"


@pytest.mark.parametrize("alg", ["none", "HS256", RS256, PS256, SGD_SM3_SM2, EDDSA, None])
def test_rfc9449_4_3_alg_is_asymmetric_accepted_and_the_keys_own(machine: Machine, alg: str | None) -> None:
    assert error(ask(machine, proof(machine.world, key_of(), url(machine.world), header={"alg": alg}))) == (
        "invalid_dpop_proof"
    )


def test_rfc9449_4_3_no_rsa_pkcs1_and_no_es256_over_an_sm2_key(machine: Machine) -> None:
    world = machine.world
    assert error(ask(machine, proof(world, key_of(RS256), url(world)))) == "invalid_dpop_proof"
    sm2 = proof(world, key_of(SGD_SM3_SM2), url(world), header={"alg": ES256})
    assert error(ask(machine, sm2)) == "invalid_dpop_proof"


def test_rfc9449_4_3_the_signature_is_that_of_the_key_in_the_header(machine: Machine) -> None:
    world = machine.world
    thief = proof(world, key_of(name="b"), url(world), header={"jwk": dict(key_of().public.jwk)})
    assert error(ask(machine, thief)) == "invalid_dpop_proof"
    head, claims, signature = proof(world, key_of(), url(world)).split(".")
    _, _, other = proof(world, key_of(), url(world)).split(".")
    assert error(ask(machine, f"{head}.{claims}.{other}")) == "invalid_dpop_proof"
    assert error(ask(machine, f"{head}.{claims}.")) == "invalid_dpop_proof"
    assert ask(machine, f"{head}.{claims}.{signature}").status == 200


@pytest.mark.parametrize(
    "header", [{"jku": "https://evil"}, {"x5u": "https://evil"}, {"x5c": ["x"]}, {"crit": ["b64"]}, {"jwk": None}]
)
def test_rfc9449_4_3_no_other_key_or_rule_comes_with_the_proof(machine: Machine, header: dict[str, Any]) -> None:
    assert error(ask(machine, proof(machine.world, key_of(), url(machine.world), header=header))) == (
        "invalid_dpop_proof"
    )


def test_rfc9449_4_3_the_jwk_holds_no_private_key(machine: Machine) -> None:
    jwk = {**key_of().public.jwk, "d": b64u(b"d" * 32)}
    text = proof(machine.world, key_of(), url(machine.world), header={"jwk": jwk})
    assert error(ask(machine, text)) == "invalid_dpop_proof"


@pytest.mark.parametrize("method", ["GET", "post", "PUT", ""])
def test_rfc9449_4_3_htm_is_the_method(machine: Machine, method: str) -> None:
    assert error(ask(machine, proof(machine.world, key_of(), url(machine.world), method=method))) == (
        "invalid_dpop_proof"
    )


@pytest.mark.parametrize(
    "change", ["{}?a=b", "{}#x", "HTTP://127.0.0.1:8000/oauth/token", "{}?", "{base}/%6Fauth/token"]
)
def test_rfc9449_4_3_htu_is_compared_without_query_and_in_normal_form(machine: Machine, change: str) -> None:
    world = machine.world
    base = world.issuer
    htu = change.format(url(world), base=base) if not change.startswith("HTTP") else url(world).replace("http", "HTTP")
    assert ask(machine, proof(world, key_of(), htu)).status == 200


@pytest.mark.parametrize(
    "htu",
    [
        "https://evil.example/oauth/token", "{base}/oauth/userinfo", "{base}/oauth/token/", "{base}", "/oauth/token",
        "{base}@evil.example/oauth/token", "ftp://x/oauth/token", "http://[", "{base}/oauth%2Ftoken", "电",
    ],
)  # fmt: skip
def test_rfc9449_4_3_htu_is_this_endpoint(machine: Machine, htu: str) -> None:
    text = proof(machine.world, key_of(), htu.format(base=machine.world.issuer))
    assert error(ask(machine, text)) == "invalid_dpop_proof"


@pytest.mark.parametrize(("seconds", "good"), [(-119, True), (-121, False), (29, True), (31, False), (-86_400, False)])
def test_rfc9449_4_3_iat_is_of_now(machine: Machine, seconds: int, *, good: bool) -> None:
    iat = int(machine.world.clock.now().timestamp()) + seconds
    answer = ask(machine, proof(machine.world, key_of(), url(machine.world), iat=iat))
    assert (answer.status == 200) is good


def test_rfc9449_11_1_a_proof_counts_once_and_a_repetition_is_noticed(machine: Machine) -> None:
    world = machine.world
    text = proof(world, key_of(), url(world))
    assert ask(machine, text).status == 200
    assert error(ask(machine, text)) == "invalid_dpop_proof"
    assert reasons(world) == ["proof_replay"]
    same_jti = proof(world, key_of(), url(world), jti=peek(text)[1]["jti"])
    assert error(ask(machine, same_jti)) == "invalid_dpop_proof"
    other_key = proof(world, key_of(name="b"), url(world), jti=peek(text)[1]["jti"])
    assert ask(machine, other_key).status == 200


def test_rfc9449_11_1_a_refused_proof_issues_nothing(small_world: World) -> None:
    platform = small_world.platform(**CODE)
    machine = Machine(small_world, platform)
    text = proof(small_world, key_of(), url(small_world))
    fields = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    assert machine.token({**fields, "code": grant_code(small_world, platform)}, dpop=text).status == 200
    second = grant_code(small_world, platform)
    assert error(machine.token({**fields, "code": second}, dpop=text)) == "invalid_dpop_proof"
    assert machine.token({**fields, "code": second}).status == 200  # The code was not used up.


def test_rfc9449_8_a_nonce_is_asked_for_and_taken(small_world: World) -> None:
    machine = fapi_platform(small_world, **CODE)
    machine.nonce = None
    code = grant_code(small_world, machine.platform)
    asked = machine.redeem(code)
    assert (asked.status, error(asked)) == (400, "use_dpop_nonce")
    assert asked.headers["DPoP-Nonce"] == nonce_of(small_world)
    assert asked.headers["Cache-Control"] == "no-store"
    machine.nonce = asked.headers["DPoP-Nonce"]
    assert body(machine.redeem(code))["token_type"] == "DPoP"


@pytest.mark.parametrize("nonce", ["", "x", "n" * 43, "电" * 43, "\ud800" * 43])
def test_rfc9449_8_a_nonce_that_is_not_ours_is_refused_for_everybody(machine: Machine, nonce: str) -> None:
    answer = ask(machine, proof(machine.world, key_of(), url(machine.world), nonce=nonce))
    assert error(answer) == "use_dpop_nonce"
    assert answer.headers["DPoP-Nonce"] == nonce_of(machine.world)


def test_rfc9449_8_2_a_new_nonce_comes_before_the_old_one_ends(machine: Machine) -> None:
    world = machine.world
    assert machine.credentials().headers["DPoP-Nonce"] == nonce_of(world)  # Offered to all.
    machine.nonce = nonce_of(world)
    assert "DPoP-Nonce" not in machine.credentials().headers
    world.clock.move(timedelta(seconds=nonces.STEP))
    rotated = machine.credentials()
    assert rotated.status == 200
    assert rotated.headers["DPoP-Nonce"] not in (machine.nonce, None)
    world.clock.move(timedelta(seconds=nonces.STEP))
    assert error(machine.credentials()) == "use_dpop_nonce"


def test_rfc9449_5_2_a_platform_that_registered_bound_tokens_gets_no_others(small_world: World) -> None:
    platform = small_world.platform(**CLIENT, dpop_bound_access_tokens=True)
    assert error(Machine(small_world, platform).credentials()) == "invalid_request"
    assert body(Machine(small_world, platform, key=key_of()).credentials())["token_type"] == "DPoP"


def test_rfc9449_5_a_refresh_token_of_a_public_client_is_bound_too(small_world: World) -> None:
    platform = small_world.platform(**PUBLIC)
    machine = Machine(small_world, platform, key=key_of())
    first = body(machine.redeem(grant_code(small_world, platform)))
    thief = Machine(small_world, platform, key=key_of(name="b"))
    assert error(thief.refresh(first["refresh_token"])) == "invalid_grant"
    assert error(Machine(small_world, platform).refresh(first["refresh_token"])) == "invalid_grant"
    assert reasons(small_world) == ["refresh_key", "refresh_key"]
    second = body(machine.refresh(first["refresh_token"]))
    assert second["token_type"] == "DPoP"
    # Within the grace time too: the answer is for the key that was there first.
    assert error(thief.refresh(first["refresh_token"])) == "invalid_grant"
    assert body(machine.refresh(first["refresh_token"]))["access_token"] == second["access_token"]


def test_a_refresh_repeated_with_another_key_than_the_first_gets_nothing(small_world: World) -> None:
    platform = small_world.platform(**PUBLIC)
    unbound = body(Machine(small_world, platform).redeem(grant_code(small_world, platform)))["refresh_token"]
    first = body(Machine(small_world, platform, key=key_of()).refresh(unbound))
    for machine in (Machine(small_world, platform, key=key_of(name="b")), Machine(small_world, platform)):
        assert error(machine.refresh(unbound)) == "invalid_grant"
    again = body(Machine(small_world, platform, key=key_of()).refresh(unbound))
    assert again["access_token"] == first["access_token"]


def test_rfc9449_5_a_refresh_token_of_a_confidential_client_may_change_its_key(small_world: World) -> None:
    machine = fapi_platform(small_world, **CODE)
    first = body(machine.redeem(grant_code(small_world, machine.platform)))
    machine.key = key_of(name="b")
    second = body(machine.refresh(first["refresh_token"]))
    assert body(machine.introspect(second["access_token"]))["cnf"] == {"jkt": key_of(name="b").key_id}


def test_rfc9449_6_1_a_jwt_names_the_key(small_world: World) -> None:
    platform = small_world.platform(**CLIENT, xinji_access_token_format="jwt")
    machine = Machine(small_world, platform, key=key_of())
    assert peek(body(machine.credentials())["access_token"])[1]["cnf"] == {"jkt": key_of().key_id}


def test_rfc9449_10_a_code_is_bound_to_the_key_of_dpop_jkt(small_world: World) -> None:
    platform = small_world.platform(**CODE)
    code = grant_code(small_world, platform, dpop_jkt=key_of().key_id)
    assert error(Machine(small_world, platform, key=key_of(name="b")).redeem(code)) == "invalid_grant"
    assert error(Machine(small_world, platform).redeem(code)) == "invalid_grant"
    assert reasons(small_world) == ["code_key", "code_key"]
    assert Machine(small_world, platform, key=key_of()).redeem(code).status == 200


def test_rfc9449_5_1_the_metadata_list_the_algorithms(small_world: World) -> None:
    told = provider_metadata(small_world.issuer)
    assert told["dpop_signing_alg_values_supported"] == [ES256, PS256, EDDSA, SGD_SM3_SM2]


def test_rfc9449_4_3_fapi_takes_no_sm2_proof(small_world: World) -> None:
    machine = fapi_platform(small_world, **CODE)
    machine.key = key_of(SGD_SM3_SM2)
    assert error(machine.redeem(grant_code(small_world, machine.platform))) == "invalid_dpop_proof"


# Resources (section 7): userinfo is ours.


def bound(world: World, **changes: Any) -> tuple[Machine, str]:
    platform = world.platform(**CODE, **changes)
    machine = Machine(world, platform, key=key_of())
    return machine, str(body(machine.redeem(grant_code(world, platform)))["access_token"])


def test_rfc9449_7_1_a_bound_token_is_taken_with_its_proof(small_world: World) -> None:
    machine, access = bound(small_world)
    assert body(machine.userinfo(access))["sub"]
    assert body(machine.userinfo(access, method="POST"))["sub"]


def test_rfc9449_7_2_a_bound_token_is_no_bearer_token(small_world: World) -> None:
    machine, access = bound(small_world)
    refused = machine.userinfo(access, scheme="Bearer")
    assert (refused.status, error(refused)) == (401, "invalid_token")
    form = small_world.browser().http.post("/oauth/userinfo", data={"access_token": access})
    assert (form.status_code, form.json()["error"]) == (401, "invalid_token")


def test_rfc9449_7_1_a_bearer_token_is_no_bound_one(small_world: World) -> None:
    platform = small_world.platform(**CODE)
    access = body(Machine(small_world, platform).redeem(grant_code(small_world, platform)))["access_token"]
    assert Machine(small_world, platform, key=key_of()).userinfo(access).status == 401
    assert Machine(small_world, platform).userinfo(access).status == 200


def test_rfc9449_7_1_another_key_is_refused(small_world: World) -> None:
    machine, access = bound(small_world)
    machine.key = key_of(name="b")
    refused = machine.userinfo(access)
    assert (refused.status, error(refused)) == (401, "invalid_token")
    assert refused.headers["WWW-Authenticate"].startswith("DPoP ")
    assert 'algs="ES256' in refused.headers["WWW-Authenticate"]


@pytest.mark.parametrize("ath", [None, b64u(sha256(b"another")), "", 7, "电", "\ud800"])
def test_rfc9449_4_3_ath_is_the_hash_of_the_token(small_world: World, ath: Any) -> None:
    machine, access = bound(small_world)
    address = url(small_world, "/oauth/userinfo")
    text = proof(small_world, key_of(), address, method="GET", ath=ath)
    refused = machine.userinfo(access, dpop=text)
    assert (refused.status, error(refused)) == (401, "invalid_dpop_proof")


def test_rfc9449_11_1_a_proof_at_a_resource_counts_once(small_world: World) -> None:
    machine, access = bound(small_world)
    text = proof(small_world, key_of(), url(small_world, "/oauth/userinfo"), method="GET", access=access)
    assert machine.userinfo(access, dpop=text).status == 200
    assert error(machine.userinfo(access, dpop=text)) == "invalid_dpop_proof"


def test_rfc9449_9_a_resource_asks_for_a_nonce_too(small_world: World) -> None:
    machine = fapi_platform(small_world, **CODE)
    access = body(machine.redeem(grant_code(small_world, machine.platform)))["access_token"]
    machine.nonce = None
    asked = machine.userinfo(access)
    assert (asked.status, error(asked)) == (401, "use_dpop_nonce")
    assert 'error="use_dpop_nonce"' in asked.headers["WWW-Authenticate"]
    machine.nonce = asked.headers["DPoP-Nonce"]
    assert machine.userinfo(access).status == 200


def test_rfc9449_7_a_proof_for_the_token_endpoint_opens_no_resource(small_world: World) -> None:
    machine, access = bound(small_world)
    text = proof(small_world, key_of(), url(small_world), method="POST", access=access)
    assert error(machine.userinfo(access, dpop=text)) == "invalid_dpop_proof"


def test_a_proof_under_a_symmetric_key_made_of_the_public_one_is_refused(machine: Machine) -> None:
    key = key_of()
    jwk = {"kty": "oct", "k": b64u(key.public.point)}
    text = signed({"typ": "dpop+jwt", "alg": "HS256", "jwk": jwk}, {"jti": "x"}, key)
    assert error(ask(machine, text)) == "invalid_dpop_proof"
