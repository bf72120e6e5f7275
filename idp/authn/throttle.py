"""Counters of tries, by account and device together and by address (design: security rules, 5).

A try is counted as a failure *before* the password is looked at, in a transaction of its
own: a raised refusal cannot roll it back, and parallel tries cannot slip past it. A success
takes it back. Strangers' failures lock an account only for browsers it does not know; an
address is held up only when most of what comes from it fails.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from idp import store
from idp.errors import LockedError, TooManyAttemptsError
from idp.keyed import Keyed

TRIES: Final = 5
LOCK: Final = timedelta(minutes=30)
ADDRESS_WINDOW: Final = timedelta(minutes=10)
ADDRESS_FAILURES: Final = 50
ADDRESS_RATIO: Final = 0.5


@dataclass(frozen=True, slots=True)
class Counters:
    """The keys of one try's counters. A known device has its own account counter and no address counter."""

    account: bytes
    address: bytes | None


def counters(keyed: Keyed, *, kind: str, login: str, device: str | None, address: str) -> Counters:
    """Return the counters of a try of `login` in the step `kind` from `device` (None: unknown) at `address`."""
    account = keyed.of("attempt", f"{kind}|{login}|{device or ''}")
    return Counters(account, None if device else keyed.of("attempt", f"address|{prefix(address)}"))


def prefix(address: str) -> str:
    """Return what is counted together: an IPv4 address, the /64 of an IPv6 address."""
    try:
        parsed = ipaddress.ip_address(address.split("%", 1)[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))


def reserve(session: Session, keys: Counters, now: datetime) -> None:
    """Count a try as failed before it is made. Commit before looking at the password.

    Raises:
        LockedError: Five tries failed; the lock holds for 30 minutes.
        TooManyAttemptsError: At least 50 tries from the address failed in ten minutes, and most of them.
    """
    account = store.locked_attempt(session, keys.account, now)
    if account.locked_until and account.locked_until > now:
        raise LockedError("too many failed tries", minutes=_minutes(account.locked_until - now))
    if account.locked_until or now - account.last_at >= LOCK:
        account.failures, account.locked_until, account.since = 0, None, now
    if keys.address:
        _reserve_address(session, keys.address, now)
    account.attempts += 1
    account.failures += 1
    account.last_at = now
    if account.failures >= TRIES:
        account.locked_until = now + LOCK


def take_back(session: Session, keys: Counters, now: datetime) -> None:
    """Note that the try succeeded: the account's counter starts anew, the address has one failure less."""
    account = store.locked_attempt(session, keys.account, now)
    account.failures, account.locked_until = 0, None
    if keys.address:
        address = store.locked_attempt(session, keys.address, now)
        address.failures = max(0, address.failures - 1)


def give_back(session: Session, keys: Counters, now: datetime) -> None:
    """Note that the try alone was no failure; those before it still count.

    For what somebody could succeed in at will between two guesses, such as a device code of their own.
    """
    account = store.locked_attempt(session, keys.account, now)
    account.failures, account.locked_until = max(0, account.failures - 1), None
    if keys.address:
        address = store.locked_attempt(session, keys.address, now)
        address.failures = max(0, address.failures - 1)


def _reserve_address(session: Session, key: bytes, now: datetime) -> None:
    address = store.locked_attempt(session, key, now)
    if now - address.since >= ADDRESS_WINDOW:
        address.attempts, address.failures, address.since = 0, 0, now
    if address.failures >= ADDRESS_FAILURES and address.failures > ADDRESS_RATIO * address.attempts:
        left = address.since + ADDRESS_WINDOW - now
        raise TooManyAttemptsError("most sign-ins from this address fail", minutes=_minutes(left))
    address.attempts += 1
    address.failures += 1
    address.last_at = now


def _minutes(left: timedelta) -> int:
    return max(1, -(-int(left.total_seconds()) // 60))
