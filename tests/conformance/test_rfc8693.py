"""Token exchange (RFC 8693): delegation to a resource server, and what it must not become."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from crypto.jose import peek, sign_jwt
from idp.oauth.metadata import provider_metadata
from idp.oauth.stores.tokens import revoke_grants
from idp.platforms.store import end_tokens
from tests.conformance.answers import body, error, reasons
from tests.integration.idp.conftest import Human, World
from tests.integration.idp.machine import Machine, grant_code, key_of

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS = "urn:ietf:params:oauth:token-type:access_token"
GRANTS: dict[str, Any] = {"grant_types": ["authorization_code", "refresh_token", EXCHANGE]}


class Pair:
    """A platform with a person's token for a resource server, and the resource server."""

    def __init__(self, world: World, *, scope: str = "openid profile eid offline_access", **changes: Any) -> None:
        self.world = world
        server = world.platform(
            name="资源平台",
            redirect_uris=["https://api.example.edu.cn/cb"],
            scope="openid profile aff offline_access",
            **GRANTS,
            **changes,
        )
        self.server = Machine(world, server)
        resource = f"urn:xinji:client:{server.client_id}"
        self.front = Machine(world, world.platform(**GRANTS, xinji_resources=[resource]))
        self.human: Human = world.person(name="李雷")
        code = grant_code(world, self.front.platform, self.human, scope=scope, resources=[resource], sub="front-sub")
        self.token = body(self.front.redeem(code))
        self.access: str = self.token["access_token"]


@pytest.fixture
def pair(small_world: World) -> Pair:
    return Pair(small_world)


def test_rfc8693_2_2_1_the_answer_names_the_issued_type(pair: Pair) -> None:
    answer = body(pair.server.exchange(pair.access))
    assert answer["issued_token_type"] == ACCESS
    assert answer["token_type"] == "Bearer"
    assert "refresh_token" not in answer
    assert "id_token" not in answer


def test_rfc8693_2_1_what_is_given_is_less_and_under_an_own_name(pair: Pair) -> None:
    answer = body(pair.server.exchange(pair.access))
    assert answer["scope"] == "openid profile"  # Not eid: the resource server did not register it.
    claims = body(Machine(pair.world, pair.server.platform).userinfo(answer["access_token"]))
    assert claims["name"] == "李雷"
    assert "eid" not in claims
    assert claims["sub"] != "front-sub"
    again = body(pair.server.exchange(pair.access))
    assert body(pair.server.introspect(again["access_token"]))["sub"] == claims["sub"]
    assert body(pair.server.exchange(pair.access, scope="openid"))["scope"] == "openid"


@pytest.mark.parametrize("scope", ["openid eid", "aff", "offline_access", "openid 电", "unknown"])
def test_rfc8693_2_1_no_scope_is_gained(pair: Pair, scope: str) -> None:
    assert error(pair.server.exchange(pair.access, scope=scope)) == "invalid_scope"


def test_rfc8693_4_1_act_names_who_acts(pair: Pair) -> None:
    answer = body(pair.server.exchange(pair.access))
    told = body(pair.server.introspect(answer["access_token"]))
    assert told["act"] == {"sub": pair.server.platform.client_id}
    assert told["client_id"] == pair.server.platform.client_id


def test_rfc8693_4_1_a_chain_of_actors_is_nested_and_bounded(small_world: World) -> None:
    hops = [small_world.platform(name=f"资源{step}", scope="openid", **GRANTS) for step in range(4)]
    resources = [f"urn:xinji:client:{hop.client_id}" for hop in hops]
    front = Machine(small_world, small_world.platform(**GRANTS, xinji_resources=resources))
    code = grant_code(small_world, front.platform, small_world.person(), scope="openid", resources=resources, sub="s")
    token = body(front.redeem(code))["access_token"]
    for step in range(3):
        machine, following = Machine(small_world, hops[step]), Machine(small_world, hops[step + 1])
        token = body(machine.exchange(token, resource=" ".join(resources[step + 1 :])))["access_token"]
        act = body(following.introspect(token))["act"]
        assert act["sub"] == hops[step].client_id
        assert ("act" in act) is (step > 0)
    assert error(Machine(small_world, hops[3]).exchange(token)) == "invalid_request"


