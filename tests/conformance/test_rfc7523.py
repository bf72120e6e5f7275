"""RFC 7523: JWTs for client authentication, with RFC 7521 §4.2 and OIDC Core §9 for `private_key_jwt`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from crypto.encoding import b64u, from_b64u
from crypto.jose import peek
from crypto.keys import EDDSA, ES256, PS256, RS256, SGD_SM3_SM2, generate_key
from tests.integration.idp.conftest import World
from tests.integration.idp.proving import Prover, jwt, refused


@pytest.fixture
def prover(small_world: World) -> Prover:
    return Prover(small_world)


def test_rfc7523_2_2_assertion_authenticates_the_client(prover: Prover) -> None:
    assert prover.send().status_code == 200
    assert prover.send(client_id=prover.id).status_code == 200


def test_rfc7523_2_2_assertion_type_is_jwt_bearer(prover: Prover) -> None:
    for wrong in ("urn:ietf:params:oauth:client-assertion-type:saml2-bearer", "jwt", None):
        assert refused(prover.send(client_assertion_type=wrong))


def test_rfc7523_2_2_assertion_is_one_jwt(prover: Prover) -> None:
    good = prover.assertion()
    for wrong in (f"{good} {prover.assertion()}", good[:-3], "a.b.c", "", good.rpartition(".")[0], "x" * 40_000):
        assert refused(prover.send(wrong))


def test_rfc7521_4_2_client_id_is_the_assertions(prover: Prover) -> None:
    other = Prover(prover.world)
    assert refused(prover.send(client_id=other.id))


def test_rfc7523_3_1_iss_is_required_and_the_client(prover: Prover) -> None:
    for wrong in (None, "", "xc_other", [prover.id], 7):
        assert refused(prover.send(prover.assertion(iss=wrong)))


def test_rfc7523_3_2_sub_is_required_and_the_client(prover: Prover) -> None:
    for wrong in (None, "", "xc_other", [prover.id], 7):
        assert refused(prover.send(prover.assertion(sub=wrong)))


def test_rfc7523_3_3_aud_names_the_provider(prover: Prover) -> None:
    issuer = prover.world.issuer
    for right in (issuer, f"{issuer}/oauth/token", f"{issuer}/oauth/revoke", [issuer, "https://other.example"]):
        assert prover.send(prover.assertion(aud=right)).status_code == 200
    others: tuple[Any, ...] = (
        None,
        "",
        "https://other.example",
        [],
        ["https://other.example"],
        [issuer, 7],
        f"{issuer}/",
        7,
        {},
    )
    for wrong in others:
        assert refused(prover.send(prover.assertion(aud=wrong)))


def test_rfc7523_3_4_exp_is_required_and_not_passed(prover: Prover) -> None:
    now = int(prover.world.clock.now().timestamp())
    for wrong in (None, now - 60, now - 10, "later", str(now + 60), True, 1e300, -1):
        assert refused(prover.send(prover.assertion(exp=wrong)))
    assert prover.send(prover.assertion(exp=now - 9)).status_code == 200  # Clocks differ a little.


def test_rfc7523_3_4_exp_unreasonably_far_is_refused(prover: Prover) -> None:
    now = int(prover.world.clock.now().timestamp())
    assert refused(prover.send(prover.assertion(exp=now + 2 * 3600)))
    assert prover.send(prover.assertion(exp=now + 3600)).status_code == 200


def test_rfc7523_3_5_nbf_is_honoured(prover: Prover) -> None:
    now = int(prover.world.clock.now().timestamp())
    assert refused(prover.send(prover.assertion(nbf=now + 61)))
    assert refused(prover.send(prover.assertion(nbf="now")))
    assert prover.send(prover.assertion(nbf=now + 10)).status_code == 200


def test_rfc7523_3_6_iat_is_no_time_to_come(prover: Prover) -> None:
    now = int(prover.world.clock.now().timestamp())
    assert refused(prover.send(prover.assertion(iat=now + 61)))
    assert prover.send(prover.assertion(iat=now + 10)).status_code == 200
    assert prover.send(prover.assertion(iat=None)).status_code == 200


def test_rfc7523_3_7_jti_counts_once(prover: Prover) -> None:
    assertion = prover.assertion()
    assert prover.send(assertion).status_code == 200
    assert refused(prover.send(assertion))
    assert refused(prover.send(prover.assertion(jti=prover_jti(assertion))))
    for wrong in (None, "", 7, "x" * 257):
        assert refused(prover.send(prover.assertion(jti=wrong)))


def prover_jti(assertion: str) -> Any:
    return peek(assertion)[1]["jti"]


def test_rfc7523_3_7_jti_is_remembered_until_the_assertion_ends(prover: Prover) -> None:
    now = int(prover.world.clock.now().timestamp())
    assertion = prover.assertion(exp=now + 3600)
    assert prover.send(assertion).status_code == 200
    prover.world.clock.move(timedelta(seconds=3600 + 9))
    assert refused(prover.send(assertion))


def test_rfc7523_3_9_assertion_is_signed(prover: Prover) -> None:
    good = prover.assertion()
    signed, _, signature = good.rpartition(".")
    flipped = bytearray(from_b64u(signature))
    flipped[0] ^= 1
    for wrong in (f"{signed}.", f"{signed}.{b64u(bytes(flipped))}", jwt({"alg": "none"}, prover.claims(), None)):
        assert refused(prover.send(wrong))
    assert refused(prover.send(jwt({"alg": ES256}, prover.claims(), generate_key(ES256))))


def test_rfc7523_3_10_what_is_no_jwt_is_refused(prover: Prover) -> None:
    others: tuple[Any, ...] = ([], "text", None, 7)
    for claims in others:
        assert refused(prover.send(jwt({"alg": ES256}, claims, prover.key)))


def test_rfc7523_3_refusal_is_invalid_client(prover: Prover) -> None:
    answer = prover.send(prover.assertion(aud="https://other.example"))
    assert answer.status_code == 401
    assert answer.json()["error"] == "invalid_client"
    assert answer.headers["cache-control"] == "no-store"


def test_rfc7523_5_es256_and_rs256_are_verified(small_world: World) -> None:
    for alg in (RS256, ES256, PS256, EDDSA, SGD_SM3_SM2):
        prover = Prover(small_world, alg)
        assert prover.send().status_code == 200


def test_core_9_registered_alg_is_the_only_one(small_world: World) -> None:
    key = generate_key(EDDSA)
    first = Prover(small_world)
    keys = {"keys": [first.key.public.jwk, key.public.jwk]}
    prover = Prover(small_world, jwks=keys, token_endpoint_auth_signing_alg=EDDSA)
    es256 = jwt({"alg": ES256}, prover.claims(), first.key)
    assert refused(prover.send(es256))
    assert prover.send(jwt({"alg": EDDSA}, prover.claims(), key)).status_code == 200


def test_core_9_a_client_proves_itself_as_it_registered(prover: Prover) -> None:
    by_secret = prover.world.platform()
    assert by_secret.client_secret
    asserted = jwt({"alg": ES256}, prover.claims(iss=by_secret.client_id, sub=by_secret.client_id), prover.key)
    assert refused(prover.send(asserted))
    data = {"token": "x", "client_id": prover.id, "client_secret": "x"}
    assert refused(prover.world.browser().http.post("/oauth/revoke", data=data))
    assert refused(prover.world.browser().http.post("/oauth/revoke", data={"token": "x", "client_id": prover.id}))


def test_rfc7515_4_a_header_parameter_that_nobody_knows_is_ignored(prover: Prover) -> None:
    assert prover.send(prover.assertion({"tx_id": 1, "x": {"y": [2]}})).status_code == 200
    for rule in ({"crit": ["tx_id"], "tx_id": 1}, {"b64": False}, {"jku": "https://evil.example/"}):
        assert refused(prover.send(prover.assertion(rule)))
