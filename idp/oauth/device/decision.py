"""What a person decides about a device that waits (RFC 8628 §3.3): looked up by the user code, allowed or refused once.

Counting tries is the caller's business, before it asks here (§5.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from idp.errors import UnknownDeviceCodeError
from idp.keyed import Keyed
from idp.levels import acr_of
from idp.oauth.authorization.steps import SignedIn
from idp.oauth.clients.registered import ClientCache, RegisteredClient
from idp.oauth.device.hashes import user_code_hash
from idp.oauth.device.user_code import read_user_code
from idp.oauth.models import Grant
from idp.oauth.pairwise import sub_of
from idp.oauth.scopes import OFFLINE
from idp.oauth.stores import devices
from idp.oauth.tokens.values import ACCESS_LIFE


@dataclass(frozen=True, slots=True)
class WaitingDevice:
    """A device that waits for a decision, and what its platform asks for."""

    device_hash: bytes
    user_code: str
    client: RegisteredClient
    scopes: tuple[str, ...]
    resources: list[str] | None
    details: list[dict[str, Any]] | None
    expires_at: datetime


def find_waiting(session: Session, typed: str, *, clients: ClientCache, keyed: Keyed, now: datetime) -> WaitingDevice:
    """Return the device that shows the code somebody typed.

    Raises:
        UnknownDeviceCodeError: None does, or its time is over, or somebody decided, or its platform was blocked.
    """
    code = read_user_code(typed)
    row = devices.waiting(session, user_code_hash(keyed, code), now) if code else None
    client = clients.get(row.client_id) if row else None
    if code is None or row is None or client is None:
        raise UnknownDeviceCodeError("no device waits with this code")
    return WaitingDevice(
        device_hash=row.device_hash,
        user_code=code,
        client=client,
        scopes=tuple(row.scope.split()),
        resources=row.resources,
        details=row.details,
        expires_at=row.expires_at,
    )


def allow_device(
    session: Session,
    device: WaitingDevice,
    signed_in: SignedIn,
    *,
    pairwise_key: bytes,
    now: datetime,
) -> None:
    """Note that the person allowed it, and keep the grant that its device code redeems.

    Raises:
        UnknownDeviceCodeError: Somebody decided meanwhile, or the time is over.
    """
    _decide(session, device, devices.ALLOWED, now)
    session.add(
        Grant(
            code_hash=device.device_hash,
            client_id=device.client.client_id,
            person_id=signed_in.person_id,
            session_id=signed_in.session_id,
            sub=sub_of(session, device.client.sector, signed_in.person_id, key=pairwise_key, now=now),
            redirect_uri="",
            scope=" ".join(device.scopes),
            offline=OFFLINE in device.scopes,
            resources=device.resources,
            details=device.details,
            acr=acr_of(signed_in.amr),
            amr=" ".join(signed_in.amr),
            auth_time=signed_in.auth_time,
            created_at=now,
            code_expires_at=device.expires_at,
            expires_at=now + ACCESS_LIFE,
        )
    )


def refuse_device(session: Session, device: WaitingDevice, now: datetime) -> None:
    """Note that the person refused it.

    Raises:
        UnknownDeviceCodeError: Somebody decided meanwhile, or the time is over.
    """
    _decide(session, device, devices.REFUSED, now)


def _decide(session: Session, device: WaitingDevice, state: str, now: datetime) -> None:
    if not devices.decide(session, device.device_hash, state, now):
        raise UnknownDeviceCodeError("somebody decided meanwhile")
