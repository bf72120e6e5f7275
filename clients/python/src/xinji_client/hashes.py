"""SM3 and SHA-256, HMAC and HKDF over SM3: all from `cryptography`, whose wheel brings them everywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

Hash = Callable[[bytes], bytes]


def sm3(data: bytes) -> bytes:
    """Hash with SM3 (GB/T 32905)."""
    return _digest(hashes.SM3(), data)


def sha256(data: bytes) -> bytes:
    """Hash with SHA-256 (FIPS 180-4)."""
    return _digest(hashes.SHA256(), data)


def hkdf_extract_sm3(salt: bytes, secret: bytes) -> bytes:
    """Return the pseudo-random key of RFC 5869 §2.2 over SM3."""
    mac = HMAC(salt, hashes.SM3())
    mac.update(secret)
    return mac.finalize()


def hkdf_expand_sm3(key: bytes, info: bytes, length: int) -> bytes:
    """Return `length` bytes of key material (RFC 5869 §2.3 over SM3)."""
    return HKDFExpand(hashes.SM3(), length, info).derive(key)


def _digest(algorithm: hashes.HashAlgorithm, data: bytes) -> bytes:
    digest = hashes.Hash(algorithm)
    digest.update(data)
    return digest.finalize()


HASHES: Mapping[str, Hash] = {"sm3": sm3, "sha-256": sha256}
