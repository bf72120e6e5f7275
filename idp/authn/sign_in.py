"""Sign-in with password and second factor: begin and complete, with the state between them explicit.

`begin_password` counts the try and must be committed before the password is looked at; the
hash is checked in a thread with nothing open; `complete_password` or `note_refusal` writes
what came of it. Factors are checked in one transaction that never raises after it wrote:
the outcome is returned, and the route refuses once it is committed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from crypto.envelope import FieldVault
from idp import store
from idp.authn import recovery, throttle, totp
from idp.authn.devices import known_device
from idp.keyed import Keyed
from idp.levels import OTP, PASSWORD
from idp.models import Account, Pending, Totp
from idp.sessions import renew
from kernel import audit
from kernel.ids import new_token

PENDING: Final = timedelta(minutes=10)
PENDING_TRIES: Final = 5
TOTP_TRIES: Final = 20
FACTOR: Final = "factor"


@dataclass(frozen=True, slots=True)
class Candidate:
    """Who says to be whom, before the password is looked at. Without an account the hash is None."""

    login: str
    person_id: UUID | None
    password_hash: str | None
    counters: throttle.Counters
    address: str


@dataclass(frozen=True, slots=True)
class Authenticators:
    """What checking factors needs besides the rows. Built once, at start-up."""

    keyed: Keyed
    vault: FieldVault


class FactorResult(Enum):
    """What came of a second factor's code."""

    TOTP = "totp"
    RECOVERY_CODE = "recovery_code"
    NOT_NEEDED = "not_needed"
    WRONG = "wrong"
    SUSPENDED = "suspended"
    EXPIRED = "expired"


PASSED: Final = (FactorResult.TOTP, FactorResult.RECOVERY_CODE)


def begin_password(
    session: Session,
    login: str,
    person_id: UUID | None,
    *,
    device_cookie: str | None,
    address: str,
    now: datetime,
    keyed: Keyed,
) -> Candidate:
    """Count a try of `login` (a person number in its plain form) and return whose password to check.

    Raises:
        LockedError: The account is locked for browsers it does not know.
        TooManyAttemptsError: Most sign-ins from this address fail.
    """
    device = known_device(keyed, device_cookie, person_id) if person_id else None
    counters = throttle.counters(keyed, kind="password", login=login, device=device, address=address)
    throttle.reserve(session, counters, now)
    account = store.account(session, person_id) if person_id else None
    return Candidate(login, person_id, account.password_hash if account else None, counters, address)


def note_refusal(session: Session, candidate: Candidate, now: datetime) -> None:
    """Put a wrong password into the audit trail; the counter has it already."""
    audit.record(
        session,
        at=now,
        action="signin.password",
        actor=None,
        subject=candidate.person_id,
        origin=candidate.address,
        result="refused",
    )


def complete_password(
    session: Session, candidate: Candidate, person_id: UUID, *, better_hash: str | None, now: datetime, keyed: Keyed
) -> str | None:
    """Note that the password was right; return the token of the pending second step, None where none is needed."""
    throttle.take_back(session, candidate.counters, now)
    account = store.account(session, person_id)
    if better_hash and account:
        account.password_hash = better_hash
    if store.confirmed_totp(session, person_id) is None:
        return None
    return begin_pending(session, person_id, FACTOR, now=now, keyed=keyed)


def begin_pending(session: Session, person_id: UUID, kind: str, *, now: datetime, keyed: Keyed) -> str:
    """Keep a sign-in between two steps for ten minutes; return the token for its cookie."""
    token = new_token()
    session.add(
        Pending(
            token_hash=keyed.of("pending", token), kind=kind, person_id=person_id, tries=0, expires_at=now + PENDING
        )
    )
    return token


def complete_factor(
    session: Session, token: str, code: str, *, address: str, now: datetime, by: Authenticators
) -> tuple[FactorResult, UUID | None]:
    """Check the second factor of a pending sign-in. Never raises: commit, then refuse by the result."""
    token_hash = by.keyed.of("pending", token)
    pending = store.locked_pending(session, token_hash, FACTOR, now)
    if pending is None or pending.tries >= PENDING_TRIES:
        return FactorResult.EXPIRED, None
    pending.tries += 1
    result = check_factor(session, pending.person_id, code, now=now, by=by)
    if result in PASSED:
        session.delete(pending)
    else:
        audit.record(
            session,
            at=now,
            action="signin.factor",
            subject=pending.person_id,
            origin=address,
            result=result.value,
        )
    return result, pending.person_id


def complete_step_up(
    session: Session, candidate: Candidate, session_id: UUID, code: str, *, now: datetime, by: Authenticators
) -> tuple[FactorResult, str]:
    """Renew a session whose password was proved again, with the second factor where there is one.

    Never raises: commit, then refuse by the result. The token is empty where it is refused.
    """
    throttle.take_back(session, candidate.counters, now)
    row = store.session(session, session_id)
    if row is None or row.person_id != candidate.person_id:
        return FactorResult.EXPIRED, ""
    if store.confirmed_totp(session, row.person_id) is None:
        return FactorResult.NOT_NEEDED, renew(row, [PASSWORD], keyed=by.keyed, now=now)
    result = check_factor(session, row.person_id, code, now=now, by=by)
    if result in PASSED:
        return result, renew(row, [PASSWORD, OTP], keyed=by.keyed, now=now)
    return result, ""


def check_factor(session: Session, person_id: UUID, code: str, *, now: datetime, by: Authenticators) -> FactorResult:
    """Check a TOTP or a recovery code of this person, and mark it as used. Never raises: commit, then refuse."""
    spelled = recovery.normal(code)
    if spelled is not None:
        used = store.use_recovery_code(session, person_id, recovery_hash(by.keyed, person_id, spelled), now)
        return FactorResult.RECOVERY_CODE if used else FactorResult.WRONG
    factor = store.confirmed_totp(session, person_id, lock=True)
    if factor is None:
        return FactorResult.WRONG
    if factor.suspended_at is not None:
        return FactorResult.SUSPENDED
    step = totp.matching_step(_secret(session, factor, by), "".join(code.split()), at=now, after=factor.last_step)
    # The database decides who uses a step first: two browsers may hold the same row.
    if step is not None and store.use_totp_step(session, factor.id, step, now):
        session.refresh(factor)
        return FactorResult.TOTP
    factor.failures += 1
    if factor.failures >= TOTP_TRIES:
        factor.suspended_at = now
        audit.record(session, at=now, action="factor.suspend", subject=person_id)
    return FactorResult.WRONG


def recovery_hash(keyed: Keyed, person_id: UUID, code: str) -> bytes:
    """Return the keyed hash under which a recovery code is kept."""
    return keyed.of("recovery", f"{person_id}|{code}")


def secret_of(account: Account, factor: Totp, vault: FieldVault) -> str:
    """Open an authenticator's secret."""
    return vault.decrypt(
        account.data_key, factor.person_id, factor.secret, table="idp_totp", column="secret", row=factor.id
    )


def _secret(session: Session, factor: Totp, by: Authenticators) -> str:
    account = store.account(session, factor.person_id)
    assert account is not None  # noqa: S101 - an authenticator is only ever made for an account
    return secret_of(account, factor, by.vault)
