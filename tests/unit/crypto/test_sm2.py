from __future__ import annotations

import secrets

import pytest
from asn1crypto.core import Integer, SequenceOf
from asn1crypto.keys import PrivateKeyInfo, PublicKeyInfo
from hypothesis import given
from hypothesis import strategies as st

from crypto import sm2
from crypto.errors import InvalidEncodingError, InvalidKeyError, InvalidSignatureError
from tests.vectors.files import vectors
from tests.vectors.generate_sm2_keys import FILE, generate
from tests.vectors.sm2_reference import encode, multiply, sign

STANDARD = vectors("sm2.json")
POINT = bytes.fromhex(STANDARD["point"])
SCALAR = bytes.fromhex(STANDARD["d"])

numbers = st.integers(1, sm2.N - 1)
edges = st.sampled_from([1, 127, 128, 255, 256, 2**247, 2**248, 2**255, sm2.N - 2, sm2.N - 1])


class _Integers(SequenceOf):  # type: ignore[misc]  # asn1crypto has no types.
    _child_spec = Integer


def test_z_and_e_are_those_of_the_standard() -> None:
    assert STANDARD["id"].encode() == sm2.SIGNER_ID
    z = sm2.z_value(POINT)
    assert z.hex() == STANDARD["z"]
    assert sm2.digest(z, STANDARD["message"].encode()).hex() == STANDARD["e"]


def test_the_reference_gives_the_signature_of_the_standard() -> None:
    d, k = int(STANDARD["d"], 16), int(STANDARD["k"], 16)
    assert encode(multiply(d)) == POINT
    assert sign(d, k, STANDARD["message"].encode()).hex() == STANDARD["signature"]


def test_the_generator_reproduces_the_edge_keys() -> None:
    assert FILE.read_text(encoding="utf-8") == generate()


@given(r=numbers | edges, s=numbers | edges)
def test_der_is_what_another_library_writes_and_comes_back(r: int, s: int) -> None:
    if r + s == sm2.N:
        return
    raw = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    der = sm2.to_der(raw)
    assert der == _Integers([r, s]).dump()
    assert sm2.from_der(der) == raw


