from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from idp.authn import recovery, totp
from idp.authn.devices import MAX_LENGTH, PEOPLE, known_device, remember_person
from idp.authn.throttle import prefix
from idp.browser_name import browser_name
from idp.keyed import Keyed
from idp.levels import ACR_ONE, ACR_TWO, acr_of, amr_of

NOW = datetime(2026, 6, 30, 4, 0, tzinfo=UTC)
KEYED = Keyed(b"k" * 32)
ONE, TWO = UUID(int=1), UUID(int=2)


@pytest.mark.parametrize(
    ("seconds", "code"), [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (2000000000, "279037")]
)
def test_the_codes_are_those_of_rfc_6238_appendix_b(seconds: int, code: str) -> None:
    secret = base64.b32encode(b"12345678901234567890").decode()
    at = datetime.fromtimestamp(seconds, UTC)
    assert totp.code_at(secret, at) == code
    assert totp.matching_step(secret, code, at=at, after=-1) == seconds // 30


def test_one_step_early_or_late_fits_and_two_do_not() -> None:
    secret = totp.new_secret()
    step = int(NOW.timestamp()) // 30
    for offset in (-1, 0, 1):
        code = totp.code_at(secret, NOW + offset * timedelta(seconds=30))
        assert totp.matching_step(secret, code, at=NOW, after=-1) == step + offset
    for offset in (-2, 2):
        code = totp.code_at(secret, NOW + offset * timedelta(seconds=30))
        assert totp.matching_step(secret, code, at=NOW, after=-1) is None


def test_a_step_that_was_used_fits_no_more_nor_one_before_it() -> None:
    secret = totp.new_secret()
    step = int(NOW.timestamp()) // 30
    code = totp.code_at(secret, NOW)
    assert totp.matching_step(secret, code, at=NOW, after=step - 1) == step
    assert totp.matching_step(secret, code, at=NOW, after=step) is None
    assert totp.matching_step(secret, totp.code_at(secret, NOW - timedelta(seconds=30)), at=NOW, after=step) is None


@pytest.mark.parametrize("code", ["", "12345", "1234567", "12345a", "１２３４５６", "-12345", "12 345"])
def test_what_is_no_code_fits_nothing(code: str) -> None:
    assert totp.matching_step(totp.new_secret(), code, at=NOW, after=-1) is None


def test_the_qr_is_an_svg_of_the_address_that_apps_read() -> None:
    uri = totp.provisioning_uri("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "P7K3-W0QR-4XT1-M1")
    assert uri.startswith("otpauth://totp/%E4%BF%A1%E7%B1%8D:P7K3-W0QR-4XT1-M1?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    picture = totp.qr_picture(uri)
    assert picture.startswith("data:image/svg+xml;base64,")
    assert b"<svg" in base64.b64decode(picture.split(",")[1])


def test_ten_different_recovery_codes_are_read_in_any_spelling() -> None:
    codes = recovery.new_codes()
    assert len(set(codes)) == recovery.COUNT
    for code in codes:
        assert recovery.normal(f" {code[:4]}-{code[4:8].lower()} {code[8:]}") == code
        assert recovery.normal(code[:-1]) is None
    assert recovery.normal("123456") is None
    assert recovery.normal("") is None


def test_a_device_knows_the_people_who_signed_in_there_and_nobody_else() -> None:
    cookie = remember_person(KEYED, None, ONE)
    nonce = known_device(KEYED, cookie, ONE)
    assert nonce
    assert known_device(KEYED, cookie, TWO) is None
    assert known_device(Keyed(b"x" * 32), cookie, ONE) is None
    both = remember_person(KEYED, cookie, TWO)
    assert known_device(KEYED, both, ONE) == known_device(KEYED, both, TWO) == nonce
    assert str(ONE) not in both


def test_a_device_forgets_the_ninth_person_and_stays_short() -> None:
    cookie = None
    for number in range(20):
        cookie = remember_person(KEYED, cookie, UUID(int=number))
    assert cookie
    assert len(cookie) < MAX_LENGTH
    assert known_device(KEYED, cookie, UUID(int=19))
    assert known_device(KEYED, cookie, UUID(int=20 - PEOPLE))
    assert known_device(KEYED, cookie, UUID(int=19 - PEOPLE)) is None


@pytest.mark.parametrize("cookie", [None, "", ".", "a.b", "电.电", "x" * 10_000, "." * 600])
def test_a_forged_device_is_unknown(cookie: str | None) -> None:
    assert known_device(KEYED, cookie, ONE) is None
    assert known_device(KEYED, remember_person(KEYED, cookie, ONE), ONE)


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::1", "::/64"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
def test_addresses_are_counted_by_ipv4_and_by_the_64_of_ipv6(address: str, counted: str) -> None:
    assert prefix(address) == counted


def test_levels_follow_the_methods() -> None:
    assert amr_of(["pwd"]) == ("pwd",)
    assert amr_of(["pwd", "otp"]) == ("pwd", "otp", "mfa")
    assert amr_of(["pwd", "otp", "mfa", "otp"]) == ("pwd", "otp", "mfa")
    assert acr_of(["pwd"]) == ACR_ONE
    assert acr_of(["pwd", "otp", "mfa"]) == ACR_TWO


def test_each_purpose_has_a_key_of_its_own() -> None:
    assert KEYED.of("code", "x") != KEYED.of("access", "x")
    assert KEYED.of("code", "x") == Keyed(b"k" * 32).of("code", "x")
    assert len(KEYED.token("code", "x")) == 43


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/150.0 Safari/537.36", "Chrome · Windows"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/150.0 Safari/537.36 Edg/150.0", "Edge · Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 20_0 like Mac OS X) MicroMessenger/9", "微信 · iPhone"),
        ("Mozilla/5.0 (Linux; Android 16) Chrome/150 Mobile Safari/537.36", "Chrome · Android"),
        ("curl/8", "curl/8"),
        ("", ""),
        ("<script>" * 20, ("<script>" * 20)[:40]),
    ],
)
def test_browsers_are_called_as_people_call_them(agent: str, name: str) -> None:
    assert browser_name(agent) == name
