"""Deciding whether to cosign: C2SP tlog-witness, add-checkpoint, as numbered steps.

The answer to every request is a status and a body; nothing here knows a web framework.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, NamedTuple

import structlog

from crypto.hashes import HASHES
from crypto.keyring import WITNESS, KeyRing
from kernel.clock import Clock
from ledger.errors import InvalidNoteError, InvalidProofError, LedgerError, WitnessStateError
from ledger.formats.checkpoint import Checkpoint, Signed, cosignature_by, message_at, open_checkpoint, parse_checkpoint
from ledger.formats.merkle import TreeHead, verify_consistency
from ledger.formats.note import Signature, parse_note
from ledger.formats.proof_text import AddCheckpoint, parse_add_checkpoint
from ledger.formats.vkey import VerifierKey
from ledger.witness.keys import verifier_keys
from ledger.witness.state import WitnessState
from ledger.witnessing import SIZE_TYPE

TEXT: Final = "text/plain; charset=utf-8"

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class TrustedLog:
    """A log this witness cosigns: its origin, the hash of its tree, and its verifier keys."""

    origin: str
    hash_name: str
    keys: tuple[VerifierKey, ...]


class Answer(NamedTuple):
    """What the witness says."""

    status: HTTPStatus
    media_type: str
    body: bytes


class RefusedRequestError(LedgerError):
    """A request is not answered with a cosignature."""

    code = "witness_refusal"

    def __init__(self, status: HTTPStatus, message: str, *, size: int | None = None) -> None:
        """Answer with `status`, and with the size that was cosigned last where the client needs it."""
        super().__init__(message)
        body, media_type = (message, TEXT) if size is None else (str(size), SIZE_TYPE)
        self.answer = Answer(status, media_type, body.encode() + b"\n")


class Cosigner:
    """Cosigns checkpoints of the logs it trusts. Safe to call from many threads."""

    def __init__(self, state: WitnessState, ring: KeyRing, name: str, logs: Sequence[TrustedLog], clock: Clock) -> None:
        """Sign as `name` with the keys of `ring`."""
        self._state = state
        self._ring = ring
        self._name = name
        self._logs: Mapping[str, TrustedLog] = {log.origin: log for log in logs}
        self._clock = clock
        self._lock = threading.Lock()

    @property
    def keys(self) -> tuple[VerifierKey, ...]:
        """The witness's verifier keys."""
        return verifier_keys(self._ring, self._name)

    def add_checkpoint(self, body: bytes) -> Answer:
        """Answer one add-checkpoint request."""
        try:
            lines = self._cosigned(body)
        except RefusedRequestError as refusal:
            logger.info("witness_refused", status=int(refusal.answer.status), detail=str(refusal))
            return refusal.answer
        except OSError:  # A full disk, most likely. What is not on the disk is not signed.
            logger.exception("witness_state_not_written")
            return Answer(HTTPStatus.INTERNAL_SERVER_ERROR, TEXT, b"the witness cannot write its state\n")
        return Answer(HTTPStatus.OK, TEXT, "".join(map(str, lines)).encode())

    def _cosigned(self, body: bytes) -> list[Signature]:
        # 1. The request and the checkpoint are well-formed.
        request, checkpoint = _parsed(body)
        # 2. The log is known, and has signed.
        log = self._known(checkpoint.origin)
        signed = _signed(request.checkpoint, log)
        # 3. The old size is not larger than the new one.
        if request.old_size > checkpoint.head.tree_size:
            raise RefusedRequestError(HTTPStatus.BAD_REQUEST, "the old size is larger than the checkpoint's")
        with self._lock:
            # 4. This witness remembers all that it signed.
            self._check_memory(signed)
            # 5. The tree extends what was cosigned last.
            self._check_growth(log, request, signed, body)
            # 6. That is remembered before anything is signed.
            if self._state.head(log.origin) != checkpoint.head:
                self._state.remember(log.origin, checkpoint.head)
            # 7. The time is that of the check, under the same lock.
            return self._cosign(checkpoint)

    def check_published(self, origin: str, note: str) -> None:
        """Compare a log's published checkpoint with what is remembered of it; one that it did not sign is passed over.

        Raises:
            WitnessStateError: This witness signed it, and remembers less: its state was restored.
        """
        try:
            signed = _signed(note, self._known(origin))
            with self._lock:
                self._check_memory(signed)
        except RefusedRequestError as refusal:
            if self._state.is_retired:
                raise WitnessStateError(str(refusal)) from refusal

    def _check_memory(self, signed: Signed) -> None:
        """Retire for good where a line of our own covers more than is remembered here."""
        head = signed.checkpoint.head
        last = self._state.head(signed.checkpoint.origin)
        if (last is None or last.tree_size < head.tree_size) and self._is_ours(signed):
            self._state.retire(str(signed.note))
            logger.error("witness_retired", signed=head.tree_size, remembers=last.tree_size if last else 0)
        if self._state.is_retired:
            raise RefusedRequestError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "this witness signed more than it remembers: it is retired, and must return under new keys",
            )

    def _is_ours(self, signed: Signed) -> bool:
        for key in self.keys:
            try:
                if signed.note.verify([key]):
                    return True
            except InvalidNoteError:  # Anybody can put our name on a line.
                continue
        return False

    def _known(self, origin: str) -> TrustedLog:
        log = self._logs.get(origin)
        if log is None:
            raise RefusedRequestError(HTTPStatus.NOT_FOUND, "this log is not known here")
        return log

    def _check_growth(self, log: TrustedLog, request: AddCheckpoint, signed: Signed, body: bytes) -> None:
        h = HASHES[log.hash_name]
        new = signed.checkpoint.head
        last = self._state.head(log.origin) or TreeHead(0, h(b""))
        if request.old_size != last.tree_size:
            raise RefusedRequestError(HTTPStatus.CONFLICT, "another size was cosigned last", size=last.tree_size)
        if new.tree_size == last.tree_size and new.root_hash != last.root_hash:
            self._state.keep_evidence("fork", signed.note.text, body)
            raise RefusedRequestError(HTTPStatus.CONFLICT, "another checkpoint of this size was cosigned")
        try:
            verify_consistency(h, old=last, new=new, path=request.path)
        except InvalidProofError as error:
            # Either the proof is wrong, which anybody can send, or the log forked.
            self._state.keep_evidence("doubt", signed.note.text, body)
            raise RefusedRequestError(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from error

    def _cosign(self, checkpoint: Checkpoint) -> list[Signature]:
        time = int(self._clock.now().timestamp())
        lines: list[Signature] = []
        for key in self.keys:
            private = self._ring.active(WITNESS, self._name, key.kind.alg)
            if private.public == key.key:
                lines.append(cosignature_by(key, private.sign(message_at(key, checkpoint, time)), time=time))
        return lines


def _parsed(body: bytes) -> tuple[AddCheckpoint, Checkpoint]:
    try:
        request = parse_add_checkpoint(body.decode())
        return request, parse_checkpoint(parse_note(request.checkpoint).text)
    except (UnicodeDecodeError, InvalidProofError, InvalidNoteError) as error:
        raise RefusedRequestError(HTTPStatus.BAD_REQUEST, "this is no add-checkpoint request") from error


def _signed(checkpoint: str, log: TrustedLog) -> Signed:
    try:
        return open_checkpoint(checkpoint, origin=log.origin, keys=log.keys)
    except InvalidNoteError as error:
        raise RefusedRequestError(HTTPStatus.FORBIDDEN, "the checkpoint is not signed by its log") from error
