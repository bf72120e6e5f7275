"""Signed notes and checkpoints (C2SP signed-note, tlog-checkpoint, tlog-cosignature) with an SM2 line.

A note is text that ends in a newline, an empty line, and signature lines
`— <name> <base64(key id ‖ signature)>`. A vkey `<name>+<key id>+<base64(type ‖ key)>`
names a key. The key id only picks the key; the signature decides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from xinji_client import sm2
from xinji_client.encoding import MAX_SAFE_INTEGER, from_b64
from xinji_client.errors import FormatError, SignatureError
from xinji_client.hashes import sha256
from xinji_client.keys import verify_ed25519

MAX_NOTE = 1 << 16
MAX_LINES = 100

LOG_ED25519 = b"\x01"
COSIGNATURE_ED25519 = b"\x04"
LOG_SM2 = b"\xffxinji/sm2/v1"
COSIGNATURE_SM2 = b"\xffxinji/sm2-cosignature/v1"
_KEY_BYTES = {LOG_ED25519: 32, COSIGNATURE_ED25519: 32, LOG_SM2: 65, COSIGNATURE_SM2: 65}
_LOG_KINDS = (LOG_ED25519, LOG_SM2)
_KEY_ID_BYTES = 4
_TIME_BYTES = 8
_ROOT_BYTES = 32
_SIZE = re.compile(r"0|[1-9][0-9]{0,14}")


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A key of a log or a witness. `kind` is the type byte with its identifier."""

    name: str
    key_id: bytes
    kind: bytes
    public: bytes

    @property
    def is_log(self) -> bool:
        """Whether the key signs notes as a log does, without a time."""
        return self.kind in _LOG_KINDS


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A parsed checkpoint: what it says, and the lines that may vouch for it."""

    text: bytes
    origin: str
    size: int
    root: bytes
    lines: tuple[tuple[str, bytes], ...]

    def verify_log(self, key: NoteKey) -> None:
        """Check the log's line by `key`.

        Raises:
            SignatureError: There is no such line, or it does not fit.
            EngineMissingError: An SM2 key on a machine without SM2.
        """
        signature = self._by(key)
        if signature is None:
            raise SignatureError(f"no line by the key {key.key_id.hex()} of {key.name}")
        _verify(key, signature, self.text)

    def cosigned_at(self, key: NoteKey) -> int | None:
        """Return the time at which the witness `key` signed, in seconds; None where it did not.

        Raises:
            SignatureError: A line by the key does not fit.
            EngineMissingError: An SM2 key on a machine without SM2.
        """
        stamped = self._by(key)
        if stamped is None:
            return None
        if len(stamped) < _TIME_BYTES:
            raise SignatureError("a cosignature begins with its time")
        time = int.from_bytes(stamped[:_TIME_BYTES])
        if time > MAX_SAFE_INTEGER:
            raise SignatureError("the time of a cosignature is out of range")
        # Both kinds sign the time and the note's text under a header that no other message has.
        header = key.kind[1:].decode("ascii") or "cosignature/v1"
        _verify(key, stamped[_TIME_BYTES:], f"{header}\ntime {time}\n".encode("ascii") + self.text)
        return time

    def has_line_by(self, key: NoteKey) -> bool:
        """Whether a line names the key; nothing is verified."""
        return self._by(key) is not None

    def _by(self, key: NoteKey) -> bytes | None:
        """Return what the first line by `key` holds: a second line by a key is ignored (C2SP signed-note)."""
        for name, blob in self.lines:
            if name == key.name and blob[:_KEY_ID_BYTES] == key.key_id:
                return blob[_KEY_ID_BYTES:]
        return None


def vkey(text: object) -> NoteKey:
    """Read a verifier key.

    Raises:
        FormatError: Not `<name>+<hex>+<base64>`, an unknown type, a key of another
            length, a point off the curve, or a key id that is not the key's.
    """
    if not isinstance(text, str) or text.count("+") < 2:  # noqa: PLR2004 - base64 may hold more of them.
        raise FormatError("a vkey is <name>+<key id>+<key>")
    name, hexadecimal, encoded = text.split("+", 2)
    data = from_b64(encoded)
    kind = next(
        (kind for kind, size in _KEY_BYTES.items() if data.startswith(kind) and len(data) == len(kind) + size), None
    )
    if kind is None:
        raise FormatError("a vkey of a type that this verifier does not know")
    public = data[len(kind) :]
    key_id = sha256(name.encode() + b"\n" + data)[:_KEY_ID_BYTES]
    if not _is_name(name) or hexadecimal != key_id.hex():
        raise FormatError("the vkey's id does not belong to its name and key")
    if len(public) == _KEY_BYTES[LOG_SM2]:
        sm2.check_point(public)
    return NoteKey(name, key_id, kind, public)


def checkpoint(note: object) -> Checkpoint:
    """Read a checkpoint note: origin, size and root, extension lines, then signature lines.

    Raises:
        FormatError: Not a note, or its first lines are not those of a checkpoint.
    """
    if not isinstance(note, str) or len(note) > MAX_NOTE or any(sign < " " and sign != "\n" for sign in note):
        raise FormatError("a checkpoint is text of at most 64 KiB")
    body, gap, tail = note.rpartition("\n\n")
    *lines, end = tail.split("\n")
    if not gap or end or not 0 < len(lines) <= MAX_LINES:
        raise FormatError("a signed note ends with an empty line and its signature lines")
    head = body.split("\n")
    if len(head) < 3 or not all(head):  # noqa: PLR2004 - origin, size, root.
        raise FormatError("a checkpoint begins with origin, size and root, and has no empty line")
    root = from_b64(head[2])
    if not _SIZE.fullmatch(head[1]) or len(root) != _ROOT_BYTES:
        raise FormatError("the size or the root of the checkpoint is not in its form")
    return Checkpoint((body + "\n").encode(), head[0], int(head[1]), root, tuple(_line(line) for line in lines))


def _line(line: str) -> tuple[str, bytes]:
    dash, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    blob = from_b64(encoded)
    if dash != "\u2014" or not _is_name(name) or len(blob) <= _KEY_ID_BYTES:
        raise FormatError("a signature line is an em dash, a name and base64")
    return name, blob


def _is_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(sign.isspace() for sign in name)


def _verify(key: NoteKey, signature: bytes, message: bytes) -> None:
    if len(key.public) == _KEY_BYTES[LOG_SM2]:
        sm2.verify(key.public, signature, message)
    else:
        verify_ed25519(key.public, signature, message)
