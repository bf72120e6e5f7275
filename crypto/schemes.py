"""The five signature schemes and the forms their keys take: JWK, PKCS#8, raw signatures.

SM2 goes to `crypto.engines`, the rest to `cryptography`. A scheme reads one form of a JWK
strictly and signs in the form JOSE uses (r‖s for the curves). Knows no key ids and no rings.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

from crypto import sm2
from crypto.encoding import b64u, from_b64u
from crypto.engines.choice import sm2_engine
from crypto.errors import InvalidEncodingError, InvalidKeyError, InvalidSignatureError

SGD_SM3_SM2 = "SGD_SM3_SM2"  # The name GM/T 0125-2022 is said to give it; see docs/profiles/jose-sm2.md.
ES256 = "ES256"
RS256 = "RS256"
PS256 = "PS256"
EDDSA = "EdDSA"

SM2_CURVE = "SM2-P-256"

COORDINATE_SIZE = 32
RSA_BITS = 2048
RSA_BITS_MAX = 4096
_PSS = padding.PSS(mgf=padding.MGF1(SHA256()), salt_length=SHA256.digest_size)


class Scheme(Protocol):
    """One signature algorithm. `Any` stands for a native key, which only its own scheme touches."""

    alg: str

    def generate(self) -> Any:
        """Make a private key."""
        ...

    def load(self, data: bytes) -> Any:
        """Read a private key from PKCS#8 or raise `InvalidKeyError`."""
        ...

    def dump(self, private: Any) -> bytes:
        """Write a private key as PKCS#8."""
        ...

    def jwk_of(self, private: Any) -> dict[str, str]:
        """Return the required members of the public JWK (RFC 7638 §3.2)."""
        ...

    def read(self, jwk: Mapping[str, Any]) -> Any:
        """Read a public key from the required members of a JWK or raise `InvalidKeyError`."""
        ...

    def raw(self, public: Any) -> bytes:
        """Return the public key without a frame: 65-byte point, 32 bytes of Ed25519, PKCS#1 of RSA."""
        ...

    def sign(self, private: Any, data: bytes) -> bytes:
        """Sign."""
        ...

    def verify(self, public: Any, signature: bytes, data: bytes) -> None:
        """Raise `InvalidSignatureError` unless the signature fits."""
        ...


def point_of(jwk: Mapping[str, Any]) -> bytes:
    """Return the uncompressed point of an EC JWK (RFC 7518 §6.2.1: coordinates in full length)."""
    return sm2.UNCOMPRESSED + _member(jwk, "x", COORDINATE_SIZE) + _member(jwk, "y", COORDINATE_SIZE)


def jwk_of_point(curve: str, point: bytes) -> dict[str, str]:
    """Return the required members of the JWK of an uncompressed point."""
    x, y = point[1 : 1 + COORDINATE_SIZE], point[1 + COORDINATE_SIZE :]
    return {"kty": "EC", "crv": curve, "x": b64u(x), "y": b64u(y)}


class _Sm2Private:
    """The PKCS#8 beside the engine's key, so that a key can be stored."""

    def __init__(self, material: bytes) -> None:
        self.material = material
        self.key = sm2_engine().signing_key(material)


class _Sm2Public:
    def __init__(self, point: bytes) -> None:
        self.point = point
        self.key = sm2_engine().verifying_key(point)


class _Sm2:
    """SM2 with SM3 and Z under the default signer ID; r‖s."""

    alg = SGD_SM3_SM2

    def generate(self) -> _Sm2Private:
        return _Sm2Private(sm2_engine().generate())

    def load(self, data: bytes) -> _Sm2Private:
        return _Sm2Private(data)

    def dump(self, private: _Sm2Private) -> bytes:
        return private.material

    def jwk_of(self, private: _Sm2Private) -> dict[str, str]:
        return jwk_of_point(SM2_CURVE, private.key.point)

    def read(self, jwk: Mapping[str, Any]) -> _Sm2Public:
        _expect(jwk, kty="EC", crv=SM2_CURVE)
        return _Sm2Public(point_of(jwk))

    def raw(self, public: _Sm2Public) -> bytes:
        return public.point

    def sign(self, private: _Sm2Private, data: bytes) -> bytes:
        return private.key.sign(data)

    def verify(self, public: _Sm2Public, signature: bytes, data: bytes) -> None:
        public.key.verify(signature, data)


