"""Revoke, suspend or reinstate a credential: by the registrar of the school that issued it, with a reason.

The status service signs a statement of the reason in both suites before the transaction opens.
Verifiers learn of the change from the next status list, which comes on its own rhythm.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from credentials import store
from credentials.document import jti_of
from credentials.errors import CredentialNotFoundError, StatusTransitionError
from credentials.issuer_keys import STATUS_KEYS
from credentials.models import Credential, StatusStatement
from credentials.ports import CredentialServices
from credentials.reasons import Reason, reason_for
from credentials.status_list import STATEMENT_TYP, Status
from crypto.jose import SUITE_ALG, SUITES
from crypto.signing import sign_jwts
from kernel import audit
from kernel.access import Actor
from kernel.ids import new_id


def own_credential(session: Session, credential_id: UUID, actor: Actor) -> Credential:
    """Return a credential that the actor's school issued.

    Raises:
        CredentialNotFoundError: There is none, or it is another school's.
    """
    credential = store.credential(session, credential_id)
    if credential is None or credential.issuer_code != actor.organisation("registrar"):
        raise CredentialNotFoundError("no such credential")
    return credential


def change_status(by: CredentialServices, credential_id: UUID, *, to: Status, reason_code: str, actor: Actor) -> None:
    """Change a credential's status to revoked, suspended or valid.

    Raises:
        CredentialNotFoundError: It is not this school's.
        StatusTransitionError: It cannot change like that; also when somebody was quicker.
        UnknownReasonError: The reason does not explain this change.
    """
    with by.database.read() as session:
        current = own_credential(session, credential_id, actor).status
    if to is Status.SUPERSEDED:
        raise StatusTransitionError("only a correction supersedes", current=current, to=int(to))
    reason = reason_for(reason_code, current=current, to=to)
    statement = signed_statement(by, credential_id, reason, actor=actor)
    with by.database.write() as session:
        credential = store.credential_for_update(session, credential_id)
        if credential is None:
            raise CredentialNotFoundError("no such credential")
        reason_for(reason_code, current=credential.status, to=to)  # It may have changed since it was read.
        credential.status = int(to)
        store.add_statement(session, statement)
        audit.record(
            session,
            at=statement.at,
            action=f"credential.{to.name.lower()}",
            actor=actor.person_id,
            subject=credential_id,
            organisation=credential.issuer_code,
            reason=reason.code,
        )


def signed_statement(by: CredentialServices, credential_id: UUID, reason: Reason, *, actor: Actor) -> StatusStatement:
    """Have the status service sign why a credential's status changes; reinstating needs no token."""
    now = by.clock.now()
    issuer = by.addresses.status_service
    payload: dict[str, Any] = {
        "iss": issuer,
        "jti": jti_of(credential_id),
        "status": int(reason.to),
        "reason": reason.code,
        "at": int(now.timestamp()),
        "iat": int(now.timestamp()),
    }
    tokens: dict[str, str] = {}
    if reason.to is not Status.VALID:
        for suite in SUITES:
            alg = SUITE_ALG[suite]
            (tokens[suite],) = sign_jwts(by.signer, STATUS_KEYS, issuer, alg, [payload], typ=STATEMENT_TYP)
    return StatusStatement(
        id=new_id(),
        credential_id=credential_id,
        status=int(reason.to),
        reason=reason.code,
        at=now,
        by=actor.person_id,
        gm=tokens.get("gm"),
        intl=tokens.get("intl"),
    )
