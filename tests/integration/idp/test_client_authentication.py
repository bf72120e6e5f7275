"""Attacks on how platforms prove who they are, and keys behind a jwks_uri."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from crypto.encoding import b64u
from crypto.hashes import sha256
from crypto.jose_foreign import verify_foreign_jwt
from crypto.keys import ES256, PS256, RS256, SGD_SM3_SM2, generate_key
from idp.oauth.errors import FetchError
from idp.oauth.models import SpentId
from idp.purge import purge
from kernel.audit import AuditEvent
from tests.integration.idp.conftest import World
from tests.integration.idp.outside import answer, outside
from tests.integration.idp.proving import REVOKE, Prover, jwk_of, jwt, refused

FAPI: dict[str, Any] = {"xinji_profile": "fapi2"}


def hs256(header: dict[str, Any], claims: dict[str, Any], secret: bytes) -> str:
    """Return a JWT with an HMAC under `secret`, as an attacker makes it from a public key."""
    signed = f"{b64u(json.dumps(header).encode())}.{b64u(json.dumps(claims).encode())}"
    block = secret if len(secret) <= 64 else sha256(secret)
    block = block.ljust(64, b"\0")
    inner = sha256(bytes(byte ^ 0x36 for byte in block) + signed.encode())
    return f"{signed}.{b64u(sha256(bytes(byte ^ 0x5C for byte in block) + inner))}"


def test_a_public_key_is_no_hmac_secret(small_world: World) -> None:
    prover = Prover(small_world, RS256)
    jwk = prover.key.public.jwk
    for secret in (json.dumps(jwk).encode(), prover.key.public.point, jwk["n"].encode(), b""):
        assert refused(prover.send(hs256({"alg": "HS256", "kid": jwk["kid"]}, prover.claims(), secret)))


def test_no_other_algorithm_than_the_keys_own(small_world: World) -> None:
    sm2 = Prover(small_world, SGD_SM3_SM2)
    for alg in (ES256, "none", "None", "HS256", "SM2", "", "ES256K"):
        assert refused(sm2.send(sm2.assertion({"alg": alg})))
    es256 = Prover(small_world)
    assert refused(es256.send(es256.assertion({"alg": SGD_SM3_SM2})))
    rsa = Prover(small_world, RS256)
    assert refused(rsa.send(rsa.assertion({"alg": PS256})))


def test_a_key_in_the_header_is_never_used(small_world: World) -> None:
    prover, forger = Prover(small_world), generate_key(ES256)
    for header in (
        {"jwk": forger.public.jwk},
        {"jku": "https://evil.example/jwks"},
        {"x5u": "https://evil.example/x"},
        {"x5c": ["MIIB"]},
        {"crit": ["b64"], "b64": False},
        {"typ": "dpop+jwt"},
        {"typ": "oauth-authz-req+jwt"},
    ):
        assert refused(prover.send(jwt({"alg": ES256, **header}, prover.claims(), forger)))
        assert refused(prover.send(prover.assertion(header)))  # Even beside a good signature.


def test_an_assertion_of_another_platform_is_refused(small_world: World) -> None:
    one, other = Prover(small_world), Prover(small_world)
    assert refused(one.send(jwt({"alg": ES256}, one.claims(), other.key)))
    mixed = one.claims(sub=other.id)
    assert refused(one.send(jwt({"alg": ES256}, mixed, one.key)))
    assert refused(one.send(jwt({"alg": ES256}, mixed, other.key)))


def test_fapi_wants_its_algorithms_and_the_issuer_as_one_text(small_world: World) -> None:
    keys = [generate_key(alg) for alg in (ES256, RS256, SGD_SM3_SM2)]
    prover = Prover(small_world, jwks={"keys": [jwk_of(key) for key in keys]}, **FAPI)
    for key in keys:
        sent = prover.send(jwt({"alg": key.alg, "kid": key.key_id}, prover.claims(), key))
        assert sent.status_code == (200 if key.alg == ES256 else 401)
    issuer = small_world.issuer
    for audience in ([issuer], f"{issuer}/oauth/token", f"{issuer}/oauth/revoke", f"{issuer}/"):
        assert refused(prover.send(jwt({"alg": ES256}, prover.claims(aud=audience), keys[0])))
    now = int(small_world.clock.now().timestamp())
    assert refused(prover.send(jwt({"alg": ES256}, prover.claims(exp=now + 3600), keys[0])))


def test_two_proofs_in_one_request_are_refused(small_world: World) -> None:
    prover = Prover(small_world)
    answer_ = prover.send(client_secret="x", client_id=prover.id)
    assert (answer_.status_code, answer_.json()["error"]) == (400, "invalid_request")


def test_a_replay_is_refused_and_remembered_in_the_trail(world: World) -> None:
    prover = Prover(world)
    assertion = prover.assertion()
    with ThreadPoolExecutor(4) as pool:
        statuses = sorted(pool.map(lambda _: prover.send(assertion).status_code, range(4)))
    assert statuses == [200, 401, 401, 401]
    with world.database.read() as session:
        found = session.scalars(select(AuditEvent).where(AuditEvent.action == "client.authenticate")).all()
        assert {(event.subject, event.detail["reason"]) for event in found} == {(prover.id, "replay")}
        assert session.scalar(select(func.count()).select_from(SpentId)) == 1
    world.clock.move(timedelta(hours=2))
    with world.database.write() as session:
        purge(session, world.clock.now())
    with world.database.read() as session:
        assert session.scalar(select(func.count()).select_from(SpentId)) == 0


def test_what_is_refused_spends_nothing(small_world: World) -> None:
    prover = Prover(small_world)
    jti = "one-and-only"
    assert refused(prover.send(prover.assertion(jti=jti, aud="https://other.example")))
    assert refused(prover.send(jwt({"alg": ES256}, prover.claims(jti=jti), generate_key(ES256))))
    assert prover.send(prover.assertion(jti=jti)).status_code == 200
    assert Prover(small_world).send().status_code == 200


def test_an_unknown_platform_gets_the_same_answer_after_the_same_work(
    small_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    prover = Prover(small_world)
    worked: list[str] = []

    def counted(token: str, *args: Any, **kwargs: Any) -> Any:
        worked.append(token)
        return verify_foreign_jwt(token, *args, **kwargs)

    monkeypatch.setattr("idp.oauth.clients.assertions.verify_foreign_jwt", counted)
    stranger = prover.send(prover.assertion(iss="xc_nobody", sub="xc_nobody"))
    wrong = prover.send(prover.assertion(aud="https://other.example"))
    assert len(worked) == 1
    assert (stranger.status_code, stranger.json()) == (wrong.status_code, wrong.json())
    assert stranger.headers == wrong.headers
    by_secret = [
        small_world.browser().http.post(REVOKE, data={"token": "x", "client_id": client_id, "client_secret": "wrong"})
        for client_id in ("xc_nobody", small_world.platform().client_id, prover.id)
    ]
    assert len({(sent.status_code, sent.text) for sent in by_secret}) == 1


class Remote:
    """A platform's key set behind an address, on loopback."""

    def __init__(self, *keys: Any) -> None:
        self.keys = list(keys)
        self.broken = False

    def __call__(self, _request: bytes) -> Iterator[bytes]:
        body = json.dumps({"keys": [jwk_of(key) for key in self.keys]}).encode()
        yield answer(b"", status="503 No") if self.broken else answer(body, kind="application/jwk-set+json")


