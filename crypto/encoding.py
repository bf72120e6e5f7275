"""Base64 in its two alphabets, strictly: one text for one value, everything else refused.

The decoders of the standard library skip unknown signs, tolerate missing padding and
ignore stray bits in the last sign. A signature or a log entry that can be written in two
ways is two values to whoever compares text, so here decoding is the inverse of encoding.
"""

from __future__ import annotations

import base64
import binascii

from crypto.errors import InvalidEncodingError


def b64u(data: bytes) -> str:
    """Encode as base64url without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def from_b64u(text: str) -> bytes:
    """Decode base64url without padding.

    Raises:
        InvalidEncodingError: The text is anything else than what `b64u` would write.
    """
    try:
        data = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (binascii.Error, UnicodeEncodeError) as error:
        raise InvalidEncodingError("this is not base64url") from error
    if b64u(data) != text:
        raise InvalidEncodingError("this is not base64url in its only form")
    return data


def b64(data: bytes) -> str:
    """Encode as base64 with padding (RFC 4648 §4), as signed notes use it."""
    return base64.b64encode(data).decode("ascii")


def from_b64(text: str) -> bytes:
    """Decode base64 with padding.

    Raises:
        InvalidEncodingError: The text is anything else than what `b64` would write.
    """
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise InvalidEncodingError("this is not base64") from error
    if b64(data) != text:
        raise InvalidEncodingError("this is not base64 in its only form")
    return data
