"""A platform's technical half: from the choices of a form to `ClientMetadata`, and back for showing it again. Pure.

Three profiles are offered and nothing between them: what a stock library can do (ES256), SM2
for those who check it, FAPI 2.0. Whoever needs another combination registers dynamically.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from crypto.errors import CryptoError
from crypto.jose import SGD_SM3_SM2
from crypto.jose_foreign import MAX_KEYS, foreign_key
from crypto.keys import ES256
from idp.errors import InvalidClientMetadataError
from idp.oauth.clients.metadata import CODE, KEY_METHODS, REFRESH, SIGNING_ALGS, ClientMetadata
from idp.oauth.clients.registration import accepted
from idp.oauth.clients.rules import MAX_URI, MAX_URIS, check_uri
from idp.oauth.pairwise import LOOPBACK
from idp.oauth.scopes import OFFLINE, OPENID, SUPPORTED, scope_text
from idp.platforms.errors import (
    ChoiceError,
    KeysError,
    KeysOneWayError,
    LoopbackOnlyError,
    MissingError,
    NotInProductionError,
    PrivateKeyError,
    ProfileMethodError,
    RedirectUriError,
)
from idp.platforms.fields import FormReader

PROFILES: Final[Mapping[str, Mapping[str, Any]]] = {
    "es256": {"id_token_signed_response_alg": ES256},
    "sm2": {"id_token_signed_response_alg": SGD_SM3_SM2},
    "fapi2": {
        "id_token_signed_response_alg": ES256,
        "xinji_profile": "fapi2",
        "require_pushed_authorization_requests": True,
        "dpop_bound_access_tokens": True,
    },
}
METHODS: Final = ("client_secret_basic", "private_key_jwt", "none")
KINDS: Final = ("web", "native")
KEYS_LENGTH: Final = 20_000
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_KEY_FIELDS: Final = ("jwks", "jwks_uri")


def read_technical(reader: FormReader, *, test: bool) -> ClientMetadata:
    """Read redirect URIs, scopes, kind, method, profile and keys; mistakes are noted beside their field.

    A test client's redirect URIs lie on this computer; a platform's do not, unless it is a
    native app (RFC 8252 §7.3).
    """
    kind = _choice(reader, "application_type", KINDS)
    method = _choice(reader, "method", METHODS)
    profile = _choice(reader, "profile", tuple(PROFILES))
    uris = _uris(reader, "redirect_uris", test=test, native=kind == "native", needed=True)
    leaving = _uris(reader, "post_logout_redirect_uris", test=test, native=kind == "native", needed=False)
    if profile == "fapi2" and method not in KEY_METHODS:
        reader.note("method", ProfileMethodError("FAPI 2.0 wants private_key_jwt"))
    scopes = {OPENID, *(scope for scope in reader.all("scope") if scope in SUPPORTED)}
    metadata = ClientMetadata(
        redirect_uris=uris,
        post_logout_redirect_uris=leaving,
        application_type="native" if kind == "native" else "web",
        scope=scope_text(scopes),
        grant_types=(CODE, REFRESH) if OFFLINE in scopes else (CODE,),
        token_endpoint_auth_method=method or METHODS[0],
        **PROFILES.get(profile, {}),
        **_keys(reader, needed=method in KEY_METHODS, test=test),
    )
    if not reader.problems:
        _accept(reader, metadata)
    return metadata


def read_keys(reader: FormReader, present: ClientMetadata, *, test: bool) -> ClientMetadata:
    """Return `present` with the keys that the form gives."""
    keys = _keys(reader, needed=True, test=test)
    metadata = with_keys(present, keys)
    if not reader.problems:
        _accept(reader, metadata)
    return metadata


def keys_of(metadata: ClientMetadata) -> dict[str, Any]:
    """Return the members that hold a platform's keys, as far as it has any."""
    return {name: value for name in _KEY_FIELDS if (value := getattr(metadata, name)) is not None}


def with_keys(metadata: ClientMetadata, keys: Mapping[str, Any]) -> ClientMetadata:
    """Return the metadata with these keys and no others."""
    return metadata.model_copy(update={**dict.fromkeys(_KEY_FIELDS), **keys})


def narrowed(metadata: ClientMetadata, scope: str) -> ClientMetadata:
    """Return the metadata with another scope; without `offline_access` there is no refresh."""
    grants = tuple(grant for grant in metadata.grant_types if grant != REFRESH or OFFLINE in scope.split())
    return metadata.model_copy(update={"scope": scope, "grant_types": grants})