def test_keys_behind_a_jwks_uri_are_fetched_once_and_again_for_a_new_one(small_world: World) -> None:
    old, new = generate_key(ES256), generate_key(ES256)
    remote = Remote(old)
    with outside(remote) as server:
        prover = Prover(small_world, jwks_uri=f"http://127.0.0.1:{server.port}/jwks.json")

        def send(key: Any) -> int:
            sent = prover.send(jwt({"alg": ES256, "kid": key.key_id}, prover.claims(), key))
            return int(sent.status_code)

        assert [send(old), send(old), len(server.requests)] == [200, 200, 1]
        remote.keys = [new]
        assert [send(new), len(server.requests)] == [401, 1]  # Looked a moment ago.
        small_world.clock.move(timedelta(seconds=31))
        assert [send(new), send(old), len(server.requests)] == [200, 401, 2]
        for _ in range(5):  # A stranger's made-up key moves nobody to ask the platform again and again.
            assert send(generate_key(ES256)) == 401
        assert len(server.requests) == 2
        remote.broken = True
        small_world.clock.move(timedelta(minutes=11))
        assert [send(new), send(new), len(server.requests)] == [200, 200, 3]  # Its last keys serve meanwhile.
        small_world.clock.move(timedelta(hours=1))
        assert [send(new), len(server.requests)] == [401, 4]


def test_a_jwks_uri_into_our_own_network_is_never_called(small_world: World) -> None:
    looked: list[str] = []

    def resolve(host: str, port: int) -> list[str]:  # noqa: ARG001 - a Resolve
        looked.append(host)
        return ["10.0.0.5"]

    small_world.idp.issuing.fetcher._resolve = resolve
    prover = Prover(small_world, jwks_uri="https://keys.inside.example/jwks.json")
    assert refused(prover.send())
    assert looked == ["keys.inside.example"]
    with pytest.raises(FetchError, match="not public"):
        small_world.idp.issuing.fetcher.get("https://keys.inside.example/jwks.json")


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{}",
        b'{"keys": {}}',
        b"no",
        b"[" * 60_000,
        json.dumps({"keys": [{}] * 21}).encode(),
        b'{"keys": [7, null, {"kty": "EC"}]}',
    ],
)
def test_a_key_set_that_is_none_gives_no_keys(small_world: World, body: bytes) -> None:
    def handle(_request: bytes) -> Iterator[bytes]:
        yield answer(body)

    with outside(handle) as server:
        prover = Prover(small_world, jwks_uri=f"http://127.0.0.1:{server.port}/")
        assert refused(prover.send())
