"""Test clients and developers' initial access tokens: for their developer alone; what ends goes without a trace."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import func, select

from idp.errors import IdpError
from idp.oauth import models
from idp.platforms import console
from idp.platforms.models import PlatformDecision, PlatformFiling
from idp.purge import purge
from tests.integration.idp import platform_world as at
from tests.integration.idp.conftest import CALLBACK, Human, World, answer_of
from tests.integration.idp.plain_browser import PlainBrowser
from tests.integration.idp.platform_world import TEST_CLIENT


def test_a_test_client_signs_in_its_developer_at_once(world: World) -> None:
    browser = world.activate(world.person())
    made = at.make_test(browser)
    page = browser.get(world.request(made))
    assert "我的试验（测试）" in page.text
    tokens = world.redeem(made, answer_of(browser.submit("consent", decision="allow"))["code"]).json()
    assert world.userinfo(tokens["access_token"]).status_code == 200


@pytest.mark.parametrize("prompt", [None, "none", "consent", "login"])
def test_a_test_client_signs_in_nobody_else(small_world: World, prompt: str | None) -> None:
    made = at.make_test(small_world.activate(small_world.person(), factor=False))
    human = small_world.person("韩梅梅")
    other = small_world.activate(human, factor=False)
    page = other.get(small_world.request(made, prompt=prompt))
    if prompt == "login":
        page = small_world.fill_in(human, other).page
    if prompt == "none":  # A refusal goes back; nothing is told.
        assert answer_of(page)["error"] == "consent_required"
    else:
        assert page.status_code == 403
        assert "test_client" in page.text
        assert "location" not in page.headers
    decided = other.http.post(
        small_world.request(made).replace("/oauth/authorize", "/oauth/consent"),
        data={"csrf_token": token_of(other), "decision": "allow"},
    )
    assert decided.status_code == 403
    with small_world.database.read() as session:
        assert session.scalar(select(func.count()).select_from(models.Grant)) == 0


def token_of(browser: PlainBrowser) -> str:
    browser.get("/developer/tests/new")
    return browser.form("test-client").fields["csrf_token"]


@pytest.mark.parametrize(
    "uri",
    [
        "https://example.edu.cn/cb",
        "http://127.0.0.1.example.org/cb",
        "http://localhost.example.org/cb",
        "http://10.0.0.1/cb",
        "http://[::1].example.org/",
        "https://127.0.0.1/cb",
        "cn.example.app:/cb",
        "http://127.0.0.1/cb\nhttps://example.org/cb",
        "",
    ],
)
def test_a_test_client_lives_on_this_computer(small_world: World, uri: str) -> None:
    browser = small_world.activate(small_world.person(), factor=False)
    browser.get("/developer/tests/new")
    page = at.send(browser, "test-client", **{**TEST_CLIENT, "redirect_uris": uri})
    assert page.status_code == 422
    assert 'id="redirect_uris-problem"' in page.text
    with small_world.database.read() as session:
        assert session.scalar(select(func.count()).select_from(models.Client)) == 0


def test_each_loopback_address_may_be_used(small_world: World) -> None:
    browser = small_world.activate(small_world.person(), factor=False)
    uris = "http://127.0.0.1:8001/cb\nhttp://[::1]:8001/cb\r\nhttp://localhost/cb"
    made = at.make_test(browser, redirect_uris=uris)
    client = small_world.idp.clients.get(made.client_id)
    assert client is not None
    assert len(client.metadata.redirect_uris) == 3


def test_five_test_clients_a_person_also_when_made_at_once(world: World) -> None:
    human = world.person()
    browser = world.activate(human)
    for _ in range(4):
        at.make_test(browser)
    draft = console.read_test(
        {name: [value] if isinstance(value, str) else value for name, value in TEST_CLIENT.items()}
    )
    outcomes: list[str] = []

    def make() -> None:
        try:
            with world.database.write() as session:
                console.create_test(session, draft, person_id=human.id, keyed=world.idp.keyed, now=world.clock.now())
            outcomes.append("done")
        except IdpError as error:
            outcomes.append(error.code)

    second = threading.Thread(target=make)
    with world.database.write() as session:
        console.create_test(session, draft, person_id=human.id, keyed=world.idp.keyed, now=world.clock.now())
        session.flush()
        second.start()
        second.join(0.5)  # It waits for the first one's commit.
    second.join(20)
    assert outcomes == ["platform_too_many"]
    browser.get("/developer/tests/new")
    page = at.send(browser, "test-client", **TEST_CLIENT)
    assert (page.status_code, at.refused(page)) == (409, "platform_too_many")


def test_a_test_client_is_changed_at_once_and_ends_after_ninety_days(world: World) -> None:
    browser = world.activate(world.person())
    made = at.make_test(browser)
    assert world.idp.clients.get(made.client_id) is not None
    browser.get(f"/developer/clients/{made.client_id}/edit")
    at.send(browser, "test-client", **{**TEST_CLIENT, "name": "改名", "scope": ["aff"], "profile": "sm2"})
    client = world.idp.clients.get(made.client_id)
    assert client is not None
    assert (client.name, client.metadata.scope) == ("改名（测试）", "openid aff")
    assert client.metadata.id_token_signed_response_alg == "SGD_SM3_SM2"
    world.clock.move(timedelta(days=91))
    assert world.idp.clients.get(made.client_id) is None


def rows_of(world: World) -> dict[str, int]:
    tables = (models.Client, models.Grant, models.Token, models.PairwiseSub, PlatformFiling, PlatformDecision)
    with world.database.read() as session:
        return {each.__tablename__: session.scalar(select(func.count()).select_from(each)) or 0 for each in tables}


def purge_all(world: World) -> None:
    with world.database.write() as session:
        while purge(session, world.clock.now()):
            pass


def used(world: World, browser: PlainBrowser) -> str:
    """Return a test client with live tokens."""
    made = at.make_test(browser, scope=["profile", "offline_access"])
    page = browser.get(world.request(made, scope="openid profile offline_access"))
    if page.status_code == 200:
        page = browser.submit("consent", decision="allow")
    assert world.redeem(made, answer_of(page)["code"]).status_code == 200
    return made.client_id


def test_a_deleted_test_client_goes_with_all_that_hung_on_it(world: World) -> None:
    browser = world.activate(world.person())
    other = world.platform()
    world.redeem(other, world.code(other, browser, scope="openid offline_access"))
    client_id, kept = used(world, browser), used(world, browser)
    before = rows_of(world)
    browser.get(f"/developer/clients/{client_id}")
    at.send(browser, "end")
    assert world.idp.clients.get(client_id) is None
    assert browser.get(f"/developer/clients/{client_id}").status_code == 404
    purge_all(world)
    after = rows_of(world)
    assert {name: before[name] - after[name] for name in before} == {
        "idp_client": 1,
        "idp_grant": 1,
        "idp_token": 1,
        "idp_pairwise_sub": 1,
        "idp_platform_filing": 0,
        "idp_platform_decision": 0,
    }
    assert world.idp.clients.get(kept) is not None


def test_an_expired_test_client_goes_a_week_later(world: World) -> None:
    client_id = used(world, world.activate(world.person()))
    world.clock.move(timedelta(days=96))
    purge_all(world)
    assert rows_of(world)["idp_client"] == 1
    world.clock.move(timedelta(days=2))
    purge_all(world)
    assert set(rows_of(world).values()) == {0}
    assert world.idp.clients.get(client_id) is None


def test_what_was_refused_goes_after_a_year_and_what_is_in_use_stays(world: World) -> None:
    at.add_tree(world)
    developer = world.activate(world.person())
    _, officer = at.officer(world)
    refused, served = at.file(developer), at.file(developer, name="另一个")
    officer.get(f"/officer/platforms/{refused}")
    at.send(officer, "refuse", reason="不行")
    at.approve(officer, served)
    world.clock.move(timedelta(days=364))
    purge_all(world)
    assert rows_of(world)["idp_client"] == 2
    world.clock.move(timedelta(days=5 * 365))
    purge_all(world)
    assert {name: count for name, count in rows_of(world).items() if count} == {
        "idp_client": 1,
        "idp_platform_filing": 1,
        "idp_platform_decision": 2,
    }


def register(world: World, token: str) -> Any:
    body = {"redirect_uris": [CALLBACK], "client_name": "自动登记", "scope": "openid profile"}
    return world.browser().http.post("/oauth/register", json=body, headers={"authorization": f"Bearer {token}"})


def issue(browser: PlainBrowser, path: str, **fields: str) -> Any:
    browser.get(path)
    return at.send(browser, "issue", **{"uses": "1", "days": "7", **fields})


def authorize(browser: PlainBrowser, made: dict[str, Any]) -> Any:
    query = {"client_id": made["client_id"], "redirect_uri": CALLBACK, "response_type": "code", "scope": "openid"}
    challenge = {"code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "code_challenge_method": "S256"}
    return browser.get(f"/oauth/authorize?{urlencode({**query, **challenge})}")


def test_what_a_developer_registers_by_program_signs_in_the_developer_alone(small_world: World) -> None:
    browser = small_world.activate(small_world.person(), factor=False)
    token = at.shown(issue(browser, "/developer/tokens"), "initial-token")
    assert token not in browser.get("/developer/tokens").text
    made = register(small_world, token)
    assert made.status_code == 201, made.text
    assert register(small_world, token).status_code == 401
    other = small_world.activate(small_world.person("韩梅梅"), factor=False)
    assert authorize(other, made.json()).status_code == 403
    assert authorize(browser, made.json()).status_code == 200


def test_what_is_registered_with_the_province_s_token_signs_in_everybody(small_world: World) -> None:
    at.add_tree(small_world)
    _, officer = at.officer(small_world)
    token = at.shown(issue(officer, "/officer/platforms/tokens", owner="示范单位"), "initial-token")
    made = register(small_world, token)
    assert made.status_code == 201, made.text
    other = small_world.activate(small_world.person("韩梅梅"), factor=False)
    assert authorize(other, made.json()).status_code == 200


def test_only_the_province_gives_such_tokens_and_their_numbers_are_bounded(small_world: World) -> None:
    at.add_tree(small_world)
    _, city = at.officer(small_world, "410100", "市官")
    assert city.get("/officer/platforms/tokens").status_code == 403
    developer = small_world.activate(small_world.person("韩梅梅"))
    assert developer.get("/officer/platforms/tokens").status_code == 403
    for fields in ({"uses": "0"}, {"uses": "21"}, {"days": "31"}, {"uses": "١"}, {"uses": "9" * 5000}):
        page = issue(developer, "/developer/tokens", **fields)
        assert (page.status_code, "platform_number" in page.text) == (422, True)
    for _ in range(5):
        assert issue(developer, "/developer/tokens").status_code == 200
    assert at.refused(issue(developer, "/developer/tokens")) == "platform_too_many_permits"


def test_a_token_is_ended_by_its_maker_alone(small_world: World) -> None:
    at.add_tree(small_world)
    developer = small_world.activate(small_world.person(), factor=False)
    other = small_world.activate(small_world.person("韩梅梅"), factor=False)
    page = issue(developer, "/developer/tokens")
    token = at.shown(page, "initial-token")
    path = next(form.action for form in developer.forms() if form.action.endswith("/end"))
    data = {"csrf_token": token_of(other)}
    assert other.http.post(path, data=data).status_code == 404
    _, officer = at.officer(small_world)
    officer.get("/officer/platforms/tokens")
    data = {"csrf_token": officer.form("issue").fields["csrf_token"]}
    assert officer.http.post(path.replace("/developer/", "/officer/platforms/"), data=data).status_code == 404
    data = {"csrf_token": token_of(developer)}
    assert developer.http.post(path, data=data).status_code == 303
    assert register(small_world, token).status_code == 401


def test_the_account_and_the_console_lead_on(small_world: World) -> None:
    human: Human = small_world.person()
    browser = small_world.activate(human, factor=False)
    assert 'href="/developer"' in browser.get("/account").text
    page = browser.get("/developer").text
    assert 'href="/developer/tests/new"' in page
    assert 'href="/developer/platforms/new"' in page
