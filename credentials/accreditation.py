"""Whether a school may issue now: its keys accredited by a chain that stands and that the log has published.

Asked before a batch is approved. A credential whose issuer's statement comes into the log later
than itself fails with every verifier for ever, so waiting a little is better than issuing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from credentials.directory import School
from credentials.errors import AccreditationUnpublishedError, IssuerNotAllowedError, NotAccreditedError
from credentials.issuer_keys import CREDENTIAL_KEYS, STATUS_KEYS
from credentials.ports import CredentialServices
from crypto.errors import UnknownKeyError
from crypto.jose import SUITE_ALG, SUITES, peek
from ledger.bundles import State, publication
from ledger.registry.entities import Kind
from ledger.registry.errors import UnknownStatementError
from ledger.registry.statement import ISSUER
from ledger.registry.statements import StoredStatement, statements_for

_PUBLIC: Final = (State.PUBLISHED, State.ANCHORED)


def require_accreditation(by: CredentialServices, school: School, *, vct: str, suites: Collection[str]) -> None:
    """Return if credentials of `school` will verify.

    Raises:
        NotAccreditedError: The school's or the status service's present keys are not accredited.
        IssuerNotAllowedError: They are, but not for this type.
        AccreditationUnpublishedError: They are, and the log has yet to publish it.
    """
    now = by.clock.now()
    school_keys = _active(by, CREDENTIAL_KEYS, by.addresses.school(school.code), suites)
    status_keys = _active(by, STATUS_KEYS, by.addresses.status_service, SUITES)
    with by.database.read() as session:
        chain = _standing(session, school.code, Kind.SCHOOL, school_keys, now)
        service = _standing(session, by.addresses.authority, Kind.STATUS, status_keys, now)
        commitments = [statement.commitment for statement in (*chain, *service)]
        public = _all_public(session, commitments)
    if vct not in _claims(chain[0])["metadata"][ISSUER]["credential_types"]:
        raise IssuerNotAllowedError("the school is not accredited for this type", code=school.code)
    if not public:
        raise AccreditationUnpublishedError("the log has not published the accreditation yet", code=school.code)


def is_status_service(by: CredentialServices, key_ids: Collection[str]) -> bool:
    """Whether these keys are accredited to sign status lists, by a chain that stands and that the log has published."""
    with by.database.read() as session:
        try:
            chain = _standing(session, by.addresses.authority, Kind.STATUS, key_ids, by.clock.now())
        except NotAccreditedError:
            return False
        return _all_public(session, [statement.commitment for statement in chain])


def _all_public(session: Session, commitments: Sequence[bytes]) -> bool:
    published = publication(session, commitments)
    return all(commitment in published and published[commitment].state in _PUBLIC for commitment in commitments)


def _active(by: CredentialServices, purpose: str, owner: str, suites: Collection[str]) -> set[str]:
    try:
        return {by.signer.active_key(purpose, owner, SUITE_ALG[suite]).key_id for suite in suites}
    except UnknownKeyError as error:
        raise NotAccreditedError("there are no keys to be accredited yet") from error


def _standing(
    session: Session, code: str, kind: Kind, key_ids: Collection[str], now: datetime
) -> Sequence[StoredStatement]:
    try:
        chain = statements_for(session, code, kind=kind, key_ids=key_ids, at=now)
    except UnknownStatementError as error:
        raise NotAccreditedError("these keys are not accredited") from error
    for statement in chain:
        claims = _claims(statement)
        ended = statement.status is not None and now >= statement.status.since
        if ended or not claims["iat"] <= now.timestamp() < claims["exp"]:
            raise NotAccreditedError("a statement of the chain is not in force")
    return chain


def _claims(statement: StoredStatement) -> dict[str, Any]:
    return peek(next(iter(statement.tokens.values())))[1]
