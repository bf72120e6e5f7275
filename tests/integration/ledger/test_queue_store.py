"""Statements about many values at once: each value is taken for itself, on either database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kernel.db import Database
from ledger import queue_store, store
from ledger.packed_store import pack
from tests.integration.ledger.world import credential

NOW = datetime(2026, 9, 1, tzinfo=UTC)
ENTRIES = sorted((credential(number) for number in range(7)), key=lambda entry: entry.commitment)
COMMITMENTS = [entry.commitment for entry in ENTRIES]
ENCODED = [entry.encode() for entry in ENTRIES]


def fill(database: Database) -> None:
    """Queue all but the last; the first three have an index too."""
    with database.write() as session:
        queue_store.enqueue(session, list(zip(COMMITMENTS, ENCODED, strict=True))[:6], NOW)
        store.create_head(session, origin="a.example/log", hash_name="sm3", empty_root=bytes(32))
        assert store.move_sequenced(session, 0, 4)
        assert queue_store.append(session, 4, ENCODED[:3])


def test_no_values_are_none(database: Database) -> None:
    with database.write() as session:
        queue_store.enqueue(session, [], NOW)
        assert not queue_store.append(session, 0, []), "there is no log yet"
        assert queue_store.dequeue(session, []) == 0
        assert queue_store.known_entries(session, []) == {}
        assert queue_store.queued_among(session, []) == queue_store.sequenced_among(session, []) == set()
        assert queue_store.queued_since(session) == {}
        assert not queue_store.is_due(session, NOW)


def test_each_value_is_looked_up_for_itself(database: Database) -> None:
    fill(database)
    with database.read() as session:
        assert queue_store.known_entries(session, COMMITMENTS) == dict(zip(COMMITMENTS[:6], ENCODED, strict=False))
        assert queue_store.queued_among(session, COMMITMENTS) == set(COMMITMENTS[:6])
        assert queue_store.sequenced_among(session, COMMITMENTS[2:]) == {COMMITMENTS[2]}
        assert queue_store.queued_since(session) == {ENCODED[0][:11]: NOW}


def test_the_queue_is_read_in_the_order_of_commitments(database: Database) -> None:
    fill(database)
    with database.read() as session:
        first = queue_store.queued(session, until=NOW, after=b"", limit=4)
        assert first == ENCODED[:4]
        assert queue_store.queued(session, until=NOW, after=first[-1][11:], limit=4) == ENCODED[4:6]
        assert queue_store.queued(session, until=NOW, after=b"", limit=4, but={ENCODED[0][:11]}) == []
        earlier = NOW - timedelta(seconds=1)
        assert queue_store.queued(session, until=earlier, after=b"", limit=4) == []
        assert (queue_store.is_due(session, NOW), queue_store.is_due(session, earlier)) == (True, False)


def test_only_what_is_named_leaves_the_queue(database: Database) -> None:
    fill(database)
    with database.write() as session:
        assert queue_store.dequeue(session, [COMMITMENTS[4], COMMITMENTS[0], COMMITMENTS[6]]) == 2
        assert queue_store.queued_among(session, COMMITMENTS) == {*COMMITMENTS[1:4], COMMITMENTS[5]}


def test_what_is_queued_already_keeps_its_time(database: Database) -> None:
    fill(database)
    with database.write() as session:
        queue_store.enqueue(session, list(zip(COMMITMENTS, ENCODED, strict=True)), NOW + timedelta(days=1))
        assert queue_store.queued(session, until=NOW, after=b"", limit=9) == ENCODED[:6]


def test_a_value_of_another_width_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        pack([bytes(32), bytes(31), bytes(33)], 32)
