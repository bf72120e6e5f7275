from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto import schemes
from crypto.encoding import b64u, from_b64u
from crypto.errors import InvalidKeyError, InvalidSignatureError
from crypto.keys import (
    ALGORITHMS,
    ED25519,
    ES256,
    RS256,
    SGD_SM3_SM2,
    SM2_CURVE,
    PrivateKey,
    PublicKey,
    generate_key,
    public_key,
)
from tests.vectors.files import vectors

KEYS = {alg: generate_key(alg) for alg in ALGORITHMS}
RSA_ALGS = {"RS256", "PS256"}  # Two paddings, one kind of key.
RFC = vectors("jose_rfc.json")
JOSE_SM2 = vectors("jose_sm2.json")

every = pytest.mark.parametrize("alg", ALGORITHMS)


@every
def test_a_key_signs_and_its_public_part_verifies(alg: str) -> None:
    key = KEYS[alg]
    signature = key.sign(b"message")
    key.public.verify(signature, b"message")
    if alg in {SGD_SM3_SM2, ES256, ED25519}:
        assert len(signature) == 64
    for wrong in (b"", signature[:-1], signature + b"\x00", bytes(len(signature)), b"\xff" * len(signature)):
        with pytest.raises(InvalidSignatureError):
            key.public.verify(wrong, b"message")
    with pytest.raises(InvalidSignatureError):
        key.public.verify(signature, b"massage")


@every
def test_no_key_verifies_anothers_signature(alg: str) -> None:
    signature = KEYS[alg].sign(b"x")
    for key in KEYS.values():
        if key.alg != alg:
            with pytest.raises(InvalidSignatureError):
                key.public.verify(signature, b"x")
    with pytest.raises(InvalidSignatureError):
        generate_key(alg).public.verify(signature, b"x")


@every
def test_a_private_key_comes_back_from_its_bytes(alg: str) -> None:
    again = PrivateKey.from_bytes(alg, KEYS[alg].to_bytes())
    assert again.public == KEYS[alg].public
    KEYS[alg].public.verify(again.sign(b"x"), b"x")


@every
def test_bytes_of_another_kind_are_no_key(alg: str) -> None:
    for other, key in KEYS.items():
        if other != alg and {other, alg} != RSA_ALGS:
            with pytest.raises(InvalidKeyError):
                PrivateKey.from_bytes(alg, key.to_bytes())
    for wrong in (b"", b"\x30\x00", KEYS[alg].to_bytes()[:-1], b"x" * 5000):
        with pytest.raises(InvalidKeyError):
            PrivateKey.from_bytes(alg, wrong)


def test_a_key_of_another_curve_is_no_es256_key() -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    with pytest.raises(InvalidKeyError):
        PrivateKey.from_bytes(ES256, key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))


@every
def test_a_public_key_comes_back_from_its_jwk(alg: str) -> None:
    public = KEYS[alg].public
    again = public_key(public.jwk)
    assert again == public
    assert hash(again) == hash(public)
    assert again.jwk == {**public.jwk, "kid": public.key_id, "alg": alg}
    assert again.point == public.point
    bare = {name: value for name, value in public.jwk.items() if name not in {"kid", "alg"}}
    assert public_key(bare).key_id == public.key_id


def test_points_have_the_forms_notes_want() -> None:
    assert KEYS[SGD_SM3_SM2].public.point[0] == KEYS[ES256].public.point[0] == 4
    assert len(KEYS[SGD_SM3_SM2].public.point) == len(KEYS[ES256].public.point) == 65
    assert len(KEYS[ED25519].public.point) == 32
    assert KEYS[SGD_SM3_SM2].public.jwk["crv"] == SM2_CURVE


@every
def test_keys_do_not_show_themselves(alg: str) -> None:
    assert KEYS[alg].key_id in repr(KEYS[alg])
    assert repr(KEYS[alg].public) == f"<PublicKey {alg} {KEYS[alg].key_id}>"
    assert KEYS[alg].public != KEYS[alg]
    assert KEYS[alg].native is not None


@pytest.mark.parametrize("case", RFC["thumbprints"])
def test_thumbprints_are_those_of_the_rfcs(case: dict[str, Any]) -> None:
    assert public_key(case["jwk"]).key_id == case["thumbprint"]


@pytest.mark.parametrize("case", RFC["tokens"])
def test_signatures_of_the_rfcs_verify(case: dict[str, Any]) -> None:
    signed, _, signature = case["token"].rpartition(".")
    public_key(case["jwk"]).verify(from_b64u(signature), signed.encode())


def test_the_thumbprint_of_an_sm2_key_is_that_of_the_profile() -> None:
    assert public_key(JOSE_SM2["jwk"]).key_id == JOSE_SM2["jwk"]["kid"]


