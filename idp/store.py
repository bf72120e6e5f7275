"""Rows of sign-in, sessions, platforms, tokens and consent. The only place here that selects.

Look-ups that machines repeat are Core statements built once; the rest is the ORM.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import CursorResult, Row, Table, and_, bindparam, delete, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from idp.models import (
    Account,
    Attempt,
    Client,
    Consent,
    Grant,
    PairwiseSub,
    Pending,
    RecoveryCode,
    SignInSession,
    Token,
    Totp,
)


def account(session: Session, person_id: UUID) -> Account | None:
    """Return how a person signs in."""
    return session.get(Account, person_id)


def delete_account(session: Session, person_id: UUID) -> None:
    """Forget how a person signs in, and whatever waits between two steps."""
    session.execute(delete(Account).where(Account.person_id == person_id))
    session.execute(delete(Pending).where(Pending.person_id == person_id))


def locked_attempt(session: Session, key: bytes, now: datetime) -> Attempt:
    """Return the counter, making it where there is none; nobody else changes it until the commit."""
    values = {"key": key, "attempts": 0, "failures": 0, "since": now, "last_at": now}
    _insert_new(session, Attempt, values)
    return session.scalars(select(Attempt).where(Attempt.key == key).with_for_update()).one()


def locked_pending(session: Session, token_hash: bytes, kind: str, now: datetime) -> Pending | None:
    """Return a sign-in between two steps that has not expired, locked until the commit."""
    found = select(Pending).where(Pending.token_hash == token_hash, Pending.kind == kind, Pending.expires_at > now)
    return session.scalar(found.with_for_update())


def pending(session: Session, token_hash: bytes, kind: str, now: datetime) -> Pending | None:
    """Return a sign-in between two steps that has not expired, for reading."""
    return session.scalar(
        select(Pending).where(Pending.token_hash == token_hash, Pending.kind == kind, Pending.expires_at > now)
    )


def delete_pending(session: Session, token_hash: bytes) -> None:
    """Forget a sign-in between two steps."""
    session.execute(delete(Pending).where(Pending.token_hash == token_hash))


def confirmed_totp(session: Session, person_id: UUID, *, lock: bool = False) -> Totp | None:
    """Return the person's authenticator in use."""
    found = select(Totp).where(Totp.person_id == person_id, Totp.confirmed_at.is_not(None))
    return session.scalar(found.with_for_update() if lock else found)


def pending_totp(session: Session, person_id: UUID) -> Totp | None:
    """Return the authenticator that waits for its first code."""
    return session.scalar(select(Totp).where(Totp.person_id == person_id, Totp.confirmed_at.is_(None)))


def delete_totp(session: Session, person_id: UUID, *, confirmed: bool) -> int:
    """Remove the person's authenticators that are in use (or that are not yet)."""
    state = Totp.confirmed_at.is_not(None) if confirmed else Totp.confirmed_at.is_(None)
    return _changed(session.execute(delete(Totp).where(Totp.person_id == person_id, state)))


def use_totp_step(session: Session, totp_id: UUID, step: int, now: datetime) -> bool:
    """Mark a time step as used; False where it, or a later one, was used already."""
    done = session.execute(
        update(Totp)
        .where(Totp.id == totp_id, Totp.last_step < step)
        .values(last_step=step, last_used_at=now, failures=0)
        .execution_options(synchronize_session=False)
    )
    return _changed(done) == 1


def use_recovery_code(session: Session, person_id: UUID, code_hash: bytes, now: datetime) -> bool:
    """Mark a recovery code as used; False where there is none or it was used already."""
    done = session.execute(
        update(RecoveryCode)
        .where(RecoveryCode.code_hash == code_hash, RecoveryCode.person_id == person_id, RecoveryCode.used_at.is_(None))
        .values(used_at=now)
    )
    return _changed(done) == 1


def recovery_codes_left(session: Session, person_id: UUID) -> int:
    """Return how many recovery codes are unused."""
    unused = select(func.count()).where(RecoveryCode.person_id == person_id, RecoveryCode.used_at.is_(None))
    return session.scalar(unused) or 0


def replace_recovery_codes(session: Session, person_id: UUID, hashes: Sequence[bytes], now: datetime) -> None:
    """Put new recovery codes in the place of all old ones; none where `hashes` is empty."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.person_id == person_id))
    session.add_all(RecoveryCode(code_hash=code_hash, person_id=person_id, created_at=now) for code_hash in hashes)


_SESSION_BY_TOKEN = select(SignInSession).where(SignInSession.token_hash == bindparam("token_hash"))


def session_by_token(session: Session, token_hash: bytes) -> SignInSession | None:
    """Return the signed-in browser with this cookie."""
    return session.scalar(_SESSION_BY_TOKEN, {"token_hash": token_hash})


def session(session: Session, session_id: UUID) -> SignInSession | None:
    """Return a signed-in browser by its id."""
    return session.get(SignInSession, session_id)


def sessions_of(session: Session, person_id: UUID, now: datetime) -> Sequence[SignInSession]:
    """Return the person's signed-in browsers, the latest first."""
    mine = select(SignInSession).where(SignInSession.person_id == person_id, SignInSession.expires_at > now)
    return session.scalars(mine.order_by(SignInSession.last_seen_at.desc()).limit(50)).all()


