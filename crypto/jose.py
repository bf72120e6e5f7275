"""JSON Web Signatures in both suites, through joserfc: `gm` (SM2 with SM3) and `intl` (ES256).

A token is accepted only with the header `alg`, `kid` and `typ` that its reader asked for, so
that no token can be taken for one of another kind or checked with another algorithm.

`signing_input` and `assemble` are the one place that builds a JWS by hand: the key that signs
a credential is in another process, which is given the bytes to sign and returns a signature,
and joserfc signs only with a key it holds. Everything that verifies goes through joserfc.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from joserfc import jws
from joserfc.errors import BadSignatureError, JoseError, UnsupportedAlgorithmError
from joserfc.jwa import JWSAlgModel
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from crypto.encoding import b64u, from_b64u
from crypto.errors import InvalidEncodingError, InvalidKeyError, InvalidSignatureError, InvalidTokenError
from crypto.hashes import Hash, sha256, sha512, sm3
from crypto.jose_sm2 import Sm2Key
from crypto.keys import EDDSA, ES256, PS256, RS256, SGD_SM3_SM2, SM2_CURVE, PrivateKey, PublicKey

GM = "gm"
INTL = "intl"
SUITES = (GM, INTL)
SUITE_ALG: Mapping[str, str] = MappingProxyType({GM: SGD_SM3_SM2, INTL: ES256})
SUITE_HASH_NAME: Mapping[str, str] = MappingProxyType({GM: "sm3", INTL: "sha-256"})  # As `_sd_alg` says it.
SUITE_HASH: Mapping[str, Hash] = MappingProxyType({GM: sm3, INTL: sha256})

MAX_TOKEN = 2 * 1024 * 1024  # A status list of 2^20 entries at its worst is 350 kB.

__all__ = [
    "GM",
    "INTL",
    "SGD_SM3_SM2",
    "SM2_CURVE",
    "SUITES",
    "SUITE_ALG",
    "SUITE_HASH",
    "SUITE_HASH_NAME",
    "assemble",
    "check_signature",
    "half_hash",
    "jose_key",
    "jwks",
    "peek",
    "peek_input",
    "sign_jwt",
    "signing_input",
    "verify_jwt",
]

_HASH_OF_ALG: Mapping[str, Hash] = {SGD_SM3_SM2: sm3, ES256: sha256, RS256: sha256, PS256: sha256, EDDSA: sha512}
_KEY_CLASSES: Mapping[str, type[ECKey | RSAKey | OKPKey]] = {ES256: ECKey, RS256: RSAKey, PS256: RSAKey, EDDSA: OKPKey}
_SEGMENTS = 3
# Parameters that bring a key with the token or change what is signed: never honoured, so refused.
_REFUSED_PARAMETERS = frozenset({"jwk", "jku", "x5c", "x5u", "x5t", "x5t#S256", "crit", "b64"})


class _Registry(jws.JWSRegistry):
    max_header_length = 1024
    max_payload_length = MAX_TOKEN

    def get_alg(self, name: str) -> JWSAlgModel:
        """Look the name up without joserfc's warning that RFC 9864 deprecates `EdDSA`.

        The name does not tell the curve; our keys do, and `verify_jwt` compares the two.
        """
        if name not in (self.allowed or ()):
            raise UnsupportedAlgorithmError(f"Algorithm of '{name}' is not allowed")
        return self.algorithms[name]


def signing_input(payload: Mapping[str, Any], *, typ: str, alg: str, key_id: str) -> bytes:
    """Return what is signed: base64url(header) "." base64url(payload) (RFC 7515 §5.1).

    Raises:
        InvalidTokenError: The payload is not JSON (a float that is not finite, a lone surrogate).
    """
    return f"{b64u(_json({'alg': alg, 'kid': key_id, 'typ': typ}))}.{b64u(_json(payload))}".encode()


def assemble(signed: bytes, signature: bytes) -> str:
    """Join a signing input and its signature to a compact JWS."""
    return f"{signed.decode('ascii')}.{b64u(signature)}"


def sign_jwt(payload: Mapping[str, Any], key: PrivateKey, *, typ: str) -> str:
    """Sign a JWT with a key that this process holds."""
    header = {"alg": key.alg, "kid": key.key_id, "typ": typ}
    return jws.serialize_compact(header, _json(payload), jose_key(key), registry=_Registry(algorithms=[key.alg]))


def verify_jwt(token: str, keys: Sequence[PublicKey], *, typ: str, algs: Collection[str]) -> dict[str, Any]:
    """Return the payload of `token`, signed by the one of `keys` that its `kid` names.

    Times are the caller's to check: a credential's are judged at T, not now.

    Raises:
        InvalidTokenError: It is malformed, its `typ` or `alg` is another, or no key has its `kid`.
        InvalidSignatureError: The signature does not fit.
    """
    header, payload = peek(token)
    if header.get("typ") != typ:
        raise InvalidTokenError(f"the token's typ is not {typ}")
    if header.get("alg") not in algs:
        raise InvalidTokenError("the token's alg is not accepted here")
    if _REFUSED_PARAMETERS & header.keys():
        raise InvalidTokenError("the token's header brings its own key or rules")
    key = next((key for key in keys if key.key_id == header.get("kid")), None)
    if key is None:
        raise InvalidTokenError("no known key has the token's kid")
    if key.alg != header["alg"]:
        raise InvalidTokenError("the token's alg is not its key's")
    check_signature(token, key)
    return payload


def check_signature(token: str, key: PublicKey, *, strict: bool = True) -> None:
    """Return if `key` signed the compact JWS `token` with its own algorithm. The header is the caller's to judge.

    `strict` refuses parameters that no specification names: ours have none. Others' may, and RFC 7515 §4
    says to ignore them; `crit` would name those that must be understood.

    Raises:
        InvalidTokenError: joserfc does not accept the header.
        InvalidSignatureError: The signature does not fit.
    """
    try:
        registry = _Registry(algorithms=[key.alg], strict_check_header=strict)
        jws.deserialize_compact(token, jose_key(key), registry=registry)
    except BadSignatureError as error:
        raise InvalidSignatureError("the token's signature does not fit") from error
    except JoseError as error:
        raise InvalidTokenError("the token's header is not accepted") from error


def peek(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and payload **without verifying anything**: to learn whose keys to fetch.

    Raises:
        InvalidTokenError: It is not a compact JWS of two JSON objects in their only encoding, or is too long.
    """
    if len(token) > MAX_TOKEN:
        raise InvalidTokenError("the token is too long")
    segments = token.split(".")
    if len(segments) != _SEGMENTS:
        raise InvalidTokenError("a token has three segments")
    try:
        from_b64u(segments[2])
    except InvalidEncodingError as error:
        raise InvalidTokenError("the token's signature is not base64url") from error
    header, payload = _object(segments[0]), _object(segments[1])
    if not all(isinstance(header.get(name, ""), str) for name in ("alg", "kid", "typ")):
        raise InvalidTokenError("the token's alg, kid and typ are text")
    return header, payload


