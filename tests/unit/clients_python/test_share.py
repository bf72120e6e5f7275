"""Share codes and what they open."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from xinji_client.encoding import b64u
from xinji_client.errors import ShareError
from xinji_client.share import ALPHABET, keys_of, open_share, read_code

signs = st.text(st.sampled_from(ALPHABET), min_size=19, max_size=19)


def with_check(nineteen: str) -> str:
    for sign in ALPHABET:
        try:
            return read_code(nineteen + sign)
        except ShareError:
            continue
    raise AssertionError(nineteen)


@given(signs, st.data())
def test_every_wrong_sign_and_every_swap_is_found(nineteen: str, data: st.DataObject) -> None:
    code = with_check(nineteen)
    place = data.draw(st.integers(0, 19))
    other = data.draw(st.sampled_from(ALPHABET).filter(lambda sign: sign != code[place]))
    with pytest.raises(ShareError):
        read_code(code[:place] + other + code[place + 1 :])
    second = data.draw(st.integers(0, 18))
    first, last = sorted((min(place, 18), second))
    if code[first] != code[last]:
        swapped = code[:first] + code[last] + code[first + 1 : last] + code[first] + code[last + 1 :]
        with pytest.raises(ShareError):
            read_code(swapped)


def test_a_code_is_read_in_any_case_width_and_grouping() -> None:
    code = with_check("7K3W0QR4XT1M9ABCDEF")
    grouped = "-".join(code[i : i + 4] for i in range(0, 20, 4))
    wide = "".join(chr(ord(sign) + 0xFEE0) for sign in code)
    for typed in (code, code.lower(), grouped, grouped.replace("-", " "), wide, f"https://h.example/v#{grouped}"):
        assert read_code(typed) == code


@pytest.mark.parametrize("text", ["", "7K3W", "I" * 20, "0" * 21, "é" * 20, "7K3W0QR4XT1M9ABCDEF"])
def test_what_is_no_code(text: str) -> None:
    with pytest.raises(ShareError):
        read_code(text)


def sealed(code: str, plaintext: bytes) -> dict[str, str]:
    keys, nonce = keys_of(code), bytes(range(12))
    sealer = Cipher(algorithms.SM4(keys.key), modes.GCM(nonce)).encryptor()
    sealer.authenticate_additional_data(keys.id)
    content = sealer.update(plaintext) + sealer.finalize() + sealer.tag
    return {"nonce": b64u(nonce), "ciphertext": b64u(content)}


def test_a_share_opens_with_its_code_alone() -> None:
    code, other = with_check("0" * 19), with_check("0" * 18 + "1")
    answer = sealed(code, json.dumps({"format": "xinji/bundle/1"}).encode())
    assert json.loads(open_share(answer, code.lower())) == {"format": "xinji/bundle/1"}
    with pytest.raises(ShareError):
        open_share(answer, other)
    for damaged in (
        answer | {"nonce": b64u(bytes(12))},
        answer | {"nonce": b64u(bytes(11))},
        answer | {"ciphertext": b64u(bytes(15))},
        answer | {"ciphertext": answer["ciphertext"][:-2] + "AA"},
        answer | {"ciphertext": "="},
        {},
    ):
        with pytest.raises(ShareError):
            open_share(damaged, code)


def test_the_derivation_is_fixed() -> None:
    """HKDF-SM3 over nineteen zeros, as the other implementations must derive it too."""
    keys = keys_of(with_check("0" * 19))
    assert len(keys.id) == len(keys.key) == 16
    assert keys.id != keys.key
    assert with_check("0" * 19) == "0" * 20
