"""Tell the chain what the log says, one entry at a time, by the state machine of `transacting`.

Each published entry is told once and in order. One that the contract refuses is tried again,
less and less often; what depends on it waits, and the rest goes on. That the chain then says
what the log says is not believed: `comparing` looks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.exc import IntegrityError

from ledger.anchors.store import Contract
from ledger.anchors.transacting import (
    Transacting,
    advance,
    came_through,
    found,
    may_try_again,
    prepared,
    sign,
    sign_again,
)
from ledger.records import store
from ledger.records.books import Book, Item
from ledger.records.models import LogRecord


@dataclass(frozen=True, slots=True)
class Recording:
    """What recording needs. `patience` of `transacting` is the first wait after a refusal."""

    transacting: Transacting
    book: Book

    @property
    def contract(self) -> Contract:
        """Where it records."""
        chain = self.transacting.chain
        return Contract(chain.chain_id, chain.address_of(self.book.contract))


def run_once(by: Recording) -> int:
    """Take the record that is on its way as far as it goes, or begin one; return the steps made.

    Raises:
        ChainEngineError: The chain cannot be reached, or refuses; the next turn goes on from here.
    """
    database = by.transacting.database
    with database.read() as session:
        row = store.on_the_way(session, by.contract)
        failed = store.failed(session, by.contract) if row is None else ()
        items = by.book.pending(session, by.contract) if row is None else ()
    if row is not None:
        return advance(by.transacting, row)
    for refused in failed:
        if may_try_again(by.transacting, refused):
            through = came_through(by.transacting, refused)
            return advance(by.transacting, refused) if through else _again(by, refused)
    return _begin(by, _first_free(by, items, {refused.code for refused in failed}))


def _first_free(by: Recording, items: Sequence[Item], refused: set[str]) -> Item | None:
    """Return the first entry that nothing before it holds up. What is held up holds up what depends on it."""
    held = set(refused)
    for item in items:
        if item.code in held or item.needs & held or not item.ready(by.transacting.chain):
            held.add(item.code)
            continue
        return item
    return None


def _begin(by: Recording, item: Item | None) -> int:
    """Sign what tells the entry and write it down."""
    if item is None:
        return 0
    if item.known(by.transacting.chain):
        return _note(by, item)
    transaction = sign(by.transacting, item.call(by.transacting.chain))
    columns = prepared(by.transacting, by.contract.address, transaction)
    row = LogRecord(**columns, commitment=item.commitment, code=item.code)
    return 1 + advance(by.transacting, row) if _added(by, row) else 0


def _note(by: Recording, item: Item) -> int:
    """Write down that the chain holds it: it was told before the database was restored from a backup."""
    columns = found(by.transacting, by.contract.address, item.commitment)
    return int(_added(by, LogRecord(**columns, commitment=item.commitment, code=item.code)))


def _added(by: Recording, row: LogRecord) -> bool:
    try:
        with by.transacting.database.write() as session:
            session.add(row)
    except IntegrityError:  # Another process was first: its record is the one to go on with.
        return False
    return True


def _again(by: Recording, refused: LogRecord) -> int:
    """Tell a refused entry again, as the chain is now."""
    with by.transacting.database.read() as session:
        item = by.book.item(session, refused.commitment)
    if item is None:
        raise AssertionError("entries are never deleted")
    return sign_again(by.transacting, refused, item.call(by.transacting.chain))
