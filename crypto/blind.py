"""The keyed blind index: find equal values without storing them (HMAC-SM3 under a key of its own).

An unkeyed hash of an identity number falls to a billion guesses; only the key makes it
pseudonymous. Normalising and naming what is indexed is the caller's part.
"""

from __future__ import annotations

from crypto.errors import InvalidKeyError
from crypto.hashes import hmac_sm3

MIN_KEY_SIZE = 16


class BlindIndex:
    """One generation of the index; `key_id` is stored beside each value so that keys can rotate."""

    def __init__(self, key: bytes, key_id: str) -> None:
        """Take a key of at least 16 bytes that serves nothing else."""
        if len(key) < MIN_KEY_SIZE:
            raise InvalidKeyError(f"a blind index key has at least {MIN_KEY_SIZE} bytes")
        self._key = key
        self.key_id = key_id

    def of(self, text: str) -> bytes:
        """Return the 32-byte index of `text`."""
        return hmac_sm3(self._key, text.encode())
