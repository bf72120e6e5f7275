"""How often an address may ask: IPv4 by itself, IPv6 by its /64; what holders see is a network."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from credentials.errors import TooManyLookupsError
from credentials.lookup_limits import LookupLimits, counted_as, shown_as

NOW = datetime(2026, 6, 30, tzinfo=UTC)


def test_lookups_and_misses_are_counted_apart() -> None:
    limits = LookupLimits(lookups=5, misses=2)
    for _ in range(5):
        limits.check("203.0.113.7", NOW)
    with pytest.raises(TooManyLookupsError) as caught:
        limits.check("203.0.113.7", NOW + timedelta(minutes=1))
    assert caught.value.params == {"seconds": 541}
    limits.check("203.0.113.8", NOW)
    for _ in range(2):
        limits.missed("203.0.113.8", NOW)
    with pytest.raises(TooManyLookupsError):
        limits.missed("203.0.113.8", NOW)
    limits.check("203.0.113.8", NOW)  # Who knows a code is not shut out by a guesser at the same address.
    limits.check("203.0.113.8", NOW + timedelta(minutes=10))
    limits.missed("203.0.113.8", NOW + timedelta(minutes=10))


def test_one_subscriber_of_ipv6_counts_once() -> None:
    limits = LookupLimits(lookups=1)
    limits.check("2001:db8:1:2::1", NOW)
    with pytest.raises(TooManyLookupsError):
        limits.check("2001:db8:1:2:ffff::9", NOW)
    limits.check("2001:db8:1:3::1", NOW)


def test_memory_is_bounded() -> None:
    limits = LookupLimits()
    for number in range(12_000):
        limits.check(f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}", NOW)
    assert len(limits._counts) == 10_000


@pytest.mark.parametrize(
    ("address", "counted", "shown"),
    [
        ("203.0.113.7", "203.0.113.7/32", "203.0.0.0/16"),
        ("::ffff:203.0.113.7", "203.0.113.7/32", "203.0.0.0/16"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64", "2001:db8::/32"),
        ("fe80::1%eth0", "fe80::/64", "fe80::/32"),
        ("testclient", "unknown", "unknown"),
        ("", "unknown", "unknown"),
    ],
)
def test_networks(address: str, counted: str, shown: str) -> None:
    assert (counted_as(address), shown_as(address)) == (counted, shown)