def touch_session(session: Session, session_id: UUID, now: datetime) -> None:
    """Note that the browser was seen."""
    session.execute(update(SignInSession).where(SignInSession.id == session_id).values(last_seen_at=now))


def delete_session(session: Session, session_id: UUID, person_id: UUID) -> bool:
    """End a signed-in browser of this person; False where there is none."""
    gone = delete(SignInSession).where(SignInSession.id == session_id, SignInSession.person_id == person_id)
    return _changed(session.execute(gone)) == 1


def session_ids_of(session: Session, person_id: UUID) -> Sequence[UUID]:
    """Return the ids of all the person's signed-in browsers."""
    return session.scalars(select(SignInSession.id).where(SignInSession.person_id == person_id)).all()


def client(session: Session, client_id: str) -> Client | None:
    """Return a registered platform."""
    return session.get(Client, client_id)


def live_sub(session: Session, sector: str, person_id: UUID) -> str | None:
    """Return the name under which a sector knows the person."""
    mine = select(PairwiseSub.sub).where(
        PairwiseSub.person_id == person_id, PairwiseSub.sector == sector, PairwiseSub.retired_at.is_(None)
    )
    return session.scalar(mine.order_by(PairwiseSub.created_at).limit(1))


def insert_sub(session: Session, sector: str, sub: str, person_id: UUID, now: datetime) -> None:
    """Keep a person's first name at a sector; the same one coming twice at once is one."""
    _insert_new(session, PairwiseSub, {"sector": sector, "sub": sub, "person_id": person_id, "created_at": now})


def sub_owner(session: Session, sector: str, sub: str) -> UUID | None:
    """Return who has, or had, this name at the sector."""
    return session.scalar(select(PairwiseSub.person_id).where(PairwiseSub.sector == sector, PairwiseSub.sub == sub))


def live_consents(session: Session, person_id: UUID, client_id: str) -> Sequence[Consent]:
    """Return what the person allows the platform now."""
    mine = select(Consent).where(
        Consent.person_id == person_id, Consent.client_id == client_id, Consent.withdrawn_at.is_(None)
    )
    return session.scalars(mine.order_by(Consent.given_at)).all()


def consents_of(session: Session, person_id: UUID) -> Sequence[Row[Consent, Client]]:
    """Return what the person allows which platforms now, the latest first."""
    mine = (
        select(Consent, Client)
        .join(Client, Client.client_id == Consent.client_id)
        .where(Consent.person_id == person_id, Consent.withdrawn_at.is_(None))
        .order_by(Consent.given_at.desc())
        .limit(200)
    )
    return session.execute(mine).all()


def withdraw_consents(session: Session, person_id: UUID, client_id: str, now: datetime) -> int:
    """End all that the person allows the platform; return how many consents ended."""
    return _changed(
        session.execute(
            update(Consent)
            .where(Consent.person_id == person_id, Consent.client_id == client_id, Consent.withdrawn_at.is_(None))
            .values(withdrawn_at=now)
        )
    )


def revoke_grants(session: Session, person_id: UUID, client_id: str, now: datetime) -> None:
    """End every token that the platform holds for the person."""
    session.execute(
        update(Grant)
        .where(Grant.person_id == person_id, Grant.client_id == client_id, Grant.revoked_at.is_(None))
        .values(revoked_at=now)
    )


def revoke_all_grants(session: Session, person_id: UUID, now: datetime) -> None:
    """End every token that any platform holds for the person."""
    session.execute(
        update(Grant).where(Grant.person_id == person_id, Grant.revoked_at.is_(None)).values(revoked_at=now)
    )


def revoke_online_grants(session: Session, session_ids: Sequence[UUID], now: datetime) -> None:
    """End the tokens that live only as long as these signed-in browsers."""
    session.execute(
        update(Grant)
        .where(Grant.session_id.in_(session_ids), Grant.offline.is_(False), Grant.revoked_at.is_(None))
        .values(revoked_at=now)
    )


def revoke_grant(session: Session, grant_id: UUID, now: datetime) -> bool:
    """End a family of tokens; False where it had ended already."""
    ended = update(Grant).where(Grant.id == grant_id, Grant.revoked_at.is_(None)).values(revoked_at=now)
    return _changed(session.execute(ended)) == 1


