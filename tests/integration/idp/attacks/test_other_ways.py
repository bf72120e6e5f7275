"""Ways around consent and review: a platform that becomes another one, a developer who registers without end."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from idp.errors import RequestOverError
from idp.oauth.authorization.kept import reopen_request, use_up
from idp.oauth.clients.dynamic import MOST_OWN, PATH
from idp.oauth.clients.registration import ClientCredentials
from idp.oauth.models import InitialAccessToken
from tests.integration.idp import platform_world as at
from tests.integration.idp.conftest import World
from tests.integration.idp.platform_world import CALLBACK, KAIFENG_FIRM
from tests.integration.idp.registering import error_of
from tests.integration.idp.signing_platform import FAPI, SigningPlatform
from tests.integration.idp.test_platform_review import approved, sign_in_code
from tests.integration.idp.test_test_clients import issue, register

MINORS = {"minors": "yes"}


def _told_after(world: World, **changes: Any) -> int:
    """Return how userinfo answers a token from before a change that was approved."""
    developer, officer, platform = approved(world)
    human = world.activate(world.person("韩梅梅"))
    token = world.redeem(platform, sign_in_code(world, human, platform), redirect_uri=CALLBACK).json()["access_token"]
    assert world.userinfo(token).status_code == 200
    assert at.file_again(developer, platform.client_id, **changes).status_code == 200
    assert world.userinfo(token).status_code == 200  # It waits.
    page = at.approve(officer, platform.client_id)
    assert page.request.url.path == f"/officer/platforms/{platform.client_id}", page.text
    assert at.filings(world, platform.client_id)[-1].state == "approved"
    return int(world.userinfo(token).status_code)


@pytest.mark.parametrize(
    "change", [{"owner_name": "开封另一公司"}, {"owner_code": KAIFENG_FIRM}, {"purpose": "广告投放"}]
)
def test_tokens_do_not_outlive_what_was_consented_to(small_world: World, change: dict[str, str]) -> None:
    assert _told_after(small_world, **change) == 401


@pytest.mark.parametrize("change", [{}, {"name": "示范教学平台二"}, {"home": "https://jiaoxue.example.edu.cn/neu"}])
def test_other_changes_sign_nobody_out(small_world: World, change: dict[str, str]) -> None:
    assert _told_after(small_world, **change) == 200


def test_tokens_of_minors_end_with_the_approval_for_them(small_world: World) -> None:
    world = small_world
    at.add_tree(world)
    developer = world.activate(world.person())
    _, officer = at.officer(world)
    client_id = at.file(developer, **MINORS)
    at.approve(officer, client_id, minors_confirmed="yes")
    platform = ClientCredentials(client_id, at.new_secret(developer, client_id))
    human = world.activate(world.person("韩梅梅"))
    token = world.redeem(platform, sign_in_code(world, human, platform), redirect_uri=CALLBACK).json()["access_token"]
    at.file_again(developer, client_id)
    at.approve(officer, client_id)
    assert world.userinfo(token).status_code == 401


def test_a_developer_does_not_register_without_end(small_world: World) -> None:
    world = small_world
    human = world.person()
    browser = world.activate(human, factor=False)
    token = at.shown(issue(browser, "/developer/tokens", uses="20"), "initial-token")
    made = [register(world, token) for _ in range(MOST_OWN)]
    assert {answer.status_code for answer in made} == {201}
    again = at.shown(issue(browser, "/developer/tokens", uses="20"), "initial-token")
    assert error_of(register(world, again)) == "invalid_client_metadata"
    with world.database.read() as session:
        assert session.query(InitialAccessToken).filter(InitialAccessToken.uses_left == 20).count() == 1
    first = made[0].json()
    headers = {"authorization": f"Bearer {first['registration_access_token']}"}
    assert world.browser().http.delete(f"{PATH}/{first['client_id']}", headers=headers).status_code == 204
    assert register(world, again).status_code == 201
    with world.database.write() as session:  # Those of the province are not counted: its officer answers for them.
        session.execute(update(InitialAccessToken).values(made_by=None))
    assert register(world, again).status_code == 201


def test_a_pushed_request_is_used_up_by_one_of_two_that_opened_it_at_once(small_world: World) -> None:
    """Both have read the row before one of them answers: the statement that uses it up decides."""
    world = small_world
    platform = SigningPlatform(world, FAPI)
    uri = platform.pushed()
    client = world.idp.clients.get(platform.client_id)
    assert client is not None
    first, second = (
        reopen_request(uri, client, begun=False, now=world.clock.now(), by=world.idp.issuing) for _ in range(2)
    )
    with world.database.write_core() as connection:
        use_up(connection, first)
    with pytest.raises(RequestOverError), world.database.write_core() as connection:
        use_up(connection, second)
