"""The second factor's life: set up, confirmed by its first code, removed; recovery codes made anew."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from idp import store
from idp.authn import recovery, totp
from idp.authn.sign_in import Authenticators, recovery_hash, secret_of
from idp.errors import FactorNeededError, FlowExpiredError, WrongCodeError
from idp.models import Totp
from kernel import audit
from kernel.ids import new_id


def begin_totp(session: Session, person_id: UUID, *, now: datetime, by: Authenticators) -> str:
    """Return the secret of the authenticator being set up; the same one until it is confirmed.

    Raises:
        FlowExpiredError: The person has no account.
    """
    account = store.account(session, person_id)
    if account is None:
        raise FlowExpiredError("there is no account to set this up for")
    waiting = store.pending_totp(session, person_id)
    if waiting is not None:
        return secret_of(account, waiting, by.vault)
    factor_id = new_id()
    secret = totp.new_secret()
    sealed = by.vault.encrypt(account.data_key, person_id, secret, table="idp_totp", column="secret", row=factor_id)
    session.add(Totp(id=factor_id, person_id=person_id, secret=sealed, created_at=now))
    return secret


def confirm_totp(session: Session, person_id: UUID, code: str, *, now: datetime, by: Authenticators) -> tuple[str, ...]:
    """Take the new authenticator into use with its first code; return ten fresh recovery codes, shown once.

    It replaces the one before, and the recovery codes before.

    Raises:
        FlowExpiredError: None is being set up.
        WrongCodeError: The code does not fit.
    """
    account = store.account(session, person_id)
    waiting = store.pending_totp(session, person_id)
    if account is None or waiting is None:
        raise FlowExpiredError("no authenticator is being set up")
    secret = secret_of(account, waiting, by.vault)
    step = totp.matching_step(secret, "".join(code.split()), at=now, after=waiting.last_step)
    if step is None:
        raise WrongCodeError("the code does not fit the new authenticator")
    store.delete_totp(session, person_id, confirmed=True)
    waiting.confirmed_at = waiting.last_used_at = now
    waiting.last_step = step
    audit.record(session, at=now, action="factor.add", actor=person_id, subject=person_id, kind="totp")
    return renew_recovery_codes(session, person_id, now=now, by=by)


def renew_recovery_codes(session: Session, person_id: UUID, *, now: datetime, by: Authenticators) -> tuple[str, ...]:
    """Make ten recovery codes that replace all before; return them for the only time they are shown."""
    codes = recovery.new_codes()
    store.replace_recovery_codes(session, person_id, [recovery_hash(by.keyed, person_id, code) for code in codes], now)
    audit.record(session, at=now, action="factor.recovery_codes", actor=person_id, subject=person_id)
    return codes


def remove_totp(session: Session, person_id: UUID, *, staff: bool, now: datetime) -> None:
    """Remove the authenticator and its recovery codes.

    Raises:
        FactorNeededError: Staff may replace it, but not be without one.
    """
    if staff:
        raise FactorNeededError("staff need a second factor")
    store.delete_totp(session, person_id, confirmed=True)
    store.replace_recovery_codes(session, person_id, (), now)
    audit.record(session, at=now, action="factor.remove", actor=person_id, subject=person_id, kind="totp")
