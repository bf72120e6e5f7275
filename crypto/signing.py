"""Signing as the rest of the program sees it: a `Signer`, in this process or in another.

A credential is signed only within a batch that somebody approved (`crypto.approvals`), and
every message is looked at before a key touches it (`crypto.signing_rules`). `LocalSigner` is
the core of the signer process (`crypto.signer_process`) and what tests use in place of it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from crypto.approvals import Approval, approve, digest_of
from crypto.errors import SigningRefusedError, UnknownKeyError
from crypto.jose import assemble, signing_input
from crypto.keyring import CREDENTIAL, KeyRecord, KeyRing
from crypto.keys import PrivateKey, PublicKey
from crypto.signing_rules import Batch, check_alg, check_message, checked_batch

__all__ = ["Approval", "Ceiling", "LocalSigner", "Signer", "approve", "digest_of", "sign_jwts"]

CEILING = 5_000
BURST_SECONDS = 10
MAX_OPEN_BATCHES = 256
THREADS = 2
_WORTH_SPLITTING = 16


class Signer(Protocol):
    """Holds the keys of the purposes credential, federation, status, log and trust, and signs with them.

    Every method may raise `SignerUnavailableError` (ask again) where the signer is remote.
    """

    def generate(self, purpose: str, owner: str, alg: str) -> PublicKey:
        """Return the owner's active key, made now if there is none: safe to repeat after a crash."""
        ...

    def public_keys(self, purpose: str, owner: str) -> tuple[PublicKey, ...]:
        """Return the owner's published keys of a purpose, the oldest first."""
        ...

    def active_key(self, purpose: str, owner: str, alg: str) -> PublicKey:
        """Return the public part of the key that signs now, or raise `UnknownKeyError`."""
        ...

    def open_batch(self, approval: Approval, item_ids: Sequence[str]) -> None:
        """Let the credentials of a batch be signed until the approval expires.

        Opening the same batch again is fine, and needed after the signer restarted.

        Raises:
            SigningRefusedError: The approval is forged, expired or of other items.
        """
        ...

    def sign_many(
        self, purpose: str, owner: str, alg: str, messages: Sequence[bytes], *, batch_id: str | None = None
    ) -> tuple[bytes, ...]:
        """Sign all of `messages` with the owner's active key, or none; the answers keep the order.

        Raises:
            SigningRefusedError: A message is not what its purpose, owner or batch allows.
            UnknownKeyError: The owner has no active key.
        """
        ...


def sign_jwts(
    signer: Signer,
    purpose: str,
    owner: str,
    alg: str,
    payloads: Sequence[Mapping[str, Any]],
    *,
    typ: str,
    batch_id: str | None = None,
) -> list[str]:
    """Sign a JWT for each payload with the owner's active key, in one call of the signer."""
    key_id = signer.active_key(purpose, owner, alg).key_id
    inputs = [signing_input(payload, typ=typ, alg=alg, key_id=key_id) for payload in payloads]
    signatures = signer.sign_many(purpose, owner, alg, inputs, batch_id=batch_id)
    return [assemble(*pair) for pair in zip(inputs, signatures, strict=True)]


