"""A platform's TLS certificate as its proof: `tls_client_auth`, `self_signed_tls_client_auth` (RFC 8705 §2). Pure.

The connection ended at a trusted proxy, which saw that the platform holds the certificate's
key, and for `tls_client_auth` that its chain leads to a root that the proxy trusts: neither can
be checked here. What is checked is whose certificate it is.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from datetime import datetime
from ipaddress import ip_address
from types import MappingProxyType
from typing import Any, Final

from crypto.certificate import Certificate, parse_distinguished_name, read_certificate
from crypto.errors import CryptoError
from crypto.jose_foreign import MAX_KEYS, foreign_key
from idp.oauth.clients.metadata import SIGNING_ALGS, ClientMetadata

Matches = Callable[[str, Certificate], bool]


def _email(text: str) -> tuple[str, str]:
    local, _, domain = text.rpartition("@")
    return local, domain.lower()


MATCHES: Final[Mapping[str, Matches]] = MappingProxyType(
    {
        "tls_client_auth_subject_dn": lambda text, seen: parse_distinguished_name(text) == seen.subject,
        "tls_client_auth_san_dns": lambda text, seen: text.lower() in {name.lower() for name in seen.dns_names},
        "tls_client_auth_san_uri": lambda text, seen: text in seen.uris,
        "tls_client_auth_san_ip": lambda text, seen: ip_address(text) in seen.addresses,
        "tls_client_auth_san_email": lambda text, seen: _email(text) in {_email(name) for name in seen.emails},
    }
)
"""How each of the members of RFC 8705 §2.1.2 is compared."""


def names_client(der: bytes | None, metadata: ClientMetadata, now: datetime) -> bool:
    """Whether the certificate carries the one name that the platform registered."""
    if der is None:
        return False
    try:
        seen = read_certificate(der)
        wanted = [(match, text) for name, match in MATCHES.items() if (text := getattr(metadata, name)) is not None]
        return seen.valid_at(now) and len(wanted) == 1 and all(match(text, seen) for match, text in wanted)
    except (CryptoError, ValueError):
        return False


def is_registered(der: bytes | None, key_set: Mapping[str, Any], now: datetime) -> bool:
    """Whether the certificate, or its key, is among the keys that the platform registered (RFC 8705 §2.2)."""
    members = key_set.get("keys")
    if der is None or not isinstance(members, list) or len(members) > MAX_KEYS:
        return False
    try:
        seen = read_certificate(der)
    except CryptoError:
        return False
    return seen.valid_at(now) and any(isinstance(jwk, dict) and _is_of(jwk, seen) for jwk in members)


def _is_of(jwk: Mapping[str, Any], seen: Certificate) -> bool:
    chain = jwk.get("x5c")
    if isinstance(chain, list) and chain:  # RFC 7517 §4.7: the first certificate is the key's.
        try:
            own = read_certificate(base64.b64decode(chain[0], validate=True))
        except (CryptoError, TypeError, binascii.Error, ValueError):
            return False
        return (own.kind, own.point) == (seen.kind, seen.point)
    for alg in SIGNING_ALGS:
        try:
            if seen.holds(foreign_key(jwk, alg)):
                return True
        except CryptoError:
            continue
    return False
