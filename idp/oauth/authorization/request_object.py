"""Request objects (RFC 9101, OIDC Core §6): parameters that the platform signed.

The keys are those that the platform registered; whatever the header says of keys is refused.
Unsigned objects (`alg` none) are never accepted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NoReturn

from crypto.errors import CryptoError
from idp.oauth.authorization.request import Pairs
from idp.oauth.clients.key_sets import KeySets
from idp.oauth.clients.registered import RegisteredClient
from idp.oauth.errors import AuthorizationError

TYP: Final = "oauth-authz-req+jwt"
TYPS: Final = (TYP, f"application/{TYP}", "JWT", None)
MEDIA_TYPES: Final = (f"application/{TYP}", "application/jwt", "application/jose", "text/plain", "application/json")
SKEW: Final = timedelta(seconds=30)
"""How far ahead clocks of others may be: FAPI 2.0 §5.3.2.1 wants 10 seconds accepted and more than 60 refused."""
LONGEST: Final = timedelta(minutes=60)
"""FAPI 2.0 Message Signing §5.3.1: between `nbf` and now, and between `nbf` and `exp`."""
_JWT_CLAIMS: Final = frozenset({"iss", "sub", "aud", "exp", "nbf", "iat", "jti"})
_JSON: Final = frozenset({"claims", "authorization_details"})
_TEXTS: Final = _JSON | {
    "acr_values",
    "client_id",
    "code_challenge",
    "code_challenge_method",
    "dpop_jkt",
    "id_token_hint",
    "login_hint",
    "max_age",
    "nonce",
    "prompt",
    "redirect_uri",
    "registration",
    "resource",
    "response_mode",
    "response_type",
    "scope",
    "state",
    "ui_locales",
}
_OLDEST: Final = 4_102_444_800  # The year 2100: times beyond it are mistakes.


def read_object(
    token: str, client: RegisteredClient, *, issuer: str, now: datetime, key_sets: KeySets
) -> tuple[Pairs, bool]:
    """Return the parameters of a request object, and whether they alone count (RFC 9101 §5), not those outside too.

    They alone count where the object says that it is one of RFC 9101, or the platform must
    sign. Otherwise OIDC Core §6.1 lets what varies, such as `state`, stand outside.

    Raises:
        AuthorizationError: `invalid_request_object`.
        OnEventLoopError: The keys must be fetched.
    """
    metadata = client.metadata
    algs = (metadata.request_object_signing_alg,) if metadata.request_object_signing_alg else metadata.signature_algs
    try:
        header, payload = key_sets.verify(client, token, typs=TYPS, algs=algs)
    except CryptoError as error:
        raise AuthorizationError("invalid_request_object", "no registered key signed the request object") from error
    strict = metadata.fapi or metadata.require_signed_request_object or header.get("typ") in TYPS[:2]
    _check_parties(payload, client, issuer, strict=strict)
    _check_times(payload, now, fapi=metadata.fapi)
    if "request" in payload or "request_uri" in payload:
        _refuse("a request object holds no other one")
    return list(_pairs(payload)), strict


def merged(outside: Pairs, inside: Pairs, *, strict: bool) -> Pairs:
    """Return what counts: the object's parameters, and unless `strict` those outside that it does not name."""
    if strict:
        return inside
    named = {name for name, _ in inside} | {"request", "request_uri"}
    return [*inside, *((name, value) for name, value in outside if name not in named)]


def _check_parties(payload: Mapping[str, Any], client: RegisteredClient, issuer: str, *, strict: bool) -> None:
    if payload.get("iss", client.client_id) != client.client_id or payload.get("client_id") not in (
        client.client_id,
        None,
    ):
        _refuse("the request object is another client's")
    audience = payload.get("aud", issuer)
    if issuer not in (audience if isinstance(audience, list) else [audience]):
        _refuse("the request object is for another issuer")
    # RFC 9101 §4, §5: needed by it; only wished for by OIDC Core §6.1.
    if strict and not {"iss", "aud", "client_id"} <= payload.keys():
        _refuse("the request object lacks iss, aud or client_id")
    # RFC 9101 §10.8: else a client assertion could pass for a request.
    if payload.get("sub") == client.client_id:
        _refuse("the request object has the client as its subject")


def _check_times(payload: Mapping[str, Any], now: datetime, *, fapi: bool) -> None:
    expires, begins, issued = (_time(payload, name) for name in ("exp", "nbf", "iat"))
    present = now.timestamp()
    ahead = present + SKEW.total_seconds()
    if expires is not None and present >= expires:
        _refuse("the request object has expired")
    if max(begins or 0, issued or 0) > ahead:
        _refuse("the request object is of the future")
    if not fapi:
        return
    if begins is None or expires is None:
        _refuse("the request object lacks nbf or exp")
    longest = LONGEST.total_seconds()
    if present - begins > longest or expires - begins > longest:
        _refuse("the request object lives longer than an hour")


def _time(payload: Mapping[str, Any], name: str) -> float | None:
    value = payload.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _OLDEST:
        _refuse("a time of the request object is no NumericDate")
    return value


def _pairs(payload: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Return the members as the parameters they stand for (RFC 9101 §4: JSON types as they are)."""
    for name, value in payload.items():
        if name in _JWT_CLAIMS or value is None:
            continue
        values = value if name == "resource" and isinstance(value, list) else [value]
        for one in values:
            text = _text(name, one)
            if any("\ud800" <= sign <= "\udfff" for sign in name + text):
                _refuse("the request object holds half a character")
            yield name, text


def _text(name: str, value: Any) -> str:
    if name in _JSON and isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if not isinstance(value, str):
        if name in _TEXTS:
            _refuse("a parameter in the request object is of the wrong kind")
        return ""  # One that we do not know is passed over, of whatever kind it is.
    return value


def _refuse(description: str) -> NoReturn:
    raise AuthorizationError("invalid_request_object", description)