class _Es256:
    """ECDSA on P-256 with SHA-256 (RFC 7518 §3.4); r‖s."""

    alg = ES256

    def generate(self) -> ec.EllipticCurvePrivateKey:
        return ec.generate_private_key(ec.SECP256R1())

    def load(self, data: bytes) -> ec.EllipticCurvePrivateKey:
        key = _native(data)
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise InvalidKeyError("this is not a P-256 key")
        return key

    def dump(self, private: ec.EllipticCurvePrivateKey) -> bytes:
        return private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())

    def jwk_of(self, private: ec.EllipticCurvePrivateKey) -> dict[str, str]:
        return jwk_of_point("P-256", self.raw(private.public_key()))

    def read(self, jwk: Mapping[str, Any]) -> ec.EllipticCurvePublicKey:
        _expect(jwk, kty="EC", crv="P-256")
        try:
            return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point_of(jwk))
        except ValueError as error:
            raise InvalidKeyError("the point does not lie on P-256") from error

    def raw(self, public: ec.EllipticCurvePublicKey) -> bytes:
        return public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def sign(self, private: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
        r, s = decode_dss_signature(private.sign(data, ec.ECDSA(SHA256())))
        return r.to_bytes(COORDINATE_SIZE, "big") + s.to_bytes(COORDINATE_SIZE, "big")

    def verify(self, public: ec.EllipticCurvePublicKey, signature: bytes, data: bytes) -> None:
        if len(signature) != 2 * COORDINATE_SIZE:
            raise InvalidSignatureError("an ES256 signature has 64 bytes")
        r, s = (int.from_bytes(half, "big") for half in (signature[:COORDINATE_SIZE], signature[COORDINATE_SIZE:]))
        try:
            public.verify(encode_dss_signature(r, s), data, ec.ECDSA(SHA256()))
        except InvalidSignature as error:
            raise InvalidSignatureError("the ES256 signature does not fit") from error


class _Rs256:
    """RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 §3.3), for ID tokens of clients that name no algorithm."""

    alg = RS256

    def generate(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)

    def load(self, data: bytes) -> rsa.RSAPrivateKey:
        key = _native(data)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise InvalidKeyError("this is not an RSA key")
        return key

    def dump(self, private: rsa.RSAPrivateKey) -> bytes:
        return private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())

    def jwk_of(self, private: rsa.RSAPrivateKey) -> dict[str, str]:
        numbers = private.public_key().public_numbers()
        return {"kty": "RSA", "n": b64u(_minimal(numbers.n)), "e": b64u(_minimal(numbers.e))}

    def read(self, jwk: Mapping[str, Any]) -> rsa.RSAPublicKey:
        _expect(jwk, kty="RSA")
        n, e = (int.from_bytes(_minimal_member(jwk, name), "big") for name in ("n", "e"))
        if not RSA_BITS <= n.bit_length() <= RSA_BITS_MAX:
            raise InvalidKeyError(f"an RSA key has {RSA_BITS} to {RSA_BITS_MAX} bits")
        try:
            return rsa.RSAPublicNumbers(e, n).public_key()
        except ValueError as error:
            raise InvalidKeyError("the RSA numbers are out of range") from error

    def raw(self, public: rsa.RSAPublicKey) -> bytes:
        return public.public_bytes(Encoding.DER, PublicFormat.PKCS1)

    def sign(self, private: rsa.RSAPrivateKey, data: bytes) -> bytes:
        return private.sign(data, padding.PKCS1v15(), SHA256())

    def verify(self, public: rsa.RSAPublicKey, signature: bytes, data: bytes) -> None:
        try:
            public.verify(signature, data, padding.PKCS1v15(), SHA256())
        except InvalidSignature as error:
            raise InvalidSignatureError("the RS256 signature does not fit") from error


