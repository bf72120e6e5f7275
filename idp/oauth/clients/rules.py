"""What a platform may register (OIDC Registration 1.0 §2, RFC 7591 §2, RFC 9700 §2.1, RFC 8252 §7). Pure."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

from idp.errors import InvalidClientMetadataError
from idp.oauth.clients.metadata import AUTH_METHODS, GRANT_TYPES, RESPONSE_TYPES, SIGNING_ALGS, ClientMetadata
from idp.oauth.pairwise import LOOPBACK
from idp.oauth.scopes import SUPPORTED

MAX_URIS: Final = 20
MAX_URI: Final = 500
_PRIVATE_SCHEME: Final = re.compile(r"[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+")  # RFC 8252 §7.1: a reversed domain name.


def check_metadata(metadata: ClientMetadata) -> None:
    """Check what a platform wants to register.

    Raises:
        InvalidClientMetadataError: A field breaks a rule; the error names it.
    """
    if unknown := set(metadata.scope.split()) - set(SUPPORTED):
        raise invalid("scope", f"unknown: {' '.join(sorted(unknown))}")
    _one_of("token_endpoint_auth_method", metadata.token_endpoint_auth_method, AUTH_METHODS)
    _one_of("id_token_signed_response_alg", metadata.id_token_signed_response_alg, SIGNING_ALGS)
    for grant_type in metadata.grant_types:
        _one_of("grant_types", grant_type, GRANT_TYPES)
    for response_type in metadata.response_types:
        _one_of("response_types", response_type, RESPONSE_TYPES)
    if not metadata.redirect_uris:
        raise invalid("redirect_uris", "there is none")
    for name in ("redirect_uris", "post_logout_redirect_uris"):
        check_uris(name, getattr(metadata, name))


def check_uris(name: str, uris: Collection[str]) -> None:
    """Check addresses that browsers are sent to.

    Raises:
        InvalidClientMetadataError: They are too many, or one of them is not exact and safe.
    """
    if len(uris) > MAX_URIS:
        raise invalid(name, f"there are more than {MAX_URIS}")
    for uri in uris:
        check_uri(name, uri)


def check_uri(name: str, uri: str) -> None:
    """Check one address that browsers are sent to.

    Raises:
        InvalidClientMetadataError: It is not https, loopback or a private scheme, or can be read in two ways.
    """
    try:
        parts = urlsplit(uri)
        host = parts.hostname
        _ = parts.port
    except ValueError as error:
        raise invalid(name, "it is no address") from error
    if len(uri) > MAX_URI or not uri.isascii() or any(sign.isspace() or not sign.isprintable() for sign in uri):
        raise invalid(name, "it is too long or holds signs that an address has not")
    if parts.fragment or "#" in uri:
        raise invalid(name, "it has a fragment")
    if "@" in parts.netloc or "\\" in uri or "*" in uri:
        raise invalid(name, "it could be read in two ways")
    secure = parts.scheme == "https" and host
    loopback = parts.scheme == "http" and host in LOOPBACK
    private = not parts.netloc and _PRIVATE_SCHEME.fullmatch(parts.scheme)
    if not (secure or loopback or private):
        raise invalid(name, "it is neither https, nor http on a loopback address, nor a private scheme with a dot")


def invalid(name: str, reason: str) -> InvalidClientMetadataError:
    """Return the refusal of a field."""
    return InvalidClientMetadataError(f"{name}: {reason}", field=name, reason=reason)


def _one_of(name: str, value: str, allowed: Collection[str]) -> None:
    if value not in allowed:
        raise invalid(name, f"it must be one of {', '.join(allowed)}")
