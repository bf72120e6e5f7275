"""The provider's signature keys: RS256 by default, the others by registration.

The web role holds these (they sign ID tokens at every sign-in); credential keys it never
sees. The key ring looks at its folder at each use, so a rotation counts at once.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from crypto.errors import KeyStateError, UnknownKeyError
from crypto.jose import SGD_SM3_SM2
from crypto.keyring import OIDC, KeyRing
from crypto.keys import EDDSA, ES256, PS256, RS256, PrivateKey, PublicKey

OWNER: Final = "provider"
STANDARD_ALGS: Final = (RS256, PS256, ES256, EDDSA)
ALGS: Final = (*STANDARD_ALGS, SGD_SM3_SM2)
JWKS_AGE: Final = 300
"""Seconds for which anybody may keep the JWKS and the metadata; a next key is published for far longer than that."""


class SigningKeys:
    """The key ring's `oidc` keys. Safe to share between threads."""

    def __init__(self, keyring: KeyRing) -> None:
        """Use `keyring`; makes the keys that are missing."""
        self.ring = keyring
        for alg in ALGS:
            try:
                keyring.active(OIDC, OWNER, alg)
            except UnknownKeyError:
                with suppress(KeyStateError):  # Another process made it at the same moment.
                    keyring.generate(OIDC, OWNER, alg)

    def active(self, alg: str) -> PrivateKey:
        """Return the key that signs with `alg` now."""
        return self.ring.active(OIDC, OWNER, alg)

    def public(self) -> tuple[PublicKey, ...]:
        """Return all keys that are published: next, active and retired."""
        return self.ring.public_keys(OIDC, OWNER)

    def jwks(self, *, gm: bool) -> dict[str, list[dict[str, str]]]:
        """Return the JWK Set of the standard algorithms, or the one of SM2.

        Apart, because stock libraries refuse a whole set that holds an unknown curve.
        """
        keys = [key for key in self.public() if (key.alg == SGD_SM3_SM2) is gm]
        return {"keys": [{**key.jwk, "use": "sig"} for key in keys]}
