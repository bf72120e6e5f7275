"""Under 14 a guardian decides: asked, decided, gone on; and every way around that."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import update

from idp.consent import asking
from idp.consent.asking import MOST_OPEN
from idp.consent.giving import Words, end_of_age
from idp.directory import guardianship
from idp.errors import RequestGoneError
from idp.models import ConsentRequest, SignInSession
from idp.oauth.models import Client
from tests.integration.idp.conftest import Human, World, answer_of
from tests.integration.idp.family import Family
from tests.integration.idp.test_guardians import post


@pytest.fixture
def family(small_world: World) -> Family:
    family = Family(small_world)
    family.link()
    return family


def test_a_child_asks_a_guardian_agrees_and_the_child_goes_on(world: World) -> None:
    family = Family(world)
    link = family.link()
    child = world.activate(family.child, factor=False)
    page = child.get(world.request(family.platform))
    assert 'id="allow"' not in page.text
    assert "韩梅梅" in page.text
    page = family.ask(child)
    assert page.status_code == 200
    assert 'id="ask"' not in page.text
    mother = world.activate(family.mother)
    assert "李小明" in mother.get("/account/children").text
    page = mother.get(f"/account/children/requests/{family.request().id}")
    assert "李小明" in page.text  # The child's values are shown, not the guardian's.
    assert "u14" in page.text or "未满 14 岁" in page.text
    assert mother.submit("consent", decision="allow").request.url.path == "/account/children"
    token = world.redeem(family.platform, family.answer(child)["code"]).json()
    assert world.userinfo(token["access_token"]).json()["name"] == "李小明"
    receipt = family.receipts()[0]
    assert (receipt.person_id, receipt.given_by) == (family.child.id, family.mother.id)
    assert (receipt.guardianship_id, receipt.basis) == (link, "guardian")
    with world.database.read() as session:
        assert session.query(ConsentRequest).count() == 0


def test_a_child_cannot_agree_alone(family: Family) -> None:
    world = family.world
    child = world.activate(family.child, factor=False)
    child.get(world.request(family.platform))
    assert child.submit("consent", decision="allow").status_code == 403
    assert family.receipts() == []
    answer = answer_of(child.get(world.request(family.platform, prompt="none")))
    assert answer["error"] == "consent_required"


def test_a_child_may_go_back_to_the_platform(family: Family) -> None:
    child = family.world.activate(family.child, factor=False)
    family.ask(child)
    assert answer_of(child.submit("consent", decision="deny"))["error"] == "access_denied"


def test_asking_for_consent_again_shows_a_child_the_page_and_lets_it_go_on(family: Family) -> None:
    world = family.world
    child = world.activate(family.child, factor=False)
    family.ask(child)
    family.decide(world.activate(family.mother), "allow")
    page = child.get(world.request(family.platform, prompt="consent"))
    assert page.status_code == 200
    assert "code" in answer_of(child.submit("consent", decision="allow"))
    assert len(family.receipts()) == 1  # Nothing new was given: the guardian's stands.


def test_without_a_guardian_there_is_nobody_to_ask(family: Family) -> None:
    world = family.world
    orphan = world.person("王小红", born=date(2015, 1, 1))
    browser = world.activate(orphan, factor=False)
    page = browser.get(world.request(family.platform))
    assert 'id="ask"' not in page.text
    assert browser.submit("consent", decision="ask").status_code == 403


def test_a_link_that_does_not_count_yet_or_has_ended_decides_nothing(family: Family) -> None:
    world = family.world
    father = world.person("李爸爸", role="guardian", born=date(1984, 1, 1))
    family.confirm(family.propose(guardian=father))
    child = world.activate(family.child, factor=False)
    family.ask(child)
    early = world.activate(father)
    path = f"/account/children/requests/{family.request().id}"
    assert early.get(path).status_code == 404
    assert post(early, "/account", path, decision="allow").status_code == 404
    mother = world.activate(family.mother)
    mother.get(path)
    with world.database.write() as session:
        link = next(link for link in family.links() if link.guardian_id == family.mother.id)
        guardianship.end(session, link.id, school_id=world.school_id, actor=family.first.id, now=world.clock.now())
    assert mother.submit("consent", decision="allow").status_code == 404
    assert family.receipts() == []


def test_the_guardian_of_another_child_decides_nothing_and_learns_nothing(family: Family) -> None:
    world = family.world
    other_child = world.person("王小红", born=date(2015, 1, 1))
    aunt = world.person("王妈妈", role="guardian", born=date(1984, 1, 1))
    link = family.link(other_child, aunt)
    child = world.activate(family.child, factor=False)
    family.ask(child)
    stranger = world.activate(aunt)
    assert "李小明" not in stranger.get("/account/children").text
    path = f"/account/children/requests/{family.request().id}"
    for page in (stranger.get(path), post(stranger, "/account", path, decision="allow")):
        assert page.status_code == 404
        assert "李小明" not in page.text
    assert stranger.get(f"/account/children/requests/{uuid4()}").status_code == 404
    mother = world.activate(family.mother)
    family.decide(mother, "allow")
    away = f"/account/children/{link}/platforms/{family.platform.client_id}/withdraw"
    assert post(stranger, "/account", away).status_code == 404
    assert post(mother, "/account", away).status_code == 404  # Not the mother's link.
    assert family.receipts()[0].withdrawn_at is None


def test_a_refusal_is_remembered_for_a_week(family: Family) -> None:
    world = family.world
    child = world.activate(family.child, factor=False)
    family.ask(child)
    family.decide(world.activate(family.mother), "deny")
    page = child.get(world.request(family.platform))
    assert 'id="ask"' not in page.text
    assert child.submit("consent", decision="ask").status_code == 409
    world.clock.move(timedelta(days=7))
    child = world.sign_in(family.child)
    assert family.ask(child).status_code == 200
    assert family.request().state == "open"


def test_a_wider_wish_is_a_new_request_and_the_page_before_it_agrees_to_nothing(family: Family) -> None:
    world = family.world
    child = world.activate(family.child, factor=False)
    family.ask(child, scope="openid profile")
    mother = world.activate(family.mother)
    mother.get(f"/account/children/requests/{family.request().id}")
    family.ask(child, scope="openid profile eid")
    assert mother.submit("consent", decision="allow").status_code == 404
    assert family.receipts() == []
    family.decide(mother, "allow")
    assert family.receipts()[0].scope == "openid profile eid"


def test_a_guardians_consent_covers_less_but_not_more(family: Family) -> None:
    world = family.world
    child = world.activate(family.child, factor=False)
    family.ask(child, scope="openid profile")
    family.decide(world.activate(family.mother), "allow")
    assert "code" in family.answer(child, scope="openid")
    assert child.get(world.request(family.platform, scope="openid eid")).status_code == 200
    child.get(world.request(family.platform, scope="openid eid"))
    assert child.submit("consent", decision="allow").status_code == 403


def test_the_platform_changes_while_the_guardian_reads(family: Family) -> None:
    world = family.world
    child = world.activate(family.child, factor=False)
    family.ask(child)
    mother = world.activate(family.mother)
    mother.get(f"/account/children/requests/{family.request().id}")
    with world.database.write() as session:
        session.execute(update(Client).values(purpose="广告"))
    world.idp.clients.forget(family.platform.client_id)
    assert mother.submit("consent", decision="allow").status_code == 404
    assert family.receipts() == []


def test_of_two_guardians_at_once_one_decides(world: World) -> None:
    family = Family(world)
    family.link()
    father = world.person("李爸爸", role="guardian", born=date(1984, 1, 1))
    family.link(guardian=father)
    family.ask(world.activate(family.child, factor=False))
    request = family.request().id
    client = world.idp.clients.get(family.platform.client_id)
    assert client is not None

    def decide(guardian: Human) -> str:
        try:
            with world.database.write() as session:
                now, vault = world.clock.now(), world.directory.vault
                words = Words("x", "zh")
                asking.allow(session, request, client, guardian_id=guardian.id, words=words, now=now, vault=vault)
        except RequestGoneError:
            return "gone"
        return "done"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(decide, (family.mother, father))) == ["done", "gone"]
    assert len(family.receipts()) == 1


def test_any_guardian_and_the_child_may_withdraw_and_the_tokens_end(family: Family) -> None:
    world = family.world
    father = world.person("李爸爸", role="guardian", born=date(1984, 1, 1))
    his = family.link(guardian=father)
    child = world.activate(family.child, factor=False)
    mother, dad = world.activate(family.mother), world.activate(father)
    client_id = family.platform.client_id
    for browser, path in (
        (dad, f"/account/children/{his}/platforms/{client_id}/withdraw"),
        (child, f"/account/platforms/{client_id}/withdraw"),
    ):
        family.ask(child)
        family.decide(mother, "allow")
        token = world.redeem(family.platform, family.answer(child)["code"]).json()["access_token"]
        assert post(browser, "/account", path).status_code == 200
        assert world.userinfo(token).status_code == 401
        assert child.get(world.request(family.platform)).status_code == 200
    by = [receipt.withdrawn_by for receipt in family.receipts()]
    assert by == [father.id, family.child.id]


def test_the_end_of_a_guardianship_ends_what_was_allowed_under_it(family: Family) -> None:
    world = family.world
    child = world.activate(family.child, factor=False)
    family.ask(child)
    family.decide(world.activate(family.mother), "allow")
    token = world.redeem(family.platform, family.answer(child)["code"]).json()["access_token"]
    registrar = world.activate(family.first)
    link = family.links()[0].id
    assert post(registrar, "/registrar/guardians", f"/registrar/guardians/{link}/end").status_code == 200
    assert world.userinfo(token).status_code == 401
    assert family.receipts()[0].ending == "guardianship"


def test_on_the_14th_birthday_the_holder_is_asked_and_old_tokens_tell_nothing(small_world: World) -> None:
    world = small_world
    family = Family(world)
    child = family.child = world.person("王小红", born=date(2012, 7, 10))
    family.link(child)
    browser = world.activate(child, factor=False)
    family.ask(browser)
    family.decide(world.activate(family.mother), "allow")
    midnight = datetime(2026, 7, 9, 16, 0, tzinfo=UTC)  # In China it is 10 July.
    world.clock.move(midnight - timedelta(minutes=5) - world.clock.now())
    browser = world.sign_in(child, browser)
    token = world.redeem(family.platform, family.answer(browser)["code"]).json()["access_token"]
    assert world.userinfo(token).status_code == 200
    world.clock.move(midnight - timedelta(seconds=1) - world.clock.now())
    assert world.userinfo(token).status_code == 200
    world.clock.move(timedelta(seconds=1))
    assert world.userinfo(token).status_code == 401
    page = browser.get(world.request(family.platform))
    assert page.status_code == 200
    assert 'id="allow"' in page.text
    assert "code" in answer_of(browser.submit("consent", decision="allow"))
    guardian, holder = family.receipts()
    assert (guardian.ending, holder.guardianship_id, holder.given_by) == ("of_age", None, child.id)


def test_a_guardian_with_a_second_factor_uses_it(family: Family) -> None:
    world = family.world
    mother = world.activate(family.mother)
    with world.database.write() as session:
        session.execute(update(SignInSession).values(amr="pwd"))
    assert mother.get("/account/children").request.url.path == "/signin/step-up"
    without = world.person("李爸爸", role="guardian", born=date(1984, 1, 1))
    assert world.activate(without, factor=False).get("/account/children").status_code == 200


def test_a_form_from_elsewhere_decides_nothing(family: Family) -> None:
    world = family.world
    child = world.activate(family.child, factor=False)
    address = world.request(family.platform).replace("/oauth/authorize", "/oauth/consent")
    assert child.post(address, {"decision": "ask"}).status_code == 403
    family.ask(child)
    mother = world.activate(family.mother)
    path = f"/account/children/requests/{family.request().id}"
    assert mother.post(path, {"decision": "allow"}).status_code == 403
    assert mother.post(path, {"decision": "allow", "csrf_token": "x" * 43}).status_code == 403
    assert family.receipts() == []


def test_a_child_can_wait_for_a_bounded_number_of_answers(family: Family) -> None:
    world = family.world
    child = world.activate(family.child, factor=False)
    platforms = [world.platform(name=f"平台{number}") for number in range(MOST_OPEN + 1)]
    statuses = []
    for platform in platforms:
        family.platform = platform
        statuses.append(family.ask(child).status_code)
    assert statuses == [200] * MOST_OPEN + [429]
    family.platform = platforms[0]
    assert child.get(world.request(platforms[0])).status_code == 200  # The same wish again stays one.


def test_a_request_that_nobody_decides_goes(family: Family) -> None:
    world = family.world
    family.ask(world.activate(family.child, factor=False))
    request = family.request().id
    world.activate(family.mother)
    world.clock.move(timedelta(days=14))
    mother = world.sign_in(family.mother)
    assert mother.get(f"/account/children/requests/{request}").status_code == 404


def test_no_address_and_no_log_line_tells_who(family: Family, caplog: pytest.LogCaptureFixture) -> None:
    world = family.world
    caplog.set_level(logging.DEBUG)
    child = world.activate(family.child, factor=False)
    seen: list[str] = []
    for browser in (child, mother := world.activate(family.mother)):
        browser.http.event_hooks["request"].append(lambda sent: seen.append(str(sent.url)))
    family.ask(child)
    family.decide(mother, "allow")
    family.answer(child)
    told = " ".join([*seen, caplog.text])
    assert not any(secret in told for secret in ("李小明", "韩梅梅", family.child.eid, family.mother.eid, "2015"))


def test_what_was_granted_for_a_child_ends_everywhere_soon_after_the_birthday(small_world: World) -> None:
    world = small_world
    family = Family(world)
    child = family.child = world.person("王小红", born=date(2012, 10, 10))
    family.link(child)
    browser = world.activate(child, factor=False)
    family.ask(browser, scope="openid offline_access")
    family.decide(world.activate(family.mother), "allow")
    token = world.redeem(family.platform, family.answer(browser, scope="openid offline_access")["code"]).json()
    midnight = datetime(2026, 10, 9, 16, 0, tzinfo=UTC)

    def look() -> int:
        with world.database.write() as session:
            return end_of_age(session, world.clock.now(), vault=world.directory.vault, limit=100)

    assert [look(), look()] == [1, 0]  # Looked at once a day.
    while midnight - world.clock.now() > timedelta(hours=1):
        world.clock.move(min(timedelta(days=25), midnight - world.clock.now() - timedelta(minutes=30)))
        assert look() == 1
        token = world.refresh(family.platform, token["refresh_token"]).json()
        assert family.receipts()[0].ending is None
    world.clock.move(midnight - world.clock.now() + timedelta(hours=1))
    assert look() == 1
    assert family.receipts()[0].ending == "of_age"
    last = world.post(family.platform, "/oauth/introspect", {"token": token["access_token"]}).json()
    assert last == {"active": False}
    assert look() == 0


def test_a_young_child_is_looked_at_twice_a_year_and_the_day_tells_no_birth_date(family: Family) -> None:
    world = family.world
    family.ask(world.activate(family.child, factor=False))
    family.decide(world.activate(family.mother), "allow")
    with world.database.write() as session:
        assert end_of_age(session, world.clock.now(), vault=world.directory.vault, limit=100) == 1
    assert family.receipts()[0].check_on == world.idp.today() + timedelta(days=180)
