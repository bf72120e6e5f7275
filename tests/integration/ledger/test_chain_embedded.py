"""The embedded chain keeps what it acknowledged, whoever else opens its folder and however it ends."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kernel.clock import ManualClock
from ledger.chain.base import CHECKPOINTS, NO_ROOT, AnchorCall, Chain, SignedTransaction, TreeAlg, log_id_of
from ledger.chain.embedded import EmbeddedChain
from ledger.chain.errors import (
    ChainLockedError,
    ChainMismatchError,
    NonceConflictError,
    NotDeployedError,
    TransactionRefusedError,
)
from ledger.chain.kv import SqliteStore
from tests.integration.ledger.fake_chain import KilledError

SECRET = bytes(range(32))
NOW = datetime(2026, 6, 30, tzinfo=UTC)
CLOCK = ManualClock(NOW)
LOG = log_id_of("localhost:8000/log")
ROOTS = [bytes([number]) * 32 for number in range(1, 10)]
SEED = 20260630


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[EmbeddedChain]:
    chain = EmbeddedChain(tmp_path / "chain", SECRET, clock=CLOCK)
    chain.deploy(LOG, TreeAlg.SM3)
    yield chain
    chain.close()


def signed(chain: Chain, size: int, root: bytes, *, nonce: int | None = None) -> SignedTransaction:
    head = chain.latest_anchor(LOG)
    call = AnchorCall(LOG, size, root, head.size, head.root)
    return chain.sign(call.call, nonce=chain.next_nonce() if nonce is None else nonce)


def anchor(chain: Chain, size: int, root: bytes) -> SignedTransaction:
    transaction = signed(chain, size, root)
    chain.send(transaction)
    return transaction


def test_an_anchor_is_mined_and_final_when_it_is_sent(chain: EmbeddedChain) -> None:
    transaction = anchor(chain, 5, ROOTS[0])
    receipt = chain.receipt(transaction.tx_hash)
    assert receipt is not None
    assert receipt.succeeded
    assert receipt.block_number == 7  # After four creations and the decision to open the log, each in its block.
    assert chain.is_final(receipt)
    assert not chain.is_final(receipt._replace(block_hash=bytes(32)))
    assert chain.latest_anchor(LOG) == (5, ROOTS[0], 1)
    assert (chain.mode, chain.label) == ("embedded", "single node, no consensus")


def test_signing_again_gives_the_same_bytes_and_sending_again_does_nothing(chain: EmbeddedChain) -> None:
    transaction = signed(chain, 5, ROOTS[0])
    assert signed(chain, 5, ROOTS[0]) == transaction
    assert chain.receipt(transaction.tx_hash) is None
    for _ in range(3):
        chain.send(transaction)
    assert chain.latest_anchor(LOG).anchors == 1
    assert chain.next_nonce() == 1


def test_a_nonce_has_one_transaction(chain: EmbeddedChain) -> None:
    anchor(chain, 5, ROOTS[0])
    other = signed(chain, 6, ROOTS[1], nonce=0)
    with pytest.raises(NonceConflictError):
        chain.send(other)
    ahead = signed(chain, 6, ROOTS[1], nonce=7)
    with pytest.raises(TransactionRefusedError):
        chain.send(ahead)
    with pytest.raises(TransactionRefusedError):
        chain.send(ahead._replace(raw=b"\x02\xc0"))
    anchor(chain, 6, ROOTS[1])  # Whatever was refused left nothing behind.
    assert chain.latest_anchor(LOG) == (6, ROOTS[1], 2)


def test_what_the_contract_refuses_is_mined_as_failed(chain: EmbeddedChain) -> None:
    call = AnchorCall(LOG, 5, ROOTS[0], 3, ROOTS[1])
    transaction = chain.sign(call.call, nonce=0)
    chain.send(transaction)
    receipt = chain.receipt(transaction.tx_hash)
    assert receipt is not None
    assert not receipt.succeeded
    assert chain.latest_anchor(LOG) == (0, NO_ROOT, 0)


def test_an_unknown_log(chain: EmbeddedChain) -> None:
    with pytest.raises(NotDeployedError):
        chain.latest_anchor(log_id_of("localhost:8000/other"))
    with pytest.raises(ChainMismatchError):
        chain.deploy(LOG, TreeAlg.SHA256)


def test_it_opens_again_as_it_was(tmp_path: Path) -> None:
    for size in range(1, 5):
        chain = EmbeddedChain(tmp_path, SECRET, clock=ManualClock(NOW.replace(year=2026 + size)))
        address = chain.deploy(LOG, TreeAlg.SM3)
        assert address == chain.contract
        assert chain.latest_anchor(LOG).size == size - 1
        transaction = anchor(chain, size, ROOTS[size])
        receipt = chain.receipt(transaction.tx_hash)
        assert receipt is not None
        assert receipt.block_number == 6 + size
        chain.close()


def test_one_process_at_a_time(chain: EmbeddedChain, tmp_path: Path) -> None:
    with pytest.raises(ChainLockedError):
        EmbeddedChain(tmp_path / "chain", SECRET, clock=CLOCK)
    assert chain.latest_anchor(LOG).size == 0


def test_another_secret_is_another_chain(tmp_path: Path) -> None:
    first = EmbeddedChain(tmp_path / "a", SECRET, clock=CLOCK)
    second = EmbeddedChain(tmp_path / "b", bytes(32), clock=CLOCK)
    assert first.chain_id != second.chain_id
    assert first.writer_of(CHECKPOINTS) != second.writer_of(CHECKPOINTS)
    first.close()
    second.close()
    with pytest.raises(ChainMismatchError):
        EmbeddedChain(tmp_path / "a", bytes(32), clock=CLOCK)
    EmbeddedChain(tmp_path / "a", SECRET, clock=CLOCK).close()  # The failed attempt let go of the lock.


@pytest.mark.parametrize("sent", range(7))
def test_a_start_that_was_cut_short_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: int) -> None:
    real, count = EmbeddedChain._send, 0

    def dies(chain: EmbeddedChain, transaction: SignedTransaction) -> None:
        nonlocal count
        if count == sent:
            raise KilledError
        count += 1
        real(chain, transaction)

    chain = EmbeddedChain(tmp_path, SECRET, clock=CLOCK)
    with monkeypatch.context() as patch:
        patch.setattr(EmbeddedChain, "_send", dies)
        if sent < 6:
            with pytest.raises(KilledError):
                chain.deploy(LOG, TreeAlg.SM3)
        else:
            chain.deploy(LOG, TreeAlg.SM3)
    chain.close()
    chain = EmbeddedChain(tmp_path, SECRET, clock=CLOCK)
    chain.deploy(LOG, TreeAlg.SM3)
    assert chain.latest_anchor(LOG) == (0, NO_ROOT, 0)
    (deployment,) = chain.deployments
    assert (deployment.version, deployment.complete, deployment.first_nonce) == (1, True, 0)
    assert chain._run(lambda: chain._contracts.nonce_of(chain._admin.address)) == 6
    chain.close()


def test_a_commit_that_fails_leaves_the_chain_usable(chain: EmbeddedChain, monkeypatch: pytest.MonkeyPatch) -> None:
    anchor(chain, 5, ROOTS[0])
    transaction = signed(chain, 6, ROOTS[1])

    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(SqliteStore, "__setitem__", full)
        with pytest.raises(TransactionRefusedError):
            chain.send(transaction)
    assert chain.receipt(transaction.tx_hash) is None
    assert chain.latest_anchor(LOG) == (5, ROOTS[0], 1)
    chain.send(transaction)
    assert chain.latest_anchor(LOG) == (6, ROOTS[1], 2)


def test_many_threads_may_ask_and_one_answers(chain: EmbeddedChain) -> None:
    assert chain._run(chain._store.facts)["chain_id"] == str(chain.chain_id)
    with pytest.raises(sqlite3.ProgrammingError):
        chain._store.facts()  # Not from this thread.


WRITER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from ledger.chain.base import AnchorCall, TreeAlg
from ledger.chain.embedded import EmbeddedChain
from kernel.clock import ManualClock

chain = EmbeddedChain(Path(sys.argv[1]), bytes(range(32)), clock=ManualClock(datetime(2026, 6, 30, tzinfo=UTC)))
log = bytes.fromhex(sys.argv[2])
chain.deploy(log, TreeAlg.SM3)
while True:
    head = chain.latest_anchor(log)
    size = head.size + 1
    root = size.to_bytes(32, "big")
    call = AnchorCall(log, size, root, head.size, head.root)
    chain.send(chain.sign(call.call, nonce=chain.next_nonce()))
    print(size, flush=True)
"""


