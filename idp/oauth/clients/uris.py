"""Which addresses a platform may register (OIDC Registration 1.0 §2, RFC 8252 §7, RFC 9700 §2.1). Pure.

Nothing here calls an address: an operator's page that is shown as a link, a logo among them, is
checked as text and never fetched.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final
from urllib.parse import SplitResult, urlsplit

from idp.errors import InvalidClientMetadataError
from idp.oauth.clients.metadata import IMPLICIT, ClientMetadata
from idp.oauth.pairwise import LOOPBACK

MAX_URIS: Final = 20
MAX_URI: Final = 500
_PRIVATE_SCHEME: Final = re.compile(r"[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+")  # RFC 8252 §7.1: a reversed domain name.
_BRACKETED: Final = re.compile(r"\[[0-9A-Fa-f:.]+\](:\d*)?")
_LINKS: Final = ("logo_uri", "policy_uri", "tos_uri")
_CALLED: Final = ("jwks_uri", "sector_identifier_uri", "backchannel_logout_uri")
_SHOWN_OR_OPENED: Final = ("initiate_login_uri", "frontchannel_logout_uri")


def check_addresses(metadata: ClientMetadata, *, strict: bool, loopback: bool) -> None:
    """Check every address of a registration; the arguments are those of `rules.check_metadata`.

    Raises:
        InvalidClientMetadataError: One of them breaks a rule.
    """
    for name in ("redirect_uris", "post_logout_redirect_uris"):
        check_uris(name, getattr(metadata, name))
    if strict:
        for uri in metadata.redirect_uris:
            _fits_application(uri, metadata, loopback=loopback)
    for name in (*_LINKS, *_CALLED, *_SHOWN_OR_OPENED):
        uri = getattr(metadata, name)
        if uri is not None:
            check_https(name, uri, loopback=loopback and name not in _LINKS)
    if len(metadata.request_uris) > MAX_URIS:
        raise invalid("request_uris", f"there are more than {MAX_URIS}")
    for uri in metadata.request_uris:
        check_https("request_uris", uri, loopback=loopback, fragment=True)  # It may hold the object's hash.
    _frontchannel(metadata)


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
    parts = _split(name, uri, fragment=False)
    private = not parts.netloc and _PRIVATE_SCHEME.fullmatch(parts.scheme)
    if not (_is_https(parts) or _is_loopback(parts) or private):
        raise invalid(name, "it is neither https, nor http on a loopback address, nor a private scheme with a dot")


def check_https(name: str, uri: str, *, loopback: bool, fragment: bool = False) -> None:
    """Check an address that must be https; with `loopback` http on this machine will do.

    Raises:
        InvalidClientMetadataError: It is not.
    """
    parts = _split(name, uri, fragment=fragment)
    if not (_is_https(parts) or (loopback and _is_loopback(parts))):
        raise invalid(name, "it is not https")


def invalid(name: str, reason: str) -> InvalidClientMetadataError:
    """Return the refusal of a field."""
    return InvalidClientMetadataError(f"{name}: {reason}", field=name, reason=reason)


def _split(name: str, uri: str, *, fragment: bool) -> SplitResult:
    try:
        parts = urlsplit(uri)
        _ = parts.hostname, parts.port
    except ValueError as error:
        raise invalid(name, "it is no address") from error
    if len(uri) > MAX_URI or not uri.isascii() or any(sign.isspace() or not sign.isprintable() for sign in uri):
        raise invalid(name, "it is too long or holds signs that an address has not")
    if not fragment and "#" in uri:
        raise invalid(name, "it has a fragment")
    if "[" in parts.netloc and not _BRACKETED.fullmatch(parts.netloc):
        raise invalid(name, "it could be read in two ways")  # urlsplit takes [::1].example.org for [::1].
    if "@" in parts.netloc or "\\" in uri or "*" in uri:
        raise invalid(name, "it could be read in two ways")
    return parts


def _is_https(parts: SplitResult) -> bool:
    return parts.scheme == "https" and bool(parts.hostname)


def _is_loopback(parts: SplitResult) -> bool:
    return parts.scheme == "http" and parts.hostname in LOOPBACK


def _fits_application(uri: str, metadata: ClientMetadata, *, loopback: bool) -> None:
    """Check a redirect_uri against `application_type` (Registration §2)."""
    parts = urlsplit(uri)
    if metadata.application_type == "native":
        if parts.scheme == "https":
            raise invalid("redirect_uris", "a native application has a private scheme or http on loopback")
        return
    if not _is_https(parts) and not (loopback and _is_loopback(parts)):
        raise invalid("redirect_uris", "a web application has https")
    if IMPLICIT in metadata.grant_types and parts.hostname in LOOPBACK and not loopback:
        raise invalid("redirect_uris", "a web application with the implicit grant is not on localhost")


def _frontchannel(metadata: ClientMetadata) -> None:
    """Check that the sign-out page lies where the platform is (Front-Channel Logout 1.0 §2)."""
    uri = metadata.frontchannel_logout_uri
    if uri is None:
        return
    if _origin(uri) not in {_origin(redirect) for redirect in metadata.redirect_uris}:
        raise invalid("frontchannel_logout_uri", "it has not the scheme, host and port of a redirect_uri")


def _origin(uri: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(uri)
    return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)
