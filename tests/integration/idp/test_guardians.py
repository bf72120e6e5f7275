"""Guardians: linked by two people, told to others, waited for; what nobody may do, and what nobody learns."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from idp.directory import guardianship, store
from idp.directory.errors import (
    GuardianshipOpenError,
    GuardianshipRefusedError,
    GuardianshipUnknownError,
    NotIndependentError,
    ObjectionTooLateError,
)
from idp.directory.models import Affiliation, Guardianship
from idp.directory.purge import purge
from idp.directory.registration import register_school
from kernel.audit import AuditEvent
from tests.integration.idp.conftest import Human, World
from tests.integration.idp.family import Family
from tests.integration.idp.plain_browser import PlainBrowser


@pytest.fixture
def family(small_world: World) -> Family:
    return Family(small_world)


def counts(family: Family, guardian: Human | None = None, child: Human | None = None) -> bool:
    world = family.world
    with world.database.read() as session:
        link = guardianship.deciding(
            session,
            (guardian or family.mother).id,
            (child or family.child).id,
            now=world.clock.now(),
            vault=world.directory.vault,
        )
    return link is not None


def test_two_registrars_link_a_guardian_through_their_pages(world: World) -> None:
    family = Family(world)
    first = world.activate(family.first)
    first.get("/registrar/guardians")
    page = first.submit(
        "propose",
        child_eid=family.child.eid.lower(),
        guardian_eid=f" {family.mother.eid}",
        guardian_name=family.mother.name,
    )
    # A select is not filled in by this browser: its first choice is sent by hand.
    assert page.status_code == 409
    form = first.form("propose")
    page = first.post(
        form.action,
        {
            **form.fields,
            "child_eid": family.child.eid.lower(),
            "guardian_eid": f" {family.mother.eid}",
            "guardian_name": family.mother.name,
            "relation": "52",
        },
    )
    assert page.status_code == 200
    assert "李小明" in page.text
    link = family.links()[0].id
    assert f"/registrar/guardians/{link}/confirm" not in page.text  # Nobody confirms the own proposal.
    assert post(first, "/registrar/guardians", f"/registrar/guardians/{link}/confirm").status_code == 409
    second = world.activate(family.second)
    second.get("/registrar/guardians")
    assert f"/registrar/guardians/{link}/confirm" in second.page.text
    assert post(second, "/registrar/guardians", f"/registrar/guardians/{link}/confirm").status_code == 200
    assert not counts(family)
    world.clock.move(timedelta(hours=71, minutes=59))
    assert not counts(family)
    world.clock.move(timedelta(minutes=1))
    assert counts(family)


def post(browser: PlainBrowser, page: str, path: str, **fields: str) -> Any:
    browser.get(page)
    return browser.post(path, {"csrf_token": browser.forms()[0].fields["csrf_token"], **fields})


def test_every_wrong_entry_gets_one_answer_and_tells_nothing(family: Family) -> None:
    world = family.world
    older = world.person("大学生", born=date(2004, 3, 2))
    young = world.person("王小红", born=date(2016, 1, 1))
    elsewhere = other_school(world)
    foreign = world.person("外校生", born=date(2015, 1, 1), at=elsewhere)
    wrong = [
        family.proposal(family.child, family.mother, guardian_eid="P7K3W0QR4XT1M1"),
        family.proposal(family.child, family.mother, guardian_eid=""),
        family.proposal(family.child, family.mother, guardian_eid="电" * 200),
        family.proposal(family.child, family.mother, child_eid=older.eid),
        family.proposal(family.child, family.mother, child_eid=foreign.eid),
        family.proposal(family.child, family.mother, child_eid=family.mother.eid),
        family.proposal(family.child, family.mother, guardian_eid=young.eid, guardian_name=young.name),
        family.proposal(family.child, family.mother, guardian_name="韩梅"),
        family.proposal(family.child, family.mother, relation="00"),
        family.proposal(family.child, family.child),
    ]
    browser = world.activate(family.first)
    browser.get("/registrar/guardians")
    form = browser.form("propose")
    pages = [browser.post(form.action, {**form.fields, **typed._asdict()}) for typed in wrong]
    assert {page.status_code for page in pages} == {409}
    assert all("guardianship_refused" in page.text for page in pages)
    assert not any("外校生" in page.text or "大学生" in page.text for page in pages)
    assert family.links() == []
    with world.database.read() as session:
        tried = session.scalars(select(AuditEvent).where(AuditEvent.action == "guardianship.propose")).all()
    assert len(tried) == len(wrong)
    assert all(event.subject is None and event.detail == {} for event in tried)


def other_school(world: World) -> str:
    code = "4141010475"
    with world.database.write() as session:
        register_school(
            session,
            code=code,
            name="河南农业大学",
            name_en="",
            superior="410000",
            officer_of=None,
            actor=None,
            now=world.clock.now(),
        )
    return code


def test_a_second_school_that_enters_the_child_has_no_say(family: Family) -> None:
    world = family.world
    code = other_school(world)
    with world.database.write() as session:
        place = store.organisation_by_code(session, code)
        assert place is not None
        now = world.clock.now() + timedelta(seconds=1)
        session.add(
            Affiliation(
                person_id=family.child.id,
                organisation_id=place.id,
                role="student",
                number="1",
                since=date(2025, 9, 1),
                created_at=now,
                changed_at=now,
            )
        )
        there = place.id
    link = family.propose()
    typed = family.proposal(family.child, family.mother)
    with pytest.raises(GuardianshipRefusedError):
        guardianship.propose(world.database, typed, school_id=there, actor=uuid4(), by=world.directory)
    for act in (guardianship.confirm, guardianship.end):
        with world.database.write() as session, pytest.raises(GuardianshipUnknownError):
            act(session, link, school_id=there, actor=uuid4(), now=world.clock.now())
    with world.database.read() as session:
        page = guardianship.school_page(session, there, 1, now=world.clock.now(), vault=world.directory.vault)
        own = guardianship.school_page(session, world.school_id, 1, now=world.clock.now(), vault=world.directory.vault)
    assert page == ([], False)
    assert [shown.id for shown in own[0]] == [link]


def test_nobody_proposes_or_confirms_themselves(family: Family) -> None:
    world = family.world
    with pytest.raises(NotIndependentError):
        guardianship.propose(
            world.database,
            family.proposal(family.child, family.first),
            school_id=world.school_id,
            actor=family.first.id,
            by=world.directory,
        )
    link = family.propose(guardian=family.second)
    with pytest.raises(NotIndependentError):
        family.confirm(link)
    with pytest.raises(NotIndependentError):
        family.confirm(link, by=family.first)


def test_a_link_stands_once_and_can_be_made_anew_after_its_end(family: Family) -> None:
    world = family.world
    link = family.propose()
    with pytest.raises(GuardianshipOpenError):
        family.propose()
    with world.database.write() as session:
        guardianship.end(session, link, school_id=world.school_id, actor=family.first.id, now=world.clock.now())
    with pytest.raises(GuardianshipUnknownError):
        family.confirm(link)
    family.link()
    assert counts(family)


def test_a_proposal_that_waits_too_long_cannot_be_confirmed_and_goes(family: Family) -> None:
    world = family.world
    link = family.propose()
    world.clock.move(timedelta(days=31))
    with pytest.raises(GuardianshipUnknownError):
        family.confirm(link)
    with world.database.write() as session:
        purge(session, world.clock.now())
    assert family.links() == []


def test_a_guardian_the_child_has_sees_the_new_one_and_objects(family: Family) -> None:
    world = family.world
    family.link()
    stranger = world.person("陌生人", role="guardian", born=date(1970, 1, 1))
    link = family.propose(guardian=stranger)
    family.confirm(link)
    mother = world.activate(family.mother)
    assert 'id="guardian-notice"' in mother.get("/account").text
    assert "陌生人" in mother.get("/account/children").text
    outsider = world.activate(world.person("路人", role="guardian", born=date(1970, 1, 1)))
    assert post(outsider, "/account", f"/account/guardians/{link}/object").status_code == 404
    self_willed = world.activate(stranger)
    assert post(self_willed, "/account", f"/account/guardians/{link}/object").status_code == 404
    post(mother, "/account/children", f"/account/guardians/{link}/object")
    world.clock.move(timedelta(hours=73))
    assert not counts(family, stranger)
    assert counts(family)


def test_after_72_hours_it_is_too_late_to_object(family: Family) -> None:
    world = family.world
    family.link()
    link = family.link(guardian=world.person("父亲", role="guardian", born=date(1984, 1, 1)))
    with world.database.write() as session, pytest.raises(ObjectionTooLateError):
        guardianship.object_to(
            session, link, actor=family.mother.id, now=world.clock.now(), vault=world.directory.vault
        )


def test_a_link_lapses_at_midnight_in_china_on_the_14th_birthday(family: Family) -> None:
    world = family.world
    child = world.person("王小红", born=date(2012, 7, 10))
    family.link(child)  # 3 July 2026, 12:00 in China.
    world.clock.move(timedelta(days=6, hours=11, minutes=59, seconds=59))
    assert counts(family, child=child)
    world.clock.move(timedelta(seconds=1))  # 10 July, 00:00 in China; still 9 July in UTC.
    assert not counts(family, child=child)


def test_from_14_on_the_holder_keeps_or_ends_a_guardian(family: Family) -> None:
    world = family.world
    child = world.person("王小红", born=date(2012, 7, 10))
    link = family.link(child)
    browser = world.activate(child, factor=False)
    assert post(browser, "/account", f"/account/guardians/{link}/leave").status_code == 404
    world.clock.move(timedelta(days=8))
    world.sign_in(child, browser)
    assert f"/account/guardians/{link}/renew" in browser.get("/account/children").text
    mother = world.activate(family.mother)
    assert post(mother, "/account", f"/account/guardians/{link}/renew").status_code == 404
    assert "王小红" not in mother.get("/account/children").text
    post(browser, "/account/children", f"/account/guardians/{link}/renew")
    assert not counts(family, child=child)  # May look, decides nothing.
    assert "王小红" in mother.get("/account/children").text
    post(browser, "/account/children", f"/account/guardians/{link}/leave")
    assert "王小红" not in mother.get("/account/children").text


def test_a_guardian_without_a_number_is_registered_by_document_and_gets_a_code(family: Family) -> None:
    world = family.world
    browser = world.activate(family.first)
    browser.get("/registrar/guardians/new")
    form = browser.form("register-guardian")
    fields = {**form.fields, "name": "周奶奶", "document_type": "1", "document_number": "11010519491231002X"}
    page = browser.post(form.action, {**fields, "birthdate": "", "gender": ""})
    assert page.status_code == 200
    assert 'id="activation-code"' in page.text
    again = browser.post(form.action, {**fields, "birthdate": "", "gender": ""})
    assert again.status_code == 409


def test_an_officer_above_may_be_the_second_person_and_one_elsewhere_may_not(family: Family) -> None:
    world = family.world
    link = family.propose()
    path = f"/officer/4141010459/guardians/{link}/confirm"
    registrar = world.activate(family.second)
    assert post(registrar, "/account", path).status_code == 403
    officer = world.activate(world.person("省厅", role="officer", born=date(1975, 1, 1), at="410000"))
    assert "李小明" in officer.get("/officer/4141010459/guardians").text
    assert post(officer, "/account", path).status_code == 200
    with world.database.read() as session:
        assert session.get_one(Guardianship, link).confirmed_at is not None


@pytest.mark.parametrize("path", ["/registrar/guardians", "/officer/4141010459/guardians"])
def test_others_do_not_see_the_lists(family: Family, path: str) -> None:
    browser = family.world.activate(family.mother)
    assert browser.get(path).status_code == 403
