"""The `Signer` that asks another process over a Unix socket. Knows no keys and no rules."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from crypto import frames
from crypto.approvals import Approval
from crypto.encoding import b64, from_b64
from crypto.errors import (
    CryptoError,
    DecryptionError,
    InvalidEncodingError,
    InvalidKeyError,
    KeyCustodyError,
    KeyStateError,
    SignerUnavailableError,
    SigningRefusedError,
    UnknownKeyError,
)
from crypto.keys import PublicKey, public_key

PER_FRAME = 200
TIMEOUT_SECONDS = 60.0
MAX_IDLE = 8

_ERRORS: Mapping[str, type[CryptoError]] = {
    error.code: error
    for error in (
        DecryptionError,
        InvalidEncodingError,
        InvalidKeyError,
        KeyCustodyError,
        KeyStateError,
        UnknownKeyError,
    )
}


class SignerClient:
    """Asks a signer process. Safe to share between threads: each call takes a connection of its own.

    A call whose connection turns out dead is made once more on a new one; every request may be
    repeated, because signing twice and opening a batch twice are allowed.
    """

    def __init__(self, socket_path: Path, *, timeout: float = TIMEOUT_SECONDS) -> None:
        """Connect lazily; `timeout` is for one answer."""
        self._path = socket_path
        self._timeout = timeout
        self._idle: list[socket.socket] = []
        self._lock = threading.Lock()

    def generate(self, purpose: str, owner: str, alg: str) -> PublicKey:
        """Return the owner's active key, made now if there is none."""
        return public_key(self._ask("generate", purpose=purpose, owner=owner, alg=alg)["jwk"])

    def public_keys(self, purpose: str, owner: str) -> tuple[PublicKey, ...]:
        """Return the owner's published keys of a purpose, the oldest first."""
        answer = self._ask("public_keys", purpose=purpose, owner=owner)
        return tuple(public_key(jwk) for jwk in answer["jwks"])

    def active_key(self, purpose: str, owner: str, alg: str) -> PublicKey:
        """Return the public part of the key that signs now."""
        return public_key(self._ask("active_key", purpose=purpose, owner=owner, alg=alg)["jwk"])

    def open_batch(self, approval: Approval, item_ids: Sequence[str]) -> None:
        """Let the credentials of a batch be signed until the approval expires."""
        self._ask("open_batch", approval=approval.to_dict(), item_ids=list(item_ids))

    def sign_many(
        self, purpose: str, owner: str, alg: str, messages: Sequence[bytes], *, batch_id: str | None = None
    ) -> tuple[bytes, ...]:
        """Sign all of `messages`, some hundred a frame; a refusal in a later frame loses the earlier answers."""
        signatures: list[bytes] = []
        for at in range(0, len(messages), PER_FRAME):
            part = [b64(message) for message in messages[at : at + PER_FRAME]]
            answer = self._ask("sign_many", purpose=purpose, owner=owner, alg=alg, messages=part, batch_id=batch_id)
            signatures += (from_b64(signature) for signature in answer["signatures"])
        return tuple(signatures)

    def ping(self) -> int:
        """Return the signer's process id, or raise `SignerUnavailableError`."""
        return int(self._ask("ping")["pid"])

    def close(self) -> None:
        """Close the idle connections."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        request = {"do": do, **arguments}
        try:
            answer = self._exchange(request)
        except OSError:
            self.close()  # What else is idle leads to the same dead process.
            try:
                answer = self._exchange(request)
            except OSError as error:
                raise SignerUnavailableError("the signer does not answer") from error
        if "error" not in answer:
            return answer
        raise _error_of(answer)

    def _exchange(self, request: Mapping[str, Any]) -> dict[str, Any]:
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        connection = connection or self._connect()
        with contextlib.ExitStack() as undo:
            undo.callback(connection.close)  # Unless all goes well, the two sides may be out of step.
            frames.send(connection, request)
            answer = _received(connection)
            with self._lock:
                if len(self._idle) < MAX_IDLE:
                    self._idle.append(connection)
                    undo.pop_all()
        return answer

    def _connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(self._timeout)
        try:
            with frames.address_of(self._path) as address:
                connection.connect(address)
        except OSError:
            connection.close()
            raise
        return connection


def _received(connection: socket.socket) -> dict[str, Any]:
    try:
        answer = frames.receive(connection)
    except InvalidEncodingError as error:
        raise ConnectionResetError("the signer's answer is broken off") from error
    if answer is None:
        raise ConnectionResetError("the signer ended the connection")
    return answer


def _error_of(answer: Mapping[str, Any]) -> CryptoError:
    code, message, params = answer["error"], answer.get("message", ""), answer.get("params", {})
    if code == SigningRefusedError.code:
        return SigningRefusedError(message, **params)
    if code in _ERRORS:
        return _ERRORS[code](message, **params)
    return SignerUnavailableError(f"the signer failed: {code}")
