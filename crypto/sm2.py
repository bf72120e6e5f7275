"""SM2 signatures (GB/T 32918.2): what every engine must agree on, fixed once.

Pure: curve, signer ID, Z, the two encodings of a signature and the fixed forms of keys.
One signer ID, one curve, uncompressed points, C1C3C2; everything else is refused here, at
the border, so that an engine never sees it. The arithmetic that touches a private key is
in `crypto.engines`.
"""

from __future__ import annotations

from typing import Protocol

from crypto.errors import InvalidEncodingError, InvalidKeyError, InvalidSignatureError
from crypto.hashes import sm3

SIGNER_ID = b"1234567812345678"  # GM/T 0009 §10, GB/T 35276: for everybody who has agreed on nothing else.

P = 0xFFFFFFFE_FFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFF_00000000_FFFFFFFF_FFFFFFFF
A = P - 3
B = 0x28E9FA9E_9D9F5E34_4D5A9E4B_CF6509A7_F39789F5_15AB8F92_DDBCBD41_4D940E93
N = 0xFFFFFFFE_FFFFFFFF_FFFFFFFF_FFFFFFFF_7203DF6B_21C6052B_53BBF409_39D54123
GX = 0x32C4AE2C_1F198119_5F990446_6A39C994_8FE30BBF_F2660BE1_715A4589_334C74C7
GY = 0xBC3736A2_F4F6779C_59BDCEE3_6B692153_D0A9877C_C62A4740_02DF32E5_2139F0A0

SCALAR_SIZE = 32
POINT_SIZE = 65
UNCOMPRESSED = b"\x04"
SIGNATURE_SIZE = 64

# PKCS#8 and SubjectPublicKeyInfo of an SM2 key have fixed lengths, so each is a frame around the
# numbers (id-ecPublicKey with the curve 1.2.156.10197.1.301). Reading accepts this one form.
_ALGORITHM = bytes.fromhex("301306072a8648ce3d020106082a811ccf5501822d")
_PKCS8_HEAD = bytes.fromhex("308187020100") + _ALGORITHM + bytes.fromhex("046d306b0201010420")
_PKCS8_POINT = bytes.fromhex("a144034200")
_SPKI_HEAD = bytes.fromhex("3059") + _ALGORITHM + bytes.fromhex("034200")

_DER_SEQUENCE = 0x30
_DER_INTEGER = 0x02


class SigningKey(Protocol):
    """A private key inside an engine: parsed once, then shared between threads."""

    @property
    def point(self) -> bytes:
        """The public point, 65 bytes."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Sign `message` with Z under `SIGNER_ID`; return r‖s, 64 bytes."""
        ...


class VerifyingKey(Protocol):
    """A public key inside an engine."""

    def verify(self, signature: bytes, message: bytes) -> None:
        """Raise `InvalidSignatureError` unless r‖s fits `message`."""
        ...


class Engine(Protocol):
    """One library (or device) that can do SM2. The seam for SDF (GM/T 0018) is here.

    A device's key never leaves it: its engine returns a reference from `generate` and takes
    the same reference in `signing_key`.
    """

    @property
    def name(self) -> str:
        """How reports and logs call this engine."""
        ...

    def generate(self) -> bytes:
        """Make a key; return its PKCS#8 (a device: its reference)."""
        ...

    def signing_key(self, material: bytes) -> SigningKey:
        """Load what `generate` returned, and raise `InvalidKeyError` unless the pair belongs together."""
        ...

    def verifying_key(self, point: bytes) -> VerifyingKey:
        """Load a 65-byte point, and raise `InvalidKeyError` unless it lies on the curve."""
        ...


def z_value(point: bytes) -> bytes:
    """Return Z (GB/T 32918.2 §5.5): what ties a signature to the curve, the signer ID and the key."""
    curve = b"".join(number.to_bytes(SCALAR_SIZE, "big") for number in (A, B, GX, GY))
    return sm3((len(SIGNER_ID) * 8).to_bytes(2, "big") + SIGNER_ID + curve + point[1:])


def digest(z: bytes, message: bytes) -> bytes:
    """Return e = SM3(Z ‖ M), what the digest path of an engine signs."""
    return sm3(z + message)


def check_point(point: bytes) -> bytes:
    """Return `point` if it is an uncompressed point of the curve.

    The curve's cofactor is 1, so a point on it that is not infinity has the full order.

    Raises:
        InvalidKeyError: It is anything else.
    """
    if len(point) != POINT_SIZE or point[:1] != UNCOMPRESSED:
        raise InvalidKeyError("an SM2 public key is an uncompressed point of 65 bytes")
    x = int.from_bytes(point[1:33], "big")
    y = int.from_bytes(point[33:], "big")
    if not (x < P and y < P) or (y * y - (x * x + A) * x - B) % P:
        raise InvalidKeyError("the point does not lie on the SM2 curve")
    return point