class LocalSigner:
    """Signs by the rules of `crypto.signing_rules`. Batches are kept in memory only: reopen them after a restart."""

    def __init__(
        self,
        keyring: KeyRing,
        approval_key: bytes,
        *,
        ceiling: int = CEILING,
        threads: int = THREADS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Sign with the keys of `keyring`, at most `ceiling` credentials a second per issuer over ten seconds."""
        self._keyring = keyring
        self._approval_key = approval_key
        self._ceiling = Ceiling(ceiling, monotonic)
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="sign")
        self._batches: dict[str, Batch] = {}
        self._lock = threading.Lock()

    def generate(self, purpose: str, owner: str, alg: str) -> PublicKey:
        """Return the owner's active key, made now if there is none."""
        check_alg(purpose, alg)
        with self._lock:
            try:
                return self.active_key(purpose, owner, alg)
            except UnknownKeyError:
                return self._keyring.generate(purpose, owner, alg)

    def public_keys(self, purpose: str, owner: str) -> tuple[PublicKey, ...]:
        """Return the owner's published keys of a purpose, the oldest first."""
        return self._keyring.public_keys(purpose, owner)

    def active_key(self, purpose: str, owner: str, alg: str) -> PublicKey:
        """Return the public part of the key that signs now."""
        return self._keyring.active_record(purpose, owner, alg).public

    def open_batch(self, approval: Approval, item_ids: Sequence[str]) -> None:
        """Let the credentials of a batch be signed until the approval expires."""
        batch = checked_batch(approval, list(item_ids), self._approval_key)
        now = self._keyring.clock.now()
        if now >= approval.expires_at:
            raise SigningRefusedError("the approval has expired", reason="batch_expired")
        with self._lock:
            self._batches = {name: kept for name, kept in self._batches.items() if now < kept.approval.expires_at}
            known = self._batches.get(approval.batch_id)
            if known and known.approval.digest != approval.digest:
                raise SigningRefusedError("this batch is open with other items", reason="batch_items")
            if not known and len(self._batches) >= MAX_OPEN_BATCHES:
                raise SigningRefusedError("too many batches are open", reason="batches")
            self._batches[approval.batch_id] = batch

    def sign_many(
        self, purpose: str, owner: str, alg: str, messages: Sequence[bytes], *, batch_id: str | None = None
    ) -> tuple[bytes, ...]:
        """Sign all of `messages` with the owner's active key, or none."""
        check_alg(purpose, alg)
        record = self._keyring.active_record(purpose, owner, alg)
        batch = self._open_batch(batch_id) if purpose == CREDENTIAL else None
        for message in messages:
            check_message(message, record, batch)
        if purpose == CREDENTIAL:
            self._ceiling.take(owner, len(messages))
        return self._sign(self._key_of(record), messages)

    def close(self) -> None:
        """Let the threads go."""
        self._pool.shutdown()

    def _key_of(self, record: KeyRecord) -> PrivateKey:
        key = self._keyring.active(record.purpose, record.owner, record.alg)
        if key.key_id != record.key_id:
            raise SigningRefusedError("the key was rotated meanwhile", reason="key")
        return key

    def _open_batch(self, batch_id: str | None) -> Batch:
        batch = self._batches.get(batch_id) if batch_id is not None else None
        if batch is None:
            raise SigningRefusedError("this batch is not open", reason="batch")
        if self._keyring.clock.now() >= batch.approval.expires_at:
            raise SigningRefusedError("the approval has expired", reason="batch_expired")
        return batch

    def _sign(self, key: PrivateKey, messages: Sequence[bytes]) -> tuple[bytes, ...]:
        if len(messages) < _WORTH_SPLITTING:
            return tuple(key.sign(message) for message in messages)
        # libcrypto lets go of the interpreter's lock, so threads use the cores.
        size = -(-len(messages) // self._threads)
        parts = [messages[at : at + size] for at in range(0, len(messages), size)]
        signed = self._pool.map(lambda part: [key.sign(message) for message in part], parts)
        return tuple(signature for part in signed for signature in part)


class Ceiling:
    """A bucket per owner: `per_second` tokens a second, filled up to ten seconds' worth."""

    def __init__(self, per_second: int, monotonic: Callable[[], float]) -> None:
        """Start with full buckets."""
        self._per_second = per_second
        self._monotonic = monotonic
        self._levels: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def take(self, owner: str, count: int) -> None:
        """Take `count` tokens or raise `SigningRefusedError` with the reason `rate`."""
        full = float(self._per_second * BURST_SECONDS)
        with self._lock:
            now = self._monotonic()
            level, at = self._levels.get(owner, (full, now))
            level = min(full, level + (now - at) * self._per_second)
            if count > level:
                raise SigningRefusedError("this issuer signs too fast: wait and try again", reason="rate")
            self._levels[owner] = (level - count, now)
