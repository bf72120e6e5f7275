"""Refresh tokens: rotation, the grace time, the family's end on reuse, and races."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import func, select

from crypto.jose import peek
from idp.oauth.clients.registration import ClientCredentials
from idp.oauth.models import Grant, Token
from idp.oauth.tokens.values import GRACE
from kernel.audit import AuditEvent
from kernel.errors import BusyError
from tests.integration.idp.conftest import World
from tests.integration.idp.machine import Machine

SCOPE = "openid profile offline_access"


def signed_in(world: World, **changes: Any) -> tuple[ClientCredentials, dict[str, Any]]:
    platform = world.platform(**changes)
    browser = world.activate(world.person(), factor=False)
    return platform, world.redeem(platform, world.code(platform, browser, scope=SCOPE)).json()


def live_tokens(world: World) -> int:
    with world.database.read() as session:
        live = select(func.count()).select_from(Token).join(Grant, Grant.id == Token.grant_id)
        return session.scalar(live.where(Token.rotated_at.is_(None), Grant.revoked_at.is_(None))) or 0


def test_a_refresh_gives_new_tokens_for_the_same_person(world: World) -> None:
    platform, first = signed_in(world)
    world.clock.move(timedelta(minutes=50))
    second = world.refresh(platform, first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert second["access_token"] != first["access_token"]
    before, after = peek(first["id_token"])[1], peek(second["id_token"])[1]
    for claim in ("iss", "sub", "aud", "auth_time", "acr", "amr", "sid"):
        assert after[claim] == before[claim]
    assert "nonce" not in after
    assert after["iat"] > before["iat"]
    assert world.userinfo(second["access_token"]).status_code == 200


def test_the_same_old_token_within_the_grace_time_gets_the_same_answer(world: World) -> None:
    platform, first = signed_in(world)
    second = world.refresh(platform, first["refresh_token"]).json()
    world.clock.move(timedelta(seconds=10))
    again = world.refresh(platform, first["refresh_token"]).json()
    assert again["access_token"] == second["access_token"]
    assert again["refresh_token"] == second["refresh_token"]
    assert again["expires_in"] == second["expires_in"] - 10
    assert live_tokens(world) == 1


def test_reuse_after_the_grace_time_ends_the_family(world: World) -> None:
    platform, first = signed_in(world)
    second = world.refresh(platform, first["refresh_token"]).json()
    world.clock.move(timedelta(seconds=30))
    answer = world.refresh(platform, first["refresh_token"])
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert world.refresh(platform, second["refresh_token"]).json()["error"] == "invalid_grant"
    assert world.userinfo(second["access_token"]).status_code == 401
    assert live_tokens(world) == 0
    with world.database.read() as session:
        event = session.scalars(select(AuditEvent).where(AuditEvent.action == "grant.revoke")).one()
    assert event.detail == {"reason": "refresh_reuse"}


def test_reuse_ends_the_family_even_in_the_grace_time_once_the_successor_was_used(world: World) -> None:
    platform, first = signed_in(world)
    second = world.refresh(platform, first["refresh_token"]).json()
    third = world.refresh(platform, second["refresh_token"]).json()
    assert world.refresh(platform, first["refresh_token"]).json()["error"] == "invalid_grant"
    assert world.userinfo(third["access_token"]).status_code == 401


def test_fifty_refreshes_of_one_token_at_once_leave_one_live_family(world: World) -> None:
    """All fifty wait for each other and come at once: each gets the same tokens, or is told why not."""
    platform, first = signed_in(world)
    machine = Machine(world, platform)
    together = Barrier(50)

    def refresh(_: int) -> tuple[int, str]:
        together.wait(60)
        try:
            answer: Any = machine.refresh(first["refresh_token"])
        except BusyError:  # SQLite's lock: 503, ask again.
            return 503, ""
        return answer.status, answer.body.get("refresh_token", answer.body.get("error"))

    with ThreadPoolExecutor(50) as pool:
        answers = Counter(pool.map(refresh, range(50)))
    assert {status for status, _ in answers} <= {200, 503}
    assert len({token for status, token in answers if status == 200}) == 1
    assert live_tokens(world) == 1
    with world.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Token)) == 2
        assert session.scalar(select(func.count()).select_from(Grant).where(Grant.revoked_at.is_(None))) == 1
    latest = next(token for status, token in answers if status == 200)
    assert world.refresh(platform, latest).status_code == 200


def test_fifty_who_come_after_the_grace_time_end_the_family_once(world: World) -> None:
    platform, first = signed_in(world)
    world.refresh(platform, first["refresh_token"])
    world.clock.move(GRACE)
    machine = Machine(world, platform)
    together = Barrier(50)

    def refresh(_: int) -> int:
        together.wait(60)
        try:
            return machine.refresh(first["refresh_token"]).status
        except BusyError:
            return 503

    with ThreadPoolExecutor(50) as pool:
        assert set(pool.map(refresh, range(50))) <= {400, 503}
    assert live_tokens(world) == 0
    with world.database.read() as session:
        told = select(func.count()).select_from(AuditEvent).where(AuditEvent.action == "grant.revoke")
        assert session.scalar(told) == 1


def test_a_code_redeemed_at_once_by_many_gives_at_most_one_answer(world: World) -> None:
    platform = world.platform()
    browser = world.activate(world.person(), factor=False)
    code = world.code(platform, browser, scope=SCOPE)
    with ThreadPoolExecutor(8) as pool:
        statuses = Counter(answer.status_code for answer in pool.map(lambda _: world.redeem(platform, code), range(16)))
    assert statuses[200] <= 1
    with world.database.read() as session:
        assert (session.scalar(select(func.count()).select_from(Token)) or 0) <= 1
    assert live_tokens(world) == 0


def test_another_platform_cannot_use_the_token_and_does_not_hurt_it(small_world: World) -> None:
    platform, first = signed_in(small_world)
    thief = small_world.platform(name="贼")
    assert small_world.refresh(thief, first["refresh_token"]).json()["error"] == "invalid_grant"
    assert small_world.refresh(platform, first["refresh_token"]).status_code == 200


def test_a_refresh_may_ask_for_less_once_and_never_for_more(small_world: World) -> None:
    platform, first = signed_in(small_world)
    less = small_world.refresh(platform, first["refresh_token"], scope="openid").json()
    assert less["scope"] == "openid"
    assert set(small_world.userinfo(less["access_token"]).json()) == {"sub"}
    whole = small_world.refresh(platform, less["refresh_token"]).json()
    assert whole["scope"] == SCOPE
    more = small_world.refresh(platform, whole["refresh_token"], scope="openid eid")
    assert more.json()["error"] == "invalid_scope"


def test_refresh_tokens_end_after_thirty_days_and_families_after_half_a_year(small_world: World) -> None:
    platform, token = signed_in(small_world)
    for _ in range(6):
        small_world.clock.move(timedelta(days=29))
        answer = small_world.refresh(platform, token["refresh_token"])
        assert answer.status_code == 200
        token = answer.json()
    small_world.clock.move(timedelta(days=7))
    assert small_world.refresh(platform, token["refresh_token"]).json()["error"] == "invalid_grant"


def test_there_is_no_refresh_token_without_offline_access(small_world: World) -> None:
    platform = small_world.platform(scope="openid profile")
    browser = small_world.activate(small_world.person(), factor=False)
    token = small_world.redeem(platform, small_world.code(platform, browser, scope=SCOPE)).json()
    assert "refresh_token" not in token
    assert token["scope"] == "openid profile"
    assert small_world.refresh(platform, "x").json()["error"] == "unauthorized_client"


@pytest.mark.parametrize("token", ["x", "", "电", "y" * 40_000])
def test_a_made_up_token_is_refused(small_world: World, token: str) -> None:
    platform, _ = signed_in(small_world)
    assert small_world.refresh(platform, token).json()["error"] in ("invalid_grant", "invalid_request")
