"""Share codes: every single wrong sign, every swap, and the published derivation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credentials import share_code
from credentials.errors import InvalidShareCodeError
from crypto.hashes import hmac_sm3

codes = st.text(share_code.ALPHABET, min_size=19, max_size=19).map(lambda signs: signs + share_code.check_sign(signs))


@given(codes)
def test_every_single_wrong_sign_is_found(code: str) -> None:
    for at in range(20):
        for sign in share_code.ALPHABET:
            if sign != code[at]:
                with pytest.raises(InvalidShareCodeError):
                    share_code.normalise(code[:at] + sign + code[at + 1 :])


@given(codes)
def test_every_swap_is_found(code: str) -> None:
    for first in range(20):
        for second in range(first + 1, 20):
            if code[first] != code[second]:
                signs = list(code)
                signs[first], signs[second] = signs[second], signs[first]
                with pytest.raises(InvalidShareCodeError):
                    share_code.normalise("".join(signs))


@given(codes)
def test_people_type_codes_in_many_ways(code: str) -> None:
    grouped = "-".join(code[at : at + 4] for at in range(0, 20, 4))
    full_width = "".join(chr(ord(sign) + 0xFEE0) for sign in code)
    for typed in (code, code.lower(), grouped, f"  {grouped.lower()} \n", full_width, grouped.replace("-", "－")):
        assert share_code.normalise(typed) == code


@pytest.mark.parametrize("text", ["", "0" * 19, "0" * 21, "0" * 19 + "I", "O" * 20, "😀" * 20, "0" * 1_000_000])
def test_what_is_no_code_is_refused(text: str) -> None:
    with pytest.raises(InvalidShareCodeError):
        share_code.normalise(text)


def test_the_worked_derivation() -> None:
    # HKDF-SM3 step by step (RFC 5869 with HMAC-SM3), as docs/profiles/sd-jwt.md prints it.
    signs = "0123456789ABCDEFGHJ"
    assert share_code.check_sign(signs) == "G"
    prk = hmac_sm3(b"xinji/share/1", signs.encode())
    keys = share_code.keys_of(f"{signs}G")
    assert keys.id == hmac_sm3(prk, b"id\x01")[:16]
    assert keys.key == hmac_sm3(prk, b"key\x01")[:16]
    assert keys.id != keys.key


def test_new_codes_are_valid_and_differ() -> None:
    made = {share_code.new_code() for _ in range(200)}
    assert len(made) == 200
    assert {share_code.normalise(code) for code in made} == made
