"""Asking witnesses to cosign: the log's side of C2SP tlog-witness.

A witness is an organisation that remembers how large it last saw the log, and refuses to
see it shrink or fork. What it answers is believed only where a key that the policy names
for that organisation signed it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Final, NamedTuple, Protocol

import httpx

from ledger.errors import (
    InvalidNoteError,
    WitnessConflictError,
    WitnessForgotError,
    WitnessForkError,
    WitnessRefusedError,
    WitnessUnavailableError,
)
from ledger.formats.checkpoint import Organisation, Signed
from ledger.formats.merkle import Hash, Nodes, prove_consistency_from
from ledger.formats.note import MAX_SIZE, Note, Signature, parse_signatures
from ledger.formats.proof_text import AddCheckpoint

MAX_DRIFT_SECONDS: Final = 600
TIMEOUT_SECONDS: Final = 5.0
"""For each step of a request; the answer as a whole may take twice as long."""
_ATTEMPTS: Final = 3
_MAX_DIGITS: Final = 19
SIZE_TYPE: Final = "text/x.tlog.size"


class Witness(Protocol):
    """Somebody who may cosign, in this process or over HTTP."""

    @property
    def organisation(self) -> str:
        """The name that the policy counts it under."""
        ...

    def add_checkpoint(self, request: AddCheckpoint) -> tuple[Signature, ...]:
        """Return the witness's lines for the checkpoint.

        Raises:
            WitnessConflictError: It last cosigned another size than `request.old_size`.
            WitnessForkError: It cosigned another history.
            WitnessRefusedError: It will not cosign this checkpoint.
            WitnessUnavailableError: It did not answer in the protocol's form.
        """
        ...


class Tree(NamedTuple):
    """What consistency is proved from: the log's hash, its stored nodes and their number of leaves."""

    hash: Hash
    nodes: Nodes
    tree_size: int


def ask(
    witness: Witness,
    organisation: Organisation,
    signed: Signed,
    tree: Tree,
    *,
    known_size: int,
    now: datetime,
    published: Note | None = None,
) -> tuple[Signature, ...]:
    """Return the cosignatures of `signed` that are by keys of `organisation`.

    `known_size` is a guess at what the witness cosigned last; it says when the guess is wrong.
    `published` is the checkpoint of that size: who cosigned it cannot have seen less.

    Raises:
        WitnessForkError: It has cosigned another history.
        WitnessForgotError: It has cosigned more than it remembers.
        WitnessConflictError: It has cosigned a larger tree than this one.
        WitnessRefusedError: It refused, or answered with no line by a known key.
        WitnessUnavailableError: It did not answer, or its clock is off by more than ten minutes.
    """
    old_size = known_size
    for _ in range(_ATTEMPTS):
        path = prove_consistency_from(tree.hash, tree.nodes, old_size, tree.tree_size)
        try:
            lines = witness.add_checkpoint(AddCheckpoint(old_size, path, str(signed.note)))
        except WitnessConflictError as conflict:
            if conflict.tree_size in range(tree.tree_size + 1) and conflict.tree_size != old_size:
                old_size = conflict.tree_size
                if published is not None and old_size < known_size and _cosigned_by(published, organisation):
                    _remind(witness, tree, published, old_size=old_size, size=known_size)
                    old_size = known_size
                continue
            raise
        return _believed(lines, organisation, signed.note.text, now)
    raise WitnessUnavailableError("the witness keeps naming other sizes")


def _cosigned_by(note: Note, organisation: Organisation) -> bool:
    names = {(key.name, key.key_id) for key in organisation.keys}
    return any((line.name, line.key_id) in names for line in note.signatures)


def _remind(witness: Witness, tree: Tree, published: Note, *, old_size: int, size: int) -> None:
    """Show a witness that names `old_size` a larger checkpoint that bears its organisation's signature.

    One of several witnesses of an organisation may have been away: it cosigns, and has caught up.
    One that signed this very checkpoint has lost its memory. Our own witness then retires by itself.
    """
    path = prove_consistency_from(tree.hash, tree.nodes, old_size, size)
    forgot = WitnessForgotError(
        f"the witness cosigned {size} entries and remembers {old_size}: its state was lost or restored. "
        "It must be retired, and return under new keys",
        cosigned=size,
        remembers=old_size,
    )
    try:
        lines = witness.add_checkpoint(AddCheckpoint(old_size, path, str(published)))
    except WitnessUnavailableError as error:
        if error.params.get("status") == HTTPStatus.SERVICE_UNAVAILABLE:
            raise forgot from error
        raise
    if {(line.name, line.key_id) for line in lines} & {(line.name, line.key_id) for line in published.signatures}:
        raise forgot


