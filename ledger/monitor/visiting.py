"""One visit to a log: is it still the log that we knew, and what is new in the issuer's name?

The order is what makes it safe to end anywhere: the checkpoint is checked (signatures, quorum,
and that its tree extends the one before), then kept; then the entries are looked through, each
bundle under its root in that tree, from where the last visit ended.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from crypto.hashes import Hash
from ledger.errors import (
    BeyondFinalError,
    ForkedLogError,
    InvalidEntryError,
    InvalidNoteError,
    ShrunkenLogError,
    TamperedTilesError,
)
from ledger.formats.checkpoint import Checkpoint, Signed, WitnessPolicy, open_checkpoint, parse_checkpoint
from ledger.formats.commitment import ACCREDITATION, AUDIT_HEAD, RELEASE, STATUS_LIST, commit
from ledger.formats.entry import EntryType
from ledger.formats.merkle import TreeHead
from ledger.formats.note import MAX_SIZE, parse_note
from ledger.formats.tile import WIDTH
from ledger.formats.vkey import VerifierKey
from ledger.monitor.keeping import Kept, Named, Seen, StateFolder, issuer_of
from ledger.storage.tiles import CHECKPOINT
from ledger.upkeep.reading import Reading, Source, extension, wanted

MAX_EVIDENCE: Final = 8 << 20
TAGS: Final = {
    EntryType.ACCREDITATION: ACCREDITATION,
    EntryType.STATUS_LIST: STATUS_LIST,
    EntryType.AUDIT_HEAD: AUDIT_HEAD,
    EntryType.RELEASE: RELEASE,
}
_SUSPICIOUS = (BeyondFinalError, ForkedLogError, ShrunkenLogError, InvalidNoteError, TamperedTilesError)


@dataclass(frozen=True, slots=True)
class Watched:
    """A log that is watched for one issuer: where it is read, whose signatures count, and its end if it has one."""

    source: Source
    folder: StateFolder
    issuer_code: str
    origin: str
    hash: Hash
    keys: tuple[VerifierKey, ...]
    policy: WitnessPolicy
    final: TreeHead | None = None


@dataclass(frozen=True, slots=True)
class Alarm:
    """The log is not what it was, or not what it says: why, and the checkpoints that show it."""

    code: str
    text: str
    files: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Visit:
    """What a visit found. `before`: entries told of by earlier ones; `unproved`: evidence that is missing or wrong."""

    origin: str
    before: int
    checkpoint: Checkpoint | None
    time: int | None
    entries: tuple[Named, ...]
    unproved: tuple[Named, ...]
    alarm: Alarm | None

    @property
    def new(self) -> tuple[Named, ...]:
        """The entries that no earlier visit told of."""
        return tuple(one for one in self.entries if one.index >= self.before)


def visit(watched: Watched, now: datetime) -> Visit:
    """Visit the log once. Whatever makes it suspicious is an alarm in what is returned.

    Raises:
        MirrorSourceError: The log does not answer, or lacks a file.
        MonitorStateError: The folder is in use, damaged, or of another log or issuer.
    """
    folder = watched.folder
    with folder.owned():
        begin = folder.load()
        shown = wanted(watched.source, CHECKPOINT, MAX_SIZE)
        alarm = None
        try:
            _look_through(watched, *_followed(watched, begin, shown, now))
        except _SUSPICIOUS as error:
            known = () if begin.note is None else (begin.note.encode(),)
            alarm = Alarm(error.code, str(error), folder.keep_alarm((*known, shown)))
        kept = folder.load()
        entries = tuple(folder.entries(kept))
        found = Visit(
            origin=watched.origin,
            before=kept.told,
            checkpoint=None if kept.note is None else parse_checkpoint(parse_note(kept.note).text),
            time=None if kept.note is None else watched.policy.time(parse_note(kept.note)),
            entries=entries,
            unproved=() if alarm else tuple(one for one in entries if not _is_proved(watched, one)),
            alarm=alarm,
        )
        if alarm is None and kept.told < kept.read:
            folder.save(replace(kept, told=kept.read))
        return found


def _followed(watched: Watched, kept: Kept, shown: bytes, now: datetime) -> tuple[Kept, Reading | None]:
    """Keep the checkpoint that is shown, if it is to be believed; return its tree unless it was all looked through."""
    signed = _opened(watched, shown)
    new = signed.checkpoint.head
    _refuse_beyond(watched.final, new)
    old = _old_head(watched, kept)
    if new.tree_size < old.tree_size:
        raise ShrunkenLogError(f"the log shows {new.tree_size} entries, and showed {old.tree_size} before")
    if new.tree_size == old.tree_size and new.root_hash != old.root_hash:
        raise _forked(watched.origin, old, new)
    if new.tree_size == kept.read:
        return kept, None
    reading = extension(watched.source, watched.hash, old=old, known=watched.folder.roots(kept), new=new)
    if reading is None:
        raise _forked(watched.origin, old, new)
    if new.tree_size > old.tree_size:
        watched.folder.add_roots(kept, reading.roots)
        head = Seen(new.tree_size, watched.policy.time(signed.note), int(now.timestamp()))
        kept = replace(kept, note=str(signed.note), size=new.tree_size, heads=(*kept.heads, head))
        watched.folder.save(kept)
    return kept, reading


def _look_through(watched: Watched, kept: Kept, reading: Reading | None) -> None:
    """Keep what is in the issuer's name, some bundles at a time."""
    if reading is None:
        return
    for bundles in reading.bundles(kept.read // WIDTH):
        entries = [entry for _, bundle in bundles for entry in bundle]
        kept = _kept_with(watched, kept, bundles[0][0] * WIDTH, entries)
    _kept_with(watched, kept, len(reading.roots) * WIDTH, reading.rest)


def _kept_with(watched: Watched, kept: Kept, begin: int, entries: Sequence[bytes]) -> Kept:
    """Keep those of `entries`, which begin at index `begin`, that are the issuer's and were not looked at."""
    named = [
        Named(index, entry[0], entry[-32:].hex(), _covering(kept.heads, index))
        for index, entry in enumerate(entries, begin)
        if index >= kept.read and issuer_of(entry) == watched.issuer_code
    ]
    read = begin + len(entries)
    kept = watched.folder.add_entries(kept, named)
    kept = replace(kept, read=read, heads=tuple(head for head in kept.heads if head.size > read))
    watched.folder.save(kept)
    return kept


def _covering(heads: Iterable[Seen], index: int) -> Seen:
    return next(head for head in heads if head.size > index)


def _opened(watched: Watched, shown: bytes) -> Signed:
    """Read the checkpoint. All keys that are trusted must have signed it, as verifiers ask too."""
    signed = open_checkpoint(shown, origin=watched.origin, keys=watched.keys)
    if len(signed.note.verify(watched.keys)) < len(watched.keys):
        raise InvalidNoteError("the checkpoint lacks a signature by one of the log's keys")
    if len(watched.policy.times(signed.note)) < watched.policy.quorum:
        raise InvalidNoteError("the checkpoint is not cosigned by the policy's quorum")
    return signed


def _refuse_beyond(final: TreeHead | None, new: TreeHead) -> None:
    if final is None or new.tree_size < final.tree_size or new == final:
        return
    raise BeyondFinalError(f"the log was closed with {final.tree_size} entries, and shows {new.tree_size}, or others")


def _old_head(watched: Watched, kept: Kept) -> TreeHead:
    if kept.note is None:
        return TreeHead(0, watched.hash(b""))
    return parse_checkpoint(parse_note(kept.note).text).head


def _forked(origin: str, old: TreeHead, new: TreeHead) -> ForkedLogError:
    return ForkedLogError(
        f"FORK: {origin} has signed two histories, of {old.tree_size} and of {new.tree_size} entries. "
        "Publish both checkpoints, and tell the witnesses",
        origin=origin,
    )


def _is_proved(watched: Watched, entry: Named) -> bool:
    """Return whether an entry has the public evidence that its type asks for; fetch it where it was not."""
    tag = TAGS.get(entry.type)  # type: ignore[call-overload]  # An IntEnum's members are found by their numbers.
    if tag is None or watched.folder.has_evidence(entry.commitment):
        return True
    content = watched.source.read(f"evidence/{entry.commitment}", MAX_EVIDENCE)
    if content is None or _commitment(tag, watched.issuer_code, content) != entry.commitment:
        return False
    watched.folder.keep_evidence(entry.commitment, content)
    return True


def _commitment(tag: str, issuer_code: str, content: bytes) -> str | None:
    try:
        return commit(tag, issuer_code, json.loads(content)).hex()
    except (ValueError, TypeError, AttributeError, RecursionError, InvalidEntryError):
        return None
