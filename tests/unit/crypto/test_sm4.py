from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from crypto import envelope, sm4
from crypto.envelope import FieldVault, bound
from crypto.errors import DecryptionError, InvalidKeyError
from tests.vectors.files import vectors

KEY = bytes(range(16))
ANN, BEN = UUID(int=1), UUID(int=2)


def test_the_block_cipher_gives_the_published_block() -> None:
    case = {name: bytes.fromhex(value) for name, value in vectors("sm4.json")["block"].items()}
    encryptor = Cipher(algorithms.SM4(case["key"]), modes.ECB()).encryptor()  # noqa: S305  # One block: the vector.
    assert encryptor.update(case["plaintext"]) + encryptor.finalize() == case["ciphertext"]


def test_gcm_gives_the_published_ciphertext() -> None:
    case = {name: bytes.fromhex(value) for name, value in vectors("sm4.json")["gcm"].items()}
    sealed = sm4.seal_with_nonce(case["key"], case["nonce"], case["plaintext"], case["aad"])
    assert sealed == case["ciphertext"] + case["tag"]
    assert sm4.unseal_with_nonce(case["key"], case["nonce"], sealed, case["aad"]) == case["plaintext"]


@given(plaintext=st.binary(max_size=100), aad=st.binary(max_size=20))
def test_what_was_sealed_opens(plaintext: bytes, aad: bytes) -> None:
    sealed = sm4.seal(KEY, plaintext, aad)
    assert len(sealed) == 12 + len(plaintext) + 16
    assert sm4.unseal(KEY, sealed, aad) == plaintext


def test_no_changed_bit_opens() -> None:
    sealed = sm4.seal(KEY, b"score=059", b"place")
    for at in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[at // 8] ^= 1 << at % 8
        with pytest.raises(DecryptionError):
            sm4.unseal(KEY, bytes(changed), b"place")


@pytest.mark.parametrize("size", [0, 11, 12, 27])
def test_a_cut_ciphertext_does_not_open(size: int) -> None:
    with pytest.raises(DecryptionError):
        sm4.unseal(KEY, sm4.seal(KEY, b"", b"")[:size], b"")


def test_another_place_or_key_does_not_open() -> None:
    sealed = sm4.seal(KEY, b"x", b"here")
    for key, aad in ((KEY, b"there"), (bytes(16), b"here")):
        with pytest.raises(DecryptionError):
            sm4.unseal(key, sealed, aad)


def test_keys_and_nonces_of_another_size_are_refused() -> None:
    with pytest.raises(InvalidKeyError):
        sm4.seal(bytes(32), b"", b"")
    with pytest.raises(InvalidKeyError):
        sm4.seal_with_nonce(KEY, bytes(16), b"", b"")
    with pytest.raises(DecryptionError):
        sm4.unseal_with_nonce(KEY, bytes(16), bytes(16), b"")


def test_two_seals_of_one_text_differ() -> None:
    assert sm4.seal(KEY, b"same", b"") != sm4.seal(KEY, b"same", b"")


@pytest.fixture
def vault() -> FieldVault:
    return FieldVault(bytes(32), purpose="identity")


@given(text=st.text(max_size=40))
def test_a_field_opens_where_it_was_sealed(text: str) -> None:
    vault = FieldVault(bytes(32), purpose="identity")
    key = vault.new_key(ANN)
    sealed = vault.encrypt(key, ANN, text, table="t", column="c", row="1")
    assert vault.decrypt(key, ANN, sealed, table="t", column="c", row="1") == text


def test_a_field_opens_nowhere_else(vault: FieldVault) -> None:
    key = vault.new_key(ANN)
    sealed = vault.encrypt(key, ANN, "𠀀张三", table="idp_person", column="name", row=ANN)
    for change in ({"table": "idp_account"}, {"column": "former_name"}, {"row": BEN}):
        place = {"table": "idp_person", "column": "name", "row": ANN, **change}
        with pytest.raises(DecryptionError):
            vault.decrypt(key, ANN, sealed, **place)  # type: ignore[arg-type]


def test_a_data_key_opens_only_for_its_owner_and_purpose(vault: FieldVault) -> None:
    key = vault.new_key(ANN)
    vault.encrypt(key, ANN, "x", table="t", column="c", row="1")  # Now it is in the cache, under its owner.
    with pytest.raises(DecryptionError):
        vault.encrypt(key, BEN, "x", table="t", column="c", row="1")
    for other in (FieldVault(bytes(32), purpose="scores"), FieldVault(b"\x01" * 32, purpose="identity")):
        with pytest.raises(DecryptionError):
            other.encrypt(key, ANN, "x", table="t", column="c", row="1")


def test_another_persons_data_key_does_not_open_a_field(vault: FieldVault) -> None:
    sealed = vault.encrypt(vault.new_key(ANN), ANN, "x", table="t", column="c", row="1")
    with pytest.raises(DecryptionError):
        vault.decrypt(vault.new_key(ANN), ANN, sealed, table="t", column="c", row="1")


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x02" + bytes(40), bytes(60)])
def test_what_is_no_sealed_field_does_not_open(vault: FieldVault, sealed: bytes) -> None:
    key = vault.new_key(ANN)
    with pytest.raises(DecryptionError):
        vault.decrypt(key, ANN, sealed, table="t", column="c", row="1")
    with pytest.raises(DecryptionError):
        vault.encrypt(sealed, ANN, "x", table="t", column="c", row="1")


def test_the_cache_of_data_keys_is_bounded(vault: FieldVault) -> None:
    owners = [uuid4() for _ in range(envelope.CACHED_KEYS + 10)]
    keys = [vault.new_key(owner) for owner in owners]
    sealed = [vault.encrypt(k, o, "x", table="t", column="c", row="1") for k, o in zip(keys, owners, strict=True)]
    assert len(vault._keys) == envelope.CACHED_KEYS
    assert vault.decrypt(keys[0], owners[0], sealed[0], table="t", column="c", row="1") == "x"


@given(st.lists(st.text(max_size=3), max_size=4), st.lists(st.text(max_size=3), max_size=4))
def test_no_two_lists_of_parts_look_alike(left: list[str], right: list[str]) -> None:
    assert (bound(*left) == bound(*right)) == (left == right)
