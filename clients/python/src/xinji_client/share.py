"""Share codes: reading what a person typed, and opening the ciphertext that a look-up returned.

A code has 20 signs, 19 random and a check sign. From the 19 come the look-up id, which is
sent, and the SM4-GCM key, which is not.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from xinji_client.encoding import from_b64u
from xinji_client.errors import FormatError, ShareError
from xinji_client.hashes import hkdf_expand_sm3, hkdf_extract_sm3

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # GB 32100: no I, O, S, V, Z.
LENGTH = 20
_SALT = b"xinji/share/1"
_KEY_BYTES, _NONCE_BYTES, _TAG_BYTES = 16, 12, 16
_SEPARATORS = frozenset(" -\u2010\u2011\u2012\u2013\u2014\u2212\u00b7\t\r\n")


class ShareKeys(NamedTuple):
    """What a code opens: the id to send, the key to keep."""

    id: bytes
    key: bytes


def read_code(text: str) -> str:
    """Return the 20 signs of a code typed in any case, width and grouping, or of a link that ends in `#<code>`.

    Raises:
        ShareError: Another length, a sign that codes do not have, or a wrong check sign.
    """
    typed = unicodedata.normalize("NFKC", text.rpartition("#")[2]).upper()
    signs = "".join(sign for sign in typed if sign not in _SEPARATORS)
    if len(signs) != LENGTH or any(sign not in ALPHABET for sign in signs):
        raise ShareError(f"a share code has {LENGTH} signs, none of them I, O, S, V or Z")
    # Weights 3^1 … 3^19: every single wrong sign and every swap of two changes the sum.
    total = sum(ALPHABET.index(sign) * pow(3, place, 31) for place, sign in enumerate(signs[:-1], start=1))
    if ALPHABET[-total % 31] != signs[-1]:
        raise ShareError("the check sign does not fit: one of the signs is mistyped")
    return signs


def keys_of(code: str) -> ShareKeys:
    """Derive the look-up id and the key of a code."""
    prk = hkdf_extract_sm3(_SALT, read_code(code)[:-1].encode("ascii"))
    return ShareKeys(hkdf_expand_sm3(prk, b"id", _KEY_BYTES), hkdf_expand_sm3(prk, b"key", _KEY_BYTES))


def open_share(answer: Mapping[str, Any], code: str) -> bytes:
    """Return the bundle's bytes from a look-up's `nonce` and `ciphertext`.

    Raises:
        ShareError: The code is mistyped, or the ciphertext is not the one that it opens.
    """
    keys = keys_of(code)
    try:
        nonce, sealed = from_b64u(answer.get("nonce")), from_b64u(answer.get("ciphertext"))
    except FormatError as error:
        raise ShareError("the look-up's answer is not in its form") from error
    if len(nonce) != _NONCE_BYTES or len(sealed) < _TAG_BYTES:
        raise ShareError("the look-up's answer is not in its form")
    opener = Cipher(algorithms.SM4(keys.key), modes.GCM(nonce, sealed[-_TAG_BYTES:])).decryptor()
    opener.authenticate_additional_data(keys.id)
    opened = opener.update(sealed[:-_TAG_BYTES])
    try:
        return opened + opener.finalize()
    except InvalidTag as error:
        raise ShareError("this code does not open this share") from error
