"""What a platform may register (OIDC Registration 1.0 §2, RFC 7591 §2, RFC 9700 §2.1, FAPI 2.0). Pure.

Ordered small checks, each named by what it looks at. Addresses have a module of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from ipaddress import ip_address
from typing import Final

from crypto.certificate import parse_distinguished_name
from crypto.errors import CryptoError
from crypto.jose_foreign import MAX_KEYS
from idp.levels import ACR_VALUES
from idp.oauth.clients.metadata import (
    AUTH_METHODS,
    CLIENT_CREDENTIALS,
    CODE,
    FAPI_ALGS,
    GRANT_TYPES,
    IMPLICIT,
    KEY_METHODS,
    RESPONSE_TYPES,
    SIGNING_ALGS,
    TLS_METHODS,
    ClientMetadata,
)
from idp.oauth.clients.uris import MAX_URI, MAX_URIS, check_addresses, check_https, check_uri, check_uris, invalid
from idp.oauth.pairwise import LOOPBACK
from idp.oauth.scopes import SUPPORTED

__all__ = [
    "MAX_URI",
    "MAX_URIS",
    "check_https",
    "check_metadata",
    "check_uri",
    "check_uris",
    "invalid",
]

MAX_NAMES: Final = 20
MAX_NAME: Final = 254
_WITHOUT_REDIRECT: Final = frozenset(GRANT_TYPES) - {CODE, IMPLICIT}
_PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_ALG_MEMBERS: Final = (
    "token_endpoint_auth_signing_alg",
    "id_token_signed_response_alg",
    "userinfo_signed_response_alg",
    "request_object_signing_alg",
    "authorization_signed_response_alg",
    "introspection_signed_response_alg",
    "xinji_access_token_signed_response_alg",
)
_TLS_NAMES: Final = (
    "tls_client_auth_subject_dn",
    "tls_client_auth_san_dns",
    "tls_client_auth_san_uri",
    "tls_client_auth_san_ip",
    "tls_client_auth_san_email",
)

Check = Callable[[ClientMetadata], None]


def check_metadata(metadata: ClientMetadata, *, strict: bool = False, loopback: bool = True) -> None:
    """Check what a platform wants to register.

    `strict` holds `application_type` to what Registration §2 says of its addresses: where nobody
    reviews them. `loopback` lets addresses of this machine stand for https ones: in development.

    Raises:
        InvalidClientMetadataError: A field breaks a rule; the error names it.
    """
    for check in CHECKS:
        check(metadata)
    check_addresses(metadata, strict=strict, loopback=loopback)


def _scope(metadata: ClientMetadata) -> None:
    if unknown := set(metadata.scope.split()) - set(SUPPORTED):
        raise invalid("scope", f"unknown: {' '.join(sorted(unknown))}")


def _algorithms(metadata: ClientMetadata) -> None:
    allowed = metadata.signature_algs
    for name in _ALG_MEMBERS:
        value = getattr(metadata, name)
        if value is not None:
            _one_of(name, value, SIGNING_ALGS if name.startswith("xinji_") else allowed)


def _grants(metadata: ClientMetadata) -> None:
    for grant_type in metadata.grant_types:
        _one_of("grant_types", grant_type, GRANT_TYPES)
    for response_type in metadata.response_types:
        _one_of("response_types", response_type, RESPONSE_TYPES)
    if not metadata.grant_types:
        raise invalid("grant_types", "there is none")
    if metadata.public and CLIENT_CREDENTIALS in metadata.grant_types:
        raise invalid("grant_types", "a public client has no credentials (RFC 6749 section 4.4)")
    if metadata.response_types == ("code",) and set(metadata.grant_types) <= _WITHOUT_REDIRECT:
        return  # The default stands there, of a platform that never comes to the authorization endpoint.
    # Registration §2: which grant types each response type needs.
    for response_type in metadata.response_types:
        parts = set(response_type.split())
        needed = ({CODE} if "code" in parts else set()) | ({IMPLICIT} if parts - {"code"} else set())
        if needed - set(metadata.grant_types):
            raise invalid("grant_types", "they do not fit the response_types")


def _redirects(metadata: ClientMetadata) -> None:
    if not metadata.redirect_uris and not set(metadata.grant_types) <= _WITHOUT_REDIRECT:
        raise invalid("redirect_uris", "there is none")


def _authentication(metadata: ClientMetadata) -> None:
    method = metadata.token_endpoint_auth_method
    _one_of("token_endpoint_auth_method", method, AUTH_METHODS)
    named = [name for name in _TLS_NAMES if getattr(metadata, name) is not None]
    if method == "tls_client_auth":
        if len(named) != 1:  # RFC 8705 §2.1.2.
            raise invalid("token_endpoint_auth_method", "tls_client_auth needs exactly one name of the certificate")
        _certificate_name(named[0], getattr(metadata, named[0]))
    elif named:
        raise invalid(named[0], "only tls_client_auth has it")


def _certificate_name(name: str, text: str) -> None:
    if not 0 < len(text) <= MAX_URI or not text.isprintable():
        raise invalid(name, "it is empty, too long or cannot be shown")
    try:
        if name == "tls_client_auth_subject_dn":
            parse_distinguished_name(text)
        elif name == "tls_client_auth_san_ip":
            ip_address(text)
    except (CryptoError, ValueError) as error:
        raise invalid(name, "it cannot be read") from error


def _keys(metadata: ClientMetadata) -> None:
    if metadata.jwks is not None and metadata.jwks_uri is not None:  # Registration §2, RFC 7591 §2.
        raise invalid("jwks", "it stands beside a jwks_uri")
    has_keys = metadata.jwks is not None or metadata.jwks_uri is not None
    method = metadata.token_endpoint_auth_method
    if not has_keys and (method in KEY_METHODS or method == "self_signed_tls_client_auth"):
        raise invalid("jwks", f"{method} needs keys")
    if not has_keys and (metadata.require_signed_request_object or metadata.request_object_signing_alg):
        raise invalid("jwks", "signed request objects need keys")
    if metadata.jwks is not None:
        _key_set(metadata.jwks)


def _key_set(jwks: dict[str, object]) -> None:
    keys = jwks.get("keys")
    if not isinstance(keys, list) or not 0 < len(keys) <= MAX_KEYS:
        raise invalid("jwks", f"it holds no list of up to {MAX_KEYS} keys")
    for key in keys:
        if not isinstance(key, dict) or not isinstance(key.get("kty"), str):
            raise invalid("jwks", "it holds what is no key")
        if _PRIVATE_MEMBERS & key.keys():
            raise invalid("jwks", "it holds a private or symmetric key: make a new one, this one is known now")


def _lists(metadata: ClientMetadata) -> None:
    for name in ("contacts", "default_acr_values", "authorization_details_types", "xinji_resources"):
        values = getattr(metadata, name)
        if len(values) > MAX_NAMES or any(
            not 0 < len(value) <= MAX_NAME or not value.isprintable() for value in values
        ):
            raise invalid(name, "there are too many, or one is empty, too long or cannot be shown")
    for value in metadata.default_acr_values:
        _one_of("default_acr_values", value, ACR_VALUES)


def _fapi(metadata: ClientMetadata) -> None:
    """FAPI 2.0 Security Profile §5.3.2.1, §5.4; Message Signing §5.3 to §5.5."""
    if not metadata.fapi:
        return
    if metadata.token_endpoint_auth_method not in (*KEY_METHODS, *TLS_METHODS):
        raise invalid("token_endpoint_auth_method", "FAPI 2.0 wants private_key_jwt or TLS certificates")
    if any(response_type != "code" for response_type in metadata.response_types):
        raise invalid("response_types", "FAPI 2.0 has the response type code alone")
    if IMPLICIT in metadata.grant_types:
        raise invalid("grant_types", "FAPI 2.0 has no implicit grant")
    for uri in metadata.redirect_uris:
        if not uri.startswith("https://") and not _on_loopback(uri):
            raise invalid("redirect_uris", "FAPI 2.0 wants https")
    if metadata.xinji_access_token_signed_response_alg not in FAPI_ALGS:
        raise invalid("xinji_access_token_signed_response_alg", f"it must be one of {', '.join(FAPI_ALGS)}")
    has_keys = metadata.jwks is not None or metadata.jwks_uri is not None
    if metadata.signs_messages and not has_keys:
        raise invalid("jwks", "signed request objects need keys")


CHECKS: Final[tuple[Check, ...]] = (
    _scope,
    _algorithms,
    _grants,
    _redirects,
    _authentication,
    _keys,
    _lists,
    _fapi,
)


def _on_loopback(uri: str) -> bool:
    return any(
        uri.startswith(f"http://{f'[{host}]' if ':' in host else host}{end}") for host in LOOPBACK for end in "/:"
    )


def _one_of(name: str, value: str, allowed: Collection[str]) -> None:
    if value not in allowed:
        raise invalid(name, f"it must be one of {', '.join(allowed)}")
