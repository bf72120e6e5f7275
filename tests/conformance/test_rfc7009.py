"""Revocation (RFC 7009)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.answers import body, error
from tests.integration.idp.conftest import World
from tests.integration.idp.machine import Machine, fapi_platform, grant_code

GRANTS: dict[str, Any] = {"grant_types": ["authorization_code", "refresh_token"]}


class Issued:
    """A platform with tokens of a person."""

    def __init__(self, world: World, **changes: Any) -> None:
        self.world = world
        self.machine = Machine(world, world.platform(**GRANTS, **changes))
        self.token = body(self.machine.redeem(grant_code(world, self.machine.platform)))
        self.access: str = self.token["access_token"]
        self.refresh: str = self.token["refresh_token"]


@pytest.fixture
def issued(small_world: World) -> Issued:
    return Issued(small_world)


def test_rfc7009_2_1_credentials_are_checked_first(issued: Issued) -> None:
    http = issued.world.browser().http
    answer = http.post(
        "/oauth/revoke", data={"token": issued.access}, auth=(issued.machine.platform.client_id, "wrong")
    )
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert issued.machine.userinfo(issued.access).status == 200


def test_rfc7009_2_1_another_clients_token_is_refused_and_stays(issued: Issued) -> None:
    stranger = Machine(issued.world, issued.world.platform(name="别家", **GRANTS))
    assert error(stranger.revoke(issued.access)) == "invalid_grant"
    assert error(stranger.revoke(issued.refresh)) == "invalid_grant"
    assert issued.machine.userinfo(issued.access).status == 200


def test_rfc7009_2_1_revocation_counts_at_once(issued: Issued) -> None:
    assert issued.machine.revoke(issued.access).status == 200
    assert issued.machine.userinfo(issued.access).status == 401
    assert issued.machine.refresh(issued.refresh).status == 200


def test_rfc7009_2_1_a_refresh_token_takes_its_access_tokens_along(issued: Issued) -> None:
    assert issued.machine.revoke(issued.refresh).status == 200
    assert issued.machine.userinfo(issued.access).status == 401
    assert error(issued.machine.refresh(issued.refresh)) == "invalid_grant"


@pytest.mark.parametrize("hint", ["refresh_token", "access_token", "nonsense"])
def test_rfc7009_2_1_a_wrong_hint_hides_nothing(issued: Issued, hint: str) -> None:
    assert issued.machine.revoke(issued.access, token_type_hint=hint).status == 200
    assert issued.machine.userinfo(issued.access).status == 401


@pytest.mark.parametrize("text", ["x", "xat_x", "xrt_x", "xct_x", "a.b.c", "电", "x" * 60_000])
def test_rfc7009_2_2_an_invalid_token_is_answered_with_200(issued: Issued, text: str) -> None:
    assert issued.machine.revoke(text).status == 200


def test_rfc7009_2_1_the_token_is_required(issued: Issued) -> None:
    assert error(issued.machine.revoke("")) == "invalid_request"


def test_rfc7009_5_public_clients_may_revoke_their_own(small_world: World) -> None:
    issued = Issued(small_world, token_endpoint_auth_method="none")
    assert issued.machine.revoke(issued.refresh).status == 200
    assert issued.machine.userinfo(issued.access).status == 401


def test_all_access_tokens_of_a_refresh_token_that_stays_end_with_it(small_world: World) -> None:
    machine = fapi_platform(small_world, **GRANTS)
    first = body(machine.redeem(grant_code(small_world, machine.platform)))
    second = body(machine.refresh(first["refresh_token"]))
    assert machine.userinfo(second["access_token"]).status == 200
    assert machine.revoke(first["refresh_token"]).status == 200
    assert machine.userinfo(first["access_token"]).status == machine.userinfo(second["access_token"]).status == 401


def test_a_platforms_own_token_is_revoked(small_world: World) -> None:
    machine = Machine(small_world, small_world.platform(grant_types=["client_credentials"]))
    access = body(machine.credentials())["access_token"]
    assert machine.revoke(access).status == 200
    assert body(machine.introspect(access)) == {"active": False}
