"""Accredit an issuer: sign first, outside any transaction, then store and log in one.

Who may accredit whom is decided by the caller's access rules, and again by every verifier
through the limits in the statements above.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from crypto.canonical import canonical_json
from crypto.hashes import sm3
from crypto.jose import SUITE_ALG, peek, verify_jwt
from crypto.keyring import FEDERATION
from crypto.keys import PublicKey
from crypto.signing import Signer, sign_jwts
from kernel.audit import record
from kernel.clock import Clock
from kernel.db import Database
from kernel.ids import new_id
from ledger.formats.commitment import ACCREDITATION, commit
from ledger.formats.entry import Entry, EntryType
from ledger.registry import store
from ledger.registry.entities import parse_entity_id
from ledger.registry.errors import StatusConflictError
from ledger.registry.models import LogStatement
from ledger.registry.statement import TYP, Statement, parse_statement, statement_payload
from ledger.registry.statement_status import State
from ledger.submission import LogWriter

LIFETIME: Final = timedelta(days=3 * 365)
RENEW_BEFORE: Final = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Accreditation:
    """What accrediting needs. Built once, at start-up."""

    signer: Signer
    log: LogWriter
    clock: Clock
    lifetime: timedelta = LIFETIME


@dataclass(frozen=True, slots=True)
class Draft:
    """What a superior is about to say: `claims` come from `statement.school_claims` and its siblings."""

    issuer: str
    subject: str
    federation_keys: tuple[PublicKey, ...]
    claims: Mapping[str, Any]

    def content(self) -> bytes:
        """Return the digest of what the draft says, whenever it is said."""
        return _content(self.payload(1, 2))

    def payload(self, issued_at: int, expires_at: int) -> dict[str, Any]:
        """Return the statement's payload for these times.

        Raises:
            InvalidStatementError: The draft would make no valid statement.
        """
        return statement_payload(
            self.claims,
            issuer=self.issuer,
            subject=self.subject,
            issued_at=issued_at,
            expires_at=expires_at,
            federation_keys=self.federation_keys,
        )


@dataclass(frozen=True, slots=True)
class SignedStatement:
    """A statement that is signed in both suites and not yet stored."""

    statement: Statement
    tokens: Mapping[str, str]
    commitment: bytes
    content: bytes


def ensure_keys(signer: Signer, purpose: str, owner: str) -> tuple[PublicKey, ...]:
    """Return the owner's active public keys of a purpose, SM2 and ES256, making those that are missing."""
    return tuple(signer.generate(purpose, owner, alg) for alg in SUITE_ALG.values())


def ensure_authority_keys(signer: Signer, entity_id: str) -> tuple[PublicKey, ...]:
    """Return an entity's federation keys, which sign statements and nothing else."""
    return ensure_keys(signer, FEDERATION, parse_entity_id(entity_id).entity_id)


def accredit(database: Database, draft: Draft, *, by: Accreditation, actor: UUID | None = None) -> LogStatement:
    """Return the statement that says what `draft` says, made now unless one stands for long enough.

    Raises:
        InvalidStatementError: The draft would make no valid statement.
        StatusConflictError: It names a key that counts as compromised.
    """
    with database.read() as session:
        standing = standing_statement(session, draft, at=by.clock.now())
    if standing is not None:
        return standing
    signed = prepare(draft, by=by)
    with database.write() as session:
        return store_statement(session, signed, by=by, actor=actor)


def standing_statement(session: Session, draft: Draft, *, at: datetime) -> LogStatement | None:
    """Return the current statement if it says what `draft` says and does not expire soon."""
    current = store.current_of(session, draft.subject)
    return current if current is not None and _says(current, draft.content(), at=at) else None


