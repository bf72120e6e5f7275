"""SM2 signatures (GB/T 32918.2), verification only: signer id 1234567812345678 with Z, raw r‖s.

An engine answers for a digest and must first pass the standard's own example; the first
that does is used. Python's `cryptography` has SM3 but no SM2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from xinji_client.errors import EngineMissingError, FormatError, SignatureError
from xinji_client.hashes import sm3
from xinji_client.libcrypto import Libcrypto

try:
    import gmssl_pyx
except ImportError:  # The optional extra `sm2`.
    gmssl_pyx = None

Engine = Callable[[bytes, bytes, bytes], bool]
"""(65-byte point, 32-byte digest, DER signature) -> fits."""

SIGNER_ID = b"1234567812345678"
P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
_G = bytes.fromhex(
    "32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7"
    "BC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0"
)
_POINT_BYTES = 65
_SIGNATURE_BYTES = 64

# GB/T 32918.5, annex A: message "message digest".
_KNOWN_POINT = bytes.fromhex(
    "0409F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020"
    "CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13"
)
_KNOWN_DIGEST = bytes.fromhex("F0B43E94BA45ACCAACE692ED534382EB17E6AB5A19CE7B31F4486FDFC0D28640")
_KNOWN_SIGNATURE = bytes.fromhex(
    "F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3"
    "B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA"
)


def verify(point: bytes, signature: bytes, message: bytes) -> None:
    """Check a raw r‖s `signature` over `message` by the key at the uncompressed `point`.

    Raises:
        SignatureError: It does not fit, or r or s is out of range.
        EngineMissingError: This machine has no working SM2.
    """
    der = _der(signature)
    if not engine()(point, digest(point, message), der):
        raise SignatureError("the SM2 signature does not fit")


def digest(point: bytes, message: bytes) -> bytes:
    """Return e = SM3(Z ‖ M), with Z over the signer id and the key (GB/T 32918.2 §5.5)."""
    z = sm3(
        (8 * len(SIGNER_ID)).to_bytes(2)
        + SIGNER_ID
        + (P - 3).to_bytes(32)
        + B.to_bytes(32)
        + _G
        + check_point(point)[1:]
    )
    return sm3(z + message)


def check_point(point: bytes) -> bytes:
    """Return `point` if it is an uncompressed point on the curve.

    Raises:
        FormatError: It is not.
    """
    if len(point) != _POINT_BYTES or point[0] != 4:  # noqa: PLR2004 - SEC 1 §2.3.3: 04 ‖ X ‖ Y.
        raise FormatError("not an uncompressed point")
    x, y = int.from_bytes(point[1:33]), int.from_bytes(point[33:])
    if x >= P or y >= P or (y * y - (x * x * x - 3 * x + B)) % P:
        raise FormatError("the point is not on the SM2 curve")
    return point


@cache
def engine() -> Engine:
    """Return the first engine that passes the known answer, and keep it.

    Raises:
        EngineMissingError: None does; the message says what to install.
    """
    for candidate in _candidates():
        if answers_rightly(candidate):
            return candidate
    raise EngineMissingError("no SM2 engine: install libcrypto 3 (Debian: libssl3) or pip install xinji-client[sm2]")


def answers_rightly(candidate: Engine) -> bool:
    """Tell whether `candidate` accepts the standard's signature and refuses it over another digest."""
    good = _der(_KNOWN_SIGNATURE)
    return candidate(_KNOWN_POINT, _KNOWN_DIGEST, good) and not candidate(_KNOWN_POINT, sm3(_KNOWN_DIGEST), good)


def _candidates() -> Iterator[Engine]:
    with suppress(EngineMissingError):
        yield Libcrypto().verify
    if gmssl_pyx is not None:
        yield lambda point, e, signature: bool(gmssl_pyx.sm2_verify_sm3_digest(point[1:], e, signature))


def _der(signature: bytes) -> bytes:
    """Turn raw r‖s into the DER that engines take; refuse what is no pair of numbers in [1, n-1]."""
    if len(signature) != _SIGNATURE_BYTES:
        raise SignatureError("an SM2 signature has 64 bytes")
    r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
    if not (0 < r < N and 0 < s < N and (r + s) % N):
        raise SignatureError("r or s is out of range")
    return encode_dss_signature(r, s)
