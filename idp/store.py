"""Rows of sign-in and sessions. What has expired of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Row, Table, and_, bindparam, delete, func, or_, select, update
from sqlalchemy.orm import Session

from idp.models import Account, Attempt, Pending, RecoveryCode, SignInSession, Totp
from kernel.store import Executor, Expired, changed, insert_new


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
    insert_new(session, Attempt, values)
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
    return changed(session.execute(delete(Totp).where(Totp.person_id == person_id, state)))


def use_totp_step(session: Session, totp_id: UUID, step: int, now: datetime) -> bool:
    """Mark a time step as used; False where it, or a later one, was used already."""
    done = session.execute(
        update(Totp)
        .where(Totp.id == totp_id, Totp.last_step < step)
        .values(last_step=step, last_used_at=now, failures=0)
        .execution_options(synchronize_session=False)
    )
    return changed(done) == 1


def use_recovery_code(session: Session, person_id: UUID, code_hash: bytes, now: datetime) -> bool:
    """Mark a recovery code as used; False where there is none or it was used already."""
    done = session.execute(
        update(RecoveryCode)
        .where(RecoveryCode.code_hash == code_hash, RecoveryCode.person_id == person_id, RecoveryCode.used_at.is_(None))
        .values(used_at=now)
    )
    return changed(done) == 1


def recovery_codes_left(session: Session, person_id: UUID) -> int:
    """Return how many recovery codes are unused."""
    unused = select(func.count()).where(RecoveryCode.person_id == person_id, RecoveryCode.used_at.is_(None))
    return session.scalar(unused) or 0


def replace_recovery_codes(session: Session, person_id: UUID, hashes: Sequence[bytes], now: datetime) -> None:
    """Put new recovery codes in the place of all old ones; none where `hashes` is empty."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.person_id == person_id))
    session.add_all(RecoveryCode(code_hash=code_hash, person_id=person_id, created_at=now) for code_hash in hashes)


_SESSION = cast(Table, SignInSession.__table__)
_SESSION_ROW = select(_SESSION).where(_SESSION.c.token_hash == bindparam("token_hash"))
_SESSION_BY_TOKEN = select(SignInSession).where(SignInSession.token_hash == bindparam("token_hash"))


def session_row(on: Executor, token_hash: bytes) -> Row[Any] | None:
    """Return the columns of the signed-in browser with this cookie: for those who only read, at every request."""
    return on.execute(_SESSION_ROW, {"token_hash": token_hash}).one_or_none()


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
    return changed(session.execute(gone)) == 1


def session_ids_of(session: Session, person_id: UUID) -> Sequence[UUID]:
    """Return the ids of all the person's signed-in browsers."""
    return session.scalars(select(SignInSession.id).where(SignInSession.person_id == person_id)).all()


def expired(now: datetime, *, counters_before: datetime) -> tuple[Expired, ...]:
    """Return what has had its time: sign-ins between two steps, sessions, counters, unconfirmed authenticators."""
    unlocked = or_(Attempt.locked_until.is_(None), Attempt.locked_until < now)
    return (
        (Pending.token_hash, Pending.expires_at < now),
        (SignInSession.id, SignInSession.expires_at < now),
        (Attempt.key, and_(Attempt.last_at < counters_before, unlocked)),
        (Totp.id, and_(Totp.confirmed_at.is_(None), Totp.created_at < counters_before)),
    )
