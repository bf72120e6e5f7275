"""The vectors of OpenID Connect under SM2: made again, verified by our code, and taken for nothing else."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from crypto.errors import InvalidSignatureError, InvalidTokenError
from crypto.jose import SGD_SM3_SM2, half_hash, verify_jwt
from crypto.jose_foreign import verify_foreign_jwt
from crypto.keys import public_key
from idp.keyed import Keyed
from idp.oauth.requests import Call
from idp.oauth.tokens.access import Access, SignIn
from idp.oauth.tokens.proofs import read_proof
from tests.vectors.files import vectors
from tests.vectors.generate_oidc_sm2 import FILE, ISSUER, generate

VECTORS = vectors("oidc_sm2.json")
TOKENS: dict[str, dict[str, Any]] = {token["name"]: token for token in VECTORS["tokens"]}
KEY = public_key(VECTORS["jwk"])
OURS = [name for name in TOKENS if name not in ("request_object", "dpop_proof")]
NOW = datetime.fromtimestamp(TOKENS["dpop_proof"]["payload"]["iat"], UTC)


def flip(token: str) -> str:
    """Change one bit of the signature."""
    at = len(token) - 10
    return token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]


def test_the_generator_makes_the_file() -> None:
    assert FILE.read_text("utf-8") == generate()


@pytest.mark.parametrize("name", OURS)
def test_what_the_provider_signs_is_verified(name: str) -> None:
    token = TOKENS[name]
    typ = token["header"]["typ"]
    assert verify_jwt(token["token"], [KEY], typ=typ, algs=[SGD_SM3_SM2]) == token["payload"]
    with pytest.raises(InvalidTokenError):
        verify_jwt(token["token"], [KEY], typ="logout+jwt", algs=[SGD_SM3_SM2])
    with pytest.raises(InvalidTokenError):
        verify_jwt(token["token"], [KEY], typ=typ, algs=["ES256"])
    with pytest.raises(InvalidSignatureError):
        verify_jwt(flip(token["token"]), [KEY], typ=typ, algs=[SGD_SM3_SM2])


def test_a_request_object_is_verified_with_the_clients_key() -> None:
    token = TOKENS["request_object"]
    keys = {"keys": [VECTORS["jwk"]]}
    _, payload = verify_foreign_jwt(token["token"], keys, typs=["oauth-authz-req+jwt"], algs=[SGD_SM3_SM2])
    assert payload == token["payload"]


def test_a_proof_shows_the_key_that_the_access_token_is_bound_to() -> None:
    access = TOKENS["access_token"]
    call = Call("GET", "/oauth/userinfo", {"dpop": TOKENS["dpop_proof"]["token"]})
    proof = read_proof(call, issuer=ISSUER, keyed=Keyed(b"k" * 32), now=NOW, token=access["token"])
    assert proof.jkt == access["payload"]["cnf"]["jkt"] == KEY.key_id


def test_the_hashes_beside_an_id_token_are_of_sm3() -> None:
    claims = TOKENS["id_token"]["payload"]
    assert claims["at_hash"] == half_hash(SGD_SM3_SM2, TOKENS["access_token"]["token"])
    assert claims["c_hash"] == half_hash(SGD_SM3_SM2, VECTORS["code"])


def test_the_access_token_is_what_the_provider_would_say() -> None:
    claims = TOKENS["access_token"]["payload"]
    access = Access(
        claims["jti"],
        client_id=claims["client_id"],
        sub=claims["sub"],
        scope=claims["scope"],
        resources=None,
        details=None,
        jkt=claims["cnf"]["jkt"],
        x5t=None,
        issued_at=NOW,
        expires_at=datetime.fromtimestamp(claims["exp"], UTC),
        signed_in=SignIn(claims["acr"], " ".join(claims["amr"]), datetime.fromtimestamp(claims["auth_time"], UTC)),
    )
    assert access.claims(ISSUER) == claims


def test_the_profile_prints_the_vectors_values() -> None:
    text = (FILE.parents[2] / "docs" / "profiles" / "jose-sm2.md").read_text("utf-8")
    claims = TOKENS["id_token"]["payload"]
    printed = [TOKENS[name]["e"] for name in ("id_token", "userinfo", "access_token", "request_object")]
    for value in (*printed, claims["at_hash"], claims["c_hash"], TOKENS["dpop_proof"]["payload"]["ath"]):
        assert f"`{value}`" in text
