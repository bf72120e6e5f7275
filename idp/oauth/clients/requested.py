"""What a program asks for when it registers a platform (RFC 7591 §2, §3.1; RFC 7592 §2.2), and what it is told. Pure.

Nobody reviews these platforms: what needs a review (scopes that tell more than a name, resource
servers, token exchange) is not to be had here. Members that are not known are left out, and null
counts as omitted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import ValidationError

from idp.errors import InvalidClientMetadataError
from idp.oauth.clients.metadata import CODE, EXCHANGE, IMPLICIT, REFRESH, ClientMetadata
from idp.oauth.clients.uris import invalid
from idp.oauth.errors import RegistrationError
from idp.oauth.scopes import OFFLINE, SUPPORTED, scope_text

SCOPES: Final = tuple(
    scope for scope in SUPPORTED if scope in {"openid", "profile", "email", "address", "phone", OFFLINE}
)
"""What may be asked for without a review; the rest of a request is left out (RFC 7591 §3.2.1)."""
INVALID_REDIRECT_URI: Final = "invalid_redirect_uri"
INVALID_METADATA: Final = "invalid_client_metadata"
_NOT_IN_UPDATE: Final = (
    "registration_access_token",
    "registration_client_uri",
    "client_secret_expires_at",
    "client_id_issued_at",
)
_REVIEWED: Final = ("xinji_resources", "require_pkce")


@dataclass(frozen=True, slots=True)
class Requested:
    """The names for people and the metadata that a registration asks for, still unchecked."""

    name: str
    name_en: str
    home: str | None
    metadata: ClientMetadata


def read_document(content_type: str, body: bytes) -> dict[str, Any]:
    """Return the JSON object of a registration.

    Raises:
        RegistrationError: It is none, or a name stands twice in it.
    """
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise RegistrationError(INVALID_METADATA, "the body must be application/json")
    try:
        value = json.loads(body, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise RegistrationError(INVALID_METADATA, "the body is no JSON in which each name stands once") from error
    if not isinstance(value, dict):
        raise RegistrationError(INVALID_METADATA, "the body is no JSON object")
    return {name: member for name, member in value.items() if member is not None}


def read_requested(document: Mapping[str, Any]) -> Requested:
    """Return what a document asks for.

    Raises:
        RegistrationError: A member has another type than its specification says, or comes signed by others.
    """
    if "software_statement" in document:  # RFC 7591 §3.2.2: there is nobody whose statements count here.
        raise RegistrationError("invalid_software_statement", "software statements are not accepted")
    wanted = {name: value for name, value in document.items() if name not in _REVIEWED}
    try:
        metadata = ClientMetadata.model_validate({**wanted, **_grants(wanted)})
    except ValidationError as error:
        field = str(error.errors(include_input=False, include_url=False)[0]["loc"][0])
        raise refusal(invalid(field, "its type or value is not what the specification says")) from error
    if EXCHANGE in metadata.grant_types:
        raise refusal(invalid("grant_types", "token exchange needs a review"))
    metadata = metadata.model_copy(update={"scope": _scope(wanted, metadata)})
    name = _text(document, "client_name") or _localized(document, "zh") or _unnamed(metadata)
    return Requested(
        name=name,
        name_en=_localized(document, "en") or name,
        home=_text(document, "client_uri") or None,
        metadata=metadata,
    )


def check_update(document: Mapping[str, Any], client_id: str) -> None:
    """Check what RFC 7592 §2.2 says of an update besides its metadata.

    Raises:
        RegistrationError: It is for another platform, or holds what only the provider says.
    """
    if document.get("client_id") != client_id:
        raise RegistrationError(INVALID_METADATA, "client_id is not this platform's")
    if any(name in document for name in _NOT_IN_UPDATE):
        raise RegistrationError(INVALID_METADATA, "an update has no members that only the provider gives")


def refusal(error: InvalidClientMetadataError) -> RegistrationError:
    """Return a broken rule in the words of RFC 7591 §3.2.2."""
    field = error.params.get("field")
    code = INVALID_REDIRECT_URI if field == "redirect_uris" else INVALID_METADATA
    return RegistrationError(code, str(error))


def described(  # noqa: PLR0913 - the members of an answer, all by name
    metadata: ClientMetadata,
    *,
    client_id: str,
    name: str,
    name_en: str,
    home: str | None,
    issued_at: datetime,
    expires_at: datetime | None,
    registration_uri: str,
    registration_token: str,
    secret: str | None,
) -> dict[str, Any]:
    """Return the client information response (RFC 7591 §3.2.1, RFC 7592 §3): what was registered, not what was asked.

    A secret ends with its platform; 0 stands for one that does not end.
    """
    document: dict[str, Any] = {
        "client_id": client_id,
        "client_id_issued_at": int(issued_at.timestamp()),
        "registration_access_token": registration_token,
        "registration_client_uri": registration_uri,
        "client_name": name,
        "client_name#en": name_en,
        **{name: value for name, value in metadata.model_dump(mode="json").items() if value not in (None, [])},
    }
    if home:
        document["client_uri"] = home
    if secret is not None:
        document["client_secret"] = secret
        document["client_secret_expires_at"] = 0 if expires_at is None else int(expires_at.timestamp())
    return document


def _grants(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the grant types that the response types need, where none are named (Registration §2)."""
    types = wanted.get("response_types")
    if "grant_types" in wanted or not isinstance(types, list) or not all(isinstance(text, str) for text in types):
        return {}
    parts = {part for text in types for part in text.split()}
    needed = [*([CODE] if "code" in parts or not parts else []), *([IMPLICIT] if parts - {"code"} else [])]
    return {"grant_types": needed}


def _scope(wanted: Mapping[str, Any], metadata: ClientMetadata) -> str:
    if "scope" not in wanted:
        return scope_text(scope for scope in SCOPES if scope != OFFLINE or REFRESH in metadata.grant_types)
    return scope_text(set(metadata.scope.split()) & set(SCOPES))


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name, "")
    if not isinstance(value, str):
        raise refusal(invalid(name, "it is no text"))
    return value.strip()


def _localized(document: Mapping[str, Any], language: str) -> str:
    """Return `client_name` in a language (RFC 7591 §2.2: a tag of RFC 5646 behind a number sign)."""
    for name in document:
        member, _, tag = name.partition("#")
        if member == "client_name" and tag.lower().partition("-")[0] == language:
            return _text(document, name)
    return ""


def _unnamed(metadata: ClientMetadata) -> str:
    try:
        host = urlsplit(metadata.redirect_uris[0]).hostname if metadata.redirect_uris else None
    except ValueError:
        host = None
    return (host or "OpenID Connect")[:100]


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a name stands twice")
    return value
