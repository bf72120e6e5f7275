from __future__ import annotations

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto import hashes
from crypto.blind import BlindIndex
from crypto.encoding import b64u
from crypto.errors import InvalidKeyError
from crypto.hashes import HASHES, equal, hkdf_expand_sm3, hkdf_extract_sm3, hmac_sm3, pbkdf2_hmac_sm3, sha256, sm3
from tests.vectors.files import vectors

BACKENDS = [hashes._InterpreterSm3(), hashes._CryptographySm3()]


@pytest.fixture(params=BACKENDS, ids=["interpreter", "cryptography"], autouse=True)
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashes, "_SM3", request.param)


@pytest.mark.parametrize("case", vectors("sm3.json")["digests"])
def test_sm3_gives_the_published_digests(case: dict[str, str]) -> None:
    assert sm3(bytes.fromhex(case["message"])).hex() == case["digest"]


@pytest.mark.parametrize("case", vectors("hmac_sm3.json")["macs"])
def test_hmac_sm3_gives_the_known_mac(case: dict[str, str]) -> None:
    assert hmac_sm3(bytes.fromhex(case["key"]), bytes.fromhex(case["message"])).hex() == case["mac"]


@pytest.mark.parametrize("case", vectors("pbkdf2_sm3.json")["keys"])
def test_pbkdf2_gives_the_known_keys(case: dict[str, str]) -> None:
    key = pbkdf2_hmac_sm3(
        case["password"].encode(), case["salt"].encode(), int(case["iterations"]), int(case["length"])
    )
    assert key.hex() == case["key"]


@pytest.mark.parametrize("size", [0, 1, 32, 63, 64, 65, 1000])
def test_hmac_with_keys_of_any_size_follows_rfc_2104(size: int) -> None:
    key = bytes(range(256))[:size] if size <= 256 else bytes(size)
    block = (sm3(key) if len(key) > 64 else key).ljust(64, b"\x00")
    inner = sm3(bytes(b ^ 0x36 for b in block) + b"data")
    assert hmac_sm3(key, b"data") == sm3(bytes(b ^ 0x5C for b in block) + inner)


def test_hkdf_follows_rfc_5869() -> None:
    prk = hkdf_extract_sm3(b"salt", b"secret")
    assert prk == hmac_sm3(b"salt", b"secret")
    first = hmac_sm3(prk, b"info" + b"\x01")
    second = hmac_sm3(prk, first + b"info" + b"\x02")
    assert hkdf_expand_sm3(prk, b"info", 48) == (first + second)[:48]
    assert hkdf_expand_sm3(prk, b"id", 16) != hkdf_expand_sm3(prk, b"key", 16)
    assert hkdf_extract_sm3(b"", b"secret") == hkdf_extract_sm3(bytes(32), b"secret")


def test_hashes_are_called_by_the_names_sd_jwt_uses() -> None:
    assert HASHES["sm3"] is sm3
    assert HASHES["sha-256"] is sha256
    assert sha256(b"abc").hex().startswith("ba7816bf")
    assert hashes.sha512(b"abc").hex().startswith("ddaf35a1")


@given(a=st.binary(max_size=8), b=st.binary(max_size=8))
def test_equal_says_what_equality_says(a: bytes, b: bytes) -> None:
    assert equal(a, b) == (a == b) == hmac.compare_digest(a, b)


def test_the_blind_index_gives_the_worked_example() -> None:
    case = vectors("blind_index.json")
    index = BlindIndex(bytes.fromhex(case["key"]), "k1")
    assert index.of(case["document"]["text"]).hex() == case["document"]["index"]
    assert b64u(index.of(case["pairwise"]["text"])) == case["pairwise"]["sub"]
    assert index.key_id == "k1"


def test_the_blind_index_depends_on_its_key_and_refuses_a_short_one() -> None:
    assert BlindIndex(bytes(32), "a").of("x") != BlindIndex(bytes(31) + b"\x01", "a").of("x")
    with pytest.raises(InvalidKeyError):
        BlindIndex(bytes(15), "a")