_GRANT = cast(Table, Grant.__table__)
_TOKEN = cast(Table, Token.__table__)
_GRANT_BY_CODE = select(_GRANT).where(_GRANT.c.code_hash == bindparam("hash"))
_TOKEN_COLUMNS = (
    _TOKEN,
    _GRANT.c.client_id,
    _GRANT.c.person_id,
    _GRANT.c.session_id,
    _GRANT.c.sub,
    _GRANT.c.scope.label("granted_scope"),
    _GRANT.c.acr,
    _GRANT.c.amr,
    _GRANT.c.auth_time,
    _GRANT.c.created_at.label("granted_at"),
    _GRANT.c.revoked_at.label("grant_revoked_at"),
)
_TOKEN_WITH_GRANT = select(*_TOKEN_COLUMNS).join_from(_TOKEN, _GRANT, _GRANT.c.id == _TOKEN.c.grant_id)
_TOKEN_BY_ACCESS = _TOKEN_WITH_GRANT.where(_TOKEN.c.access_hash == bindparam("hash"))
_TOKEN_BY_REFRESH = _TOKEN_WITH_GRANT.where(_TOKEN.c.refresh_hash == bindparam("hash"))
_USE_CODE = (
    update(_GRANT)
    .where(_GRANT.c.id == bindparam("grant_id"), _GRANT.c.code_used_at.is_(None), _GRANT.c.revoked_at.is_(None))
    .values(code_used_at=bindparam("now"), expires_at=bindparam("until"))
)
_EXTEND_GRANT = (
    update(_GRANT)
    .where(_GRANT.c.id == bindparam("grant_id"), _GRANT.c.revoked_at.is_(None))
    .values(expires_at=bindparam("until"))
)
_ROTATE = (
    update(_TOKEN)
    .where(_TOKEN.c.id == bindparam("token_id"), _TOKEN.c.rotated_at.is_(None))
    .values(rotated_at=bindparam("now"))
)
_INSERT_TOKEN = insert(_TOKEN)


def grant_by_code(session: Session, code_hash: bytes) -> Row[Any] | None:
    """Return the grant whose authorization code this is."""
    return session.execute(_GRANT_BY_CODE, {"hash": code_hash}).one_or_none()


def token_by_access(session: Session, access_hash: bytes) -> Row[Any] | None:
    """Return a token with what its grant says, by its access token."""
    return session.execute(_TOKEN_BY_ACCESS, {"hash": access_hash}).one_or_none()


def token_by_refresh(session: Session, refresh_hash: bytes) -> Row[Any] | None:
    """Return a token with what its grant says, by its refresh token."""
    return session.execute(_TOKEN_BY_REFRESH, {"hash": refresh_hash}).one_or_none()


def use_code(session: Session, grant_id: UUID, now: datetime, until: datetime) -> bool:
    """Mark the code as used; False where somebody was first, or the grant has ended."""
    return _changed(session.execute(_USE_CODE, {"grant_id": grant_id, "now": now, "until": until})) == 1


def rotate_token(session: Session, token_id: UUID, grant_id: UUID, now: datetime, until: datetime) -> bool:
    """Mark a refresh token as used; False where somebody was first, or the grant has ended."""
    if _changed(session.execute(_ROTATE, {"token_id": token_id, "now": now})) != 1:
        return False
    return _changed(session.execute(_EXTEND_GRANT, {"grant_id": grant_id, "until": until})) == 1


def insert_token(session: Session, values: dict[str, Any]) -> None:
    """Keep a token."""
    session.execute(_INSERT_TOKEN, values)


def revoke_access_token(session: Session, token_id: UUID, now: datetime) -> None:
    """End one access token."""
    session.execute(update(_TOKEN).where(_TOKEN.c.id == token_id).values(access_revoked_at=now))


def purge(session: Session, now: datetime, *, attempts_before: datetime, consents_before: datetime, limit: int) -> int:
    """Delete up to `limit` rows of each table that have expired; return how many rows went."""
    token_left = select(_TOKEN.c.id).where(_TOKEN.c.grant_id == _GRANT.c.id).exists()
    unlocked = or_(Attempt.locked_until.is_(None), Attempt.locked_until < now)
    outdated = (
        (Pending.token_hash, Pending.expires_at < now),
        (SignInSession.id, SignInSession.expires_at < now),
        (Attempt.key, and_(Attempt.last_at < attempts_before, unlocked)),
        (Totp.id, and_(Totp.confirmed_at.is_(None), Totp.created_at < attempts_before)),
        (Token.id, Token.expires_at < now),
        (Grant.id, and_(Grant.expires_at < now, ~token_left)),
        (Consent.id, Consent.withdrawn_at < consents_before),
    )
    gone = 0
    for key, expired in outdated:
        rows = delete(key.class_).where(key.in_(select(key).where(expired).limit(limit)))
        gone += _changed(session.execute(rows, execution_options={"synchronize_session": False}))
    return gone


def _insert_new(session: Session, model: type[Any], values: dict[str, Any]) -> None:
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    session.execute(dialect.insert(model).values(values).on_conflict_do_nothing())


def _changed(result: Any) -> int:
    assert isinstance(result, CursorResult)  # noqa: S101 - what an UPDATE or DELETE returns
    return int(result.rowcount)
