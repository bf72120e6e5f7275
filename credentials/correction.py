"""Correct a credential: a new one is issued, which supersedes the old. Nothing issued is ever changed.

Name, gender and birth date come from the school's roster as it is now; the other fields from
the old credential or the registrar. The certificate number stays. The same rules judge it as
judge a row of a table.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy.orm import Session

from credentials import bundles, status_lists, store
from credentials.accreditation import require_accreditation
from credentials.directory import School
from credentials.document import Document, StatusReference, compose
from credentials.dry_run import issuing_school
from credentials.errors import (
    CredentialNotFoundError,
    InvalidCorrectionError,
    NothingToCorrectError,
    StatusTransitionError,
)
from credentials.graduates import COLUMNS, columns_of, complete, parse_row
from credentials.issuance import suites_of
from credentials.issuing import Drafted, credential_values
from credentials.models import Credential
from credentials.ports import CredentialServices
from credentials.reasons import REASONS, reason_for
from credentials.revocation import own_credential, signed_statement
from credentials.sheet import SheetRow
from credentials.signing import Approved, sign_documents
from credentials.status_list import Status
from credentials.types import type_of
from crypto.approvals import approve
from kernel import audit
from kernel.access import Actor
from kernel.ids import new_id
from ledger.formats.entry import Entry, EntryType

EDITABLE: Final = (
    *("level", "major", "study_form", "study_length", "entry_date"),
    *("graduation_date", "conclusion", "president", "issued_on"),
)
REASON: Final = "data_corrected"
_APPROVED_FOR: Final = timedelta(minutes=10)


def correct(by: CredentialServices, credential_id: UUID, changes: Mapping[str, str], *, actor: Actor) -> UUID:
    """Issue a corrected credential and return its id. `changes`: new texts of fields in `EDITABLE`.

    Raises:
        CredentialNotFoundError: It is not this school's, or its holder was erased.
        StatusTransitionError: It is revoked or superseded already.
        NothingToCorrectError: Nothing would be different.
        InvalidCorrectionError: The fields do not pass the rules.
    """
    now = by.clock.now()
    with by.database.read() as session:
        old = own_credential(session, credential_id, actor)
        reason_for(REASON, current=old.status, to=Status.SUPERSEDED)
        before = bundles.claims_of(bundles.disclosures_of(session, old, by=by))
        suites = suites_of(session, old.issuer_code)
    school = issuing_school(by, old.issuer_code, type_of(old.vct))
    claims = _corrected(by, old, before, changes, school=school)
    require_accreditation(by, school, vct=old.vct, suites=suites)

    fresh_id = new_id()
    status_list, (index,) = status_lists.allocate(by, school.province, 1)
    document = compose(
        type_of(old.vct),
        claims,
        issuer=by.addresses.school(school.code),
        credential_id=fresh_id,
        day=now.date(),
        status=StatusReference(status_list.uri, index),
        suites=suites,
    )
    (tokens,) = sign_documents(by, [document], approved=_approval(by, document, old.vct, school, actor=actor))
    statement = signed_statement(by, old.id, REASONS[REASON], actor=actor)
    draft = Drafted(0, fresh_id, old.person_id, claims, document, index)

    with by.database.write() as session:
        current = store.credential_for_update(session, old.id)
        if current is None or current.status != old.status:
            raise StatusTransitionError("somebody changed it meanwhile", current=old.status, to=3)
        key = _key(session, old.person_id)
        values = credential_values(by, draft, tokens, key=key, issuer_code=school.code, vct=old.vct)
        store.supersede(session, old.id, fresh_id)
        store.insert_credentials(
            session,
            [{**values, "status_list_id": status_list.id, "status_index": index, "issued_at": now}],
        )
        by.log.submit(session, Entry(EntryType.CREDENTIAL, school.code, values["commitment"]))
        status_lists.count(session, status_list.id, 1)
        store.add_statement(session, statement)
        store.close_reports(session, old.id, now)
        audit.record(
            session,
            at=now,
            action="credential.corrected",
            actor=actor.person_id,
            subject=old.id,
            organisation=school.code,
            by=str(fresh_id),
        )
    return fresh_id


def _corrected(
    by: CredentialServices, old: Credential, before: Mapping[str, Any], changes: Mapping[str, str], *, school: School
) -> dict[str, Any]:
    """Return the claims as they should be, judged like a row of a table."""
    person = by.directory.person(old.person_id)
    if person is None:
        raise CredentialNotFoundError("the holder is not known any more")
    texts = {name: str(value) for name, value in before.items()} | {
        name: text.strip() for name, text in changes.items() if name in EDITABLE
    }
    texts |= {"student_no": person.student_no or "-", "name": person.name}
    row = SheetRow(0, tuple(texts.get(column, "") for column in COLUMNS))
    graduate = parse_row(row, columns_of(list(COLUMNS)), today=by.clock.now().date())
    claims = complete(graduate, school=school, person=person)
    if graduate.problems:
        raise InvalidCorrectionError("the corrected fields do not pass the rules", graduate.problems)
    if claims == dict(before):
        raise NothingToCorrectError("nothing would be different")
    return claims


def _approval(by: CredentialServices, document: Document, vct: str, school: School, *, actor: Actor) -> Approved:
    now, ids = by.clock.now(), [document.jti]
    approval = approve(
        by.approval_key,
        batch_id=f"correction:{document.jti}",
        owner=by.addresses.school(school.code),
        vct=vct,
        item_ids=ids,
        approved_by=str(actor.person_id),
        approved_at=now,
        expires_at=now + _APPROVED_FOR,
    )
    return Approved(approval, lambda: ids)


def _key(session: Session, person_id: UUID) -> bytes:
    key = store.holder_keys(session, [person_id]).get(person_id)
    if key is None:
        raise CredentialNotFoundError("the personal fields of this credential were erased")
    return key
