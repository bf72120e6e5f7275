"""SM4-GCM (GB/T 32907, GB/T 36624): sealing and opening bytes under a 16-byte key.

Sealed form: 12-byte random nonce, ciphertext, 16-byte tag. A key seals at most 2^32 messages;
ours seal a person's or a key file's few. No plaintext is handed out before the tag was checked.
"""

from __future__ import annotations

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from crypto.errors import DecryptionError, InvalidKeyError

KEY_SIZE = 16
NONCE_SIZE = 12
TAG_SIZE = 16


def seal(key: bytes, plaintext: bytes, aad: bytes) -> bytes:
    """Encrypt under a fresh nonce; return nonce, ciphertext and tag in one piece."""
    nonce = secrets.token_bytes(NONCE_SIZE)
    return nonce + seal_with_nonce(key, nonce, plaintext, aad)


def unseal(key: bytes, sealed: bytes, aad: bytes) -> bytes:
    """Open what `seal` made.

    Raises:
        DecryptionError: It was changed, belongs elsewhere (`aad`) or is under another key.
    """
    return unseal_with_nonce(key, sealed[:NONCE_SIZE], sealed[NONCE_SIZE:], aad)


def seal_with_nonce(key: bytes, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
    """Encrypt under a nonce the caller keeps apart; return ciphertext and tag.

    The caller owes a nonce that this key never saw: a key of one message, or 12 random bytes.
    """
    encryptor = _cipher(key, modes.GCM(_checked(nonce))).encryptor()
    encryptor.authenticate_additional_data(aad)
    return encryptor.update(plaintext) + encryptor.finalize() + encryptor.tag


def unseal_with_nonce(key: bytes, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:
    """Open what `seal_with_nonce` made (ciphertext and tag).

    Raises:
        DecryptionError: As `unseal`.
    """
    if len(nonce) != NONCE_SIZE or len(sealed) < TAG_SIZE:
        raise DecryptionError("the ciphertext is too short")
    decryptor = _cipher(key, modes.GCM(nonce, sealed[-TAG_SIZE:])).decryptor()
    decryptor.authenticate_additional_data(aad)
    plaintext = decryptor.update(sealed[:-TAG_SIZE])
    try:
        return plaintext + decryptor.finalize()
    except InvalidTag as error:
        raise DecryptionError("the ciphertext does not fit its key and place") from error


def _cipher(key: bytes, mode: modes.GCM) -> Cipher[modes.GCM]:
    if len(key) != KEY_SIZE:
        raise InvalidKeyError(f"an SM4 key has {KEY_SIZE} bytes, not {len(key)}")
    return Cipher(algorithms.SM4(key), mode)


def _checked(nonce: bytes) -> bytes:
    if len(nonce) != NONCE_SIZE:
        raise InvalidKeyError(f"a nonce has {NONCE_SIZE} bytes, not {len(nonce)}")
    return nonce
