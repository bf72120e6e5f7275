"""Keyed hashes of random tokens, and what is derived from them. Pure: bytes and text in, bytes and text out.

A thief of the database holds only HMACs of what opens anything. Each use has a key of its
own, so that a value made for one purpose means nothing for another.
"""

from __future__ import annotations

from crypto.encoding import b64u
from crypto.hashes import hkdf_expand_sm3, hkdf_extract_sm3, hmac_sm3


class Keyed:
    """HMAC-SM3 under keys derived from one key-encryption key by purpose."""

    def __init__(self, kek: bytes) -> None:
        """Derive from `kek` (32 bytes, the installation's "cookies" key)."""
        self._prk = hkdf_extract_sm3(b"xinji/idp/1", kek)
        self._keys: dict[str, bytes] = {}

    def of(self, purpose: str, text: str) -> bytes:
        """Return the 32-byte keyed hash of `text` for `purpose`."""
        key = self._keys.get(purpose)
        if key is None:
            key = self._keys[purpose] = hkdf_expand_sm3(self._prk, purpose.encode(), 32)
        return hmac_sm3(key, text.encode())

    def token(self, purpose: str, text: str) -> str:
        """Return the keyed hash as 43 signs of base64url."""
        return b64u(self.of(purpose, text))
