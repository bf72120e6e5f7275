"""First sign-in: after the activation code was found good, a password makes the account. And the way back."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from crypto.envelope import FieldVault
from idp import store
from idp.authn.sign_in import PENDING
from idp.directory.activation import mark_activated
from idp.models import Account, Pending
from idp.oauth.stores import tokens
from idp.sessions import end_all_sessions
from kernel import audit

ACTIVATION: Final = "activation"


def make_account(session: Session, pending: Pending, password_hash: str, *, vault: FieldVault, now: datetime) -> None:
    """Use the activation code up and make the account, both or nothing.

    Raises:
        ActivationRefusedError: The code is void meanwhile, or somebody else used it.
    """
    person_id = pending.person_id
    mark_activated(session, person_id, now, redeemed_at=pending.expires_at - PENDING)
    session.add(
        Account(
            person_id=person_id,
            password_hash=password_hash,
            password_set_at=now,
            data_key=vault.new_key(person_id),
            created_at=now,
        )
    )


def change_password(session: Session, person_id: UUID, password_hash: str, now: datetime) -> None:
    """Give the account a new password and sign it out everywhere; the caller signs this browser in again."""
    account = store.account(session, person_id)
    assert account is not None  # noqa: S101 - whoever is signed in has an account
    account.password_hash = password_hash
    account.password_set_at = now
    end_all_sessions(session, person_id, now)
    audit.record(session, at=now, action="account.password", actor=person_id, subject=person_id)


def revoke_access(session: Session, person_id: UUID, now: datetime) -> None:
    """Take everything away that opens the account: for an activation that went to the wrong person."""
    end_all_sessions(session, person_id, now)
    store.delete_totp(session, person_id, confirmed=True)
    store.delete_totp(session, person_id, confirmed=False)
    store.replace_recovery_codes(session, person_id, (), now)
    tokens.revoke_all_grants(session, person_id, now)
    store.delete_account(session, person_id)
    audit.record(session, at=now, action="account.revoke", subject=person_id)
