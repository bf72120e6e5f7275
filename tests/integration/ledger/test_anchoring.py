"""Anchoring goes on after any crash, anchors each size once and in order, and stops where histories differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from crypto.encoding import from_b64
from crypto.hashes import sm3
from kernel.clock import ManualClock
from kernel.db import Database
from ledger import store as log_store
from ledger.anchors import store as anchor_store
from ledger.anchors import transaction_store
from ledger.anchors.anchoring import MAX_GROWTH, Anchoring, anchor_of, run_once
from ledger.anchors.models import LogAnchor
from ledger.anchors.store import anchors
from ledger.anchors.transactions import TransactionState
from ledger.chain.base import SignedTransaction, TreeAlg, log_id_of
from ledger.chain.embedded import EmbeddedChain
from ledger.chain.errors import AnchorConflictError, ChainUnavailableError
from ledger.formats.merkle import TreeHead
from tests.integration.ledger.fake_chain import FakeChain, KilledError

ORIGIN = "localhost:8000/log"
SEED = 20260630
MINUTE = timedelta(minutes=1)


def root_of(size: int) -> bytes:
    return sm3(size.to_bytes(8, "big"))


def publish(database: Database, *sizes: int) -> None:
    """Let the log have published checkpoints of these sizes."""
    at = datetime(2026, 6, 30, tzinfo=UTC)
    for size in sizes:
        with database.write() as session:
            log_store.add_checkpoint(session, TreeHead(size, root_of(size)), "note", at)
            log_store.publish_checkpoint(session, size, "note", at)


@pytest.fixture
def chain() -> FakeChain:
    return FakeChain()


@pytest.fixture
def by(database: Database, chain: FakeChain, clock: ManualClock) -> Anchoring:
    return Anchoring(database, chain, clock, ORIGIN, MINUTE)


def rows(by: Anchoring) -> Sequence[LogAnchor]:
    with by.database.read() as session:
        return anchor_store.history(session, by.contract)


def states(by: Anchoring) -> list[tuple[int, str]]:
    return [(row.tree_size, row.state) for row in rows(by)]


def test_nothing_published_nothing_anchored(by: Anchoring, chain: FakeChain) -> None:
    assert run_once(by) == 0
    with by.database.write() as session:
        log_store.add_checkpoint(session, TreeHead(3, root_of(3)), "note", by.clock.now())
    assert run_once(by) == 0  # Signed, and without its quorum.
    assert rows(by) == []
    assert chain.sent == []


def test_the_newest_checkpoint_is_anchored_and_shown(by: Anchoring, chain: FakeChain) -> None:
    publish(by.database, 3, 8)
    assert run_once(by) == 4  # Prepared, sent, mined, final.
    assert run_once(by) == 0
    assert chain.sequence == [(8, root_of(8))]
    with by.database.read() as session:
        for size in (1, 3, 8):
            found = anchor_of(session, size)
            assert found is not None
            assert (found.tree_size, found.root_hash) == (8, root_of(8))
        assert anchor_of(session, 9) is None
        found = anchor_of(session, 8)
    assert found is not None
    shown = found.as_bundle()
    transaction = chain.sent[0]
    assert from_b64(shown.pop("root")) == root_of(8)
    assert shown == {
        "mode": "rpc",
        "chain_id": 7,
        "contract": chain.contract,
        "transaction": f"0x{transaction.tx_hash.hex()}",
        "block_number": 1,
        "block_hash": f"0x{rows(by)[0].block_hash.hex()}",  # type: ignore[union-attr]
        "size": 8,
    }


def test_anchors_keep_their_distance_in_time(by: Anchoring, chain: FakeChain, clock: ManualClock) -> None:
    publish(by.database, 3)
    run_once(by)
    publish(by.database, 5, 9)
    clock.move(MINUTE - timedelta(seconds=1))
    assert run_once(by) == 0
    clock.move(timedelta(seconds=1))
    assert run_once(by) == 4
    assert chain.sequence == [(3, root_of(3)), (9, root_of(9))]
    with by.database.read() as session:
        assert [found.tree_size for found in anchors(session, 10)] == [9, 3]
        assert [found.tree_size for found in anchors(session, 1)] == [9]
        assert [found.tree_size for found in anchors(session, 10, below=9)] == [3]


def test_a_log_that_grew_by_more_than_one_anchor_may(by: Anchoring, chain: FakeChain, clock: ManualClock) -> None:
    publish(by.database, 3, MAX_GROWTH, MAX_GROWTH + 5, 3 * MAX_GROWTH)
    for _ in range(3):
        run_once(by)
        clock.move(MINUTE)
    assert [size for size, _ in chain.sequence] == [MAX_GROWTH, MAX_GROWTH + 5]


@pytest.mark.parametrize("where", ["before send", "after send", "after receipt"])
def test_it_goes_on_where_it_was_killed(by: Anchoring, chain: FakeChain, where: str, clock: ManualClock) -> None:
    publish(by.database, 3)
    chain.dies = {where}
    with pytest.raises(KilledError):
        run_once(by)
    written = rows(by)[0].raw_tx
    publish(by.database, 6)
    run_once(by)
    assert states(by) == [(3, "final")]
    assert [transaction.raw for transaction in chain.sent] == [written]
    clock.move(MINUTE)
    run_once(by)
    assert chain.sequence == [(3, root_of(3)), (6, root_of(6))]


def test_killed_between_signing_and_writing_nothing_was_sent(
    by: Anchoring, chain: FakeChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(by.database, 3)

    def die(*_: object, **__: object) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr("ledger.anchors.anchoring.LogAnchor", die)
        with pytest.raises(KilledError):
            run_once(by)
    assert (rows(by), chain.sent) == ([], [])
    run_once(by)
    assert chain.sequence == [(3, root_of(3))]


def test_killed_at_every_write(by: Anchoring, chain: FakeChain, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(by.database, 3)
    real = transaction_store.change
    for state in (TransactionState.SENT, TransactionState.MINED, TransactionState.FINAL):

        def die(*args: object, at_state: TransactionState = state, **values: object) -> bool:
            if args[2] == at_state:
                raise KilledError
            return real(*args, **values)  # type: ignore[arg-type]

        with monkeypatch.context() as patch:
            patch.setattr(transaction_store, "change", die)
            with pytest.raises(KilledError):
                run_once(by)
        assert len(chain.sent) == 1
    run_once(by)
    assert states(by) == [(3, "final")]
    assert len(chain.sent) == 1


def test_a_chain_that_takes_its_time(by: Anchoring, chain: FakeChain) -> None:
    chain.mines_at_once, chain.confirmations = False, 2
    publish(by.database, 3)
    assert run_once(by) == 2
    assert states(by) == [(3, "sent")]
    publish(by.database, 5)
    assert run_once(by) == 0  # Still waiting: nothing overtakes it, nothing is signed anew.
    assert len(chain.sent) == 1
    chain.mine()
    assert run_once(by) == 1
    assert states(by) == [(3, "mined")]
    chain.add_empty_block()
    assert run_once(by) == 1
    assert states(by) == [(3, "final")]


def test_a_transaction_that_the_chain_lost_is_sent_again_unchanged(by: Anchoring, chain: FakeChain) -> None:
    chain.mines_at_once = False
    publish(by.database, 3)
    run_once(by)
    chain.waiting.clear()
    chain.mines_at_once = True
    assert run_once(by) == 2
    assert len(chain.sent) == 2
    assert len(set(chain.sent)) == 1


def test_a_block_that_was_replaced_before_it_was_final(by: Anchoring, chain: FakeChain) -> None:
    chain.confirmations = 2
    publish(by.database, 3)
    run_once(by)
    first = rows(by)[0].block_hash
    chain.fork = 1
    assert run_once(by) == 1
    assert rows(by)[0].block_hash != first
    chain.forget(1)
    run_once(by)
    chain.add_empty_block()
    run_once(by)
    assert states(by) == [(3, "final")]
    assert len(set(chain.sent)) == 1


def test_an_offline_chain(by: Anchoring, chain: FakeChain) -> None:
    publish(by.database, 3)
    chain.offline = True
    for _ in range(2):
        with pytest.raises(ChainUnavailableError):
            run_once(by)
    assert rows(by) == []
    chain.offline = False
    assert run_once(by) == 4


def test_what_the_contract_refuses_is_signed_again_later_and_less_often(
    by: Anchoring, chain: FakeChain, clock: ManualClock
) -> None:
    chain.paused = True
    publish(by.database, 3)
    run_once(by)
    assert states(by) == [(3, "failed")]
    assert run_once(by) == 0
    clock.move(MINUTE)
    assert run_once(by) == 1  # Signed again,
    assert run_once(by) == 1  # sent, and refused once more.
    assert [row.attempts for row in rows(by)] == [1]
    clock.move(MINUTE)
    assert run_once(by) == 0  # It waits twice as long now.
    chain.paused = False
    clock.move(MINUTE)
    run_once(by)
    run_once(by)
    assert states(by) == [(3, "final")]
    assert chain.sequence == [(3, root_of(3))]
    assert len({transaction.nonce for transaction in chain.sent}) == 3


def test_a_nonce_that_somebody_else_took(by: Anchoring, chain: FakeChain, clock: ManualClock) -> None:
    publish(by.database, 3)
    chain.dies = {"before send"}
    with pytest.raises(KilledError):
        run_once(by)
    chain.add_empty_block()
    run_once(by)
    assert states(by) == [(3, "failed")]
    clock.move(MINUTE)
    run_once(by)
    run_once(by)
    assert chain.sequence == [(3, root_of(3))]


def test_a_chain_that_lost_a_final_anchor(by: Anchoring, chain: FakeChain, clock: ManualClock) -> None:
    publish(by.database, 3)
    run_once(by)
    publish(by.database, 5)
    clock.move(MINUTE)
    chain.forget(1)
    with pytest.raises(AnchorConflictError):
        run_once(by)
    assert states(by) == [(3, "final")]


def test_a_chain_whose_final_block_changed(by: Anchoring, chain: FakeChain, clock: ManualClock) -> None:
    publish(by.database, 3)
    run_once(by)
    publish(by.database, 5)
    clock.move(MINUTE)
    chain.fork = 9
    with pytest.raises(AnchorConflictError):
        run_once(by)


def test_a_chain_that_knows_more_than_was_published(by: Anchoring, chain: FakeChain) -> None:
    publish(by.database, 3)
    chain.sequence = [(7, root_of(7))]
    with pytest.raises(AnchorConflictError):
        run_once(by)
    assert rows(by) == []


def test_a_chain_that_knows_another_tree_of_that_size(by: Anchoring, chain: FakeChain) -> None:
    publish(by.database, 3, 5)
    chain.sequence = [(3, root_of(4))]
    with pytest.raises(AnchorConflictError):
        run_once(by)
    chain.sequence = [(5, root_of(4))]
    with pytest.raises(AnchorConflictError):
        run_once(by)


def test_a_database_from_a_backup_goes_on_after_the_chain(by: Anchoring, chain: FakeChain) -> None:
    publish(by.database, 3, 5)
    chain.sequence = [(5, root_of(5))]
    assert run_once(by) == 0
    publish(by.database, 8)
    assert run_once(by) == 4
    assert chain.sequence == [(5, root_of(5)), (8, root_of(8))]


def test_somebody_else_who_anchors_this_log(by: Anchoring, chain: FakeChain, clock: ManualClock) -> None:
    chain.paused = True
    publish(by.database, 3)
    run_once(by)
    chain.sequence = [(4, root_of(4))]
    clock.move(MINUTE)
    with pytest.raises(AnchorConflictError):
        run_once(by)


def test_two_anchorers_make_one_anchor(by: Anchoring, chain: FakeChain, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(by.database, 3)
    other = replace(by)
    real = anchor_store.newest_published

    def meanwhile(*args: object, **values: object) -> object:
        """While one looks, the other anchors."""
        found = real(*args, **values)  # type: ignore[arg-type]
        monkeypatch.undo()
        assert run_once(other) == 4
        chain.sequence.clear()  # As the slower one saw it.
        return found

    monkeypatch.setattr(anchor_store, "newest_published", meanwhile)
    run_once(by)
    assert states(by) == [(3, "final")]
    assert len(chain.sent) == 1


def test_two_anchorers_send_one_transaction(by: Anchoring, chain: FakeChain, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(by.database, 3)
    real = chain.send

    def meanwhile(transaction: SignedTransaction) -> None:
        """While one sends, the other takes it to its end."""
        monkeypatch.undo()
        assert run_once(replace(by)) == 3
        real(transaction)

    monkeypatch.setattr(chain, "send", meanwhile)
    assert run_once(by) == 1
    assert states(by) == [(3, "final")]
    assert len(chain.sent) == 1


def test_a_step_that_another_anchorer_has_made(by: Anchoring) -> None:
    publish(by.database, 3)
    run_once(by)
    (stale,) = rows(by)
    stale.state = TransactionState.PREPARED
    with by.database.write() as session:
        assert not transaction_store.change(session, stale, TransactionState.SENT, at=by.clock.now())
    assert states(by) == [(3, "final")]


def test_on_the_embedded_chain(sqlite_database: Database, tmp_path: Path, clock: ManualClock) -> None:
    chain = EmbeddedChain(tmp_path / "chain", bytes(32), clock=clock)
    chain.deploy(log_id_of(ORIGIN), TreeAlg.SM3)
    by = Anchoring(sqlite_database, chain, clock, ORIGIN, timedelta(0))
    for size in (3, 8, 20):
        publish(sqlite_database, size)
        assert run_once(by) == 4
    assert chain.latest_anchor(by.log_id) == (20, root_of(20), 3)
    with sqlite_database.read() as session:
        found = anchor_of(session, 4)
        assert found is not None
        assert (found.tree_size, found.mode, found.label) == (8, "embedded", "single node, no consensus")
        assert (found.chain_id, found.contract) == (chain.chain_id, chain.contract)
    chain.close()
