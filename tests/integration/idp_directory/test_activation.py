"""Activation codes: once, for 14 days, five tries that no rollback forgets, and void when the school says so."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from idp.directory import activation, store
from idp.directory.activation_code import new_activation_code
from idp.directory.eid import new_eid
from idp.directory.errors import ActivationRefusedError, AffiliationUnknownError, HasAccountError, VoidTooLateError
from idp.directory.input_errors import ActivationCodeFormError, EidCheckError
from idp.directory.models import ActivationCode, Affiliation, Person
from idp.directory.roster.code_sheet import SheetRow, make_codes
from idp.directory.roster.errors import ImportStateError
from idp.directory.services import DirectoryServices
from tests.integration.idp_directory.conftest import HENAN, ZHENGZHOU, World, as_csv, make_people


def sheet(world: World, count: int = 3) -> list[SheetRow]:
    job = world.import_roster(as_csv(make_people(count)))
    return make_codes(world.database, job, actor=world.registrar, by=world.by)


def redeem(world: World, row: SheetRow, code: str | None = None) -> UUID:
    return activation.redeem(world.database, row.eid, code or row.code or "", by=world.by)


def activate(world: World, person_id: UUID) -> None:
    with world.database.write() as session:
        activation.mark_activated(session, person_id, world.clock.now(), redeemed_at=world.clock.now())


def affiliation_id(world: World, number: str) -> UUID:
    with world.database.read() as session:
        return session.scalars(select(Affiliation.id).where(Affiliation.number == number)).one()


def test_a_code_activates_once(any_world: World) -> None:
    world = any_world
    row = sheet(world)[0]
    assert row.code is not None
    typed = f"{row.code[:4].lower()}-{row.code[4:8]} {row.code[8:]}"
    person_id = activation.redeem(world.database, row.eid.lower(), typed, by=world.by)
    assert redeem(world, row) == person_id  # Until the account is made the code lives.
    activate(world, person_id)
    with pytest.raises(ActivationRefusedError):
        redeem(world, row)
    with pytest.raises(ActivationRefusedError):
        activate(world, person_id)
    with world.database.read() as session:
        person = store.person(session, person_id)
        assert person is not None
        assert person.activated_at == world.clock.now()


def test_codes_are_stored_as_keyed_hashes(world: World) -> None:
    rows = sheet(world)
    with world.database.read() as session:
        stored = list(session.scalars(select(ActivationCode)))
    assert len(stored) == 3
    for code in stored:
        assert len(code.hash) == 32
        assert all((row.code or "").encode() not in code.hash for row in rows)


def test_five_wrong_tries_end_a_code_and_outlive_the_refusal(any_world: World) -> None:
    world = any_world
    row = sheet(world)[0]
    for _ in range(5):
        with pytest.raises(ActivationRefusedError):
            redeem(world, row, new_activation_code())
    with world.database.read() as session:
        assert session.scalars(select(func.max(ActivationCode.tries))).one() == 5
    with pytest.raises(ActivationRefusedError):
        redeem(world, row)


def test_a_typing_error_costs_no_try(world: World) -> None:
    row = sheet(world)[0]
    assert row.code is not None
    for _ in range(6):
        with pytest.raises(ActivationCodeFormError):
            redeem(world, row, row.code[:-1] + ("0" if row.code[-1] != "0" else "1"))
    with pytest.raises(EidCheckError):
        activation.redeem(world.database, row.eid[:-1] + ("0" if row.eid[-1] != "0" else "1"), row.code, by=world.by)
    redeem(world, row)


def test_wrong_number_wrong_code_and_dead_code_are_told_alike(world: World) -> None:
    rows = sheet(world)
    refusals = []
    for eid, code in (
        (new_eid(), rows[0].code),  # Nobody's number.
        (rows[0].eid, new_activation_code()),  # A wrong code.
        (rows[0].eid, rows[1].code),  # Somebody else's code.
    ):
        with pytest.raises(ActivationRefusedError) as caught:
            activation.redeem(world.database, eid, code or "", by=world.by)
        refusals.append((str(caught.value), caught.value.params))
    world.clock.move(timedelta(days=14))
    with pytest.raises(ActivationRefusedError) as caught:
        redeem(world, rows[2])
    refusals.append((str(caught.value), caught.value.params))
    assert len({message for message, _ in refusals}) == 1
    assert all(params == {} for _, params in refusals)


def test_a_code_lives_a_little_less_than_14_days(world: World) -> None:
    row = sheet(world)[0]
    world.clock.move(timedelta(days=14) - timedelta(seconds=1))
    person_id = redeem(world, row)
    world.clock.move(timedelta(seconds=1))
    with pytest.raises(ActivationRefusedError):
        activate(world, person_id)


def test_a_new_sheet_voids_the_old_codes_and_skips_accounts(world: World) -> None:
    job = world.import_roster(as_csv(make_people(3)))
    first = make_codes(world.database, job, actor=world.registrar, by=world.by)
    activate(world, redeem(world, first[0]))
    second = make_codes(world.database, job, actor=world.registrar, by=world.by)
    assert [row.code is None for row in second] == [True, False, False]
    with pytest.raises(ActivationRefusedError):
        redeem(world, first[1])
    redeem(world, second[1])


def test_codes_need_a_finished_import(world: World) -> None:
    job = world.dry_run(as_csv(make_people(1)))
    with pytest.raises(ImportStateError):
        make_codes(world.database, job, actor=world.registrar, by=world.by)


def test_a_single_code_from_the_roster_page(world: World) -> None:
    row = sheet(world)[0]
    id_ = affiliation_id(world, row.number)
    with world.database.write() as session:
        given = activation.give_code(
            session, id_, organisation_id=world.ids[ZHENGZHOU], actor=world.registrar, by=world.by
        )
    with pytest.raises(ActivationRefusedError):
        redeem(world, row)
    activate(world, redeem(world, row, given.code))
    with pytest.raises(HasAccountError), world.database.write() as session:
        activation.give_code(session, id_, organisation_id=world.ids[ZHENGZHOU], actor=world.registrar, by=world.by)
    with pytest.raises(AffiliationUnknownError), world.database.write() as session:
        activation.give_code(session, id_, organisation_id=world.ids[HENAN], actor=world.registrar, by=world.by)


def test_a_voided_code_is_dead(world: World) -> None:
    row = sheet(world)[0]
    id_ = affiliation_id(world, row.number)
    with pytest.raises(AffiliationUnknownError), world.database.write() as session:
        activation.void_code(
            session, id_, organisation_id=world.ids[HENAN], actor=world.registrar, now=world.clock.now()
        )
    with world.database.write() as session:
        activation.void_code(
            session, id_, organisation_id=world.ids[ZHENGZHOU], actor=world.registrar, now=world.clock.now()
        )
    with pytest.raises(ActivationRefusedError):
        redeem(world, row)


def test_an_activation_can_be_undone_for_72_hours(world: World) -> None:
    revoked: list[UUID] = []

    def revoke(session: Session, person_id: UUID, now: datetime) -> None:
        assert session.is_active
        assert now.tzinfo is not None
        revoked.append(person_id)

    rows = sheet(world, 2)
    by = DirectoryServices(world.by.vault, world.by.index, world.by.codes, world.clock, revoke_access=revoke)
    people = [redeem(world, row) for row in rows]
    for person_id in people:
        activate(world, person_id)

    def void(number: str, by: DirectoryServices = by) -> None:
        with world.database.write() as session:
            activation.void_activation(
                session,
                affiliation_id(world, number),
                organisation_id=world.ids[ZHENGZHOU],
                actor=world.registrar,
                by=by,
            )

    with pytest.raises(HasAccountError):  # Nobody is there to end the access: nothing is half done.
        void(rows[0].number, world.by)
    world.clock.move(timedelta(hours=72))
    void(rows[0].number)
    assert revoked == [people[0]]
    world.clock.move(timedelta(seconds=1))
    with pytest.raises(VoidTooLateError):
        void(rows[1].number)
    with world.database.read() as session:
        states = {p.id: p.activated_at is None for p in session.scalars(select(Person))}
    assert states == {people[0]: True, people[1]: False}
