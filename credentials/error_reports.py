"""A holder says that a field of a credential is wrong. The school answers by correcting or by explaining."""

from __future__ import annotations

from uuid import UUID

from credentials import store
from credentials.errors import CredentialNotFoundError, NothingSelectedError
from credentials.models import ErrorReport
from credentials.ports import CredentialServices
from credentials.sharing import own
from credentials.types import type_of
from kernel import audit
from kernel.access import Actor
from kernel.ids import new_id

_MOST_OPEN = 5
_TABLE = "cred_error_report"


def report(by: CredentialServices, credential_id: UUID, *, field: str, text: str, actor: Actor) -> None:
    """Record that `field` of one of the actor's credentials is wrong; what they write is sealed.

    Raises:
        CredentialNotFoundError: It is not the actor's.
        NothingSelectedError: The credential has no such field.
    """
    now = by.clock.now()
    with by.database.read() as session:
        credential = own(session, credential_id, actor)
        key = store.holder_keys(session, [actor.person_id]).get(actor.person_id)
        waiting = [one for one in store.reports_of(session, credential_id) if one.closed_at is None]
    if key is None:
        raise CredentialNotFoundError("the personal fields of this credential were erased")
    if field not in type_of(credential.vct).names:
        raise NothingSelectedError("no such field")
    if len(waiting) >= _MOST_OPEN or any(one.field == field for one in waiting):
        return  # Said already: the school has it before it.
    id_ = new_id()
    sealed = by.vault.encrypt(key, actor.person_id, text.strip(), table=_TABLE, column="sealed", row=id_)
    made = ErrorReport(
        id=id_,
        credential_id=credential_id,
        issuer_code=credential.issuer_code,
        field=field,
        sealed=sealed,
        created_at=now,
    )
    with by.database.write() as session:
        store.add_report(session, made)
        audit.record(
            session,
            at=now,
            action="credential.error_reported",
            actor=actor.person_id,
            subject=credential_id,
            organisation=credential.issuer_code,
            field=field,
        )


def open_text(by: CredentialServices, made: ErrorReport, *, key: bytes, person_id: UUID) -> str:
    """Open what a holder wrote."""
    return by.vault.decrypt(key, person_id, made.sealed, table=_TABLE, column="sealed", row=made.id)
