"""Which network addresses are public: the ones that a platform may have us call. Pure.

A list of what is allowed, not of what is known to be bad: IPv6 only from the global unicast
block, IPv4 only what the registry (RFC 6890) calls globally reachable. Forms that hide
another address in them (IPv4-mapped, 6to4, Teredo, NAT64) are refused whole.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

_GLOBAL_V6: Final = ip_network("2000::/3")
_REFUSED_V6: Final = tuple(
    ip_network(text)
    for text in (
        "2001::/23",  # Teredo, benchmarking, ORCHID and other special purposes.
        "2001:db8::/32",  # Documentation.
        "2002::/16",  # 6to4 carries an IPv4 address.
        "3fff::/20",  # Documentation.
        "64:ff9b::/96",  # NAT64 carries an IPv4 address.
        "64:ff9b:1::/48",
    )
)
_REFUSED_V4: Final = tuple(
    ip_network(text)
    for text in (
        "100.64.0.0/10",  # Carriers' own; a cloud's metadata stands here too (100.100.100.200).
        "168.63.129.16/32",  # A cloud's host agent behind a public address.
        "192.0.0.0/24",
        "192.88.99.0/24",  # The old 6to4 relays.
    )
)


def is_public(text: str) -> bool:
    """Whether an address, as the resolver gave it, is one that anybody could reach over the internet."""
    address = _read(text)
    if isinstance(address, IPv4Address):
        return (
            address.is_global
            and not (address.is_multicast or address.is_reserved)
            and not any(address in network for network in _REFUSED_V4)
        )
    if isinstance(address, IPv6Address):
        return (
            address in _GLOBAL_V6
            and address.is_global
            and address.scope_id is None
            and not any(address in network for network in _REFUSED_V6)
        )
    return False


def is_loopback(text: str) -> bool:
    """Whether an address leads back to this machine by its plain form: 127.0.0.0/8 or ::1."""
    address = _read(text)
    if isinstance(address, IPv6Address):
        return address.is_loopback and address.ipv4_mapped is None and address.scope_id is None
    return address is not None and address.is_loopback


def _read(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
