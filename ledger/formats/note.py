"""Signed notes: a text, a blank line, and signature lines (C2SP signed-note).

Pure. Reading is strict, because the text is what gets signed and compared; whom to trust is
the caller's. Signatures by unknown keys are kept and ignored; one by a known key that fails
condemns the whole note; a second line by the same key is ignored.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from crypto.encoding import b64, from_b64
from crypto.errors import InvalidEncodingError
from ledger.errors import InvalidNoteError
from ledger.formats.vkey import KEY_ID_SIZE, VerifierKey, check_name

MAX_SIZE: Final = 65_536
MAX_SIGNATURES: Final = 100
_DASH: Final = "\N{EM DASH} "


class Signature(NamedTuple):
    """One signature line: the key's name and id, and the bytes that only the key's kind can read."""

    name: str
    key_id: bytes
    value: bytes

    def __str__(self) -> str:
        """Return the line, with its newline."""
        return f"{_DASH}{self.name} {b64(self.key_id + self.value)}\n"


class Verified(NamedTuple):
    """A signature that verified: by which key, and at which time if it carries one."""

    key: VerifierKey
    time: int | None


@dataclass(frozen=True, slots=True)
class Note:
    """A text, which ends in a newline, and the signatures under it."""

    text: str
    signatures: tuple[Signature, ...]

    def __str__(self) -> str:
        """Return the signed note."""
        return self.text + "\n" + "".join(map(str, self.signatures))

    def signed(self, more: Iterable[Signature]) -> Note:
        """Return the note with `more` signatures after its own; one line a key, the first stays."""
        lines: dict[tuple[str, bytes], Signature] = {}
        for line in (*self.signatures, *more):
            lines.setdefault((line.name, line.key_id), line)
        return Note(self.text, tuple(lines.values()))

    def verify(self, keys: Sequence[VerifierKey]) -> tuple[Verified, ...]:
        """Return what verified of the signatures by `keys`, in the note's order.

        Raises:
            InvalidNoteSignatureError: A signature by one of `keys` does not verify.
        """
        known = {(key.name, key.key_id): key for key in keys}
        verified: list[Verified] = []
        for line in self.signatures:
            key = known.pop((line.name, line.key_id), None)
            if key is not None:
                verified.append(Verified(key, key.verify(self.text, line.value)))
        return tuple(verified)


def parse_note(data: str | bytes) -> Note:
    """Read a signed note.

    Raises:
        InvalidNoteError: It is too large, not UTF-8, or not of the form.
    """
    if len(data) > MAX_SIZE:
        raise InvalidNoteError(f"a note is at most {MAX_SIZE} bytes")
    text, blank, lines = _decoded(data).rpartition("\n\n")
    if not blank or not text:
        raise InvalidNoteError("a note is a text, an empty line and signatures")
    return Note(text + "\n", parse_signatures(lines))


def parse_signatures(lines: str) -> tuple[Signature, ...]:
    """Read one or more signature lines, each ended by a newline.

    Raises:
        InvalidNoteError: There is none, there are too many, or one has another form.
    """
    if not lines.endswith("\n"):
        raise InvalidNoteError("a signature line ends in a newline")
    split = lines[:-1].split("\n")
    if len(split) > MAX_SIGNATURES:
        raise InvalidNoteError(f"a note has at most {MAX_SIGNATURES} signatures")
    return tuple(map(_signature, split))


def _signature(line: str) -> Signature:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space:
        raise InvalidNoteError("a signature line is a dash, a name and base64")
    check_name(name)
    try:
        data = from_b64(encoded)
    except InvalidEncodingError as error:
        raise InvalidNoteError("a signature line is a dash, a name and base64") from error
    if len(data) <= KEY_ID_SIZE:
        raise InvalidNoteError("a signature line holds a key id and a signature")
    return Signature(name, data[:KEY_ID_SIZE], data[KEY_ID_SIZE:])


def _decoded(data: str | bytes) -> str:
    try:
        text = data if isinstance(data, str) else data.decode()
        text.encode()  # A lone surrogate is no UTF-8 either.
    except UnicodeError as error:
        raise InvalidNoteError("a note is UTF-8") from error
    if any(sign < " " and sign != "\n" for sign in text):
        raise InvalidNoteError("a note holds no control characters but newlines")
    return text
