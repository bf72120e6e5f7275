"""Rows of devices that wait for a person (RFC 8628). What devices repeat are Core statements built once."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import Row, Table, bindparam, select, update
from sqlalchemy.orm import Session

from idp.oauth.models import DeviceCode
from kernel.store import Executor, Expired, changed, insert_new

PENDING: Final = "pending"
ALLOWED: Final = "allowed"
REFUSED: Final = "refused"

_DEVICE = cast(Table, DeviceCode.__table__)
_BY_DEVICE = select(_DEVICE).where(_DEVICE.c.device_hash == bindparam("hash"))
_WAITING = select(DeviceCode).where(
    DeviceCode.user_code_hash == bindparam("hash"),
    DeviceCode.state == PENDING,
    DeviceCode.expires_at > bindparam("now"),
)
_POLLED = (
    update(_DEVICE)
    .where(
        _DEVICE.c.device_hash == bindparam("hash"),
        _DEVICE.c.polled_at.is_not_distinct_from(bindparam("seen", type_=_DEVICE.c.polled_at.type)),
    )
    .values(polled_at=bindparam("now"), interval=bindparam("seconds"))
)


def insert_device(on: Executor, values: dict[str, Any]) -> bool:
    """Keep a device's codes; False where another one that waits has the same user code."""
    return insert_new(on, DeviceCode, values)


def device(on: Executor, device_hash: bytes) -> Row[Any] | None:
    """Return the device of this device code."""
    return on.execute(_BY_DEVICE, {"hash": device_hash}).one_or_none()


def note_poll(on: Executor, device_hash: bytes, *, seen: datetime | None, interval: int, now: datetime) -> bool:
    """Note a poll and the interval from now on; False where another poll came between."""
    values = {"hash": device_hash, "seen": seen, "now": now, "seconds": interval}
    return changed(on.execute(_POLLED, values)) == 1


def waiting(session: Session, user_code_hash: bytes, now: datetime) -> DeviceCode | None:
    """Return the device that waits with this user code."""
    return session.scalar(_WAITING, {"hash": user_code_hash, "now": now})


def decide(session: Session, device_hash: bytes, state: str, now: datetime) -> bool:
    """Note the decision; False where somebody was first, or the time is over."""
    decided = (
        update(DeviceCode)
        .where(DeviceCode.device_hash == device_hash, DeviceCode.state == PENDING, DeviceCode.expires_at > now)
        .values(state=state)
    )
    return changed(session.execute(decided)) == 1


def expired(now: datetime) -> tuple[Expired, ...]:
    """Return what has had its time: devices whose codes are over."""
    return ((DeviceCode.device_hash, DeviceCode.expires_at < now),)