@given(st.data())
def test_der_that_is_read_is_the_der_that_would_be_written(data: st.DataObject) -> None:
    der = bytearray(sm2.to_der(bytes.fromhex(STANDARD["signature"])))
    for _ in range(data.draw(st.integers(1, 3))):
        der[data.draw(st.integers(0, len(der) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(der[: data.draw(st.integers(0, len(der)))]) + data.draw(st.binary(max_size=2))
    try:
        raw = sm2.from_der(cut)
    except (InvalidEncodingError, InvalidSignatureError):
        return
    assert sm2.to_der(raw) == cut


@given(st.binary(max_size=300))
def test_no_bytes_break_the_der_reader(data: bytes) -> None:
    try:
        raw = sm2.from_der(data)
    except (InvalidEncodingError, InvalidSignatureError):
        return
    assert sm2.to_der(raw) == data


@pytest.mark.parametrize(
    ("defect", "der"),
    [
        ("empty", ""),
        ("a sequence of nothing", "3000"),
        ("one integer", "3003020101"),
        ("no bytes in r", "30050200020101"),
        ("no bytes in s", "30050201010200"),
        ("a padded r", "300702020001020101"),
        ("a padded s", "300702010102020001"),
        ("a negative r", "3006020181020101"),
        ("a negative s", "3006020101020181"),
        ("a long-form length", "308106020101020102"),
        ("an indefinite length", "30800201010201020000"),
        ("bytes after s", "300602010102010200"),
        ("a third integer", "3009020101020102020103"),
        ("a set", "3106020101020102"),
        ("an octet string for r", "3006040101020102"),
        ("an octet string for s", "3006020101040102"),
        ("r longer than the rest", "3006027f01020102"),
        ("s longer than the rest", "300602010102027f"),
        ("a 34-byte r", "3027" + "0222" + "01" * 34 + "020101"),
        ("a 256-byte r", "30ff" + "02fa" + "01" * 250 + "020101"),
    ],
)
def test_der_with_a_defect_is_refused(defect: str, der: str) -> None:
    with pytest.raises(InvalidEncodingError):
        sm2.from_der(bytes.fromhex(der))
        pytest.fail(defect)


OUT_OF_RANGE = [(0, 1), (1, 0), (sm2.N, 1), (1, sm2.N), (2**256 - 1, 1), (1, 2**256 - 1), (1, sm2.N - 1), (0, 0)]


@pytest.mark.parametrize(("r", "s"), OUT_OF_RANGE)
def test_numbers_out_of_range_are_refused_in_both_encodings(r: int, s: int) -> None:
    raw = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    for refuse in (sm2.check_signature, sm2.to_der):
        with pytest.raises(InvalidSignatureError):
            refuse(raw)
    with pytest.raises(InvalidSignatureError):
        sm2.from_der(_Integers([r, s]).dump())


@pytest.mark.parametrize("size", [0, 63, 65, 128])
def test_a_raw_signature_has_64_bytes(size: int) -> None:
    with pytest.raises(InvalidSignatureError):
        sm2.check_signature(b"\x01" * size)


@pytest.mark.parametrize(
    "point",
    [
        b"",
        POINT[1:],
        b"\x00",
        b"\x02" + POINT[1:33],
        b"\x06" + POINT[1:],
        POINT + b"\x00",
        POINT[:-1] + bytes((POINT[-1] ^ 1,)),
        b"\x04" + bytes(64),
        b"\x04" + sm2.P.to_bytes(32, "big") + POINT[33:],
        b"\x04" + POINT[1:33] + b"\xff" * 32,
        encode((sm2.GX, sm2.GY))[:33] + POINT[33:],
    ],
)
def test_what_is_no_point_of_the_curve_is_refused(point: bytes) -> None:
    with pytest.raises(InvalidKeyError):
        sm2.check_point(point)


def test_a_point_of_p_256_is_refused() -> None:
    p256 = (
        "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
        "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
    )
    with pytest.raises(InvalidKeyError):
        sm2.check_point(bytes.fromhex(p256))


@pytest.mark.parametrize("number", [0, sm2.N - 1, sm2.N, 2**256 - 1])
def test_a_scalar_out_of_range_is_refused(number: int) -> None:
    with pytest.raises(InvalidKeyError):
        sm2.pkcs8(number.to_bytes(32, "big"), POINT)


def test_a_scalar_of_another_length_is_refused() -> None:
    with pytest.raises(InvalidKeyError):
        sm2.check_scalar(b"\x01" * 31)


def test_the_frames_are_what_asn1_says() -> None:
    private = PrivateKeyInfo.load(sm2.pkcs8(SCALAR, POINT), strict=True)
    assert private["private_key_algorithm"]["parameters"].chosen.dotted == "1.2.156.10197.1.301"
    assert private["private_key"].parsed["private_key"].native == int.from_bytes(SCALAR, "big")
    assert private["private_key"].parsed["public_key"].native == POINT
    public = PublicKeyInfo.load(sm2.spki(POINT), strict=True)
    assert public["algorithm"]["parameters"].chosen.dotted == "1.2.156.10197.1.301"
    assert public["public_key"].native == POINT


def test_pkcs8_comes_back_and_no_other_form_is_read() -> None:
    data = sm2.pkcs8(SCALAR, POINT)
    assert sm2.from_pkcs8(data) == (SCALAR, POINT)
    for at in (*range(36), *range(68, 74)):
        changed = bytearray(data)
        changed[at] ^= 1
        with pytest.raises(InvalidKeyError):
            sm2.from_pkcs8(bytes(changed))
    for wrong in (b"", data[:-1], data + b"\x00", secrets.token_bytes(len(data))):
        with pytest.raises(InvalidKeyError):
            sm2.from_pkcs8(wrong)