class _Ps256(_Rs256):
    """RSASSA-PSS with SHA-256, MGF1 with SHA-256 and a salt of 32 bytes (RFC 7518 §3.5), as FAPI 2.0 wants RSA."""

    alg = PS256

    def sign(self, private: rsa.RSAPrivateKey, data: bytes) -> bytes:
        return private.sign(data, _PSS, SHA256())

    def verify(self, public: rsa.RSAPublicKey, signature: bytes, data: bytes) -> None:
        try:
            public.verify(signature, data, _PSS, SHA256())
        except InvalidSignature as error:
            raise InvalidSignatureError("the PS256 signature does not fit") from error


class _EdDsa:
    """Ed25519 (RFC 8032, RFC 8037)."""

    alg = EDDSA

    def generate(self) -> ed25519.Ed25519PrivateKey:
        return ed25519.Ed25519PrivateKey.generate()

    def load(self, data: bytes) -> ed25519.Ed25519PrivateKey:
        key = _native(data)
        if not isinstance(key, ed25519.Ed25519PrivateKey):
            raise InvalidKeyError("this is not an Ed25519 key")
        return key

    def dump(self, private: ed25519.Ed25519PrivateKey) -> bytes:
        return private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())

    def jwk_of(self, private: ed25519.Ed25519PrivateKey) -> dict[str, str]:
        return {"kty": "OKP", "crv": "Ed25519", "x": b64u(self.raw(private.public_key()))}

    def read(self, jwk: Mapping[str, Any]) -> ed25519.Ed25519PublicKey:
        _expect(jwk, kty="OKP", crv="Ed25519")
        return ed25519.Ed25519PublicKey.from_public_bytes(_member(jwk, "x", COORDINATE_SIZE))

    def raw(self, public: ed25519.Ed25519PublicKey) -> bytes:
        return public.public_bytes_raw()

    def sign(self, private: ed25519.Ed25519PrivateKey, data: bytes) -> bytes:
        return private.sign(data)

    def verify(self, public: ed25519.Ed25519PublicKey, signature: bytes, data: bytes) -> None:
        try:
            public.verify(signature, data)
        except InvalidSignature as error:
            raise InvalidSignatureError("the Ed25519 signature does not fit") from error


SCHEMES: Mapping[str, Scheme] = MappingProxyType(
    {scheme.alg: scheme for scheme in (_Sm2(), _Es256(), _Rs256(), _Ps256(), _EdDsa())}
)


def scheme_of(alg: str) -> Scheme:
    """Return the scheme called `alg` or raise `InvalidKeyError`."""
    try:
        return SCHEMES[alg]
    except KeyError as error:
        raise InvalidKeyError(f"no signature algorithm here is called {alg!r}") from error


def _expect(jwk: Mapping[str, Any], **wanted: str) -> None:
    for name, value in wanted.items():
        if jwk.get(name) != value:
            raise InvalidKeyError(f"the JWK's {name} is not {value}")


def _member(jwk: Mapping[str, Any], name: str, size: int | None = None) -> bytes:
    text = jwk.get(name)
    try:
        value = from_b64u(text) if isinstance(text, str) else b""
    except InvalidEncodingError as error:
        raise InvalidKeyError(f"the JWK's {name} is not base64url") from error
    if not value or (size is not None and len(value) != size):
        raise InvalidKeyError(f"the JWK's {name} has the wrong length")
    return value


def _minimal(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _minimal_member(jwk: Mapping[str, Any], name: str) -> bytes:
    value = _member(jwk, name)
    if value[0] == 0:  # RFC 7518 §6.3.1.1: no leading zero octet, or a key has two thumbprints.
        raise InvalidKeyError(f"the JWK's {name} has leading zeros")
    return value


def _native(data: bytes) -> Any:
    try:
        return load_der_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InvalidKeyError("this is not the PKCS#8 of a key") from error
