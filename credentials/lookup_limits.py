"""How often one address may ask for shares: counted in memory, for each web process. Pure but for its counters.

94 random bits protect a code; this only keeps one address from keeping the service busy.
IPv4 counts by address, IPv6 by /64 (one subscriber's network). What is shown to a holder of
who looked is a network, never a whole address.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from credentials.errors import TooManyLookupsError

MISSES: Final = 30
LOOKUPS: Final = 600
WINDOW: Final = timedelta(minutes=10)
_REMEMBERED: Final = 10_000


class LookupLimits:
    """Counts look-ups and misses of each address in a fixed window."""

    def __init__(self, *, lookups: int = LOOKUPS, misses: int = MISSES, window: timedelta = WINDOW) -> None:
        """Allow `lookups`, and of them `misses` that find nothing, in each `window`."""
        self._lookups, self._misses, self._window = lookups, misses, window
        self._counts: OrderedDict[str, tuple[datetime, int, int]] = OrderedDict()
        self._lock = threading.Lock()

    def check(self, address: str, now: datetime) -> None:
        """Count one look-up of `address`.

        Raises:
            TooManyLookupsError: It asked too often in this window.
        """
        name = counted_as(address)
        with self._lock:
            since, lookups, misses = self._counts.pop(name, (now, 0, 0))
            if now - since >= self._window:
                since, lookups, misses = now, 0, 0
            self._counts[name] = (since, lookups + 1, misses)
            if len(self._counts) > _REMEMBERED:
                self._counts.popitem(last=False)
        if lookups >= self._lookups:
            raise self._too_many(since, now)

    def missed(self, address: str, now: datetime) -> None:
        """Count one look-up of `address` that found nothing or came with a wrong PIN.

        Raises:
            TooManyLookupsError: It missed too often in this window. Only misses are refused for
                it: one guesser must not shut out a whole campus behind the same address.
        """
        name = counted_as(address)
        with self._lock:
            since, lookups, misses = self._counts.get(name, (now, 0, 0))
            self._counts[name] = (since, lookups, misses + 1)
        if misses >= self._misses:
            raise self._too_many(since, now)

    def _too_many(self, since: datetime, now: datetime) -> TooManyLookupsError:
        seconds = int((since + self._window - now).total_seconds()) + 1
        return TooManyLookupsError("this address asks too often", seconds=seconds)


def counted_as(address: str) -> str:
    """Return what an address counts as: itself, or the /64 of an IPv6 address."""
    return _network(address, v4=32, v6=64)


def shown_as(address: str) -> str:
    """Return what a holder sees of an address: its IPv4 /16 or IPv6 /32, which tells no household."""
    return _network(address, v4=16, v6=32)


def _network(address: str, *, v4: int, v6: int) -> str:
    try:
        parsed = ip_address(address.split("%", maxsplit=1)[0])
    except ValueError:
        return "unknown"
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return str(ip_network((parsed, v4 if parsed.version == 4 else v6), strict=False))  # noqa: PLR2004 - IP's own
