"""Nonces for DPoP proofs (RFC 9449 §8): an HMAC over a step of time. Pure; nothing is stored.

Every process makes and knows the same ones. A nonce is offered during its own step and taken
during the next one too, so that a client learns the new one before its own is refused.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from crypto.hashes import equal
from idp.keyed import Keyed

STEP: Final = 120
"""Seconds: a nonce is good for one to two steps."""
PURPOSE: Final = "dpop-nonce"
SIZE: Final = 43


def current_nonce(keyed: Keyed, now: datetime) -> str:
    """Return the nonce to offer now."""
    return keyed.token(PURPOSE, str(int(now.timestamp()) // STEP))


def is_ours(keyed: Keyed, nonce: str, now: datetime) -> bool:
    """Whether `nonce` is the one of this step or of the one before."""
    if len(nonce) != SIZE or not nonce.isascii():
        return False
    step = int(now.timestamp()) // STEP
    return any(equal(keyed.token(PURPOSE, str(at)).encode(), nonce.encode()) for at in (step, step - 1))