def peek_input(signed: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and payload of a signing input, as strictly as `peek`: what a signer looks at."""
    try:
        return peek(signed.decode("ascii") + ".")
    except UnicodeDecodeError as error:
        raise InvalidTokenError("a signing input is ASCII") from error


def jwks(keys: Iterable[PublicKey]) -> dict[str, list[dict[str, str]]]:
    """Return a JWK Set (RFC 7517 §5). SM2 keys go into a set of their own: stock libraries die on the curve."""
    return {"keys": [dict(key.jwk) for key in keys]}


def half_hash(alg: str, text: str) -> str:
    """Return `at_hash` or `c_hash` of `text` under `alg` (OIDC Core §3.1.3.6); for SM2 with SM3.

    Raises:
        InvalidKeyError: The algorithm is unknown.
    """
    if alg not in _HASH_OF_ALG:
        raise InvalidKeyError(f"no signature algorithm here is called {alg!r}")
    digest = _HASH_OF_ALG[alg](text.encode("ascii"))
    return b64u(digest[: len(digest) // 2])


@functools.lru_cache(maxsize=4096)
def _public_jose_key(key: PublicKey) -> Key:
    if key.alg == SGD_SM3_SM2:
        return Sm2Key(key, key)  # type: ignore[arg-type]  # ECKey is declared for the NIST curves' keys.
    return _KEY_CLASSES[key.alg].import_key(dict(key.jwk))


def jose_key(key: PublicKey | PrivateKey) -> Key:
    """Return `key` as joserfc wants it."""
    if isinstance(key, PublicKey):
        return _public_jose_key(key)
    if key.alg == SGD_SM3_SM2:
        return Sm2Key(key, key)  # type: ignore[arg-type]  # As above.
    return _KEY_CLASSES[key.alg].import_key(key.native, {"kid": key.key_id, "alg": key.alg})


def _json(value: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (ValueError, TypeError) as error:
        raise InvalidTokenError("the payload is not JSON") from error


def _object(segment: str) -> dict[str, Any]:
    try:
        value = json.loads(from_b64u(segment), object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidTokenError("a segment of the token is not JSON in base64url") from error
    if not isinstance(value, dict):
        raise InvalidTokenError("a segment of the token is not a JSON object")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise InvalidTokenError("a name stands twice in the token")  # RFC 7519 §4 lets us reject it.
    return value


def _no_constant(name: str) -> Any:
    raise InvalidTokenError(f"{name} is not JSON")
