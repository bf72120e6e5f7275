"""DPoP proofs (RFC 9449 §4): a JWT that shows, for one request, that its sender holds a key.

Everything but the one use is checked here. The one use is the caller's: the token endpoint
spends `Proof.use` in the write that stores the token, a resource remembers it in its process.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from crypto.encoding import b64u
from crypto.errors import CryptoError
from crypto.hashes import equal, sha256
from crypto.jose import SGD_SM3_SM2
from crypto.jose_foreign import verify_proof_jwt
from crypto.keys import EDDSA, ES256, PS256
from idp.keyed import Keyed
from idp.oauth.requests import Call
from idp.oauth.tokens.nonces import current_nonce, is_ours
from idp.oauth.tokens.refusals import InvalidDpopProofError, UseDpopNonceError

TYP: Final = "dpop+jwt"
STANDARD_ALGS: Final = (ES256, PS256, EDDSA)
ALGS: Final = (*STANDARD_ALGS, SGD_SM3_SM2)
"""No RSA PKCS#1 v1.5 for anybody; SM2 for those that FAPI 2.0 (§5.4) does not bind."""
PAST: Final = timedelta(seconds=120)
FUTURE: Final = timedelta(seconds=30)
MAX_PROOF: Final = 8_192
MAX_JTI: Final = 256
_DEFAULT_PORTS: Final[Mapping[str, int]] = {"http": 80, "https": 443}
_UNRESERVED: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


@dataclass(frozen=True, slots=True)
class Proof:
    """A good proof: whose key it shows, and what must count only once."""

    jkt: str
    use: bytes
    until: datetime
    nonce: str | None


def has_proof(call: Call) -> bool:
    """Whether the call brings a DPoP header."""
    return "dpop" in call.headers


def read_proof(
    call: Call,
    *,
    issuer: str,
    keyed: Keyed,
    now: datetime,
    algs: Collection[str] = ALGS,
    nonce_needed: bool = False,
    token: str | None = None,
) -> Proof:
    """Return the proof that the call brings; `token` is the access token that it must name (RFC 9449 §4.3).

    Raises:
        InvalidDpopProofError: It is missing, malformed, not for this request, or not of now.
        UseDpopNonceError: It lacks a nonce that it needs, or has none of ours.
    """
    text = call.headers.get("dpop", "")
    if not text or len(text) > MAX_PROOF:
        raise InvalidDpopProofError("there must be one DPoP proof")
    try:
        key, claims = verify_proof_jwt(text, typ=TYP, algs=algs)
    except CryptoError as error:
        # A repeated header comes here too: its values are joined with a comma (RFC 9110 §5.2).
        raise InvalidDpopProofError("the DPoP proof cannot be verified") from error
    if claims.get("htm") != call.method or not _is_address(claims.get("htu"), issuer + call.path):
        raise InvalidDpopProofError("the DPoP proof is for another request")
    jti, nonce = claims.get("jti"), claims.get("nonce")
    if not isinstance(jti, str) or not jti.isascii() or not 0 < len(jti) <= MAX_JTI:
        raise InvalidDpopProofError("the DPoP proof needs a jti")
    if not isinstance(nonce, str | None):
        raise InvalidDpopProofError("the nonce of the DPoP proof is no text")
    if token is not None and not _is_hash(claims.get("ath"), token):
        raise InvalidDpopProofError("the DPoP proof is for another access token")
    if (nonce is None and nonce_needed) or (nonce is not None and not is_ours(keyed, nonce, now)):
        raise UseDpopNonceError(current_nonce(keyed, now))
    until = _issued_at(claims.get("iat"), now) + PAST
    return Proof(key.key_id, keyed.of("dpop-proof", f"{key.key_id}|{jti}"), until, nonce)


def _issued_at(value: Any, now: datetime) -> datetime:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise InvalidDpopProofError("the DPoP proof needs an iat")
    if not (now - PAST).timestamp() < value <= (now + FUTURE).timestamp():
        raise InvalidDpopProofError("the DPoP proof is not of now")
    return datetime.fromtimestamp(value, UTC)


def _is_hash(value: Any, token: str) -> bool:
    return isinstance(value, str) and value.isascii() and equal(value.encode(), b64u(sha256(token.encode())).encode())


def _is_address(value: Any, own: str) -> bool:
    return isinstance(value, str) and value.isascii() and _normal(value) == _normal(own)


@functools.lru_cache(maxsize=256)
def _normal(uri: str) -> tuple[str, str | None, int | None, str] | None:
    """Return an address without query and fragment in its normal form (RFC 3986 §6.2.2, §6.2.3)."""
    try:
        parts = urlsplit(uri)
        scheme, host, port = parts.scheme.lower(), parts.hostname, parts.port
    except ValueError:
        return None
    if scheme not in _DEFAULT_PORTS or not host or "@" in parts.netloc:
        return None
    return scheme, host.lower(), port or _DEFAULT_PORTS[scheme], _path(parts.path or "/")


def _path(path: str) -> str:
    pieces = path.split("%")
    done = [pieces[0]]
    for piece in pieces[1:]:
        sign = unquote("%" + piece[:2])
        done.append(sign + piece[2:] if sign in _UNRESERVED else "%" + piece[:2].upper() + piece[2:])
    return "".join(done)
