"""Certificates of the tests: an authority, and what it signs."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

NOW = datetime.now(UTC)


class Pair:
    """A key and its certificate."""

    def __init__(
        self,
        name: x509.Name,
        *,
        issuer: Pair | None = None,
        names: tuple[x509.GeneralName, ...] = (),
        around: datetime = NOW,
        days: int = 30,
        key: ec.EllipticCurvePrivateKey | None = None,
    ) -> None:
        self.key = key or ec.generate_private_key(ec.SECP256R1())
        self.name = name
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(issuer.name if issuer else name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(around - timedelta(days=days))
            .not_valid_after(around + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        self.certificate = builder.sign(issuer.key if issuer else self.key, SHA256())

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    def save(self, folder: Path, name: str) -> Path:
        """Write key and certificate into one file, as `ssl` reads it."""
        path = folder / f"{name}.pem"
        key = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path.write_bytes(key + self.certificate.public_bytes(Encoding.PEM))
        return path


def named(common_name: str, organisation: str = "示范单位") -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def server_tls(folder: Path, authority: Pair, *hosts: str) -> ssl.SSLContext:
    """Return the TLS of a server with a certificate for `hosts`."""
    names = tuple(x509.IPAddress(ip_address(host)) if host[0].isdigit() else x509.DNSName(host) for host in hosts)
    path = Pair(named(hosts[0]), issuer=authority, names=names).save(folder, "server")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def trusting(authority: Pair) -> ssl.SSLContext:
    """Return the TLS of a client that trusts `authority` alone."""
    return ssl.create_default_context(cadata=authority.certificate.public_bytes(Encoding.PEM).decode())
