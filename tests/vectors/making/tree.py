"""A log's entries and the RFC 9162 tree over them, computed from the definition, and the commitments in them."""

from __future__ import annotations

from typing import Any

from tests.vectors.making.keys import (
    HASHES,
    b64,
    sha256,
    sm3,
)


class Tree:
    """A log's entries and the RFC 9162 tree over them, computed from the definition."""

    def __init__(self, hash_name: str) -> None:
        self.h = HASHES[hash_name]
        self.entries = [b"\x01" + b"4141010475" + sha256(f"somebody else's entry {n}".encode()) for n in range(5)]

    def add(self, entry: bytes) -> int:
        self.entries.append(entry)
        return len(self.entries) - 1

    def fill(self, size: int) -> None:
        while len(self.entries) < size:
            self.add(b"\x01" + b"4141010078" + sha256(b"later %d" % len(self.entries)))

    def root(self, start: int = 0, end: int | None = None) -> bytes:
        end = len(self.entries) if end is None else end
        if end - start == 1:
            return self.h(b"\0" + self.entries[start])
        split = start + (1 << (end - start - 1).bit_length() - 1)
        return self.h(b"\x01" + self.root(start, split) + self.root(split, end))

    def path(self, index: int, start: int = 0, end: int | None = None) -> list[bytes]:
        end = len(self.entries) if end is None else end
        if end - start == 1:
            return []
        split = start + (1 << (end - start - 1).bit_length() - 1)
        if index < split:
            return [*self.path(index, start, split), self.root(split, end)]
        return [*self.path(index, split, end), self.root(start, split)]

    def consistency(self, old: int, end: int, start: int = 0, *, known: bool = True) -> list[bytes]:
        """SUBPROOF of RFC 9162 §2.1.4.1: that the first `end` entries extend the first `old`."""
        if old == end:
            return [] if known else [self.root(start, end)]
        split = start + (1 << (end - start - 1).bit_length() - 1)
        if old <= split:
            return [*self.consistency(old, split, start, known=known), self.root(split, end)]
        return [*self.consistency(old, end, split, known=False), self.root(start, split)]

    def proof(self, index: int) -> dict[str, Any]:
        return {"index": index, "path": [b64(node) for node in self.path(index)]}


def commitment(tag: str, code: str, suites: dict[str, str]) -> bytes:
    parts = [tag.encode(), b"\0", code.encode(), bytes([len(suites)])]
    for suite in sorted(suites):
        parts += [bytes([len(suite)]), suite.encode(), sm3(suites[suite].encode())]
    return sm3(b"".join(parts))
