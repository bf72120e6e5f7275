"""JWS General JSON Serialization (RFC 7515 §7.2.1): one payload under several signatures, as the trust file is.

Each signature is checked as a compact token of its own by `crypto.jose`, so that there is one
set of rules for headers, types and keys.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from crypto.encoding import b64u
from crypto.errors import InvalidTokenError
from crypto.jose import peek, verify_jwt
from crypto.keys import PublicKey

MAX_SIGNATURES = 64


def assemble_general(signed: Sequence[tuple[bytes, bytes]]) -> dict[str, Any]:
    """Join (signing input, signature) pairs over one payload.

    Raises:
        InvalidTokenError: There is none, or the payloads differ.
    """
    halves = [(*message.decode("ascii").split("."), b64u(signature)) for message, signature in signed]
    if len({payload for _, payload, _ in halves}) != 1:
        raise InvalidTokenError("several signatures want one payload")
    signatures = [{"protected": protected, "signature": signature} for protected, _, signature in halves]
    return {"payload": halves[0][1], "signatures": signatures}


def verify_general(
    document: Mapping[str, Any], keys: Sequence[PublicKey], *, typ: str, algs: Collection[str]
) -> tuple[dict[str, Any], tuple[PublicKey, ...]]:
    """Return the payload and which of `keys` signed it, at least one. How many are needed is the caller's policy.

    Signatures of unknown keys count for nothing; a known key's signature that does not fit fails the whole.

    Raises:
        InvalidTokenError: It is malformed, a `typ` is another, or none of `keys` signed.
        InvalidSignatureError: A signature of one of `keys` does not fit.
    """
    tokens = _tokens(document)
    known = {key.key_id: key for key in keys}
    payload: dict[str, Any] = {}
    signers: dict[str, PublicKey] = {}
    for token in tokens:
        key = known.get(str(peek(token)[0].get("kid")))
        if key is not None:
            payload = verify_jwt(token, [key], typ=typ, algs=algs)
            signers[key.key_id] = key
    if not signers:
        raise InvalidTokenError("none of the known keys signed this")
    return payload, tuple(signers.values())


def _tokens(document: Mapping[str, Any]) -> list[str]:
    payload, signatures = document.get("payload"), document.get("signatures")
    if document.keys() != {"payload", "signatures"} or not isinstance(payload, str) or not isinstance(signatures, list):
        raise InvalidTokenError("this is not a JWS with several signatures")
    if not 0 < len(signatures) <= MAX_SIGNATURES:
        raise InvalidTokenError(f"a JWS has 1 to {MAX_SIGNATURES} signatures here")
    tokens = []
    for member in signatures:
        # An unprotected header is not signed: nothing may stand in it.
        if not isinstance(member, dict) or member.keys() != {"protected", "signature"}:
            raise InvalidTokenError("a signature has a protected header and nothing else")
        tokens.append(f"{member['protected']}.{payload}.{member['signature']}")
    return tokens
