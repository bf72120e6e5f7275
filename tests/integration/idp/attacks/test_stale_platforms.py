"""A process that has not heard of a block yet: what it gives out within its ten seconds is worth nothing after."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from idp.oauth.clients.metadata import CODE, EXCHANGE, REFRESH
from idp.oauth.clients.registered import FRESH
from idp.oauth.models import Client
from tests.conformance.answers import body, error
from tests.integration.idp import platform_world as at
from tests.integration.idp.conftest import World
from tests.integration.idp.machine import Machine, grant_code
from tests.integration.idp.test_platform_review import approved

GRANTS: dict[str, Any] = {"grant_types": [CODE, REFRESH, EXCHANGE]}


class Late:
    """A platform that is blocked elsewhere, a token that it got here just after, and the resource of that token."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.resource = Machine(world, world.platform(name="资源", **GRANTS))
        name = f"urn:xinji:client:{self.resource.platform.client_id}"
        self.machine = Machine(world, world.platform(xinji_resources=[name], **GRANTS))
        code = grant_code(world, self.machine.platform, resources=[name, world.issuer])
        world.idp.clients.get(self.machine.platform.client_id)
        self.state("blocked")
        self.token = body(self.machine.redeem(code))

    def state(self, state: str) -> None:
        """Change the platform as another process does: nothing is forgotten here."""
        client_id = self.machine.platform.client_id
        with self.world.database.write() as session:
            session.execute(update(Client).where(Client.client_id == client_id).values(state=state))


@pytest.fixture
def late(small_world: World) -> Late:
    late = Late(small_world)
    assert body(late.resource.introspect(late.token["access_token"]))["active"] is True
    small_world.clock.move(FRESH)
    return late


def test_the_resource_is_told_that_it_is_not_active(late: Late) -> None:
    assert body(late.resource.introspect(late.token["access_token"])) == {"active": False}


def test_the_resource_does_not_go_on_with_it(late: Late) -> None:
    assert error(late.resource.exchange(late.token["access_token"])) == "invalid_request"


def test_it_opens_nothing_here_and_is_not_refreshed(late: Late) -> None:
    assert error(late.machine.userinfo(late.token["access_token"])) == "invalid_token"
    assert error(late.machine.refresh(late.token["refresh_token"])) == "invalid_client"


def test_after_the_block_is_taken_back_it_stays_worth_nothing(world: World) -> None:
    _, officer, platform = approved(world)
    officer.get(f"/officer/platforms/{platform.client_id}")
    at.send(officer, "block", block_reason="泄露用户资料", how="block")
    late = grant_code(world, platform)
    officer.get(f"/officer/platforms/{platform.client_id}")
    at.send(officer, "unblock", block_reason="已整改")
    assert error(Machine(world, platform).redeem(late)) == "invalid_grant"
    assert Machine(world, platform).redeem(grant_code(world, platform)).status == 200
