"""Submit entries: into the queue, in the transaction of what they tell of.

So a credential is stored if and only if its entry is queued. Submitting again what is queued
or in the log already changes nothing: a repeated run logs nothing twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy.orm import Session

from kernel.clock import Clock
from ledger import queue_store, store
from ledger.errors import ConflictingEntryError, InvalidEntryError
from ledger.formats.commitment import ACCREDITATION, commit
from ledger.formats.entry import Entry, EntryType

Evidence = Mapping[str, Any]


class LogWriter(Protocol):
    """Takes entries for the log. Each is logged once, however often it is submitted."""

    def submit(self, session: Session, entry: Entry, *, evidence: Evidence | None = None) -> None:
        """Queue `entry`; `evidence` is the public preimage that all types but credentials need."""
        ...

    def submit_many(
        self, session: Session, entries: Sequence[Entry], *, evidence: Mapping[bytes, Evidence] | None = None
    ) -> None:
        """Queue `entries`; `evidence` by commitment."""
        ...


class DatabaseLog:
    """Queues entries in the database of the caller's session, for the sequencer to take up."""

    def __init__(self, clock: Clock) -> None:
        """Read the time of submission from `clock`."""
        self._clock = clock

    def submit(self, session: Session, entry: Entry, *, evidence: Evidence | None = None) -> None:
        """Queue one entry.

        Raises:
            InvalidEntryError: Evidence is missing, does not give the commitment, or would reveal
                what a credential's commitment hides.
            ConflictingEntryError: The commitment is in the log in another entry.
        """
        self.submit_many(session, [entry], evidence=None if evidence is None else {entry.commitment: evidence})

    def submit_many(
        self, session: Session, entries: Sequence[Entry], *, evidence: Mapping[bytes, Evidence] | None = None
    ) -> None:
        """Queue many entries with a few statements, however many.

        Raises:
            InvalidEntryError: As for `submit`.
            ConflictingEntryError: As for `submit`, or two of `entries` conflict.
        """
        evidence = evidence or {}
        wanted: dict[bytes, bytes] = {}
        for entry in entries:
            _check_evidence(entry, evidence.get(entry.commitment))
            encoded = entry.encode()
            _refuse_conflict(wanted.setdefault(entry.commitment, encoded), encoded)
        known = queue_store.known_entries(session, list(wanted))
        for commitment, encoded in known.items():
            _refuse_conflict(wanted.pop(commitment), encoded)
        # In one order everywhere, so that two that overlap wait for each other and do not lock.
        queue_store.enqueue(session, sorted(wanted.items()), self._clock.now())
        store.add_evidence(
            session, {commitment: evidence[commitment] for commitment in wanted if commitment in evidence}
        )


def _check_evidence(entry: Entry, evidence: Evidence | None) -> None:
    if entry.type is EntryType.CREDENTIAL:
        if evidence is not None:
            raise InvalidEntryError("a credential's commitment has no public evidence")
        return
    if not evidence:
        raise InvalidEntryError(f"an entry of type {entry.type.name} needs its public evidence")
    if entry.type is EntryType.ACCREDITATION:
        made = commit(ACCREDITATION, entry.issuer_code, evidence)
        if made != entry.commitment:
            raise InvalidEntryError("the evidence does not give the commitment")


def _refuse_conflict(known: bytes, encoded: bytes) -> None:
    if known != encoded:
        raise ConflictingEntryError("this commitment is logged in another entry")
