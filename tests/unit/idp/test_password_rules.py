from __future__ import annotations

import pytest
from argon2 import PasswordHasher

from idp import errors
from idp.authn.password_rules import check_new_password
from idp.authn.passwords import OWASP, Passwords

EID = "P7K3W0QR4XT1M1"
CHEAP = Passwords(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))


@pytest.mark.parametrize("password", ["summer-rain", "八个字符的密码呀", "correct horse battery staple", "x7" * 64])
def test_long_uncommon_passwords_are_fine(password: str) -> None:
    check_new_password(password, password, eid=EID, staff=False)


@pytest.mark.parametrize("password", ["correct horse battery staple", "Rain-7-lotus", "rain-7-lotus!"])
def test_staff_passwords_have_three_kinds_or_are_long(password: str) -> None:
    check_new_password(password, password, eid=EID, staff=True)


@pytest.mark.parametrize(
    ("password", "staff", "error"),
    [
        ("1234567", False, errors.PasswordTooShortError),
        ("rain-7-lo", True, errors.PasswordTooShortError),
        ("rainyseason", True, errors.PasswordTooSimpleError),
        ("PASSWORD", False, errors.PasswordCommonError),
        ("ｐａｓｓｗｏｒｄ", False, errors.PasswordCommonError),
        ("aaaaaaaaaaaa", False, errors.PasswordCommonError),
        ("abcdefghijkl", False, errors.PasswordCommonError),
        ("zyxwvutsr", False, errors.PasswordCommonError),
        ("my-p7k3-w0qr-4xt1-m1", False, errors.PasswordIsLoginError),
        ("x" * 129, False, errors.PasswordTooLongError),
    ],
)
def test_others_are_refused_by_their_rule(password: str, *, staff: bool, error: type[Exception]) -> None:
    with pytest.raises(error):
        check_new_password(password, password, eid=EID, staff=staff)


def test_both_entries_must_be_the_same() -> None:
    with pytest.raises(errors.PasswordMismatchError):
        check_new_password("summer-rain", "summer-rain ", eid=EID, staff=False)


def test_hashes_are_argon2id_with_owasp_parameters() -> None:
    assert Passwords(OWASP).hash("summer-rain").startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_a_password_fits_its_own_hash_in_any_normal_form_and_no_other() -> None:
    encoded = CHEAP.hash("caf\u00e9-lotus")
    assert CHEAP.fits(encoded, "cafe\u0301-lotus")
    assert not CHEAP.fits(encoded, "cafe-lotus")
    assert not CHEAP.fits("$argon2id$broken", "cafe-lotus")


def test_nothing_fits_an_unknown_account_not_even_the_dummys_password() -> None:
    assert not CHEAP.fits(None, "")
    assert not CHEAP.fits(None, CHEAP._dummy)


def test_hashes_of_other_parameters_are_outdated() -> None:
    stronger = Passwords(PasswordHasher(time_cost=2, memory_cost=64, parallelism=1))
    assert stronger.is_outdated(CHEAP.hash("summer-rain"))
    assert not CHEAP.is_outdated(CHEAP.hash("summer-rain"))
