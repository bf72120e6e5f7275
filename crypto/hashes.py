"""SM3 and SHA-2, HMAC, HKDF and PBKDF2 with SM3. The only place that asks an interpreter for a hash.

Sources: GB/T 32905 (SM3), RFC 2104 (HMAC), RFC 5869 (HKDF), GM/T 0091 (PBKDF2). An interpreter
whose own library knows no SM3 gets it from `cryptography`, three times slower.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Protocol

from cryptography.hazmat.primitives import hashes as _hashes
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

Hash = Callable[[bytes], bytes]


class _Sm3(Protocol):
    def digest(self, data: bytes) -> bytes: ...
    def hmac(self, key: bytes, data: bytes) -> bytes: ...
    def pbkdf2(self, password: bytes, salt: bytes, iterations: int, length: int) -> bytes: ...


class _InterpreterSm3:
    def __init__(self) -> None:
        self._begun = hashlib.new("sm3")

    def digest(self, data: bytes) -> bytes:
        digest = self._begun.copy()  # Looking the algorithm up anew takes longer than hashing a short text.
        digest.update(data)
        return digest.digest()

    def hmac(self, key: bytes, data: bytes) -> bytes:
        return hmac.digest(key, data, "sm3")

    def pbkdf2(self, password: bytes, salt: bytes, iterations: int, length: int) -> bytes:
        return hashlib.pbkdf2_hmac("sm3", password, salt, iterations, length)


class _CryptographySm3:
    def digest(self, data: bytes) -> bytes:
        digest = _hashes.Hash(_hashes.SM3())
        digest.update(data)
        return digest.finalize()

    def hmac(self, key: bytes, data: bytes) -> bytes:
        mac = HMAC(key, _hashes.SM3())
        mac.update(data)
        return mac.finalize()

    def pbkdf2(self, password: bytes, salt: bytes, iterations: int, length: int) -> bytes:
        return PBKDF2HMAC(_hashes.SM3(), length, salt, iterations).derive(password)


_SM3: _Sm3 = _InterpreterSm3() if "sm3" in hashlib.algorithms_available else _CryptographySm3()


def sm3(data: bytes) -> bytes:
    """Return the 32-byte SM3 digest."""
    return _SM3.digest(data)


def sha256(data: bytes) -> bytes:
    """Return the 32-byte SHA-256 digest."""
    return hashlib.sha256(data).digest()


def sha512(data: bytes) -> bytes:
    """Return the 64-byte SHA-512 digest (`at_hash` under EdDSA needs it)."""
    return hashlib.sha512(data).digest()


HASHES: Mapping[str, Hash] = MappingProxyType({"sm3": sm3, "sha-256": sha256})


def hmac_sm3(key: bytes, data: bytes) -> bytes:
    """Return the 32-byte HMAC-SM3 of `data`."""
    return _SM3.hmac(key, data)


def hkdf_extract_sm3(salt: bytes, ikm: bytes) -> bytes:
    """Gather the entropy of `ikm` into a 32-byte pseudorandom key (RFC 5869 §2.2)."""
    return hmac_sm3(salt, ikm)


def hkdf_expand_sm3(prk: bytes, info: bytes, length: int) -> bytes:
    """Derive `length` bytes for the use that `info` names (RFC 5869 §2.3)."""
    return HKDFExpand(_hashes.SM3(), length, info).derive(prk)


def pbkdf2_hmac_sm3(password: bytes, salt: bytes, iterations: int, length: int) -> bytes:
    """Stretch a password (GM/T 0091). Slow on purpose: call it in a thread, with nothing open."""
    return _SM3.pbkdf2(password, salt, iterations, length)


def equal(a: bytes, b: bytes) -> bool:
    """Compare two secrets in a time that does not tell where they differ."""
    return hmac.compare_digest(a, b)
