"""Encryption of personal fields: a random data key per person and purpose, wrapped under a key-encryption key.

Erasing a person is destroying the wrapped key. Each ciphertext is bound to its table, column
and row, and each wrapped key to its owner and purpose, so that nothing can be moved to where
it would be shown to somebody else. Knows no tables; the caller names them.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from uuid import UUID

from crypto import sm4
from crypto.errors import DecryptionError
from crypto.hashes import hkdf_expand_sm3, hkdf_extract_sm3

VERSION = b"\x01"
CACHED_KEYS = 256


def bound(*parts: str | bytes) -> bytes:
    """Join parts into additional data, each with its length in 4 bytes, so that no two lists look alike."""
    encoded = (part.encode() if isinstance(part, str) else part for part in parts)
    return b"".join(len(part).to_bytes(4, "big") + part for part in encoded)


class FieldVault:
    """Seals and opens the personal fields of one purpose. Safe to share between threads."""

    def __init__(self, kek: bytes, *, purpose: str) -> None:
        """Derive the purpose's wrapping key from `kek`; the key-encryption key itself encrypts nothing."""
        self._purpose = purpose
        info = bound("xinji/field-wrapping/1", purpose)
        self._wrapping = hkdf_expand_sm3(hkdf_extract_sm3(b"xinji/fields/1", kek), info, sm4.KEY_SIZE)
        self._keys: OrderedDict[tuple[bytes, UUID], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def new_key(self, owner_id: UUID) -> bytes:
        """Return a fresh data key, wrapped for `owner_id`."""
        return VERSION + sm4.seal(self._wrapping, secrets.token_bytes(sm4.KEY_SIZE), self._owner(owner_id))

    def encrypt(self, wrapped: bytes, owner_id: UUID, text: str, *, table: str, column: str, row: UUID | str) -> bytes:
        """Seal `text` for one place.

        Raises:
            DecryptionError: `wrapped` is not a data key of `owner_id`.
        """
        key = self._unwrap(wrapped, owner_id)
        return VERSION + sm4.seal(key, text.encode(), self._place(owner_id, table, column, row))

    def decrypt(
        self, wrapped: bytes, owner_id: UUID, sealed: bytes, *, table: str, column: str, row: UUID | str
    ) -> str:
        """Open what `encrypt` sealed for the same place.

        Raises:
            DecryptionError: It was changed, moved, or belongs to another person or purpose.
        """
        key = self._unwrap(wrapped, owner_id)
        return sm4.unseal(key, _versioned(sealed), self._place(owner_id, table, column, row)).decode()

    def _unwrap(self, wrapped: bytes, owner_id: UUID) -> bytes:
        name = (wrapped, owner_id)
        with self._lock:
            key = self._keys.get(name)
            if key is not None:
                self._keys.move_to_end(name)
                return key
        key = sm4.unseal(self._wrapping, _versioned(wrapped), self._owner(owner_id))
        with self._lock:
            self._keys[name] = key
            if len(self._keys) > CACHED_KEYS:
                self._keys.popitem(last=False)
        return key

    def _owner(self, owner_id: UUID) -> bytes:
        return bound("xinji/data-key", VERSION, self._purpose, owner_id.bytes)

    def _place(self, owner_id: UUID, table: str, column: str, row: UUID | str) -> bytes:
        return bound("xinji/field", VERSION, self._purpose, owner_id.bytes, table, column, str(row))


def _versioned(sealed: bytes) -> bytes:
    if sealed[:1] != VERSION:
        raise DecryptionError("this was sealed in a form that is not known here")
    return sealed[1:]
