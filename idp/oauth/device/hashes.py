"""The keyed hashes under which a device's two codes are kept. Pure."""

from __future__ import annotations

from idp.keyed import Keyed
from idp.oauth.tokens.values import MAX_TOKEN


def device_hash(keyed: Keyed, device_code: str) -> bytes:
    """Return the keyed hash of a device code: never that of an authorization code with the same text."""
    return keyed.of("device-code", device_code[:MAX_TOKEN])


def user_code_hash(keyed: Keyed, user_code: str) -> bytes:
    """Return the keyed hash of a user code in its plain form."""
    return keyed.of("user-code", user_code)
