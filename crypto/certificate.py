"""What an X.509 certificate says of its holder: names, time, key. Pure, and no judge of its chain.

Whoever ended the TLS connection has checked that the peer holds the key, and, where a chain
counts, that it leads to a root that is trusted there. SM2 certificates are read too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address

from asn1crypto.x509 import Certificate as Asn1Certificate
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding

from crypto.errors import InvalidEncodingError
from crypto.keys import EDDSA, ES256, PS256, RS256, SGD_SM3_SM2, PublicKey

MAX_CERTIFICATE = 16 * 1024
# RFC 4514 §3: keywords in any case; blanks after a comma are older writing (RFC 2253 §4) and common.
_KEYWORD = re.compile(r"(^|(?<!\\)[,+])\s*([A-Za-z][A-Za-z0-9-]*)\s*=")
_SM2_OID = "1.2.156.10197.1.301"
_ALGS_OF_KIND = {"rsa": (RS256, PS256), "secp256r1": (ES256,), _SM2_OID: (SGD_SM3_SM2,), "ed25519": (EDDSA,)}

DistinguishedName = tuple[frozenset[tuple[str, str]], ...]
"""The relative names in the order of RFC 4514 section 2.1, each a set of object identifier and value."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate's names as they are compared, its time, and its key as raw bytes."""

    der: bytes
    subject: DistinguishedName
    dns_names: tuple[str, ...]
    uris: tuple[str, ...]
    addresses: tuple[IPv4Address | IPv6Address, ...]
    emails: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    kind: str
    point: bytes

    def valid_at(self, moment: datetime) -> bool:
        """Whether its time covers `moment`."""
        return self.not_before <= moment <= self.not_after

    def holds(self, key: PublicKey) -> bool:
        """Whether `key` is the one it certifies."""
        return key.alg in _ALGS_OF_KIND.get(self.kind, ()) and key.point == self.point


def read_certificate(der: bytes) -> Certificate:
    """Read a certificate in DER.

    Raises:
        InvalidEncodingError: It is none, or too large.
    """
    if len(der) > MAX_CERTIFICATE:
        raise InvalidEncodingError("the certificate is too large")
    try:
        parsed = x509.load_der_x509_certificate(der)
        names = _alternative_names(parsed)
        kind, point = _key(parsed)
        return Certificate(
            der=parsed.public_bytes(Encoding.DER),
            subject=_comparable(reversed(parsed.subject.rdns)),
            dns_names=tuple(names.get_values_for_type(x509.DNSName)) if names else (),
            uris=tuple(names.get_values_for_type(x509.UniformResourceIdentifier)) if names else (),
            addresses=tuple(
                address
                for address in (names.get_values_for_type(x509.IPAddress) if names else ())
                if isinstance(address, IPv4Address | IPv6Address)
            ),
            emails=tuple(names.get_values_for_type(x509.RFC822Name)) if names else (),
            not_before=parsed.not_valid_before_utc,
            not_after=parsed.not_valid_after_utc,
            kind=kind,
            point=point,
        )
    except (ValueError, TypeError, KeyError, x509.DuplicateExtension, UnsupportedAlgorithm) as error:
        raise InvalidEncodingError("this is no certificate in DER") from error


def parse_distinguished_name(text: str) -> DistinguishedName:
    """Read a distinguished name as RFC 4514 writes it.

    Raises:
        InvalidEncodingError: It is none, or empty.
    """
    try:
        name = x509.Name.from_rfc4514_string(_KEYWORD.sub(lambda found: found[1] + found[2].upper() + "=", text))
    except ValueError as error:
        raise InvalidEncodingError("this is no distinguished name of RFC 4514") from error
    if not name.rdns:
        raise InvalidEncodingError("the distinguished name is empty")
    return _comparable(reversed(name.rdns))


def _comparable(relative_names: Iterable[x509.RelativeDistinguishedName]) -> DistinguishedName:
    # RFC 4517 §4.2.15 with §4.2.11: letters' case and runs of spaces do not tell names apart.
    return tuple(
        frozenset((part.oid.dotted_string, " ".join(_text(part.value).casefold().split())) for part in relative)
        for relative in relative_names
    )


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else f"#{value.hex()}"


def _alternative_names(parsed: x509.Certificate) -> x509.SubjectAlternativeName | None:
    try:
        return parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None


def _key(parsed: x509.Certificate) -> tuple[str, bytes]:
    # Not `parsed.public_key()`: it knows no SM2.
    info = Asn1Certificate.load(parsed.public_bytes(Encoding.DER))["tbs_certificate"]["subject_public_key_info"]
    kind = str(info["algorithm"]["algorithm"].native)
    if kind == "ec":
        kind = str(info["algorithm"]["parameters"].native)
    return kind, bytes(info["public_key"].contents[1:])  # The first octet counts unused bits: none.
