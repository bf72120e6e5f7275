"""Password hashes: Argon2id with OWASP's parameters. Slow on purpose: call it in a thread, with nothing open.

An unknown account is verified against a dummy hash of the same cost, so that the time of an
answer does not tell whether an account exists.
"""

from __future__ import annotations

import unicodedata
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from kernel.ids import new_token

# OWASP Password Storage Cheat Sheet: m = 19 MiB, t = 2, p = 1.
OWASP: Final = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


class Passwords:
    """Hashes and checks passwords."""

    def __init__(self, hasher: PasswordHasher = OWASP) -> None:
        """Use `hasher`; makes the dummy hash at once, with the same parameters."""
        self._hasher = hasher
        self._dummy = hasher.hash(new_token())

    def hash(self, password: str) -> str:
        """Return the encoded hash of `password` with a fresh salt."""
        return self._hasher.hash(_normal(password))

    def fits(self, encoded: str | None, password: str) -> bool:
        """Whether `password` belongs to the hash; takes as long for `None`, which never fits."""
        try:
            self._hasher.verify(encoded or self._dummy, _normal(password))
        except (Argon2Error, InvalidHashError):
            return False
        return encoded is not None

    def is_outdated(self, encoded: str) -> bool:
        """Whether the hash was made with other parameters and should be made anew."""
        return self._hasher.check_needs_rehash(encoded)


def _normal(password: str) -> str:
    # NIST SP 800-63B §3.1.1.2: the same password from another keyboard must give the same bytes.
    return unicodedata.normalize("NFKC", password)
