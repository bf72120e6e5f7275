"""Proofs as text: one base64 hash a line, and an inclusion proof with its checkpoint as one file.

Pure. Sources: C2SP tlog-proof, tlog-witness (the body of add-checkpoint).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from crypto.encoding import b64, from_b64
from crypto.errors import InvalidEncodingError
from ledger.errors import InvalidProofError
from ledger.formats.merkle import InclusionProof

HEADER: Final = "c2sp.org/tlog-proof@v1"
MAX_HASHES: Final = 63
HASH_SIZE: Final = 32
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


class AddCheckpoint(NamedTuple):
    """What a log asks of a witness: from which size, how it grew, and to which checkpoint."""

    old_size: int
    path: tuple[bytes, ...]
    checkpoint: str

    def __str__(self) -> str:
        """Return the request's body."""
        return f"old {self.old_size}\n{format_path(self.path)}\n{self.checkpoint}"


class ProvenEntry(NamedTuple):
    """An inclusion proof and the signed checkpoint it leads to."""

    proof: InclusionProof
    checkpoint: str

    def __str__(self) -> str:
        """Return the `.tlog-proof` file."""
        return f"{HEADER}\nindex {self.proof.leaf_index}\n{format_path(self.proof.path)}\n{self.checkpoint}"


def format_path(path: Iterable[bytes]) -> str:
    """Return one line a hash, each ended by a newline."""
    return "".join(b64(node) + "\n" for node in path)


def parse_add_checkpoint(text: str) -> AddCheckpoint:
    """Read the body of an add-checkpoint request.

    Raises:
        InvalidProofError: It has another form, or more than 63 hashes.
    """
    head, _, checkpoint = text.partition("\n\n")
    first, *hashes = head.split("\n")
    return AddCheckpoint(_number(first, "old "), _path(hashes), _rest(checkpoint))


def parse_proof(text: str) -> ProvenEntry:
    """Read a `.tlog-proof` file. Extra data, which nothing authenticates, is skipped.

    Raises:
        InvalidProofError: It has another form, or more than 63 hashes.
    """
    head, _, checkpoint = text.partition("\n\n")
    header, *lines = head.split("\n")
    if header != HEADER:
        raise InvalidProofError(f"a proof begins with {HEADER}")
    if lines and lines[0].startswith("extra "):
        del lines[0]
    if not lines:
        raise InvalidProofError("a proof names the entry's index")
    return ProvenEntry(InclusionProof(_number(lines[0], "index "), _path(lines[1:])), _rest(checkpoint))


def _number(line: str, label: str) -> int:
    number = line.removeprefix(label)
    if not line.startswith(label) or not _NUMBER.fullmatch(number):
        raise InvalidProofError(f"a line should read {label}<number>")
    return int(number)


def _path(lines: list[str]) -> tuple[bytes, ...]:
    if len(lines) > MAX_HASHES:
        raise InvalidProofError(f"a path has at most {MAX_HASHES} hashes")
    try:
        path = tuple(map(from_b64, lines))
    except InvalidEncodingError as error:
        raise InvalidProofError("a path is one base64 hash a line") from error
    if any(len(node) != HASH_SIZE for node in path):
        raise InvalidProofError(f"a hash has {HASH_SIZE} bytes")
    return path


def _rest(checkpoint: str) -> str:
    if not checkpoint:
        raise InvalidProofError("a checkpoint follows after an empty line")
    return checkpoint
