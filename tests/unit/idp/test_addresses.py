"""Which addresses a platform may have us call."""

from __future__ import annotations

import pytest

from idp.oauth.addresses import is_loopback, is_public

PUBLIC = ["8.8.8.8", "203.119.1.1", "2400:3200::1", "2606:4700::1111"]
NOT_PUBLIC = [
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",  # noqa: S104 - refused
    "0.1.2.3",
    "169.254.169.254",  # Cloud metadata.
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "100.64.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.7",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "192.88.99.1",
    "::",
    "::1",
    "::ffff:8.8.8.8",
    "::ffff:127.0.0.1",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "fe80::1",
    "fe80::1%eth0",
    "2400:3200::1%eth0",
    "fc00::1",
    "fd00:ec2::254",
    "fec0::1",
    "ff02::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "3fff::1",
    "4000::1",
    "localhost",
    "",
    "127.1",
    "0x7f.0.0.1",
    "2130706433",
    "127.0.0.01",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_may_be_called(address: str) -> None:
    assert is_public(address)
    assert not is_loopback(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_no_other_address_may_be_called(address: str) -> None:
    assert not is_public(address)


def test_loopback_is_its_plain_form() -> None:
    assert [text for text in NOT_PUBLIC if is_loopback(text)] == ["127.0.0.1", "127.8.8.8", "::1"]
