"""Somebody with a code asks for a share: the ciphertext, the fresh status, the anchor. Never the plaintext.

What must be remembered of a refusal (a wrong PIN) is written in a transaction of its own before
the refusal is raised.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.orm import Session

from credentials import bundles, share_store, store
from credentials.errors import (
    PinNeededError,
    ShareExpiredError,
    ShareLockedError,
    ShareUnknownError,
    ShareWithdrawnError,
)
from credentials.lookup_limits import shown_as
from credentials.models import Share, ShareLookup
from credentials.ports import CredentialServices
from credentials.sharing import lookup_index, pin_index
from crypto.encoding import b64u
from crypto.hashes import equal

TRIES: Final = 5
_LOOKUP_ID: Final = 16


@dataclass(frozen=True, slots=True)
class FoundShare:
    """What a look-up hands out; only the code's own key opens `ciphertext` (AAD: the look-up id)."""

    nonce: bytes
    ciphertext: bytes
    status: dict[str, Any]
    anchor: dict[str, Any] | None

    def answer(self) -> dict[str, Any]:
        """Return the body of the answer of `POST /v/lookup`."""
        return {
            "nonce": b64u(self.nonce),
            "ciphertext": b64u(self.ciphertext),
            "status": self.status,
            "anchor": self.anchor,
            "trust": "/trust.json",
        }


def look_up(by: CredentialServices, lookup_id: bytes, *, pin: str | None, address: str) -> FoundShare:
    """Find a share by its look-up id and record that somebody looked.

    Raises:
        TooManyLookupsError: This address asks too often.
        ShareUnknownError: There is no such share, or it ended more than 30 days ago.
        ShareExpiredError, ShareWithdrawnError: It is over.
        PinNeededError: It wants a PIN, and none or a wrong one was given.
        ShareLockedError: Five wrong PINs were given.
    """
    now = by.clock.now()
    by.limits.check(address, now)
    with by.database.read() as session:
        share = share_store.share_by_lookup(session, lookup_index(by.share_key, lookup_id))
    if share is None or len(lookup_id) != _LOOKUP_ID:
        by.limits.missed(address, now)
        raise ShareUnknownError("no such share")
    _check_alive(by, share)
    if share.pin is not None:
        _check_pin(by, share, lookup_id, pin, address)
    if share.nonce is None or share.ciphertext is None:
        raise ShareExpiredError("the share's content is gone")
    with by.database.read() as session:
        credential = store.credential(session, share.credential_id)
        if credential is None:
            raise ShareUnknownError("no such share")
        status = bundles.status(session, credential, share.tree_size, by=by)
        anchor = bundles.anchor(session, credential, share.tree_size, by=by)
    _record(by, share, "opened", address, forget=True)
    return FoundShare(share.nonce, share.ciphertext, status, anchor)


def _check_alive(by: CredentialServices, share: Share) -> None:
    if share.withdrawn_at is not None:
        raise ShareWithdrawnError("the holder has withdrawn this share")
    if share.expires_at is not None and share.expires_at <= by.clock.now():
        raise ShareExpiredError("the share's time is over")


def _check_pin(by: CredentialServices, share: Share, lookup_id: bytes, pin: str | None, address: str) -> None:
    if share.pin_failures >= TRIES:
        raise ShareLockedError("five wrong PINs were given")
    if not pin:
        raise PinNeededError("this share opens with a PIN", left=TRIES - share.pin_failures)
    right = equal(share.pin or b"", pin_index(by.share_key, lookup_id, pin))
    with by.database.write() as session:
        # The count is read again under the lock: tries sent at once must not all pass below five.
        current = share_store.share_for_update(session, share.id)
        failures = TRIES if current is None else current.pin_failures
        if failures < TRIES and not right:
            share_store.count_failure(session, share.id)
            _add(session, by, share, "wrong_pin", address)
    if failures >= TRIES:
        raise ShareLockedError("five wrong PINs were given")
    if not right:
        by.limits.missed(address, by.clock.now())
        raise PinNeededError("the PIN is wrong", left=TRIES - failures - 1)


def _record(by: CredentialServices, share: Share, result: str, address: str, *, forget: bool) -> None:
    with by.database.write() as session:
        if forget and share.pin is not None:
            share_store.forget_failures(session, share.id)
        _add(session, by, share, result, address)


def _add(session: Session, by: CredentialServices, share: Share, result: str, address: str) -> None:
    lookup = ShareLookup(share_id=share.id, at=by.clock.now(), result=result, origin=shown_as(address))
    share_store.add_lookup(session, lookup)