def _believed(
    lines: tuple[Signature, ...], organisation: Organisation, text: str, now: datetime
) -> tuple[Signature, ...]:
    answer = Note(text, lines)
    try:
        seen = {(one.key.name, one.key.key_id): one.time for one in answer.verify(organisation.keys)}
    except InvalidNoteError as error:
        raise WitnessRefusedError("the witness answered with a signature that does not verify") from error
    times = [time for time in seen.values() if time is not None]
    if not times:
        raise WitnessRefusedError("the witness answered with no cosignature by a known key")
    if any(abs(time - now.timestamp()) > MAX_DRIFT_SECONDS for time in times):
        # A checkpoint is fixed once it is published: a wrong time in it would be wrong for ever.
        raise WitnessUnavailableError("the witness's clock is off")
    return tuple(line for line in lines if seen.get((line.name, line.key_id)) is not None)


Post = Callable[[bytes], tuple[int, str, bytes]]
"""Posts a request's body; returns status, media type and body of the answer."""


class WitnessClient:
    """Speaks tlog-witness with whoever is behind `post`: a process far away, or one in the same test."""

    def __init__(self, organisation: str, post: Post) -> None:
        """Ask `organisation`'s witness through `post`."""
        self.organisation = organisation
        self._post = post

    def add_checkpoint(self, request: AddCheckpoint) -> tuple[Signature, ...]:
        """Post the checkpoint; see `Witness.add_checkpoint`."""
        status, media_type, body = self._post(str(request).encode())
        if status == HTTPStatus.OK:
            return _lines(body)
        if status == HTTPStatus.CONFLICT and media_type == SIZE_TYPE:
            raise WitnessConflictError("the witness last cosigned another size", tree_size=_size(body))
        if status in {HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY}:
            raise WitnessForkError(
                f"the witness answered {status}: it has cosigned another history of this log", status=status
            )
        if status in {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}:
            raise WitnessRefusedError(f"the witness answered {status}", status=status)
        raise WitnessUnavailableError(f"the witness answered {status}", status=status)


class HttpWitness(WitnessClient):
    """A witness behind a submission prefix, with bounded waits and answers."""

    def __init__(self, organisation: str, url: str, *, client: httpx.Client | None = None) -> None:
        """Ask at `<url>/add-checkpoint`."""
        super().__init__(organisation, self._post_http)
        self._url = url.rstrip("/") + "/add-checkpoint"
        self._client = client or httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False)

    def close(self) -> None:
        """Let the connections go."""
        self._client.close()

    def _post_http(self, content: bytes) -> tuple[int, str, bytes]:
        body, until = b"", time.monotonic() + 2 * TIMEOUT_SECONDS
        try:
            with self._client.stream("POST", self._url, content=content) as response:
                for chunk in response.iter_bytes():
                    body += chunk
                    if time.monotonic() > until:
                        raise WitnessUnavailableError("the witness's answer takes too long")
                    if len(body) > MAX_SIZE:
                        raise WitnessUnavailableError("the witness's answer is too long")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise WitnessUnavailableError(f"the witness does not answer: {type(error).__name__}") from error
        return response.status_code, response.headers.get("content-type", "").partition(";")[0].strip(), body


def _lines(body: bytes) -> tuple[Signature, ...]:
    try:
        return parse_signatures(body.decode())
    except (UnicodeDecodeError, InvalidNoteError) as error:
        raise WitnessUnavailableError("the witness's answer holds no signature lines") from error


def _size(body: bytes) -> int:
    text = body.removesuffix(b"\n")
    if not text.isdigit() or len(text) > _MAX_DIGITS:
        raise WitnessUnavailableError("the witness's answer holds no size")
    return int(text)
