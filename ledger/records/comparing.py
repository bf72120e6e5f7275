"""Does the chain say what the log says? The chain is never the authority by itself: a difference is reported.

Both ways: what the chain holds must be a published entry and say the same, and what was told
must still be there.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import structlog

from kernel.db import Database
from ledger.anchors.store import Contract
from ledger.chain.base import REGISTRY, Chain
from ledger.formats.entry import Entry, EntryType
from ledger.records import store
from ledger.records.books import AccreditationBook, Book, StatusBook, chain_code, key_digest
from ledger.registry.entities import parse_entity_id

PAGE: Final = 200
ADDED, RENEWED, ROTATED = 1, 2, 9
"""The journal's kinds that bring keys."""

log = structlog.get_logger()


class Difference(StrEnum):
    """How chain and log differ."""

    UNKNOWN = "not_in_the_log"
    MISSING = "not_on_the_chain"
    OTHER = "says_something_else"


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One difference. `commitment` is the entry's, in hex."""

    difference: Difference
    contract: str
    code: str
    commitment: str


@dataclass
class Comparing:
    """Goes through the registry's journal and the records, a page a turn, and then begins again.

    `provinces`: of each province that the panel added, the digest of its keys.
    """

    database: Database
    chain: Chain
    provinces: frozenset[bytes]
    place: int = 0
    after: tuple[bytes | None, bytes | None] = (None, None)

    def run_once(self) -> int:
        """Compare a page and report what differs; return how much that is."""
        mismatches = [*self._journal(), *self._records()]
        for mismatch in mismatches:
            log.error(
                "chain_differs_from_log",
                difference=mismatch.difference.value,
                contract=mismatch.contract,
                code=mismatch.code,
                commitment=mismatch.commitment,
            )
        return len(mismatches)

    def everything(self) -> list[Mismatch]:
        """Compare all there is."""
        self.place, self.after = 0, (None, None)
        found: list[Mismatch] = []
        while True:
            found += self._journal()
            if self.place == 0:
                break
        while True:
            found += self._records()
            if self.after == (None, None):
                return found

    def _journal(self) -> list[Mismatch]:
        """Compare a page of what the registry holds with the log."""
        length = self.chain.ask(REGISTRY, "journalLength")
        end = min(length, self.place + PAGE)
        found = []
        for place in range(self.place + 1, end + 1):
            code, kind, evidence = self.chain.ask(REGISTRY, "journalAt", place)
            difference = self._judge(code.decode(), kind, bytes(evidence))
            if difference is not None:
                found.append(Mismatch(difference, REGISTRY, code.decode(), bytes(evidence).hex()))
        self.place = 0 if end == length else end
        return found

    def _judge(self, code: str, kind: int, evidence: bytes) -> Difference | None:
        if evidence in self.provinces:
            return None
        with self.database.read() as session:
            encoded = store.published_entry(session, evidence)
            statement = store.statement_of(session, evidence)
            status = store.status_of(session, evidence)
        if encoded is None:
            return Difference.UNKNOWN
        entry = Entry.decode(encoded)
        if entry.type is not EntryType.ACCREDITATION or entry.issuer_code[1:] != code[1:]:
            return Difference.OTHER
        if statement is None:  # A status, or the word of another installation, which only its log can judge.
            about = None if status is None else chain_code(parse_entity_id(status[1].subject))
            return Difference.OTHER if kind in (ADDED, RENEWED, ROTATED) or about not in (None, code) else None
        if kind not in (ADDED, RENEWED, ROTATED) or chain_code(parse_entity_id(statement.subject)) != code:
            return Difference.OTHER
        keys = key_digest(federation=statement.federation_keys, service=statement.service_keys)
        parent = chain_code(parse_entity_id(statement.issuer))
        same = self._keys_of(code, evidence) == keys
        stands = self.chain.ask(REGISTRY, "issuerOf", code.encode())[0] == parent.encode()
        return None if same and (stands or kind != ADDED) else Difference.OTHER

    def _keys_of(self, code: str, accreditation: bytes) -> bytes | None:
        """Return the digest of the keys that the chain took from an accreditation."""
        for number in range(self.chain.ask(REGISTRY, "issuerOf", code.encode())[4], 0, -1):
            version = self.chain.ask(REGISTRY, "versionOf", code.encode(), number)
            if bytes(version[4]) == accreditation:
                return bytes(version[3])
        return None

    def _records(self) -> list[Mismatch]:
        """Look whether a page of what was told is on the chain."""
        books: tuple[Book, Book] = (AccreditationBook(), StatusBook())
        first, found_first = self._told(books[0], self.after[0])
        second, found_second = self._told(books[1], self.after[1])
        self.after = (first, second)
        return found_first + found_second

    def _told(self, book: Book, after: bytes | None) -> tuple[bytes | None, list[Mismatch]]:
        contract = Contract(self.chain.chain_id, self.chain.address_of(book.contract))
        with self.database.read() as session:
            rows = store.finals(session, contract, after=after, limit=PAGE)
            items = [(row, book.item(session, row.commitment)) for row in rows]
        found = [
            Mismatch(Difference.MISSING, book.contract, row.code, row.commitment.hex())
            for row, item in items
            if item is None or not item.known(self.chain)
        ]
        return (rows[-1].commitment if len(rows) == PAGE else None), found
