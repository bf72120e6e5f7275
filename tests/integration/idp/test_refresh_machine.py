"""Rotation as a state machine: whoever comes with what, a family has one live refresh token or none."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import func, select

from idp.oauth.models import Grant, Token
from idp.oauth.tokens.values import GRACE
from tests.integration.idp.conftest import World
from tests.integration.idp.machine import Machine

SCOPE = "openid offline_access"


def test_rotation_keeps_its_promises_whatever_comes(small_world: World) -> None:  # noqa: C901 - one machine
    world = small_world
    platform = world.platform()
    human = world.person()
    world.activate(human, factor=False)
    machine = Machine(world, platform)

    class Rotation(RuleBasedStateMachine):
        """`chain` holds the refresh tokens in their order, `used` when each but the last was rotated."""

        def __init__(self) -> None:
            super().__init__()
            browser = world.sign_in(human)
            token: Any = machine.redeem(world.code(platform, browser, scope=SCOPE)).body
            self.grant_id = newest_grant(world)
            self.chain: list[str] = [token["refresh_token"]]
            self.access: list[str] = [token["access_token"]]
            self.used: list[Any] = []
            self.over = False

        @rule()
        def refresh_the_latest(self) -> None:
            answer: Any = machine.refresh(self.chain[-1])
            if self.over:
                assert (answer.status, answer.body["error"]) == (400, "invalid_grant")
                return
            assert answer.status == 200
            assert answer.body["refresh_token"] not in self.chain
            self.chain.append(answer.body["refresh_token"])
            self.access.append(answer.body["access_token"])
            self.used.append(world.clock.now())

        @precondition(lambda self: self.used)
        @rule(data=st.data())
        def repeat_an_old_one(self, data: st.DataObject) -> None:
            back = data.draw(st.sampled_from([1, 1, 1, 2, 3]))  # Mostly the one that has a grace time.
            at = max(0, len(self.used) - back)
            answer: Any = machine.refresh(self.chain[at])
            now = world.clock.now()
            gracious = at == len(self.used) - 1 and now - self.used[at] < GRACE
            if not self.over and gracious:
                assert answer.status == 200
                assert answer.body["refresh_token"] == self.chain[at + 1]
                assert answer.body["access_token"] == self.access[at + 1]
                return
            assert (answer.status, answer.body["error"]) == (400, "invalid_grant")
            self.over = True

        @rule(seconds=st.sampled_from([1, 14, 29, 30, 31]))
        def wait(self, seconds: int) -> None:
            world.clock.move(timedelta(seconds=seconds))

        @precondition(lambda self: len(self.used) > 2)
        @rule()
        def revoke(self) -> None:
            assert machine.revoke(self.chain[-1]).status == 200
            self.over = True

        @invariant()
        def one_live_token_or_none(self) -> None:
            with world.database.read() as session:
                live = select(func.count()).select_from(Token).join(Grant, Grant.id == Token.grant_id)
                count = session.scalar(
                    live.where(
                        Grant.id == self.grant_id,
                        Token.rotated_at.is_(None),
                        Token.refresh_hash.is_not(None),
                        Grant.revoked_at.is_(None),
                    )
                )
            assert count == (0 if self.over else 1)

        @invariant()
        def a_family_that_ended_opens_nothing(self) -> None:
            if self.over:
                assert machine.userinfo(self.access[-1]).status == 401

    run_state_machine_as_test(
        Rotation,
        settings=settings(
            max_examples=40,
            stateful_step_count=15,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def newest_grant(world: World) -> Any:
    with world.database.read() as session:
        return session.scalars(select(Grant.id).order_by(Grant.created_at.desc(), Grant.id.desc())).first()
