"""ID tokens, the token endpoint and userinfo (OIDC Core 1.0 §2, §3.1.3, §5.3, §5.5, §9, §12)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from crypto.jose import half_hash, peek, verify_jwt
from crypto.keys import EDDSA, ES256, PS256, RS256, SGD_SM3_SM2
from idp.oauth.metadata import provider_metadata
from idp.oauth.tokens.id_token import half_hashes
from tests.conformance.answers import body, error
from tests.integration.idp.conftest import World
from tests.integration.idp.machine import Machine, grant_code

GRANTS: dict[str, Any] = {"grant_types": ["authorization_code", "refresh_token"]}
ALGS = [RS256, PS256, ES256, EDDSA, SGD_SM3_SM2]


class Issued:
    """A platform with tokens of a person."""

    def __init__(self, world: World, metadata: dict[str, Any] | None = None, **columns: Any) -> None:
        self.world = world
        self.human = world.person(name="李雷𠮷")
        self.machine = Machine(world, world.platform(**GRANTS, **(metadata or {})))
        self.token = body(self.machine.redeem(grant_code(world, self.machine.platform, self.human, **columns)))
        self.access: str = self.token["access_token"]
        self.claims = peek(self.token["id_token"])[1]


@pytest.fixture
def issued(small_world: World) -> Issued:
    return Issued(small_world)


def test_core_2_the_id_token_has_what_is_required(issued: Issued) -> None:
    now = int(issued.world.clock.now().timestamp())
    claims = issued.claims
    assert claims["iss"] == issued.world.issuer
    assert claims["aud"] == issued.machine.platform.client_id
    assert claims["iat"] == now
    assert claims["exp"] > now
    assert claims["sub"].isascii()
    assert len(claims["sub"]) <= 255


def test_core_2_auth_time_acr_and_amr_tell_of_the_sign_in(small_world: World) -> None:
    claims = Issued(small_world, {"require_auth_time": True}).claims
    assert claims["auth_time"] == claims["iat"] - 60
    assert isinstance(claims["acr"], str)
    assert claims["amr"] == ["pwd"]


def test_core_2_one_audience_needs_no_azp(issued: Issued) -> None:
    assert isinstance(issued.claims["aud"], str)
    assert "azp" not in issued.claims


@pytest.mark.parametrize("alg", ALGS)
def test_core_2_the_id_token_is_signed_as_registered(small_world: World, alg: str) -> None:
    token = Issued(small_world, {"id_token_signed_response_alg": alg}).token
    claims = verify_jwt(token["id_token"], small_world.idp.keys.public(), typ="JWT", algs=[alg])
    assert claims["at_hash"] == half_hash(alg, token["access_token"])


@pytest.mark.parametrize("alg", ALGS)
def test_core_3_3_2_11_c_hash_is_made_as_at_hash_is(alg: str) -> None:
    made = half_hashes(alg, access="token", code="code")
    assert made == {"at_hash": half_hash(alg, "token"), "c_hash": half_hash(alg, "code")}
    assert half_hashes(alg, code="code").keys() == {"c_hash"}


def test_core_3_1_3_3_the_answer_has_an_id_token_and_says_bearer(issued: Issued) -> None:
    assert issued.token["token_type"] == "Bearer"
    assert issued.token["id_token"]


def test_core_3_1_3_4_a_refusal_is_400_in_json(issued: Issued) -> None:
    answer = issued.machine.redeem("x")
    assert (answer.status, error(answer)) == (400, "invalid_grant")


def test_core_5_3_1_userinfo_by_get_and_post(issued: Issued) -> None:
    got = body(issued.machine.userinfo(issued.access))
    assert got == body(issued.machine.userinfo(issued.access, method="POST"))
    assert got["name"] == "李雷𠮷"


def test_core_5_3_2_sub_is_always_there_and_that_of_the_id_token(small_world: World) -> None:
    issued = Issued(small_world, scope="openid")
    assert body(issued.machine.userinfo(issued.access)) == {"sub": issued.claims["sub"]}


def test_core_5_3_2_the_answer_is_json_in_utf8_that_nobody_keeps(issued: Issued) -> None:
    headers = {"authorization": f"Bearer {issued.access}"}
    answer = issued.world.browser().http.get("/oauth/userinfo", headers=headers)
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.headers["cache-control"] == "no-store"
    assert "李雷𠮷".encode() in answer.content


@pytest.mark.parametrize("alg", ALGS)
def test_core_5_3_2_a_signed_answer_has_iss_and_aud_and_its_media_type(small_world: World, alg: str) -> None:
    issued = Issued(small_world, {"userinfo_signed_response_alg": alg})
    headers = {"authorization": f"Bearer {issued.access}"}
    answer = small_world.browser().http.get("/oauth/userinfo", headers=headers)
    assert answer.headers["content-type"] == "application/jwt"
    assert answer.headers["cache-control"] == "no-store"
    claims = verify_jwt(answer.text, small_world.idp.keys.public(), typ="JWT", algs=[alg])
    assert claims["iss"] == small_world.issuer
    assert claims["aud"] == issued.machine.platform.client_id
    assert claims["sub"] == issued.claims["sub"]
    assert claims["name"] == "李雷𠮷"


@pytest.mark.parametrize("text", ["", "x", "xat_" + "x" * 43, "xrt_x", "xct_x", "a.b.c", "电", "x" * 9_000])
def test_core_5_3_3_an_unknown_token_is_refused(issued: Issued, text: str) -> None:
    assert issued.machine.userinfo(text).status == 401


def test_core_5_3_3_other_tokens_are_no_access_tokens(issued: Issued) -> None:
    for text in (issued.token["refresh_token"], issued.token["id_token"]):
        assert error(issued.machine.userinfo(text)) == "invalid_token"


def test_core_5_3_1_userinfo_writes_nothing(issued: Issued) -> None:
    statements: list[str] = []
    event.listen(issued.world.database.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    issued.machine.userinfo(issued.access)
    assert statements
    assert all(statement.lstrip().startswith(("SELECT", "BEGIN")) for statement in statements), statements


def test_core_5_5_claims_asked_for_stand_where_they_were_asked_for(small_world: World) -> None:
    claims = {"userinfo": ["loa"], "id_token": ["name"]}
    issued = Issued(small_world, scope="openid", claims=claims)
    assert issued.claims["name"] == "李雷𠮷"
    assert "loa" not in issued.claims
    told = body(issued.machine.userinfo(issued.access))
    assert told["loa"]
    assert "name" not in told


def test_core_5_5_a_grant_cannot_name_other_claims_into_an_id_token(small_world: World) -> None:
    claims = {"id_token": ["sub", "iss", "exp", "birthdate", "person_id"]}
    issued = Issued(small_world, scope="openid", claims=claims)
    assert issued.claims["iss"] == small_world.issuer
    assert not {"birthdate", "person_id"} & issued.claims.keys()


def test_data_sharing_releases_its_fields_until_its_day(small_world: World) -> None:
    detail = {"type": "xinji_data_sharing", "fields": ["name"], "purpose": "教学", "until": "2026-06-30"}
    issued = Issued(small_world, scope="openid offline_access", details=[detail])
    assert body(issued.machine.userinfo(issued.access))["name"] == "李雷𠮷"
    small_world.clock.move(timedelta(hours=13))  # Past midnight in China.
    access = body(issued.machine.refresh(issued.token["refresh_token"]))["access_token"]
    assert body(issued.machine.userinfo(access)).keys() == {"sub"}


def test_core_12_1_a_refresh_is_authenticated_and_bound_to_the_client(issued: Issued) -> None:
    anonymous = Machine(issued.world, type(issued.machine.platform)(issued.machine.platform.client_id, None))
    assert error(anonymous.refresh(issued.token["refresh_token"])) == "invalid_client"


def test_core_12_2_the_new_id_token_is_of_the_same_sign_in(small_world: World) -> None:
    issued = Issued(small_world, nonce="n-1")
    small_world.clock.move(timedelta(minutes=50))
    after = peek(body(issued.machine.refresh(issued.token["refresh_token"]))["id_token"])[1]
    for claim in ("iss", "sub", "aud", "auth_time", "acr", "amr", "sid"):
        assert after[claim] == issued.claims[claim]
    assert after["iat"] == issued.claims["iat"] + 3000
    assert "azp" not in after
    assert issued.claims["nonce"] == "n-1"
    assert "nonce" not in after


def test_core_9_the_metadata_list_the_methods_and_algorithms(small_world: World) -> None:
    told = provider_metadata(small_world.issuer)
    assert {"client_secret_basic", "client_secret_post", "private_key_jwt", "none"} <= set(
        told["token_endpoint_auth_methods_supported"]
    )
    assert set(told["userinfo_signing_alg_values_supported"]) == set(ALGS)


def test_core_9_a_client_uses_the_method_it_registered_and_one_only(small_world: World) -> None:
    platform = small_world.platform(**GRANTS, token_endpoint_auth_method="client_secret_post")
    assert error(Machine(small_world, platform).refresh("x")) == "invalid_client"  # The machine says it by Basic.
    http = small_world.browser().http
    fields = {"grant_type": "refresh_token", "refresh_token": "x", "client_id": platform.client_id}
    posted = http.post("/oauth/token", data={**fields, "client_secret": platform.client_secret})
    assert (posted.status_code, posted.json()["error"]) == (400, "invalid_grant")
