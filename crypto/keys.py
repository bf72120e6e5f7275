"""Public and private signature keys with one name each: the RFC 7638 thumbprint (SHA-256, in every suite).

`public_key` is the border: what comes from outside is a JWK in one strict form, or it is
refused. Knows no purposes and no files; `crypto.keyring` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from joserfc.jwk import thumbprint

from crypto.errors import InvalidKeyError
from crypto.schemes import EDDSA, ES256, PS256, RS256, SCHEMES, SGD_SM3_SM2, SM2_CURVE, scheme_of

ALGORITHMS = tuple(SCHEMES)
ED25519 = EDDSA  # RFC 8037's name for it; RFC 9864's newer "Ed25519" is not yet what libraries read.

__all__ = [
    "ALGORITHMS",
    "ED25519",
    "EDDSA",
    "ES256",
    "PS256",
    "RS256",
    "SGD_SM3_SM2",
    "SM2_CURVE",
    "PrivateKey",
    "PublicKey",
    "generate_key",
    "public_key",
]

_ALG_OF_KIND = {("EC", SM2_CURVE): SGD_SM3_SM2, ("EC", "P-256"): ES256, ("RSA", None): RS256, ("OKP", "Ed25519"): EDDSA}
_REQUIRED = {"EC": ("crv", "kty", "x", "y"), "RSA": ("e", "kty", "n"), "OKP": ("crv", "kty", "x")}
_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


class PublicKey:
    """A checked public key. Two are equal if they have the same `key_id`; safe to share between threads."""

    __slots__ = ("_native", "_scheme", "alg", "jwk", "key_id")

    def __init__(self, alg: str, required: Mapping[str, str]) -> None:
        """Check `required`, the members that RFC 7638 §3.2 hashes, under `alg`.

        Raises:
            InvalidKeyError: They are no key of this algorithm.
        """
        self._scheme = scheme_of(alg)
        self._native = self._scheme.read(required)
        self.alg = alg
        self.key_id = thumbprint(dict(required))
        self.jwk: dict[str, str] = {**required, "kid": self.key_id, "alg": alg}

    @property
    def point(self) -> bytes:
        """The key without a frame: the 65-byte point of a curve, the 32 bytes of Ed25519, PKCS#1 of RSA."""
        return self._scheme.raw(self._native)

    def verify(self, signature: bytes, data: bytes) -> None:
        """Return if `signature` over `data` is this key's.

        Raises:
            InvalidSignatureError: It is not.
        """
        self._scheme.verify(self._native, signature, data)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PublicKey) and self.key_id == other.key_id

    def __hash__(self) -> int:
        return hash(self.key_id)

    def __repr__(self) -> str:
        return f"<PublicKey {self.alg} {self.key_id}>"


class PrivateKey:
    """A private key, parsed once and shared between threads."""

    __slots__ = ("_native", "_scheme", "alg", "public")

    def __init__(self, alg: str, native: Any) -> None:
        """Hold a native key of the scheme `alg`; use `generate_key` or `from_bytes`."""
        self._scheme = scheme_of(alg)
        self._native = native
        self.alg = alg
        self.public = PublicKey(alg, self._scheme.jwk_of(native))

    @property
    def native(self) -> Any:
        """The key as `cryptography` holds it, for libraries that want that (SM2 has none)."""
        return self._native

    @property
    def key_id(self) -> str:
        """The public key's thumbprint."""
        return self.public.key_id

    def sign(self, data: bytes) -> bytes:
        """Sign `data`; r‖s (64 bytes) on the curves, as JOSE has it."""
        return self._scheme.sign(self._native, data)

    def to_bytes(self) -> bytes:
        """Return the PKCS#8 DER, unencrypted: only ever to be wrapped."""
        return self._scheme.dump(self._native)

    @classmethod
    def from_bytes(cls, alg: str, data: bytes) -> PrivateKey:
        """Read what `to_bytes` wrote.

        Raises:
            InvalidKeyError: It is no key of this algorithm, or its parts do not belong together.
        """
        return cls(alg, scheme_of(alg).load(data))

    def __repr__(self) -> str:
        return f"<PrivateKey {self.alg} {self.key_id}>"


def generate_key(alg: str) -> PrivateKey:
    """Make a key of one of `ALGORITHMS`.

    Raises:
        InvalidKeyError: The algorithm is unknown.
    """
    return PrivateKey(alg, scheme_of(alg).generate())


def public_key(jwk: Mapping[str, Any]) -> PublicKey:
    """Read a public key from a JWK that came from outside.

    Raises:
        InvalidKeyError: The JWK has private members, an unknown kind or curve, a point off its
            curve, an `alg` of another kind, a `kid` that is not its thumbprint, or is made for encryption.
    """
    if _PRIVATE_MEMBERS & jwk.keys():
        raise InvalidKeyError("this JWK is private: it must not have come here")
    kty, curve = jwk.get("kty"), jwk.get("crv")
    if not isinstance(kty, str) or not isinstance(curve, str | None) or (kty, curve) not in _ALG_OF_KIND:
        raise InvalidKeyError("this kind of key is not accepted")
    alg = _ALG_OF_KIND[kty, curve]
    if alg == RS256 and jwk.get("alg") == PS256:  # One kind of key, two paddings: its owner says which.
        alg = PS256
    if jwk.get("alg", alg) != alg or jwk.get("use", "sig") != "sig":
        raise InvalidKeyError(f"the JWK's alg or use is not that of a {alg} signature key")
    if missing := [name for name in _REQUIRED[kty] if not isinstance(jwk.get(name), str)]:
        raise InvalidKeyError(f"the JWK lacks {', '.join(missing)}")
    key = PublicKey(alg, {name: jwk[name] for name in _REQUIRED[kty]})
    if jwk.get("kid", key.key_id) != key.key_id:
        raise InvalidKeyError("the JWK's kid is not its thumbprint")
    return key
