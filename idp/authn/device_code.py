"""A person types the code that a device shows (RFC 8628 §3.3): each try is counted before it is looked at (§5.1)."""

from __future__ import annotations

from uuid import UUID

from idp.authn import throttle
from idp.errors import DeviceTriesError, LockedError, TooManyAttemptsError
from idp.keyed import Keyed
from idp.oauth.clients.registered import ClientCache
from idp.oauth.device.decision import WaitingDevice, find_waiting
from kernel.clock import Clock
from kernel.db import Database


def look_up_device(
    typed: str, *, person_id: UUID, address: str, database: Database, clients: ClientCache, keyed: Keyed, clock: Clock
) -> WaitingDevice:
    """Return the device that waits with this code.

    Raises:
        DeviceTriesError: The person was wrong five times, or most that comes from the address is wrong.
        UnknownDeviceCodeError: No device waits with it.
    """
    now = clock.now()
    keys = throttle.counters(keyed, kind="device", login=str(person_id), device=None, address=address)
    try:
        with database.write() as session:
            throttle.reserve(session, keys, now)
    except (LockedError, TooManyAttemptsError) as error:
        raise DeviceTriesError("too many wrong device codes", **error.params) from error
    with database.read() as session:
        found = find_waiting(session, typed, clients=clients, keyed=keyed, now=now)
    with database.write() as session:
        throttle.give_back(session, keys, now)
    return found
