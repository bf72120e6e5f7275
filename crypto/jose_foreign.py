"""JWTs that others sign with their own keys: client assertions, request objects, DPoP proofs.

Their key sets are not ours: a `kid` is any text or missing, an RSA key may say no `alg`. So
the algorithm comes from a list that the reader gives, the key from the set that the signer
registered, and nothing of either from the token's header, except for the proof of possession,
whose point is the key that it brings (RFC 9449 §4.2).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from crypto.errors import InvalidKeyError, InvalidSignatureError, InvalidTokenError
from crypto.jose import check_signature, peek
from crypto.keys import PS256, RS256, PublicKey, public_key

MAX_KEYS = 20
MAX_TOKEN = 32 * 1024
# Parameters that bring a key with the token or change what is signed: never honoured, so refused.
_REFUSED = frozenset({"jwk", "jku", "x5c", "x5u", "x5t", "x5t#S256", "crit", "b64"})
_RSA = (RS256, PS256)


def foreign_key(jwk: Mapping[str, Any], alg: str) -> PublicKey:
    """Return the key of a foreign JWK for use with `alg`; its `kid` is the owner's business.

    Raises:
        InvalidKeyError: It is private, malformed, for encryption, or of another kind than `alg`'s.
    """
    bare = {name: value for name, value in jwk.items() if name not in {"kid", "key_ops", "x5c", "x5t", "x5u"}}
    if bare.get("alg") is None and bare.get("kty") == "RSA" and alg in _RSA:
        bare["alg"] = alg  # RFC 7517 §4.4: alg is optional, and both paddings fit such a key.
    key = public_key(bare)
    if key.alg != alg:
        raise InvalidKeyError(f"this is no {alg} key")
    return key


def verify_foreign_jwt(
    token: str, key_set: Mapping[str, Any], *, typs: Collection[str | None], algs: Collection[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and payload of a token that a key of the owner's set signed. Times and audience are the caller's.

    `typs` are the accepted `typ` headers, None standing for a missing one.

    Raises:
        InvalidTokenError: It is malformed, its `typ` or `alg` is not accepted, or no key of the set can be its.
        InvalidSignatureError: The signature fits none of the keys.
    """
    header, payload = _read(token, typs, algs)
    if _REFUSED & header.keys():
        raise InvalidTokenError("the token's header brings its own key or rules")
    candidates = _candidates(key_set, header)
    if not candidates:
        raise InvalidTokenError("no registered key can have signed this")
    for key in candidates:
        try:
            check_signature(token, key, strict=False)
        except InvalidSignatureError:
            continue
        return header, payload
    raise InvalidSignatureError("no registered key signed this")


def verify_proof_jwt(token: str, *, typ: str, algs: Collection[str]) -> tuple[PublicKey, dict[str, Any]]:
    """Return the key that the token brings and its payload, signed with that very key (RFC 9449 §4.3).

    Raises:
        InvalidTokenError: It is malformed, of another `typ` or `alg`, or brings no public key.
        InvalidSignatureError: The signature does not fit.
    """
    header, payload = _read(token, (typ,), algs)
    if (_REFUSED - {"jwk"}) & header.keys() or not isinstance(header.get("jwk"), dict):
        raise InvalidTokenError("the proof's header holds a jwk and no other key or rule")
    try:
        key = foreign_key(header["jwk"], header["alg"])
    except InvalidKeyError as error:
        raise InvalidTokenError("the proof's key is not accepted") from error
    check_signature(token, key, strict=False)
    return key, payload


def _read(token: str, typs: Collection[str | None], algs: Collection[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    if len(token) > MAX_TOKEN:
        raise InvalidTokenError("the token is too long")
    header, payload = peek(token)
    if header.get("typ") not in typs:
        raise InvalidTokenError("the token's typ is not accepted here")
    if header.get("alg") not in algs:
        raise InvalidTokenError("the token's alg is not accepted here")
    return header, payload


def _candidates(key_set: Mapping[str, Any], header: Mapping[str, Any]) -> list[PublicKey]:
    members = key_set.get("keys")
    if not isinstance(members, list) or len(members) > MAX_KEYS:
        raise InvalidTokenError(f"a key set has up to {MAX_KEYS} keys")
    keys = []
    for jwk in members:
        if not isinstance(jwk, dict) or ("kid" in header and jwk.get("kid") != header["kid"]):
            continue
        try:
            keys.append(foreign_key(jwk, header["alg"]))
        except InvalidKeyError:
            continue  # RFC 7517 §5: a key of an unknown kind is left out.
    return keys
