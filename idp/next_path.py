"""Where to go after sign-in: a path of this server and nothing else. Pure.

An open redirect lends our name to whoever sends the link (RFC 9700 §4.11), so a scheme, a
host, `//`, a backslash and every sign that browsers drop silently are refused.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

MAX_LENGTH: Final = 16_384


def local_path(text: str | None, *, otherwise: str) -> str:
    """Return `text` if it is a local path with its query, else `otherwise`."""
    if not text or len(text) > MAX_LENGTH or not text.startswith("/") or text.startswith("//"):
        return otherwise
    if "\\" in text or not text.isascii() or any(not sign.isprintable() or sign.isspace() for sign in text):
        return otherwise
    try:
        parts = urlsplit(text)
    except ValueError:
        return otherwise
    return otherwise if parts.scheme or parts.netloc or parts.fragment else text
