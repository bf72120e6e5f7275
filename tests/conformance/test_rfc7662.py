"""Introspection (RFC 7662) and its signed answers (RFC 9701)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from crypto.jose import peek, verify_jwt
from crypto.keys import EDDSA, ES256, PS256, RS256, SGD_SM3_SM2
from idp.oauth.metadata import provider_metadata
from tests.conformance.answers import body, error
from tests.integration.idp.conftest import World
from tests.integration.idp.machine import Machine, fapi_platform, grant_code

MEDIA = "application/token-introspection+jwt"
GRANTS: dict[str, Any] = {"grant_types": ["authorization_code", "refresh_token", "client_credentials"]}
DETAIL = {"type": "xinji_data_sharing", "fields": ["name"], "purpose": "教学", "until": "2026-12-01"}


class Issued:
    """A platform with tokens of a person."""

    def __init__(self, world: World, **columns: Any) -> None:
        self.world = world
        self.machine = Machine(world, world.platform(**GRANTS))
        self.token = body(self.machine.redeem(grant_code(world, self.machine.platform, **columns)))
        self.access: str = self.token["access_token"]


@pytest.fixture
def issued(small_world: World) -> Issued:
    return Issued(small_world)


def test_rfc7662_2_1_the_endpoint_wants_authentication(issued: Issued) -> None:
    http = issued.world.browser().http
    assert http.post("/oauth/introspect", data={"token": issued.access}).status_code == 401
    public = Machine(
        issued.world,
        issued.world.platform(**GRANTS | {"grant_types": ["authorization_code"]}, token_endpoint_auth_method="none"),
    )
    assert error(public.introspect(issued.access)) == "invalid_client"


def test_rfc7662_2_1_it_takes_a_form_by_post_with_a_token(issued: Issued) -> None:
    http = issued.world.browser().http
    auth = (issued.machine.platform.client_id, issued.machine.platform.client_secret or "")
    assert http.get("/oauth/introspect", params={"token": issued.access}, auth=auth).status_code == 405
    refused = http.post("/oauth/introspect", data={"x": "y"}, auth=auth)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
    assert http.post("/oauth/introspect", json={"token": issued.access}, auth=auth).status_code == 400


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "saml", "电"])
def test_rfc7662_2_1_a_wrong_hint_hides_nothing(issued: Issued, hint: str) -> None:
    for token in (issued.access, issued.token["refresh_token"]):
        answer = issued.machine._post(
            "/oauth/introspect",
            {"token": token, "token_type_hint": hint},
            {},
            lambda call: issued.world.idp.oauth.endpoint("introspection", call),
        )
        assert body(answer)["active"] is True


def test_rfc7662_2_2_active_tells_what_the_token_is(small_world: World) -> None:
    issued = Issued(small_world, details=[DETAIL])
    told = body(issued.machine.introspect(issued.access))
    assert told == {
        "active": True,
        "scope": "openid profile offline_access",
        "client_id": issued.machine.platform.client_id,
        "token_type": "Bearer",
        "sub": peek(issued.token["id_token"])[1]["sub"],
        "aud": small_world.issuer,
        "iss": small_world.issuer,
        "iat": told["iat"],
        "exp": told["iat"] + 3600,
        "auth_time": told["iat"] - 60,
        "acr": told["acr"],
        "amr": ["pwd"],
        "authorization_details": [DETAIL],
    }


def test_rfc7662_2_2_inactive_tells_nothing_else(issued: Issued) -> None:
    unknown = ["x", "xat_" + "x" * 43, "xrt_x", "xct_x", "xaj_x", "a.b.c", "电", "\x00", "x" * 60_000]
    for text in unknown:
        assert body(issued.machine.introspect(text)) == {"active": False}
    stranger = Machine(issued.world, issued.world.platform(name="别家", **GRANTS))
    for text in (issued.access, issued.token["refresh_token"]):
        assert body(stranger.introspect(text)) == {"active": False}
    issued.world.clock.move(timedelta(hours=1))
    assert body(issued.machine.introspect(issued.access)) == {"active": False}


def test_rfc7662_4_answers_are_kept_by_no_cache(issued: Issued) -> None:
    http = issued.world.browser().http
    auth = (issued.machine.platform.client_id, issued.machine.platform.client_secret or "")
    for token in (issued.access, "unknown"):
        for accept in ("application/json", MEDIA):
            answer = http.post("/oauth/introspect", data={"token": token}, auth=auth, headers={"accept": accept})
            assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")


def test_rfc7662_4_a_resource_server_learns_of_tokens_for_it_and_of_no_others(small_world: World) -> None:
    server = Machine(small_world, small_world.platform(name="资源", **GRANTS))
    issued = Issued(small_world, resources=[f"urn:xinji:client:{server.platform.client_id}"])
    told = body(server.introspect(issued.access))
    assert told["active"] is True
    assert told["aud"] == f"urn:xinji:client:{server.platform.client_id}"
    assert body(server.introspect(issued.token["refresh_token"])) == {"active": False}
    assert body(server.introspect(Issued(small_world).access)) == {"active": False}


def test_rfc7662_2_2_a_refresh_token_is_told_apart(issued: Issued) -> None:
    told = body(issued.machine.introspect(issued.token["refresh_token"]))
    assert told["token_type"] == "refresh_token"
    assert told["exp"] - told["iat"] == 30 * 86_400


def test_introspection_is_one_query_and_writes_nothing(issued: Issued) -> None:
    issued.machine.introspect(issued.access)  # The platform is in the cache now.
    own = body(issued.machine.credentials())["access_token"]
    statements: list[str] = []
    engine = issued.world.database.engine
    event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    for text in (issued.access, issued.token["refresh_token"], own):
        statements.clear()
        assert body(issued.machine.introspect(text))["active"] is True
        assert len(statements) == 1
        assert statements[0].startswith("SELECT")


@pytest.mark.parametrize("alg", [None, RS256, PS256, ES256, EDDSA, SGD_SM3_SM2])
def test_rfc9701_5_the_signed_answer(small_world: World, alg: str | None) -> None:
    machine = Machine(small_world, small_world.platform(**GRANTS, introspection_signed_response_alg=alg))
    access = body(machine.credentials())["access_token"]
    answer = machine.introspect(access, accept=f"application/json;q=0.5, {MEDIA}")
    assert (answer.status, answer.headers["Content-Type"]) == (200, MEDIA)
    assert isinstance(answer.body, str)
    keys = small_world.idp.keys.public()
    claims = verify_jwt(answer.body, keys, typ="token-introspection+jwt", algs=[alg or RS256])
    assert claims["iss"] == small_world.issuer
    assert claims["aud"] == machine.platform.client_id
    assert claims["iat"] == int(small_world.clock.now().timestamp())
    assert claims["token_introspection"] == body(machine.introspect(access))
    assert not {"sub", "exp"} & claims.keys()


def test_rfc9701_4_without_the_accept_header_it_is_json(issued: Issued) -> None:
    for accept in ("", "*/*", "application/json", "application/jwt"):
        assert isinstance(issued.machine.introspect(issued.access, accept=accept).body, dict)


def test_rfc9701_5_an_inactive_token_is_told_signed_too(issued: Issued) -> None:
    answer = issued.machine.introspect("x", accept=MEDIA)
    assert isinstance(answer.body, str)
    assert peek(answer.body)[1]["token_introspection"] == {"active": False}


def test_rfc9701_8_1_the_signed_answer_is_no_access_token(issued: Issued) -> None:
    text = issued.machine.introspect(issued.access, accept=MEDIA).body
    assert isinstance(text, str)
    assert issued.machine.userinfo(text).status == 401


def test_rfc9701_fapi_never_gets_rs256(small_world: World) -> None:
    machine = fapi_platform(small_world)
    answer = machine.introspect("x", accept=MEDIA)
    assert isinstance(answer.body, str)
    assert peek(answer.body)[0]["alg"] == PS256


def test_rfc9701_7_the_metadata_list_the_algorithms(small_world: World) -> None:
    assert set(provider_metadata(small_world.issuer)["introspection_signing_alg_values_supported"]) == {
        RS256, PS256, ES256, EDDSA, SGD_SM3_SM2,
    }  # fmt: skip
