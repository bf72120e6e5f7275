"""Somebody outside who follows a log: with files, verifier keys, and the verifier's own code (`xinji_client`).

Nothing here is told by the code that made the log, but for the proofs that are handed in to be checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from xinji_client import tiles
from xinji_client.errors import UnreachableError
from xinji_client.hashes import Hash, sm3
from xinji_client.merkle import verify_consistency, verify_inclusion
from xinji_client.note import Checkpoint, NoteKey, checkpoint

WIDTH: Final = 256


@dataclass
class Outside:
    """Follows one log by its files. Every checkpoint that it is shown must be signed, cosigned, and of one history."""

    read: tiles.Read
    log_keys: Sequence[NoteKey]
    witnesses: Mapping[str, Sequence[NoteKey]]
    quorum: int
    hash: Hash = sm3
    seen: dict[int, bytes] = field(default_factory=dict)
    """The root of each size that was ever published: two of one size are a fork."""
    forks: int = 0
    proofs: int = 0

    def follow(self, notes: Iterable[str] = ()) -> Checkpoint | None:
        """Read the checkpoint that is published now, and `notes` that were; check that all are of one history."""
        fresh: list[Checkpoint] = []
        latest = self._opened(text) if (text := self._published()) else None
        for note in notes:
            head = checkpoint(note)
            if self.seen.get(head.size) != head.root:
                fresh.append(self._opened(note))
        if latest is not None:
            fresh.append(latest)
        for head in fresh:
            self.forks += self.seen.setdefault(head.size, head.root) != head.root
        if latest is not None:
            for head in fresh:
                assert head.size <= latest.size, "the published file is older than what was published"
                self._check_growth(head.size, head.root, latest)
        assert self.forks == 0
        return latest

    def entries(self, size: int) -> list[bytes]:
        """Read the entries of the log of `size` from its bundles (C2SP tlog-tiles, Log Entries)."""
        found: list[bytes] = []
        for index in range(-(-size // WIDTH)):
            data = self._bundle(index, min(size - index * WIDTH, WIDTH))
            while data:
                length = int.from_bytes(data[:2])
                found.append(data[2 : 2 + length])
                data = data[2 + length :]
        return found[:size]

    def check(self, entry: bytes, index: int, path: Sequence[bytes], head: Checkpoint) -> None:
        """Check an inclusion proof against a checkpoint that was followed."""
        assert self.seen[head.size] == head.root
        verify_inclusion(self.hash, entry, index=index, path=path, size=head.size, root=head.root)
        self.proofs += 1

    def _published(self) -> str | None:
        try:
            return self.read("checkpoint").decode()
        except UnreachableError:
            return None

    def _opened(self, note: str) -> Checkpoint:
        head = checkpoint(note)
        for key in self.log_keys:
            head.verify_log(key)
        cosigned = [name for name, keys in self.witnesses.items() if all(head.cosigned_at(key) for key in keys)]
        assert len(cosigned) >= self.quorum, "a checkpoint was published without its quorum"
        return head

    def _check_growth(self, size: int, root: bytes, latest: Checkpoint) -> None:
        path = tiles.consistency(self.read, self.hash, old_size=size, new_size=latest.size)
        verify_consistency(self.hash, path, old_size=size, old_root=root, new_size=latest.size, new_root=latest.root)

    def _bundle(self, index: int, width: int) -> bytes:
        name = f"tile/entries/{tiles.path_of(index)}"
        if width < WIDTH:
            try:
                return self.read(f"{name}.p/{width}")
            except UnreachableError:
                pass  # It has become full.
        return self.read(name)


def from_folder(folder: Path) -> tiles.Read:
    """Read a log's files from a folder, as a web server would give them."""

    def read(name: str) -> bytes:
        try:
            return (folder / name).read_bytes()
        except OSError as error:
            raise UnreachableError(name) from error

    return read