def prepare(draft: Draft, *, by: Accreditation) -> SignedStatement:
    """Sign `draft` in both suites. No transaction may be open: the signer is another process."""
    now = by.clock.now()
    payload = draft.payload(int(now.timestamp()), int((now + by.lifetime).timestamp()))
    tokens = sign_in_suites(by.signer, draft.issuer, payload, typ=TYP)
    statement = parse_statement(payload)
    commitment = commit(ACCREDITATION, statement.subject.log_code, tokens)
    return SignedStatement(statement, tokens, commitment, _content(payload))


def store_statement(
    session: Session, signed: SignedStatement, *, by: Accreditation, actor: UUID | None = None
) -> LogStatement:
    """Store a signed statement as the current one, and queue it for the log with its preimage.

    If another statement came to say the same meanwhile, that one is returned and this one dropped.

    Raises:
        StatusConflictError: It names a key that counts as compromised.
    """
    statement, subject, now = signed.statement, signed.statement.subject, by.clock.now()
    current = store.current_of(session, subject.entity_id)
    if current is not None and _says(current, signed.content, at=now):
        return current
    _refuse_compromised(session, statement)
    if current is not None:
        store.supersede(session, current.id)
    row = _row(signed)
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as error:  # The database decides who is first.
        current = store.current_of(session, subject.entity_id)
        if current is not None and _says(current, signed.content, at=now):
            return current
        raise StatusConflictError("another statement about it was made at this moment", code=subject.code) from error
    by.log.submit(
        session, Entry(EntryType.ACCREDITATION, subject.log_code, signed.commitment), evidence=dict(signed.tokens)
    )
    record(
        session,
        at=now,
        action="accreditation.stated",
        actor=actor,
        subject=subject.code,
        organisation=statement.issuer.code,
        commitment=signed.commitment.hex(),
    )
    return row


def sign_in_suites(signer: Signer, issuer: str, payload: Mapping[str, Any], *, typ: str) -> dict[str, str]:
    """Sign one payload with the issuer's federation keys of both suites, and look at what came back."""
    tokens = {}
    for suite, alg in SUITE_ALG.items():
        (token,) = sign_jwts(signer, FEDERATION, issuer, alg, [payload], typ=typ)
        verify_jwt(token, signer.public_keys(FEDERATION, issuer), typ=typ, algs=(alg,))
        tokens[suite] = token
    return tokens


def _says(current: LogStatement, content: bytes, *, at: datetime) -> bool:
    """Whether the current statement says this, and goes on saying it for a while."""
    return current.content == content and current.expires_at - at >= RENEW_BEFORE


def _content(payload: Mapping[str, Any]) -> bytes:
    return sm3(canonical_json({name: value for name, value in payload.items() if name not in {"iat", "exp"}}))


def _refuse_compromised(session: Session, statement: Statement) -> None:
    """A key that fell into other hands is never accredited again, whatever its statement says."""
    earlier = store.about(session, statement.subject.entity_id)
    ends = store.statuses_of(session, [row.id for row in earlier])
    lost = {status.statement_id for status in ends if status.state == State.COMPROMISED}
    keys = {key.key_id for key in (*statement.federation_keys, *statement.service_keys)}
    for row in earlier:
        if row.id in lost and keys & {*row.federation_keys, *row.service_keys}:
            raise StatusConflictError("a key in it counts as compromised", code=statement.subject.code)


def _row(signed: SignedStatement) -> LogStatement:
    statement, subject = signed.statement, signed.statement.subject
    return LogStatement(
        id=new_id(),
        commitment=signed.commitment,
        issuer=statement.issuer.entity_id,
        subject=subject.entity_id,
        current_subject=subject.entity_id,
        kind=subject.kind.value,
        code=subject.log_code,
        content=signed.content,
        tokens=dict(signed.tokens),
        signed_by=[peek(token)[0]["kid"] for token in signed.tokens.values()],
        federation_keys=[key.key_id for key in statement.federation_keys],
        service_keys=[key.key_id for key in statement.service_keys],
        issued_at=datetime.fromtimestamp(statement.issued_at, UTC),
        expires_at=datetime.fromtimestamp(statement.expires_at, UTC),
    )
