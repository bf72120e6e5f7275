"""A registrar approves a checked batch, or throws it away; afterwards the worker issues it.

The approval is a MAC over the ids of all good rows, which the signer checks itself: whoever
reaches the signer can have signed what was approved and nothing else.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from credentials import batch_store, store
from credentials.accreditation import require_accreditation
from credentials.document import jti_of
from credentials.dry_run import issuing_school
from credentials.errors import (
    BatchNotFoundError,
    BatchStateError,
    NothingToIssueError,
    WrongRowsLeftError,
)
from credentials.models import Batch
from credentials.ports import CredentialServices
from credentials.types import type_of
from crypto.approvals import approve
from crypto.jose import SUITES
from kernel import audit
from kernel.access import Actor

APPROVED_FOR: Final = timedelta(hours=24)


def own_batch(session: Session, batch_id: UUID, actor: Actor) -> Batch:
    """Return a batch of the actor's school.

    Raises:
        BatchNotFoundError: There is none, it is still being staged, or it is another school's.
    """
    batch = batch_store.batch(session, batch_id)
    code = actor.organisation("registrar")
    if batch is None or batch.issuer_code != code or batch.state in ("staging", "discarded"):
        raise BatchNotFoundError("no such batch")
    return batch


def suites_of(session: Session, issuer_code: str) -> tuple[str, ...]:
    """Return the suites that a school issues: both, unless its policy says otherwise."""
    policy = store.suites_of(session, issuer_code)
    return SUITES if policy is None else tuple(suite for suite in SUITES if suite in policy.split(","))


def approve_batch(by: CredentialServices, batch_id: UUID, *, actor: Actor, leave_out_wrong: bool) -> None:
    """Approve the good rows of a checked batch; approving twice changes nothing.

    Raises:
        BatchNotFoundError: It is not there for this actor.
        WrongRowsLeftError: There are wrong rows and `leave_out_wrong` is not said.
        NothingToIssueError: No row is good.
        IssuerNotAllowedError, NotAccreditedError, AccreditationUnpublishedError: It would not verify.
    """
    now = by.clock.now()
    with by.database.read() as session:
        batch = own_batch(session, batch_id, actor)
        ids = [jti_of(id_) for id_ in batch_store.credential_ids(session, batch_id)]
        suites = suites_of(session, batch.issuer_code)
        waiting = batch_store.has_good_rows(session, batch_id)
    if batch.state != "checked":
        return
    if batch.wrong and not leave_out_wrong:
        raise WrongRowsLeftError("wrong rows would be left out", wrong=batch.wrong)
    if not waiting:
        raise NothingToIssueError("no row can be issued")
    school = issuing_school(by, batch.issuer_code, type_of(batch.vct))
    require_accreditation(by, school, vct=batch.vct, suites=suites)
    approval = approve(
        by.approval_key,
        batch_id=str(batch_id),
        owner=by.addresses.school(school.code),
        vct=batch.vct,
        item_ids=ids,
        approved_by=str(actor.person_id),
        approved_at=now,
        expires_at=now + APPROVED_FOR,
    )
    with by.database.write() as session:
        current = batch_store.batch_for_update(session, batch_id)
        if current is None or current.state != "checked":
            return  # Somebody else approved it meanwhile, or threw it away.
        current.state, current.trouble = "approved", None
        current.approval, current.approved_by, current.approved_at = approval.to_dict(), actor.person_id, now
        audit.record(
            session,
            at=now,
            action="batch.approved",
            actor=actor.person_id,
            subject=batch_id,
            organisation=school.code,
            count=len(ids),
            digest=approval.digest,
        )


def discard_batch(by: CredentialServices, batch_id: UUID, *, actor: Actor) -> None:
    """Throw away a checked batch of which nothing was issued; its rows are purged later.

    Raises:
        BatchNotFoundError: It is not there for this actor.
        BatchStateError: It was approved already.
    """
    with by.database.write() as session:
        own_batch(session, batch_id, actor)
        batch = batch_store.batch_for_update(session, batch_id)
        if batch is None or batch.state != "checked" or batch.issued:
            raise BatchStateError("an approved batch cannot be thrown away")
        batch.state = "discarded"
        audit.record(
            session,
            at=by.clock.now(),
            action="batch.discarded",
            actor=actor.person_id,
            subject=batch_id,
            organisation=batch.issuer_code,
        )
