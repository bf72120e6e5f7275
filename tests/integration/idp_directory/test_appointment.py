"""Registrars and officers: appointed within the subtree, found or made, one code once."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select

from idp.directory import activation, lookup
from idp.directory.appointment import Appointed, Appointment, appoint, read_appointment
from idp.directory.errors import (
    AppointedAlreadyError,
    LookupsExhaustedError,
    OutsideSubtreeError,
    ReviewNeededError,
    SuperiorError,
)
from idp.directory.input_errors import DayError, DocumentCountryError, DocumentNumberMissingError, GenderError
from idp.directory.models import IndexUse, Person
from idp.directory.services import DirectoryServices
from kernel.access import Role
from tests.integration.idp_directory.conftest import HENAN, SCHOOL, ZHENGZHOU, World, as_csv, make_people


def form(world: World, name: str = "王老师", number: str = "110105491231002", **rest: str) -> Appointment:
    fields = {"document_type": "1", "birthdate": "", "gender": "", **rest}
    return read_appointment(name=name, document_number=number, now=world.clock.now(), **fields)


def named(
    world: World,
    who: Appointment,
    organisation: str = SCHOOL,
    *,
    role: str = "registrar",
    officer_of: str | None = "410100",
    actor: UUID | None = None,
) -> Appointed:
    return appoint(
        world.database, who, role=role, organisation=organisation, officer_of=officer_of, actor=actor, by=world.by
    )


def roles(world: World, person_id: UUID) -> list[Role]:
    with world.database.read() as session:
        return lookup.roles_of(session, person_id, world.clock.now().date())


def test_a_first_registrar_gets_a_number_a_role_and_a_code(any_world: World) -> None:
    world = any_world
    made = named(world, form(world), actor=uuid4())
    assert made.code is not None
    assert roles(world, made.person_id) == [Role("registrar", SCHOOL)]
    assert activation.redeem(world.database, made.eid, made.code, by=world.by) == made.person_id
    with pytest.raises(AppointedAlreadyError):
        named(world, form(world))


def test_the_same_person_is_found_and_has_two_roles(any_world: World) -> None:
    world = any_world
    first = named(world, form(world))
    second = named(world, form(world, number="11010519491231002x"), HENAN, officer_of="410000")
    assert (second.person_id, second.eid) == (first.person_id, first.eid)
    assert second.code is None  # The account begins at the first school.
    assert roles(world, first.person_id) == [Role("registrar", SCHOOL), Role("registrar", HENAN)]


def test_a_partial_match_is_refused_and_its_lookup_is_counted(any_world: World) -> None:
    world, actor = any_world, uuid4()
    people = make_people(1)
    world.import_roster(as_csv(people))
    for number in range(1, 4):
        with pytest.raises(ReviewNeededError):
            named(world, form(world, "别人", people[0][5]), actor=actor)
        with world.database.read() as session:
            assert session.scalars(select(IndexUse.lookups).where(IndexUse.actor == actor)).one() == number
    with world.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Person)) == 1
    full = named(world, form(world, people[0][1], people[0][5]), actor=actor)
    assert {role.name for role in roles(world, full.person_id)} == {"student", "registrar"}


def test_lookups_of_an_officer_are_capped(world: World) -> None:
    by = DirectoryServices(world.by.vault, world.by.index, world.by.codes, world.clock, lookups_per_day=1)
    capped, actor = World(world.database, by, world.clock, world.ids), uuid4()
    named(capped, form(world), actor=actor)
    with pytest.raises(LookupsExhaustedError):
        named(capped, form(world), actor=actor)


@pytest.mark.parametrize(
    ("role", "organisation", "officer_of", "error"),
    [
        ("registrar", ZHENGZHOU, "410100", OutsideSubtreeError),
        ("registrar", SCHOOL, "410200", OutsideSubtreeError),
        ("officer", "410000", "410100", OutsideSubtreeError),
        ("officer", "410100", "410100", OutsideSubtreeError),
        ("registrar", "410105", "410100", SuperiorError),
        ("officer", SCHOOL, "410100", SuperiorError),
    ],
)
def test_power_is_the_subtree(
    world: World, role: str, organisation: str, officer_of: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        named(world, form(world), organisation, role=role, officer_of=officer_of, actor=uuid4())
    with world.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Person)) == 0


def test_officers_are_appointed_from_above_and_by_the_installation(world: World) -> None:
    top = named(world, form(world), "410000", role="officer", officer_of=None)
    assert roles(world, top.person_id) == [Role("officer", "410000")]
    below = named(world, form(world, "李局", "440524188001010014"), "410105", role="officer", officer_of="410000")
    assert roles(world, below.person_id) == [Role("officer", "410105")]


def test_the_form_reads_birth_and_gender_from_the_number_or_asks(world: World) -> None:
    assert str(form(world).profile.birthdate) == "1949-12-31"
    with pytest.raises(DayError):
        form(world, number="H12345678", document_type="6", gender="男")
    with pytest.raises(GenderError):
        form(world, number="H12345678", document_type="6", birthdate="1980-01-01")
    with pytest.raises(DocumentNumberMissingError):
        form(world, number="12345", document_type="B")
    with pytest.raises(DocumentCountryError):
        form(world, number="E1234567", document_type="A", gender="男", birthdate="1980-01-01")
