"""Checkpoints: the tree head a log signs, and the witnesses' quorum on it.

Pure. Sources: C2SP tlog-checkpoint, tlog-cosignature, tlog-policy (one level: a quorum of
organisations, each counted once however many keys it has).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from crypto.encoding import b64, from_b64
from crypto.errors import InvalidEncodingError
from ledger.errors import InvalidNoteError
from ledger.formats.merkle import TreeHead
from ledger.formats.note import Note, Signature, parse_note
from ledger.formats.vkey import TIME_SIZE, VerifierKey, cosigned

ROOT_SIZE: Final = 32
SIZE_LIMIT: Final = 1 << 63
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log signs: its origin and the head of its tree. Extension lines are kept, never read."""

    origin: str
    head: TreeHead
    extensions: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the note's text."""
        lines = (self.origin, str(self.head.tree_size), b64(self.head.root_hash), *self.extensions)
        return "".join(line + "\n" for line in lines)


class Signed(NamedTuple):
    """A checkpoint as it stands in a note that its log has signed."""

    checkpoint: Checkpoint
    note: Note


@dataclass(frozen=True, slots=True)
class Organisation:
    """Somebody who witnesses, with all the keys they witness with."""

    name: str
    keys: tuple[VerifierKey, ...]


@dataclass(frozen=True, slots=True)
class WitnessPolicy:
    """How many of which organisations must have cosigned. Forks are excluded while 2k > n + f."""

    quorum: int
    organisations: tuple[Organisation, ...]

    def __post_init__(self) -> None:
        """Refuse a quorum that nobody can reach, and an organisation that counts twice.

        Raises:
            InvalidNoteError: One of the two.
        """
        points = [key.key.point for organisation in self.organisations for key in organisation.keys]
        names = [organisation.name for organisation in self.organisations]
        if len(set(points)) < len(points) or len(set(names)) < len(names):
            raise InvalidNoteError("an organisation or a witness's key is named twice")
        if not 0 <= self.quorum <= len(names):
            raise InvalidNoteError(f"{len(names)} organisations cannot give a quorum of {self.quorum}")

    def times(self, note: Note) -> dict[str, int]:
        """Return when each organisation cosigned: the earliest of its valid cosignatures.

        Raises:
            InvalidNoteSignatureError: A cosignature by a known key does not verify.
        """
        times: dict[str, int] = {}
        for organisation in self.organisations:
            made = [seen.time for seen in note.verify(organisation.keys) if seen.time is not None]
            if made:
                times[organisation.name] = min(made)
        return times

    def time(self, note: Note) -> int | None:
        """Return T, when the quorum was complete: the quorum-th smallest time. None without one.

        Raises:
            InvalidNoteSignatureError: A cosignature by a known key does not verify.
        """
        times = sorted(self.times(note).values())
        if not self.quorum or len(times) < self.quorum:
            return None
        return times[self.quorum - 1]


def parse_checkpoint(text: str) -> Checkpoint:
    """Read a checkpoint from a note's text.

    Raises:
        InvalidNoteError: It has another form.
    """
    lines = text.split("\n")
    if len(lines) < 4 or lines.pop() or not all(lines):  # noqa: PLR2004 - origin, size, root, final newline
        raise InvalidNoteError("a checkpoint is three lines or more, none of them empty")
    origin, size, root, *extensions = lines
    if not _SIZE.fullmatch(size) or int(size) >= SIZE_LIMIT:
        raise InvalidNoteError("a checkpoint's size is a decimal number without leading zeros")
    try:
        root_hash = from_b64(root)
    except InvalidEncodingError as error:
        raise InvalidNoteError("a checkpoint's root is base64") from error
    if len(root_hash) != ROOT_SIZE:
        raise InvalidNoteError(f"a root is {ROOT_SIZE} bytes")
    return Checkpoint(origin, TreeHead(int(size), root_hash), tuple(extensions))


def open_checkpoint(data: str | bytes, *, origin: str, keys: Sequence[VerifierKey]) -> Signed:
    """Read a checkpoint that one of the log's `keys`, at least, has signed.

    Raises:
        InvalidNoteSignatureError: A signature by one of `keys` does not verify.
        InvalidNoteError: Another form or origin, or none of `keys` has signed.
    """
    note = parse_note(data)
    checkpoint = parse_checkpoint(note.text)
    if checkpoint.origin != origin:
        raise InvalidNoteError("the checkpoint is of another log")
    if not note.verify([key for key in keys if not key.kind.timestamped]):
        raise InvalidNoteError("the checkpoint is not signed by its log")
    return Signed(checkpoint, note)


def signature_by(key: VerifierKey, value: bytes) -> Signature:
    """Return the line for what the log's private half of `key` signed: the note's text as it stands."""
    return Signature(key.name, key.key_id, value)


def cosignature_by(key: VerifierKey, value: bytes, *, time: int) -> Signature:
    """Return the line for what a witness's private half of `key` signed of `message_at(…, time)`."""
    return Signature(key.name, key.key_id, time.to_bytes(TIME_SIZE, "big") + value)


def message_at(key: VerifierKey, checkpoint: Checkpoint, time: int) -> bytes:
    """Return the bytes that the witness behind `key` signs over `checkpoint` at `time`."""
    return cosigned(key.kind, str(checkpoint), time)
