"""One JWT in another's place: each kind that we or a platform signs opens its own door and no other.

The doors are tried with every kind that is not theirs; each door is also tried with its own, so
that a door that is always shut is noticed.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from crypto.jose import peek
from crypto.keys import ES256
from idp.oauth.clients.assertions import TYPE
from idp.oauth.clients.metadata import CODE, EXCHANGE, REFRESH
from idp.oauth.endpoints.introspection import MEDIA_TYPE
from idp.oauth.logout.token import sign_logout_token
from idp.oauth.models import Client
from kernel.ids import new_id
from tests.integration.idp.conftest import CALLBACK, VERIFIER, World, answer_of
from tests.integration.idp.machine import proof
from tests.integration.idp.signing_platform import SigningPlatform

ACCESS = "urn:ietf:params:oauth:token-type:access_token"
CHANGES: dict[str, Any] = {
    "grant_types": [CODE, REFRESH, EXCHANGE],
    "xinji_access_token_format": "jwt",
    "userinfo_signed_response_alg": ES256,
    "authorization_signed_response_alg": ES256,
    "introspection_signed_response_alg": ES256,
}


class Bench:
    """A platform that has one JWT of each kind, and the doors."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.platform = SigningPlatform(world, CHANGES)
        own = f"urn:xinji:client:{self.platform.client_id}"
        with world.database.write() as session:
            client = session.get_one(Client, self.platform.client_id)
            client.registered = {**client.registered, "xinji_resources": [own]}
        world.idp.clients.forget(self.platform.client_id)
        self.browser = world.activate(world.person(), factor=False)
        jarm = self._answer(response_mode="jwt")["response"]
        access = self._token(peek(jarm)[1]["code"])
        self.for_itself = self._token(self._answer(resource=own)["code"])["access_token"]
        http = world.browser().http
        userinfo = http.get("/oauth/userinfo", headers={"authorization": f"Bearer {access['access_token']}"})
        told = self.platform.post("/oauth/introspect", {"token": "x"}, headers={"accept": MEDIA_TYPE})
        registered = world.idp.clients.get(self.platform.client_id)
        assert registered is not None
        logout = sign_logout_token(
            registered,
            sub=peek(access["id_token"])[1]["sub"],
            session_id=new_id(),
            issuer=world.issuer,
            keys=world.idp.keys,
            now=world.clock.now(),
        )
        self.jwts = {
            "id_token": access["id_token"],
            "access_token": access["access_token"],
            "answer": jarm,
            "userinfo": userinfo.text,
            "introspection": told.text,
            "logout_token": logout,
            "request": self.platform.object(),
            "assertion": self.platform.assertion()["client_assertion"],
            "proof": proof(world, self.platform.key, f"{world.issuer}/oauth/par"),
        }

    def _answer(self, **changes: str) -> dict[str, str]:
        page = self.browser.get(self.world.request(self.platform.credentials, **changes))
        return answer_of(self.browser.submit("consent", decision="allow") if page.status_code == 200 else page)

    def _token(self, code: str) -> dict[str, str]:
        fields = {"grant_type": CODE, "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
        token: dict[str, str] = self.platform.post("/oauth/token", fields).json()
        return token

    def hint(self, jwt: str) -> bool:
        page = self.browser.get(self.world.request(self.platform.credentials, id_token_hint=jwt, prompt="none"))
        return "code" in answer_of(page)

    def sign_out(self, jwt: str) -> bool:
        page = self.world.browser().http.get(f"/oauth/logout?{urlencode({'id_token_hint': jwt})}")
        return bool(page.status_code != 400)

    def bearer(self, jwt: str) -> bool:
        answer = self.world.browser().http.get("/oauth/userinfo", headers={"authorization": f"Bearer {jwt}"})
        return bool(answer.status_code == 200)

    def introspect(self, jwt: str) -> bool:
        return bool(self.platform.post("/oauth/introspect", {"token": jwt}).json()["active"])

    def exchange(self, jwt: str) -> bool:
        fields = {"grant_type": EXCHANGE, "subject_token": jwt, "subject_token_type": ACCESS}
        return bool(self.platform.post("/oauth/token", fields).status_code == 200)

    def request(self, jwt: str) -> bool:
        return "code" in answer_of(self.browser.get(self.world.request(self.platform.credentials, request=jwt)))

    def pushed(self, jwt: str) -> bool:
        return bool(self.platform.push({"request": jwt}).status_code == 201)

    def assertion(self, jwt: str) -> bool:
        fields = {"token": "x", "client_assertion_type": TYPE, "client_assertion": jwt}
        return bool(self.world.browser().http.post("/oauth/revoke", data=fields).status_code == 200)

    def proof(self, jwt: str) -> bool:
        return bool(self.platform.push(self.platform.parameters(), headers={"dpop": jwt}).status_code == 201)

    def registration(self, jwt: str) -> bool:
        path, headers = f"/oauth/register/{self.platform.client_id}", {"authorization": f"Bearer {jwt}"}
        return bool(self.world.browser().http.get(path, headers=headers).status_code == 200)


DOORS: dict[str, tuple[Callable[[Bench, str], bool], str | None]] = {
    "hint": (Bench.hint, "id_token"),
    "sign_out": (Bench.sign_out, "id_token"),
    "bearer": (Bench.bearer, "access_token"),
    "introspect": (Bench.introspect, "access_token"),
    "exchange": (Bench.exchange, None),
    "request": (Bench.request, "request"),
    "pushed": (Bench.pushed, "request"),
    "assertion": (Bench.assertion, "assertion"),
    "proof": (Bench.proof, "proof"),
    "registration": (Bench.registration, None),
}
KINDS = (
    "id_token",
    "access_token",
    "answer",
    "userinfo",
    "introspection",
    "logout_token",
    "request",
    "assertion",
    "proof",
)


@pytest.fixture
def bench(small_world: World) -> Bench:
    return Bench(small_world)


def test_no_jwt_opens_another_ones_door(bench: Bench) -> None:
    assert set(bench.jwts) == set(KINDS)
    opened = [
        f"{kind} as {door}"
        for (door, (tried, own)), kind in itertools.product(DOORS.items(), KINDS)
        if kind != own and tried(bench, bench.jwts[kind])
    ]
    assert opened == []


def test_each_jwt_opens_its_own_door(bench: Bench) -> None:
    shut = [door for door, (tried, own) in DOORS.items() if own is not None and not tried(bench, bench.jwts[own])]
    assert shut == []
    assert bench.exchange(bench.for_itself)


def test_each_kind_of_ours_has_a_typ_of_its_own_but_userinfo(bench: Bench) -> None:
    typs = {kind: peek(bench.jwts[kind])[0].get("typ") for kind in KINDS[:6]}
    assert len(set(typs.values())) == len(typs) - 1  # Signed userinfo is told from an ID token by its missing session.
    assert typs["userinfo"] == typs["id_token"]
    assert not {"sid", "exp", "nonce"} & peek(bench.jwts["userinfo"])[1].keys()


@pytest.mark.parametrize("change", [{"sub": "own"}, {"sub": "own", "jti": "x"}])
def test_a_request_that_names_its_client_as_subject_is_neither(bench: Bench, change: dict[str, str]) -> None:
    """RFC 9101 §10.8: what the browser sees of a request must not authenticate the platform."""
    own: dict[str, Any] = {
        name: bench.platform.client_id if value == "own" else value for name, value in change.items()
    }
    signed = bench.platform.object(**own)
    assert not bench.request(signed)
    assert not bench.assertion(signed)