def test_a_token_goes_on_to_nobody_whom_the_person_was_not_told_of(pair: Pair) -> None:
    other = pair.world.platform(name="第三家", scope="openid", **GRANTS)
    answer = pair.server.exchange(pair.access, resource=f"urn:xinji:client:{other.client_id}", scope="openid")
    assert error(answer) == "invalid_target"


def test_rfc8693_2_1_a_resource_must_be_registered(pair: Pair) -> None:
    answer = pair.server.exchange(pair.access, resource="https://other.example.edu.cn/api")
    assert error(answer) == "invalid_target"


def test_rfc8693_2_1_who_is_not_the_audience_gets_nothing_and_is_noticed(pair: Pair) -> None:
    stranger = Machine(pair.world, pair.world.platform(name="别家", **GRANTS))
    assert error(stranger.exchange(pair.access)) == "invalid_request"
    assert error(pair.front.exchange(pair.access)) == "invalid_request"  # Not even who it was issued to.
    assert reasons(pair.world) == ["foreign_exchange", "foreign_exchange"]


def test_rfc8693_2_1_the_grant_must_be_registered_and_the_client_confidential(small_world: World) -> None:
    pair = Pair(small_world)
    without = Machine(small_world, small_world.platform(name="没有", grant_types=["authorization_code"]))
    assert error(without.exchange(pair.access)) == "unauthorized_client"
    pair.server.platform = type(pair.server.platform)(pair.server.platform.client_id, "wrong")
    assert error(pair.server.exchange(pair.access)) == "invalid_client"


def test_rfc8693_2_1_actor_tokens_are_not_taken(pair: Pair) -> None:
    assert (
        error(pair.server.exchange(pair.access, actor_token=pair.access, actor_token_type=ACCESS)) == "invalid_request"
    )
    assert error(pair.server.exchange(pair.access, actor_token_type=ACCESS)) == "invalid_request"


@pytest.mark.parametrize(
    "fields",
    [
        {"subject_token": None},
        {"subject_token_type": None},
        {"subject_token_type": "urn:ietf:params:oauth:token-type:id_token"},
        {"subject_token_type": "urn:ietf:params:oauth:token-type:refresh_token"},
        {"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"},
        {"requested_token_type": "urn:ietf:params:oauth:token-type:id_token"},
        {"requested_token_type": "urn:ietf:params:oauth:token-type:jwt"},
        {"audience": "somebody"},
        {"authorization_details": "[]"},
    ],
)
def test_rfc8693_2_2_2_what_is_missing_or_not_supported_is_an_invalid_request(
    pair: Pair, fields: dict[str, str | None]
) -> None:
    assert error(pair.server.exchange(pair.access, **fields)) == "invalid_request"


@pytest.mark.parametrize("text", ["", "x", "xat_", "xat_" + "x" * 43, "a.b.c", "电", "x" * 60_000])
def test_rfc8693_2_2_2_a_subject_token_that_is_none_is_an_invalid_request(pair: Pair, text: str) -> None:
    assert error(pair.server.exchange(text)) == "invalid_request"


def test_rfc8693_2_2_2_other_tokens_are_no_subject_tokens(pair: Pair) -> None:
    machine = Machine(pair.world, pair.world.platform(name="机器", grant_types=["client_credentials"]))
    own = body(machine.credentials())["access_token"]
    for text in (pair.token["refresh_token"], pair.token["id_token"], own):
        assert error(pair.server.exchange(text)) == "invalid_request"


