"""Public keys: from a JWK for JWTs, from a vkey line for signed notes. Verify raises, never answers.

Two JOSE algorithms are accepted, one to a suite: `gm` is SGD_SM3_SM2 on SM2-P-256, `intl`
is ES256 on P-256. A key serves the one algorithm of its curve.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from xinji_client import sm2
from xinji_client.encoding import b64u, from_b64u
from xinji_client.errors import FormatError, SignatureError
from xinji_client.hashes import sha256

SUITES = ("gm", "intl")
SUITE_ALG = {"gm": "SGD_SM3_SM2", "intl": "ES256"}
SUITE_HASH = {"gm": "sm3", "intl": "sha-256"}
CURVE_ALG = {"SM2-P-256": "SGD_SM3_SM2", "P-256": "ES256"}
MAX_KEYS = 16
_COORDINATE_BYTES = 32
_SIGNATURE_BYTES = 64


@dataclass(frozen=True, slots=True)
class Key:
    """A public key of a JWK set: its RFC 7638 thumbprint, its algorithm, its uncompressed point."""

    key_id: str
    alg: str
    point: bytes

    def verify(self, signature: bytes, message: bytes) -> None:
        """Check a 64-byte r‖s signature over `message`.

        Raises:
            SignatureError: It does not fit.
            EngineMissingError: It is an SM2 key and this machine has no SM2.
        """
        if self.alg == SUITE_ALG["gm"]:
            sm2.verify(self.point, signature, message)
        else:
            _verify_es256(self.point, signature, message)


def key(jwk: Any) -> Key:
    """Read one public JWK.

    Raises:
        FormatError: Not an EC key of our two curves, a private key, a wrong `kid` or
            `alg`, or a point off the curve.
    """
    alg = next((alg for curve, alg in CURVE_ALG.items() if isinstance(jwk, dict) and jwk.get("crv") == curve), None)
    if alg is None or jwk.get("kty") != "EC":
        raise FormatError("not a public key of a known curve")
    if "d" in jwk:
        raise FormatError("a private key where a public one belongs")
    x, y = from_b64u(jwk.get("x")), from_b64u(jwk.get("y"))
    if len(x) != _COORDINATE_BYTES or len(y) != _COORDINATE_BYTES:
        raise FormatError("a coordinate has 32 bytes")
    point = b"\x04" + x + y
    if alg == SUITE_ALG["gm"]:
        sm2.check_point(point)
    else:
        _p256(point)
    # RFC 7638 §3: the required members in lexicographic order, without spaces, SHA-256.
    members = {name: jwk[name] for name in ("crv", "kty", "x", "y")}
    thumbprint = b64u(sha256(json.dumps(members, separators=(",", ":")).encode()))
    if jwk.get("kid") != thumbprint or jwk.get("alg") != alg:
        raise FormatError("kid or alg does not belong to the key")
    return Key(thumbprint, alg, point)


def keys(jwks: Any) -> tuple[Key, ...]:
    """Read a JWK set of at most 16 different keys.

    Raises:
        FormatError: Not a JWK set, or one of its keys is not sound.
    """
    members = jwks.get("keys") if isinstance(jwks, dict) else None
    if not isinstance(members, list) or len(members) > MAX_KEYS:
        raise FormatError(f"not a set of at most {MAX_KEYS} keys")
    read = tuple(key(jwk) for jwk in members)
    if len(set(read)) != len(read):
        raise FormatError("a key stands twice")
    return read


def verify_ed25519(public: bytes, signature: bytes, message: bytes) -> None:
    """Check an Ed25519 signature (RFC 8032).

    Raises:
        SignatureError: It does not fit.
    """
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError) as error:
        raise SignatureError("the Ed25519 signature does not fit") from error


def _p256(point: bytes) -> ec.EllipticCurvePublicKey:
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except ValueError as error:
        raise FormatError("the point is not on P-256") from error


def _verify_es256(point: bytes, signature: bytes, message: bytes) -> None:
    if len(signature) != _SIGNATURE_BYTES:
        raise SignatureError("an ES256 signature has 64 bytes")
    der = encode_dss_signature(int.from_bytes(signature[:32]), int.from_bytes(signature[32:]))
    try:
        _p256(point).verify(der, message, ec.ECDSA(SHA256()))
    except InvalidSignature as error:
        raise SignatureError("the ES256 signature does not fit") from error