def profile_of(metadata: ClientMetadata) -> str:
    """Return which profile the metadata follows, nearest first."""
    if metadata.fapi:
        return "fapi2"
    return "sm2" if metadata.id_token_signed_response_alg == SGD_SM3_SM2 else "es256"


def typed_technical(metadata: ClientMetadata) -> dict[str, list[str]]:
    """Return the metadata as a form's fields, for changing it."""
    return {
        "application_type": [metadata.application_type],
        "method": [metadata.token_endpoint_auth_method],
        "profile": [profile_of(metadata)],
        "redirect_uris": ["\n".join(metadata.redirect_uris)],
        "post_logout_redirect_uris": ["\n".join(metadata.post_logout_redirect_uris)],
        "scope": metadata.scope.split(),
        "jwks": [json.dumps(metadata.jwks, indent=1) if metadata.jwks else ""],
        "jwks_uri": [metadata.jwks_uri or ""],
    }


def _choice(reader: FormReader, name: str, allowed: tuple[str, ...]) -> str:
    chosen = reader.text(name)
    if chosen not in allowed:
        reader.note(name, ChoiceError(f"{name} is none of the choices"))
        return ""
    return chosen


def _uris(reader: FormReader, name: str, *, test: bool, native: bool, needed: bool) -> tuple[str, ...]:
    lines = tuple(dict.fromkeys(reader.lines(name)))
    if needed and not lines:
        reader.note(name, MissingError(f"{name} is empty"))
    for number, uri in enumerate(lines[: MAX_URIS + 1], start=1):
        try:
            check_uri(name, uri)
        except InvalidClientMetadataError:
            reader.note(name, RedirectUriError(f"line {number} of {name} cannot be registered", line=number))
            return ()
        loopback = urlsplit(uri).scheme == "http" and urlsplit(uri).hostname in LOOPBACK
        if test and not loopback:
            reader.note(name, LoopbackOnlyError(f"line {number} of {name} is not on this computer", line=number))
        elif not test and loopback and not native:
            reader.note(name, NotInProductionError(f"line {number} of {name} is on a loopback address", line=number))
    if len(lines) > MAX_URIS:
        reader.note(name, RedirectUriError(f"{name} has too many lines", line=MAX_URIS + 1))
    return lines


def _keys(reader: FormReader, *, needed: bool, test: bool) -> dict[str, Any]:
    text, address = reader.raw("jwks").strip(), reader.text("jwks_uri")
    if text and address:
        reader.note("jwks", KeysOneWayError("keys are given in two ways"))
    if needed and not text and not address:
        reader.note("jwks", MissingError("there are no keys"))
    if address:
        parts = urlsplit(address) if address.isascii() and len(address) <= MAX_URI else None
        local = test and parts is not None and parts.scheme == "http" and parts.hostname in LOOPBACK
        if parts is None or not (local or (parts.scheme == "https" and parts.hostname)):
            reader.note("jwks_uri", RedirectUriError("the jwks_uri is no https address", line=1))
        return {"jwks_uri": address}
    return {"jwks": _key_set(reader, text)} if text else {}


def _key_set(reader: FormReader, text: str) -> dict[str, Any]:
    empty: dict[str, Any] = {"keys": []}
    try:
        found = json.loads(text) if len(text) <= KEYS_LENGTH else None
    except (ValueError, RecursionError):
        found = None
    keys = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(keys, list) or not 0 < len(keys) <= MAX_KEYS or not all(isinstance(key, dict) for key in keys):
        reader.note("jwks", KeysError("this is no JWK Set"))
        return empty
    if any(_PRIVATE & key.keys() for key in keys):
        reader.note("jwks", PrivateKeyError("the JWK Set holds a private key"))
        return empty
    if not any(_usable(key) for key in keys):
        reader.note("jwks", KeysError("no key of the set can sign here"))
    return {"keys": keys}


def _usable(key: Mapping[str, Any]) -> bool:
    for alg in SIGNING_ALGS:
        try:
            foreign_key(key, alg)
        except (CryptoError, ValueError, TypeError):
            continue
        return True
    return False


def _accept(reader: FormReader, metadata: ClientMetadata) -> None:
    """Hold the metadata against the rules of registration; what they name is noted beside its field."""
    try:
        accepted(metadata)
    except InvalidClientMetadataError as error:
        name = str(error.params.get("field", ""))
        reader.note(name if name in reader.typed else "redirect_uris", error)
