"""What a monitor keeps between its visits to a log, in a folder of its own.

`state.json` is replaced as a whole and says how much of the other files counts, so a visit that
is ended anywhere leaves what it had read. One process at a time.

    state.json     the last checkpoint that was checked, and how far the entries were looked through
    roots          the roots of the tree's full bundles, 32 bytes each
    entries.jsonl  the entries in the issuer's name, one JSON object a line
    evidence/      their public evidence, as it was fetched
    alarms/        checkpoints that contradict each other
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from crypto.hashes import sha256
from ledger.errors import MonitorStateError
from ledger.formats.entry import ISSUER_SIZE
from ledger.formats.tile import HASH_SIZE, WIDTH, split_hashes
from ledger.storage.folder import Folder

FORMAT: Final = "xinji/monitor-state/1"
STATE: Final = "state.json"
ROOTS: Final = "roots"
ENTRIES: Final = "entries.jsonl"
_NEVER: Final = "the monitor's state is damaged: keep it as it is, and begin again in another folder"


@dataclass(frozen=True, slots=True)
class Seen:
    """A checkpoint as the monitor met it: its size, when the quorum was complete, when we saw it (POSIX seconds)."""

    size: int
    time: int | None
    seen_at: int


@dataclass(frozen=True, slots=True)
class Named:
    """An entry in the issuer's name, with the first checkpoint that we saw to cover it.

    `type` is the entry's first byte, which a log of the future may use for what is not known here.
    """

    index: int
    type: int
    commitment: str
    checkpoint: Seen


@dataclass(frozen=True, slots=True)
class Kept:
    """How far we are.

    `note`: the checkpoint checked last; `read`: entries looked through; `told`: those of them that a
    whole visit gave out; `heads`: the checkpoints above `read`.
    """

    note: str | None = None
    size: int = 0
    read: int = 0
    told: int = 0
    bytes_of_entries: int = 0
    heads: tuple[Seen, ...] = ()


class StateFolder:
    """The state of one log and one issuer, in one folder."""

    def __init__(self, path: Path, *, origin: str, issuer_code: str) -> None:
        """Use `path`, which is made at the first write."""
        self._path = path
        self._files = Folder(path)
        self._names = {"format": FORMAT, "origin": origin, "issuer": issuer_code}

    @contextmanager
    def owned(self) -> Iterator[None]:
        """Keep other monitors out.

        Raises:
            MonitorStateError: Another one is at work here.
        """
        self._path.mkdir(parents=True, exist_ok=True)
        with (self._path / ".visit").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise MonitorStateError("another monitor is at work in this folder") from error
            yield

    def load(self) -> Kept:
        """Return what is kept.

        Raises:
            MonitorStateError: It is damaged, or of another log or issuer.
        """
        data = self._files.read(STATE)
        if data is None:
            return Kept()
        try:
            content = json.loads(data)
            found = {name: content[name] for name in self._names}
            heads = tuple(Seen(**head) for head in content["heads"])
            numbers = {name: int(content[name]) for name in ("size", "read", "told", "bytes_of_entries")}
            kept = Kept(content["note"], heads=heads, **numbers)
        except (ValueError, TypeError, KeyError) as error:
            raise MonitorStateError(_NEVER) from error
        if found != self._names:
            raise MonitorStateError(f"this folder watches {found['issuer']} in {found['origin']}: use another one")
        return kept

    def save(self, kept: Kept) -> None:
        """Replace what is kept; on the disk when this returns."""
        heads = [_head(head) for head in kept.heads]
        content = {
            **self._names,
            "note": kept.note,
            "size": kept.size,
            "read": kept.read,
            "told": kept.told,
            "bytes_of_entries": kept.bytes_of_entries,
            "heads": heads,
        }
        data = json.dumps(content, ensure_ascii=False, indent=1).encode() + b"\n"
        self._files.update(STATE, lambda _: data)

    def roots(self, kept: Kept) -> list[bytes]:
        """Return the roots of the full bundles of the last checkpoint's tree.

        Raises:
            MonitorStateError: There are fewer.
        """
        count = kept.size // WIDTH
        data = (self._files.read(ROOTS) or b"")[: count * HASH_SIZE]
        if len(data) < count * HASH_SIZE:
            raise MonitorStateError(_NEVER)
        return split_hashes(data)

    def add_roots(self, kept: Kept, roots: Sequence[bytes]) -> None:
        """Append the roots of `roots` that a larger tree has beyond those of `kept`."""
        count = kept.size // WIDTH
        self._append(ROOTS, count * HASH_SIZE, b"".join(roots[count:]))

    def add_entries(self, kept: Kept, entries: Sequence[Named]) -> Kept:
        """Append entries; what is returned is to be saved, and counts from then on."""
        lines = [{"index": one.index, "type": one.type, "commitment": one.commitment} for one in entries]
        checkpoints = [{"checkpoint": _head(one.checkpoint)} for one in entries]
        data = "".join(json.dumps({**line, **more}) + "\n" for line, more in zip(lines, checkpoints, strict=True))
        self._append(ENTRIES, kept.bytes_of_entries, data.encode())
        return replace(kept, bytes_of_entries=kept.bytes_of_entries + len(data))

    def entries(self, kept: Kept) -> Iterator[Named]:
        """Give the entries in the issuer's name, in the order of the log.

        Raises:
            MonitorStateError: There are fewer than were kept, or they cannot be read.
        """
        data = (self._files.read(ENTRIES) or b"")[: kept.bytes_of_entries]
        if len(data) < kept.bytes_of_entries:
            raise MonitorStateError(_NEVER)
        try:
            for line in data.splitlines():
                one = json.loads(line)
                yield Named(one["index"], one["type"], one["commitment"], Seen(**one["checkpoint"]))
        except (ValueError, TypeError, KeyError) as error:
            raise MonitorStateError(_NEVER) from error

    def has_evidence(self, commitment: str) -> bool:
        """Return whether an entry's evidence was fetched."""
        return (self._path / "evidence" / f"{commitment}.json").exists()

    def keep_evidence(self, commitment: str, content: bytes) -> None:
        """Keep an entry's evidence for good."""
        self._files.write_new({f"evidence/{commitment}.json": content})

    def keep_alarm(self, notes: Sequence[bytes]) -> tuple[Path, ...]:
        """Keep checkpoints that contradict each other; return where."""
        names = {f"alarms/{sha256(note).hex()[:16]}.checkpoint": note for note in notes}
        self._files.write_new(names)
        return tuple(self._path / name for name in names)

    def _append(self, name: str, at: int, data: bytes) -> None:
        """Write `data` behind the first `at` bytes of a file; what an ended visit left there goes.

        Raises:
            MonitorStateError: The file is shorter than that.
        """
        if not data:
            return
        with (self._path / name).open("ab") as file:
            if file.tell() < at:
                raise MonitorStateError(_NEVER)
            file.truncate(at)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())


def issuer_of(entry: bytes) -> str:
    """Return whose an entry is, also of a type that is not known here."""
    return entry[1:ISSUER_SIZE].decode("ascii", "replace")


def _head(head: Seen) -> dict[str, Any]:
    return {"size": head.size, "time": head.time, "seen_at": head.seen_at}
