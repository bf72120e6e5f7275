"""Share codes: 20 signs, 19 random and a check sign, and what is derived from them. Pure.

The code opens one share. The server keeps neither it nor the key: only a keyed hash of the
look-up id, and a ciphertext. Shown in groups of four; read with or without them.
"""

from __future__ import annotations

import secrets
import unicodedata
from typing import Final, NamedTuple

from credentials.errors import InvalidShareCodeError
from crypto.hashes import hkdf_expand_sm3, hkdf_extract_sm3

ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # GB 32100: no I, O, S, V, Z
LENGTH: Final = 20
_SALT: Final = b"xinji/share/1"
_KEY_BYTES: Final = 16
_SEPARATORS: Final = frozenset(" -\u2010\u2011\u2012\u2013\u2014\u2212\u00b7\t\r\n")
_WEIGHTS: Final = tuple(pow(3, place, 31) for place in range(1, LENGTH))


class ShareKeys(NamedTuple):
    """The look-up id that is sent, and the SM4-GCM key that is not."""

    id: bytes
    key: bytes


def new_code() -> str:
    """Return a new random code (94 bits) with its check sign."""
    signs = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH - 1))
    return signs + check_sign(signs)


def check_sign(signs: str) -> str:
    """Return the check sign of 19 signs: it finds every single wrong sign and every swap of two."""
    total = sum(ALPHABET.index(sign) * weight for sign, weight in zip(signs, _WEIGHTS, strict=True))
    return ALPHABET[-total % len(ALPHABET)]


def normalise(text: str) -> str:
    """Return the 20 signs of a code that a person typed: any case, width and grouping.

    Raises:
        InvalidShareCodeError: Wrong length, a sign outside the alphabet, or the check sign does not fit.
    """
    signs = "".join(sign for sign in unicodedata.normalize("NFKC", text).upper() if sign not in _SEPARATORS)
    if len(signs) != LENGTH:
        raise InvalidShareCodeError("a share code has 20 signs")
    if any(sign not in ALPHABET for sign in signs) or check_sign(signs[:-1]) != signs[-1]:
        raise InvalidShareCodeError("the share code does not fit its check sign")
    return signs


def keys_of(code: str) -> ShareKeys:
    """Derive the look-up id and the key of a code (HKDF-SM3 over its 19 random signs).

    Raises:
        InvalidShareCodeError: The code is mistyped.
    """
    prk = hkdf_extract_sm3(_SALT, normalise(code)[:-1].encode("ascii"))
    return ShareKeys(hkdf_expand_sm3(prk, b"id", _KEY_BYTES), hkdf_expand_sm3(prk, b"key", _KEY_BYTES))