def test_rfc8693_it_never_lives_longer_than_the_subject_token(pair: Pair) -> None:
    pair.world.clock.move(timedelta(minutes=50))
    answer = body(pair.server.exchange(pair.access))
    assert answer["expires_in"] == 600
    pair.world.clock.move(timedelta(minutes=10))
    assert error(pair.server.exchange(pair.access)) == "invalid_request"
    assert body(pair.server.introspect(answer["access_token"])) == {"active": False}


def test_what_ends_the_persons_grant_ends_the_exchanged_token(pair: Pair) -> None:
    exchanged = body(pair.server.exchange(pair.access))["access_token"]
    assert pair.server.userinfo(exchanged).status == 200
    assert pair.front.revoke(pair.token["refresh_token"]).status == 200
    assert pair.server.userinfo(exchanged).status == 401
    assert error(pair.server.exchange(pair.access)) == "invalid_request"


def test_a_block_of_who_exchanged_ends_what_it_got_and_nothing_else(pair: Pair) -> None:
    exchanged = body(pair.server.exchange(pair.access))["access_token"]
    with pair.world.database.write() as session:
        end_tokens(session, pair.server.platform.client_id, pair.world.clock.now())
    assert pair.server.userinfo(exchanged).status == 401
    assert body(pair.front.introspect(pair.access))["active"] is True


def test_a_consent_withdrawn_at_who_exchanged_ends_what_it_got_and_nothing_else(pair: Pair) -> None:
    exchanged = body(pair.server.exchange(pair.access))["access_token"]
    with pair.world.database.write() as session:
        revoke_grants(session, pair.human.id, pair.server.platform.client_id, pair.world.clock.now())
    assert pair.server.userinfo(exchanged).status == 401
    assert body(pair.front.introspect(pair.access))["active"] is True


def test_who_exchanged_may_revoke_the_new_token_and_no_more(pair: Pair) -> None:
    exchanged = body(pair.server.exchange(pair.access))["access_token"]
    assert pair.front.revoke(exchanged).status == 400
    assert pair.server.revoke(exchanged).status == 200
    assert pair.server.userinfo(exchanged).status == 401
    assert body(pair.front.introspect(pair.access))["active"] is True


def test_single_claims_and_details_are_not_handed_on(small_world: World) -> None:
    pair = Pair(small_world)
    detail = {"type": "xinji_data_sharing", "fields": ["name"], "purpose": "教学", "until": "2026-12-01"}
    resource = f"urn:xinji:client:{pair.server.platform.client_id}"
    code = grant_code(
        small_world,
        pair.front.platform,
        pair.human,
        scope="openid",
        resources=[resource],
        claims={"userinfo": ["name"]},
        details=[detail],
    )
    access = body(pair.front.redeem(code))["access_token"]
    exchanged = body(pair.server.exchange(access))
    assert "authorization_details" not in exchanged
    assert body(pair.server.userinfo(exchanged["access_token"])).keys() == {"sub"}


def test_a_jwt_is_given_to_who_registered_jwts(small_world: World) -> None:
    pair = Pair(small_world, xinji_access_token_format="jwt")
    jwt = "urn:ietf:params:oauth:token-type:jwt"
    answer = body(pair.server.exchange(pair.access, requested_token_type=jwt))
    assert answer["issued_token_type"] == jwt
    header, claims = peek(answer["access_token"])
    assert header["typ"] == "at+jwt"
    assert claims["act"] == {"sub": pair.server.platform.client_id}
    assert claims["sub"] != "front-sub"


def test_a_forged_jwt_is_no_subject_token(pair: Pair) -> None:
    forged = sign_jwt({"iss": pair.world.issuer, "jti": "xaj_x"}, key_of(), typ="at+jwt")
    assert error(pair.server.exchange(forged)) == "invalid_request"


def test_the_metadata_name_the_grant(pair: Pair) -> None:
    assert EXCHANGE in provider_metadata(pair.world.issuer)["grant_types_supported"]