def check_scalar(scalar: bytes) -> bytes:
    """Return `scalar` if it is a private key: 32 bytes, 1 ≤ d ≤ n-2 (GB/T 32918.1 §6.1).

    Raises:
        InvalidKeyError: It is anything else.
    """
    if len(scalar) != SCALAR_SIZE or not 1 <= int.from_bytes(scalar, "big") <= N - 2:
        raise InvalidKeyError("an SM2 private key is a number from 1 to n-2 in 32 bytes")
    return scalar


def pkcs8(scalar: bytes, point: bytes) -> bytes:
    """Return the PKCS#8 of a key pair (RFC 5208, RFC 5915 with the public key)."""
    return _PKCS8_HEAD + check_scalar(scalar) + _PKCS8_POINT + check_point(point)


def from_pkcs8(data: bytes) -> tuple[bytes, bytes]:
    """Return (scalar, point) of what `pkcs8` writes. That they belong together is the engine's to check.

    Raises:
        InvalidKeyError: It is another form or another curve, or a number is out of range.
    """
    at = len(_PKCS8_HEAD)
    scalar, rest = data[at : at + SCALAR_SIZE], data[at + SCALAR_SIZE :]
    if not data.startswith(_PKCS8_HEAD) or not rest.startswith(_PKCS8_POINT):
        raise InvalidKeyError("this is not the PKCS#8 of an SM2 key")
    return check_scalar(scalar), check_point(rest[len(_PKCS8_POINT) :])


def spki(point: bytes) -> bytes:
    """Return the SubjectPublicKeyInfo of a point."""
    return _SPKI_HEAD + check_point(point)


def check_signature(signature: bytes) -> bytes:
    """Return r‖s if both numbers are in range: 1 ≤ r, s ≤ n-1 and r + s ≠ n (GB/T 32918.2 §7.1).

    Raises:
        InvalidSignatureError: They are not.
    """
    if len(signature) != SIGNATURE_SIZE:
        raise InvalidSignatureError("an SM2 signature has 64 bytes")
    r = int.from_bytes(signature[:SCALAR_SIZE], "big")
    s = int.from_bytes(signature[SCALAR_SIZE:], "big")
    if not (1 <= r < N and 1 <= s < N) or r + s == N:
        raise InvalidSignatureError("a number of the SM2 signature is out of range")
    return signature


def to_der(signature: bytes) -> bytes:
    """Write r‖s as DER `SEQUENCE { r INTEGER, s INTEGER }` (GB/T 35276 §7.3).

    Raises:
        InvalidSignatureError: A number is out of range.
    """
    check_signature(signature)
    body = _der_integer(signature[:SCALAR_SIZE]) + _der_integer(signature[SCALAR_SIZE:])
    return bytes((_DER_SEQUENCE, len(body))) + body


def from_der(data: bytes) -> bytes:
    """Read r‖s from DER, accepting only what `to_der` would write.

    Raises:
        InvalidEncodingError: The bytes are not the one DER form of two integers.
        InvalidSignatureError: A number is out of range.
    """
    try:
        if data[0] != _DER_SEQUENCE or data[1] != len(data) - 2 or data[2] != _DER_INTEGER:
            raise InvalidEncodingError("this is not a DER sequence of two integers")
        middle = 4 + data[3]
        r, s = data[4:middle], data[middle + 2 :]
        signature = check_signature(_number(r) + _number(s))
    except IndexError as error:
        raise InvalidEncodingError("this is not a DER sequence of two integers") from error
    if to_der(signature) != data:
        raise InvalidEncodingError("this is not the DER form of its numbers")
    return signature


def _der_integer(number: bytes) -> bytes:
    body = number.lstrip(b"\x00")
    if body[0] & 0x80:
        body = b"\x00" + body
    return bytes((_DER_INTEGER, len(body))) + body


def _number(body: bytes) -> bytes:
    if len(body) > SCALAR_SIZE + 1 or body[0] & 0x80:
        raise InvalidEncodingError("an integer is negative or too long")
    number = int.from_bytes(body, "big")
    if number >= N:
        raise InvalidSignatureError("a number of the SM2 signature is out of range")
    return number.to_bytes(SCALAR_SIZE, "big")