@pytest.mark.kill
def test_what_was_acknowledged_outlives_kill_9(tmp_path: Path) -> None:
    chance = random.Random(SEED)  # noqa: S311 - where to stop, and the same places each time
    acknowledged = 0
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), LOG.hex()], stdout=subprocess.PIPE)
        assert process.stdout is not None
        for _ in range(chance.randint(1, 25)):
            acknowledged = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read().split()
        acknowledged = int(rest[-1]) if rest else acknowledged
        process.stdout.close()
        process.wait(10)

        chain = EmbeddedChain(tmp_path, SECRET, clock=CLOCK)
        head = chain.latest_anchor(LOG)
        assert acknowledged <= head.size <= acknowledged + 1
        assert head == (head.size, head.size.to_bytes(32, "big"), head.size)
        assert chain.next_nonce() == head.size
        chain.close()


def test_the_store_keeps_a_transaction_or_nothing_of_it(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "kv.sqlite3")
    store[b"a"] = b"1"
    with pytest.raises(KilledError), store.transaction():
        store[b"a"] = b"2"
        del store[b"a"]
        store[b"b"] = b"3"
        raise KilledError
    assert (store[b"a"], b"b" in store) == (b"1", False)
    with store.transaction():
        store[b"a"] = b"2"
    store.close()
    store = SqliteStore(tmp_path / "kv.sqlite3")
    assert store[b"a"] == b"2"
    del store[b"a"]
    with pytest.raises(KeyError):
        _ = store[b"a"]
    with pytest.raises(KeyError):
        del store[b"a"]
    store.close()
