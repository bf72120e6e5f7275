"""A second opinion on the signer: some of its answers are verified, SM2 ones with the other engine.

One in a hundred, and the first of each key after a start: an engine that computes wrongly, or a
signer that answers with another key, is found before a batch is out, at a hundredth of the cost.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Final

from credentials.errors import SignatureSampleError
from crypto.engines.choice import ENGINES, choose
from crypto.errors import CryptoError
from crypto.keys import SGD_SM3_SM2, PublicKey
from crypto.sm2 import Engine

ONE_IN: Final = 100


class Sampler:
    """Remembers which keys it has seen since the start. Safe to share between threads."""

    def __init__(
        self,
        *,
        engines: Sequence[tuple[str, str]] = tuple(reversed(ENGINES)),
        one_in: int = ONE_IN,
        below: Callable[[int], int] = secrets.randbelow,
    ) -> None:
        """Prefer the engine that signing prefers least; with one engine alone, that one verifies itself."""
        self._engines = engines
        self._one_in, self._below = one_in, below
        self._seen: set[str] = set()
        self._lock = threading.Lock()

    @cached_property
    def _engine(self) -> Engine:
        # Chosen when first needed: most processes never issue, and gmssl-pyx talks to stderr while it is tested.
        return choose(self._engines)

    @property
    def engine(self) -> str:
        """The name of the engine that gives the second opinion on SM2."""
        return self._engine.name

    def check(self, key: PublicKey, messages: Sequence[bytes], signatures: Sequence[bytes]) -> int:
        """Verify a sample of `signatures`; return how many.

        Raises:
            SignatureSampleError: There are fewer answers than questions, or one does not verify.
        """
        if len(messages) != len(signatures):
            raise SignatureSampleError("the signer did not answer everything")
        with self._lock:
            first = key.key_id not in self._seen
        chosen = [
            number for number in range(len(messages)) if (first and number == 0) or self._below(self._one_in) == 0
        ]
        for number in chosen:
            try:
                self._verify(key, signatures[number], messages[number])
            except CryptoError as error:
                raise SignatureSampleError("an answer of the signer does not verify") from error
        if chosen:
            with self._lock:
                self._seen.add(key.key_id)
        return len(chosen)

    def _verify(self, key: PublicKey, signature: bytes, message: bytes) -> None:
        if key.alg == SGD_SM3_SM2:
            self._engine.verifying_key(key.point).verify(signature, message)
        else:
            key.verify(signature, message)
