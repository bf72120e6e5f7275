"""A holder shares a credential: picks fields and an expiry, and gets a code that is shown once.

The server keeps a keyed hash of the look-up id and a ciphertext; whoever has only the database
opens nothing. That does not protect against the operator of the server, and the documents say so.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from credentials import bundles, sdjwt, share_store, store
from credentials.errors import (
    CredentialNotFoundError,
    InvalidExpiryError,
    InvalidPinError,
    NothingSelectedError,
    PinRequiredError,
    ShareExistsError,
    ShareNotFoundError,
)
from credentials.models import Credential, Share
from credentials.ports import CredentialServices
from credentials.share_code import keys_of, new_code
from crypto.hashes import hmac_sm3
from crypto.sm4 import NONCE_SIZE, seal_with_nonce
from kernel import audit
from kernel.access import Actor
from kernel.ids import new_id

DEFAULT_DAYS: Final = 30
MOST_DAYS: Final = 180
PIN_AGE: Final = 14
_FORM_SIGNS: Final = 64


@dataclass(frozen=True, slots=True)
class Wish:
    """What a holder asks for. `days` None: until withdrawn. `form` names the form that was sent."""

    fields: frozenset[str]
    days: int | None
    pin: str | None
    form: str


@dataclass(frozen=True, slots=True)
class NewShare:
    """A share just made: the only moment at which its code is known."""

    share_id: UUID
    code: str
    expires_at: datetime | None


def own(session: Session, credential_id: UUID, actor: Actor) -> Credential:
    """Return one of the actor's own credentials.

    Raises:
        CredentialNotFoundError: There is none, or it is somebody else's.
    """
    credential = store.credential(session, credential_id)
    if credential is None or credential.person_id != actor.person_id:
        raise CredentialNotFoundError("no such credential")
    return credential


def create_share(by: CredentialServices, credential_id: UUID, wish: Wish, *, actor: Actor) -> NewShare:
    """Share one of the actor's credentials.

    Raises:
        CredentialNotFoundError: It is not the actor's.
        NotPublishedError: The log has not published it yet.
        NothingSelectedError, InvalidExpiryError, InvalidPinError, PinRequiredError: The wish is refused.
        ShareExistsError: This form made a share already; its code was shown then.
    """
    now = by.clock.now()
    expires_at = _expiry(wish.days, now)
    with by.database.read() as session:
        if share_store.share_of_form(session, actor.person_id, wish.form[:_FORM_SIGNS]):
            raise ShareExistsError("this form was sent before")
        credential = own(session, credential_id, actor)
        everything = bundles.disclosures_of(session, credential, by=by)
        disclosures = sdjwt.select(everything, wish.fields)
        if not disclosures:
            raise NothingSelectedError("no field was picked")
        _check_pin(wish.pin, bundles.claims_of(everything).get("birthdate"), now.date())
        assembled = bundles.assemble(session, credential, disclosures, by=by)
    code = new_code()
    keys = keys_of(code)
    nonce = secrets.token_bytes(NONCE_SIZE)
    share = Share(
        id=new_id(),
        credential_id=credential.id,
        person_id=actor.person_id,
        form=wish.form[:_FORM_SIGNS],
        lookup_index=lookup_index(by.share_key, keys.id),
        nonce=nonce,
        ciphertext=seal_with_nonce(keys.key, nonce, bundles.encode(assembled.bundle), keys.id),
        fields=[sdjwt.parse_disclosure(encoded).name for encoded in disclosures],
        tree_size=assembled.tree_size,
        created_at=now,
        expires_at=expires_at,
        pin=pin_index(by.share_key, keys.id, wish.pin) if wish.pin else None,
    )
    try:
        with by.database.write() as session:
            share_store.add_share(session, share)
            session.flush()
            audit.record(
                session,
                at=now,
                action="share.created",
                actor=actor.person_id,
                subject=share.id,
                fields=len(share.fields),
            )
    except IntegrityError as error:
        raise ShareExistsError("this form was sent before") from error
    return NewShare(share.id, code, expires_at)


def withdraw(by: CredentialServices, share_id: UUID, *, actor: Actor) -> None:
    """Withdraw one of the actor's shares: our ciphertext goes; what others have saved stays theirs.

    Raises:
        ShareNotFoundError: It is not the actor's.
    """
    now = by.clock.now()
    with by.database.write() as session:
        share = own_share(session, share_id, actor)
        share.nonce = share.ciphertext = share.pin = None
        if share.withdrawn_at is None and not (share.expires_at and share.expires_at <= now):
            share.withdrawn_at = now
            audit.record(session, at=now, action="share.withdrawn", actor=actor.person_id, subject=share_id)


def own_share(session: Session, share_id: UUID, actor: Actor) -> Share:
    """Return one of the actor's shares.

    Raises:
        ShareNotFoundError: There is none, or it is somebody else's.
    """
    share = share_store.share(session, share_id)
    if share is None or share.person_id != actor.person_id:
        raise ShareNotFoundError("no such share")
    return share


def lookup_index(share_key: bytes, lookup_id: bytes) -> bytes:
    """Return what is stored of a look-up id: HMAC-SM3 under K_share."""
    return hmac_sm3(share_key, lookup_id)


def pin_index(share_key: bytes, lookup_id: bytes, pin: str) -> bytes:
    """Return what is stored of a PIN: bound to its share, useless without K_share."""
    return hmac_sm3(share_key, b"pin:v1|" + lookup_id + pin.encode())


def needs_pin(birthdate: object, today: date) -> bool:
    """Whether the holder is under 14 and therefore shares with a PIN only."""
    if not isinstance(birthdate, str):
        return False
    born = date.fromisoformat(birthdate)
    age = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    return age < PIN_AGE


def offered(fields: Collection[str]) -> frozenset[str]:
    """Return the fields that are ticked at first: who, what, by whom, when; not birth date and gender."""
    return frozenset(fields) - {"birthdate", "gender"}


def _expiry(days: int | None, now: datetime) -> datetime | None:
    if days is None:
        return None
    if not 1 <= days <= MOST_DAYS:
        raise InvalidExpiryError("a share lasts 1 to 180 days", limit=MOST_DAYS)
    return now + timedelta(days=days)


def _check_pin(pin: str | None, birthdate: object, today: date) -> None:
    if pin and not (pin.isascii() and pin.isdigit() and 4 <= len(pin) <= 8):  # noqa: PLR2004 - as the error says
        raise InvalidPinError("a PIN has 4 to 8 digits")
    if not pin and needs_pin(birthdate, today):
        raise PinRequiredError("under 14 a share needs a PIN")