@every
@pytest.mark.parametrize("member", ["d", "p", "q", "dp", "dq", "qi", "oth", "k"])
def test_a_private_jwk_is_refused(alg: str, member: str) -> None:
    with pytest.raises(InvalidKeyError, match="private"):
        public_key({**KEYS[alg].public.jwk, member: "AA"})


P256 = KEYS[ES256].public.jwk
SM2 = KEYS[SGD_SM3_SM2].public.jwk
ED = KEYS[ED25519].public.jwk
RSA = KEYS[RS256].public.jwk


@pytest.mark.parametrize(
    "jwk",
    [
        {},
        {"kty": "oct"},
        {"kty": ["EC"], "crv": "P-256"},
        {"kty": "EC", "crv": {"a": 1}},
        {"kty": "EC", "crv": "P-256"},
        {"kty": "EC", "crv": "P-384", "x": P256["x"], "y": P256["y"]},
        {"kty": "EC", "crv": "sm2p256v1", "x": SM2["x"], "y": SM2["y"]},
        {"kty": "OKP", "crv": "Ed448", "x": ED["x"]},
        {"kty": "OKP", "crv": "X25519", "x": ED["x"]},
        {"kty": "RSA", "crv": "P-256", "n": RSA["n"], "e": RSA["e"]},
        {"kty": "EC", "crv": SM2_CURVE, "x": P256["x"], "y": P256["y"]},
        {"kty": "EC", "crv": "P-256", "x": SM2["x"], "y": SM2["y"]},
        {"kty": "EC", "crv": "P-256", "x": P256["y"], "y": P256["x"]},
        {"kty": "EC", "crv": "P-256", "x": P256["x"], "y": 7},
        {"kty": "EC", "crv": "P-256", "x": P256["x"], "y": P256["y"] + "="},
        {"kty": "EC", "crv": "P-256", "x": b64u(b"\x00" + from_b64u(P256["x"])), "y": P256["y"]},
        {"kty": "EC", "crv": SM2_CURVE, "x": SM2["x"], "y": b64u(from_b64u(SM2["y"])[:31])},
        {"kty": "EC", "crv": SM2_CURVE, "x": "", "y": SM2["y"]},
        {"kty": "OKP", "crv": "Ed25519", "x": b64u(bytes(31))},
        {"kty": "RSA", "n": b64u(b"\x00" + from_b64u(RSA["n"])), "e": RSA["e"]},
        {"kty": "RSA", "n": b64u(from_b64u(RSA["n"])[:128]), "e": RSA["e"]},
        {"kty": "RSA", "n": b64u(b"\xff" * 513), "e": RSA["e"]},
        {"kty": "RSA", "n": RSA["n"], "e": "Ag"},
        {"kty": "RSA", "n": RSA["n"], "e": "AQ"},
        {**P256, "alg": "ES384"},
        {**P256, "alg": SGD_SM3_SM2},
        {**SM2, "alg": ES256},
        {**RSA, "alg": "HS256"},
        {**P256, "use": "enc"},
        {**P256, "kid": "another"},
        {**P256, "kid": None},
    ],
)
def test_a_jwk_in_any_other_form_is_refused(jwk: dict[str, Any]) -> None:
    with pytest.raises(InvalidKeyError):
        public_key(jwk)


@settings(max_examples=60)
@given(
    st.dictionaries(
        st.sampled_from(["kty", "crv", "x", "y", "n", "e", "kid", "alg", "use"]),
        st.sampled_from(["EC", "RSA", "OKP", "P-256", SM2_CURVE, "Ed25519", "AQAB", "sig"])
        | st.integers()
        | st.none()
        | st.lists(st.text(max_size=2), max_size=2)
        | st.text(max_size=50),
    )
)
def test_no_jwk_breaks_the_border(jwk: dict[str, Any]) -> None:
    with pytest.raises(InvalidKeyError):
        public_key(jwk)


def test_unknown_algorithms_are_refused() -> None:
    for alg in ("none", "HS256", "ES384", ""):
        with pytest.raises(InvalidKeyError):
            generate_key(alg)
        with pytest.raises(InvalidKeyError):
            PublicKey(alg, {})


@every
def test_a_scheme_reads_only_its_own_kind(alg: str) -> None:
    for other, key in KEYS.items():
        if other != alg and {other, alg} != RSA_ALGS:
            with pytest.raises(InvalidKeyError):
                schemes.SCHEMES[alg].read(key.public.jwk)


def test_rsa_keys_are_long_enough() -> None:
    native = KEYS[RS256].native
    assert isinstance(native, rsa.RSAPrivateKey)
    assert native.key_size >= 2048
