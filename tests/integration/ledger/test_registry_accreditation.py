"""Accrediting in a real database: signed by a signer, logged with its preimage, once."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crypto.jose import SUITES
from crypto.keyring import CREDENTIAL, STATUS, KeyRing
from crypto.keys import PublicKey
from crypto.signing import LocalSigner
from kernel.audit import AuditEvent
from kernel.clock import ManualClock
from kernel.db import Database
from ledger import queue_store
from ledger import store as evidence_store
from ledger.formats.commitment import ACCREDITATION, commit
from ledger.formats.entry import Entry, EntryType
from ledger.models import LogQueue
from ledger.registry import store
from ledger.registry.accreditation import (
    LIFETIME,
    RENEW_BEFORE,
    Accreditation,
    Draft,
    accredit,
    ensure_authority_keys,
    ensure_keys,
    prepare,
    store_statement,
)
from ledger.registry.chain import Accredited, Root, verify_chain, verify_status_service
from ledger.registry.entities import Kind, parse_entity_id
from ledger.registry.errors import (
    InvalidStatementError,
    StatementCompromisedError,
    StatementRetiredError,
    StatusConflictError,
    UnknownStatementError,
)
from ledger.registry.models import LogStatement
from ledger.registry.statement import Limits, Names, authority_claims, school_claims, status_service_claims
from ledger.registry.statement_status import State
from ledger.registry.statements import StoredStatement, statements_for
from ledger.registry.withdrawal import prepare_status, set_statement_status, store_status
from ledger.submission import DatabaseLog

BASE = "http://localhost:8000"
PROVINCE = f"{BASE}/authorities/410000"
CITY = f"{BASE}/authorities/410100"
UNIVERSITY = f"{BASE}/schools/4141010459"
SCHOOL = f"{BASE}/schools/3441999001"
DIPLOMA = "urn:xinji:credential:diploma:1"


@pytest.fixture
def by(tmp_path: Path, clock: ManualClock) -> Accreditation:
    keyring = KeyRing(tmp_path / "keys", bytes(16), clock)
    return Accreditation(LocalSigner(keyring, bytes(32)), DatabaseLog(clock), clock)


def root(by: Accreditation) -> Root:
    return Root(PROVINCE, ("41",), ensure_authority_keys(by.signer, PROVINCE))


def school_draft(by: Accreditation, entity_id: str = UNIVERSITY, issuer: str = PROVINCE, **changes: Any) -> Draft:
    claims: dict[str, Any] = {
        "names": Names("郑州大学", "Zhengzhou University"),
        "school": parse_entity_id(entity_id),
        "credential_types": [DIPLOMA],
        "issuing_keys": ensure_keys(by.signer, CREDENTIAL, entity_id),
    }
    ensure_authority_keys(by.signer, issuer)
    return Draft(issuer, entity_id, ensure_authority_keys(by.signer, entity_id), school_claims(**claims | changes))


def city_draft(by: Accreditation) -> Draft:
    ensure_authority_keys(by.signer, PROVINCE)
    limits = Limits(("41",), ("34",), (DIPLOMA,))
    claims = authority_claims(names=Names("郑州市教育局"), limits=limits, max_path_length=2)
    return Draft(PROVINCE, CITY, ensure_authority_keys(by.signer, CITY), claims)


def verified(found: Sequence[StoredStatement], by: Accreditation, at: datetime) -> Accredited:
    links = [statement.link for statement in found]
    gm, intl = (verify_chain(links, [root(by)], at=at, suite=suite) for suite in SUITES)
    assert (gm.code, gm.path, gm.credential_types) == (intl.code, intl.path, intl.credential_types)
    return gm


def count(session: Session, model: Any) -> int:
    return session.scalar(select(func.count()).select_from(model)) or 0


def test_a_university_is_accredited_and_logged(database: Database, by: Accreditation, clock: ManualClock) -> None:
    row = accredit(database, school_draft(by), by=by)
    with database.read() as session:
        found = statements_for(session, "4141010459")
        evidence = evidence_store.evidence(session, row.commitment)
        queued = queue_store.known_entries(session, [row.commitment])
        event = session.scalars(select(AuditEvent)).one()
    assert [statement.subject for statement in found] == [UNIVERSITY]
    assert evidence == dict(found[0].tokens)
    assert row.commitment == commit(ACCREDITATION, "4141010459", found[0].tokens)
    assert queued[row.commitment] == Entry(EntryType.ACCREDITATION, "4141010459", row.commitment).encode()
    assert (event.action, event.subject, event.organisation) == ("accreditation.stated", "4141010459", "410000")
    issuer = verified(found, by, clock.now())
    assert issuer.names == Names("郑州大学", "Zhengzhou University")
    assert {issuer.keys[0].key_id} < {key.key_id for key in by.signer.public_keys(CREDENTIAL, UNIVERSITY)}


def test_accrediting_again_changes_nothing(database: Database, by: Accreditation, clock: ManualClock) -> None:
    first = accredit(database, school_draft(by), by=by)
    clock.move(timedelta(days=30))
    again = accredit(database, school_draft(by), by=by)
    signed = prepare(school_draft(by), by=by)  # Somebody who did not look first.
    with database.write() as session:
        stored = store_statement(session, signed, by=by)
    assert first.id == again.id == stored.id
    with database.read() as session:
        assert (count(session, LogStatement), count(session, LogQueue)) == (1, 1)


def test_it_is_renewed_before_it_expires(database: Database, by: Accreditation, clock: ManualClock) -> None:
    first = accredit(database, school_draft(by), by=by)
    issued = clock.now()
    clock.move(LIFETIME - RENEW_BEFORE + timedelta(days=1))
    renewed = accredit(database, school_draft(by), by=by)
    assert renewed.id != first.id
    assert renewed.content == first.content
    with database.read() as session:
        assert statements_for(session, "4141010459")[0].commitment == renewed.commitment
        # What was witnessed in the first one's time is shown with the first one.
        assert statements_for(session, "4141010459", at=issued)[0].commitment == first.commitment


def test_new_keys_make_a_new_statement_and_the_old_one_vouches_for_the_old_keys(
    database: Database, by: Accreditation, clock: ManualClock
) -> None:
    first = accredit(database, school_draft(by), by=by)
    old = by.signer.public_keys(CREDENTIAL, UNIVERSITY)
    new = ensure_keys(by.signer, CREDENTIAL, f"{BASE}/schools/4141010460")
    clock.move(timedelta(days=1))
    second = accredit(database, school_draft(by, issuing_keys=new), by=by)
    with database.read() as session:
        assert statements_for(session, "4141010459")[0].commitment == second.commitment
        for keys, row in ((old, first), (new, second)):
            found = statements_for(session, "4141010459", key_ids=[key.key_id for key in keys], at=clock.now())
            assert found[0].commitment == row.commitment
        with pytest.raises(UnknownStatementError):
            statements_for(session, "4141010459", key_ids=["unknown"])
        assert [row.id for row in store.recent(session, 1)] == [second.id]


def test_a_chain_goes_up_to_the_root(database: Database, by: Accreditation, clock: ManualClock) -> None:
    accredit(database, city_draft(by), by=by)
    accredit(database, school_draft(by, SCHOOL, CITY), by=by)
    with database.read() as session:
        found = statements_for(session, "3441999001", at=clock.now())
    assert [(statement.issuer, statement.subject) for statement in found] == [(CITY, SCHOOL), (PROVINCE, CITY)]
    assert [node.entity_id for node in verified(found, by, clock.now()).path] == [SCHOOL, CITY, PROVINCE]


def test_a_status_service(database: Database, by: Accreditation, clock: ManualClock) -> None:
    subject = f"{PROVINCE}/status"
    claims = status_service_claims(province="41", status_keys=ensure_keys(by.signer, STATUS, subject))
    ensure_authority_keys(by.signer, PROVINCE)
    row = accredit(database, Draft(PROVINCE, subject, ensure_authority_keys(by.signer, subject), claims), by=by)
    assert row.code == "0000410000"
    with database.read() as session:
        found = statements_for(session, "410000", kind=Kind.STATUS)
        with pytest.raises(UnknownStatementError):
            statements_for(session, "410000", kind=Kind.AUTHORITY)
    links = [statement.link for statement in found]
    assert verify_status_service(links, [root(by)], at=clock.now(), suite="gm").entity_id == subject


def test_nobody_accredited(database: Database) -> None:
    with database.read() as session, pytest.raises(UnknownStatementError) as raised:
        statements_for(session, "4141010475")
    assert raised.value.params == {"code": "4141010475"}


def test_a_draft_that_makes_no_statement_stores_nothing(database: Database, by: Accreditation) -> None:
    draft = school_draft(by, credential_types=[])
    with pytest.raises(InvalidStatementError):
        accredit(database, draft, by=by)
    with database.read() as session:
        assert (count(session, LogStatement), count(session, LogQueue)) == (0, 0)


@pytest.mark.parametrize(
    ("state", "error"), [(State.RETIRED, StatementRetiredError), (State.COMPROMISED, StatementCompromisedError)]
)
def test_a_statement_comes_to_its_end(
    database: Database, by: Accreditation, clock: ManualClock, state: State, error: type[Exception]
) -> None:
    row = accredit(database, school_draft(by), by=by)
    before = clock.now()
    clock.move(timedelta(days=10))
    ended = set_statement_status(database, row.commitment, state, by=by)
    again = set_statement_status(database, row.commitment, state, by=by)
    assert again.id == ended.id
    with database.read() as session:
        found = statements_for(session, "4141010459")
        assert count(session, LogQueue) == 2
        assert evidence_store.evidence(session, ended.commitment) == ended.tokens
        assert store.current_of(session, UNIVERSITY) is None
    status = found[0].status
    assert status is not None
    assert (status.commitment, status.state, status.since) == (ended.commitment, state, clock.now())
    assert verified(found, by, before).code == "4141010459"
    with pytest.raises(error):
        verified(found, by, clock.now())


def test_a_retired_statement_can_be_made_anew_and_compromised_keys_cannot(
    database: Database, by: Accreditation, clock: ManualClock
) -> None:
    row = accredit(database, school_draft(by), by=by)
    set_statement_status(database, row.commitment, State.RETIRED, by=by)
    clock.move(timedelta(hours=1))
    anew = accredit(database, school_draft(by), by=by)
    assert anew.id != row.id
    set_statement_status(database, anew.commitment, State.COMPROMISED, since=clock.now() - timedelta(days=1), by=by)
    clock.move(timedelta(hours=1))
    with pytest.raises(StatusConflictError):
        accredit(database, school_draft(by), by=by)


def test_a_status_only_grows_stricter(database: Database, by: Accreditation, clock: ManualClock) -> None:
    row = accredit(database, school_draft(by), by=by)
    clock.move(timedelta(days=10))
    retired = set_statement_status(database, row.commitment, State.RETIRED, by=by)
    since = clock.now() - timedelta(days=5)
    lost = set_statement_status(database, row.commitment, State.COMPROMISED, since=since, by=by)
    assert lost.id != retired.id
    with database.read() as session:
        status = statements_for(session, "4141010459")[0].status
    assert status is not None
    assert (status.state, status.since) == (State.COMPROMISED, since)
    with pytest.raises(StatusConflictError):
        set_statement_status(database, row.commitment, State.RETIRED, by=by)
    with pytest.raises(InvalidStatementError):
        other = accredit(database, city_draft(by), by=by)
        set_statement_status(database, other.commitment, State.RETIRED, since=since, by=by)
    with pytest.raises(UnknownStatementError):
        set_statement_status(database, bytes(32), State.RETIRED, by=by)


def test_a_status_stored_twice_is_one(database: Database, by: Accreditation, clock: ManualClock) -> None:
    row = accredit(database, school_draft(by), by=by)
    signed = [prepare_status(row, State.RETIRED, since=clock.now(), by=by) for _ in range(2)]
    stored = []
    for one in signed:
        with database.write() as session:
            stored.append(store_status(session, one, by=by))
    assert stored[0].id == stored[1].id


def test_a_rolled_back_statement_is_neither_stored_nor_logged(database: Database, by: Accreditation) -> None:
    signed = prepare(school_draft(by), by=by)
    with pytest.raises(RuntimeError), database.write() as session:
        store_statement(session, signed, by=by)
        raise RuntimeError
    with database.read() as session:
        assert (count(session, LogStatement), count(session, LogQueue)) == (0, 0)


def test_two_clerks_at_once_make_one_statement(database: Database, by: Accreditation) -> None:
    draft = school_draft(by)
    with ThreadPoolExecutor(4) as pool:
        rows = list(pool.map(lambda _: accredit(database, draft, by=by), range(8)))
    assert len({row.id for row in rows}) == 1
    with database.read() as session:
        assert (count(session, LogStatement), count(session, LogQueue)) == (1, 1)


def test_two_clerks_who_say_different_things(database: Database, by: Accreditation) -> None:
    drafts = [school_draft(by, names=Names(f"大学{number}")) for number in range(4)]

    def clerk(draft: Draft) -> str:
        try:
            return accredit(database, draft, by=by).tokens["gm"]
        except StatusConflictError:
            return ""

    with ThreadPoolExecutor(4) as pool:
        said = set(pool.map(clerk, drafts)) - {""}
    with database.read() as session:
        assert {row.tokens["gm"] for row in store.recent(session, 10)} == said
        current = store.current_of(session, UNIVERSITY)
    assert current is not None


def test_times_are_whole_seconds_in_utc(sqlite_database: Database, by: Accreditation, clock: ManualClock) -> None:
    clock.move(timedelta(microseconds=600_000))
    row = accredit(sqlite_database, school_draft(by), by=by)
    assert row.issued_at == clock.now().replace(microsecond=0)
    assert row.issued_at.tzinfo is UTC


def test_every_key_that_is_accredited_belongs_to_one_entity(by: Accreditation) -> None:
    entities = (PROVINCE, CITY, UNIVERSITY)
    keys: list[PublicKey] = [key for entity in entities for key in ensure_authority_keys(by.signer, entity)]
    assert len({key.key_id for key in keys}) == 2 * len(entities)
    assert ensure_authority_keys(by.signer, PROVINCE) == ensure_authority_keys(by.signer, PROVINCE)
