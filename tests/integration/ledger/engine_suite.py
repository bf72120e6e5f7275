"""What every engine behind `Chain` must do: one suite, run on each (ADR 0018). Not collected by itself.

A subclass names its engine by a fixture. Tests share one chain, so each opens a log of its own
and counts from where the chain stands.
"""

from __future__ import annotations

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import pytest

from crypto.hashes import sm3
from ledger.chain.base import (
    CHECKPOINTS,
    NO_ROOT,
    REGISTRY,
    STATUS,
    AnchorCall,
    Call,
    Chain,
    ContractName,
    Receipt,
    SignedTransaction,
    TreeAlg,
    log_id_of,
)
from ledger.chain.errors import (
    ChainMismatchError,
    NonceConflictError,
    NotDeployedError,
    TransactionRefusedError,
)

PROVINCE = "0000410000"
PATIENCE = 60


class Engine(Protocol):
    """A chain with our contracts on it, whose panel opens logs and adds provinces when it is asked to."""

    @property
    def chain(self) -> Chain: ...
    @property
    def expected_mode(self) -> str: ...
    def open_log(self, origin: str) -> None: ...
    def add_province(self, code: str, key_digest: bytes) -> None: ...


def root_of(size: int) -> bytes:
    return sm3(size.to_bytes(8, "big"))


def settled(chain: Chain, transaction: SignedTransaction) -> Receipt:
    """Wait until a transaction is in a final block."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        receipt = chain.receipt(transaction.tx_hash)
        if receipt is not None and chain.is_final(receipt):
            return receipt
        time.sleep(0.05)
    raise AssertionError("it does not become final")


def signed(chain: Chain, log: bytes, size: int, *, nonce: int | None = None) -> SignedTransaction:
    head = chain.latest_anchor(log)
    call = AnchorCall(log, size, root_of(size), head.size, head.root).call
    return chain.sign(call, nonce=chain.next_nonce() if nonce is None else nonce)


def anchor(chain: Chain, log: bytes, size: int) -> Receipt:
    transaction = signed(chain, log, size)
    chain.send(transaction)
    receipt = settled(chain, transaction)
    assert receipt.succeeded
    return receipt


class EngineSuite:
    @pytest.fixture
    def chain(self, engine: Engine) -> Chain:
        return engine.chain

    @pytest.fixture
    def log(self, engine: Engine, request: pytest.FixtureRequest) -> bytes:
        origin = f"localhost:8000/{request.node.name}"
        engine.open_log(origin)
        return log_id_of(origin)

    def test_it_says_what_it_is(self, engine: Engine) -> None:
        chain = engine.chain
        assert chain.mode == engine.expected_mode
        assert ("no consensus" in chain.label) == (chain.mode == "embedded")
        assert len(chain.label) <= 64
        assert chain.chain_id > 0

    def test_the_contracts_stand_and_know_the_log(self, chain: Chain, log: bytes) -> None:
        assert chain.deploy(log, TreeAlg.SM3) == chain.deploy(log, TreeAlg.SM3) == chain.contract
        assert chain.latest_anchor(log) == (0, NO_ROOT, 0)
        with pytest.raises(NotDeployedError):
            chain.latest_anchor(log_id_of("localhost:8000/nobody opened it"))
        with pytest.raises(ChainMismatchError):
            chain.deploy(log, TreeAlg.SHA256)

    def test_an_anchor_is_mined_final_and_read(self, chain: Chain, log: bytes) -> None:
        transaction = signed(chain, log, 5)
        assert chain.receipt(transaction.tx_hash) is None
        chain.send(transaction)
        receipt = settled(chain, transaction)
        assert receipt.succeeded
        assert receipt.tx_hash == transaction.tx_hash
        assert receipt.block_number > 0
        assert not chain.is_final(receipt._replace(block_hash=bytes(32)))
        assert not chain.is_final(receipt._replace(block_number=receipt.block_number + 1_000_000))
        assert chain.latest_anchor(log) == (5, root_of(5), 1)
        assert tuple(chain.ask(CHECKPOINTS, "anchorAt", log, 5)[:3]) == (root_of(5), 0, receipt.block_number)

    def test_anchors_follow_one_another(self, chain: Chain, log: bytes) -> None:
        blocks = [anchor(chain, log, size).block_number for size in (3, 8, 20)]
        assert blocks == sorted(set(blocks))
        assert chain.latest_anchor(log) == (20, root_of(20), 3)

    def test_signing_again_gives_the_same_bytes(self, chain: Chain, log: bytes) -> None:
        nonce = chain.next_nonce()
        assert signed(chain, log, 5, nonce=nonce) == signed(chain, log, 5, nonce=nonce)
        assert signed(chain, log, 5, nonce=nonce).raw != signed(chain, log, 5, nonce=nonce + 1).raw

    def test_sending_again_does_nothing(self, chain: Chain, log: bytes) -> None:
        before = chain.next_nonce()
        transaction = signed(chain, log, 5)
        for _ in range(3):
            chain.send(transaction)
        settled(chain, transaction)
        for _ in range(3):
            chain.send(transaction)
        assert chain.latest_anchor(log).anchors == 1
        assert chain.next_nonce() == before + 1

    def test_a_nonce_has_one_transaction(self, chain: Chain, log: bytes) -> None:
        nonce = chain.next_nonce()
        anchor(chain, log, 5)
        with pytest.raises(NonceConflictError):
            chain.send(signed(chain, log, 6, nonce=nonce))
        assert chain.latest_anchor(log) == (5, root_of(5), 1)

    def test_a_nonce_that_is_not_due_makes_no_anchor(self, chain: Chain, log: bytes) -> None:
        """Refused or left waiting: either way it is in no block, and what is due goes on."""
        ahead = signed(chain, log, 6, nonce=chain.next_nonce() + 7)
        with contextlib.suppress(TransactionRefusedError):
            chain.send(ahead)
        assert chain.receipt(ahead.tx_hash) is None
        anchor(chain, log, 5)
        assert chain.latest_anchor(log).size == 5

    def test_what_is_no_transaction_is_refused(self, chain: Chain, log: bytes) -> None:
        transaction = signed(chain, log, 5)
        with pytest.raises(TransactionRefusedError):
            chain.send(transaction._replace(raw=b"\x02\xc0"))
        anchor(chain, log, 5)

    def test_what_the_contract_refuses_is_mined_as_failed(self, chain: Chain, log: bytes) -> None:
        before = chain.next_nonce()
        call = AnchorCall(log, 5, root_of(5), 3, root_of(3)).call  # There is no anchor of 3 before it.
        transaction = chain.sign(call, nonce=before)
        chain.send(transaction)
        assert not settled(chain, transaction).succeeded
        assert chain.latest_anchor(log) == (0, NO_ROOT, 0)
        assert chain.next_nonce() == before + 1
        chain.send(transaction)  # It is in a block: no error.

    def test_each_contract_has_a_writer_of_its_own(self, engine: Engine, log: bytes) -> None:
        chain = engine.chain
        names: tuple[ContractName, ...] = (CHECKPOINTS, REGISTRY, STATUS)
        writers = {name: chain.writer_of(name) for name in names}
        assert len(set(writers.values())) == 3
        before = {name: chain.next_nonce(name) for name in writers}
        engine.add_province(PROVINCE, root_of(1))
        chain.admit_province(PROVINCE, root_of(1))
        chain.admit_province(PROVINCE, root_of(1))
        before[REGISTRY] = chain.next_nonce(REGISTRY)  # The embedded panel needs none, others may.
        city = (b"0000410100", b"0000410000", 3, writers[REGISTRY], root_of(2), root_of(3), 0, 2**63)
        transaction = chain.sign(Call(REGISTRY, "addIssuer", (city,)), nonce=before[REGISTRY])
        chain.send(transaction)
        assert settled(chain, transaction).succeeded
        assert chain.ask(REGISTRY, "issuerOf", b"0000410100")[3] == 1
        assert chain.next_nonce(REGISTRY) == before[REGISTRY] + 1
        assert chain.next_nonce(STATUS) == before[STATUS]
        anchor(chain, log, 5)
        assert chain.next_nonce(CHECKPOINTS) == before[CHECKPOINTS] + 1


class ThreadedEngineSuite(EngineSuite):
    """And for engines that stand on more than one test's thread."""

    def test_many_threads_may_ask(self, chain: Chain, log: bytes) -> None:
        anchor(chain, log, 5)
        with ThreadPoolExecutor(max_workers=4) as pool:
            found = list(pool.map(lambda _: chain.latest_anchor(log), range(12)))
        assert set(found) == {(5, root_of(5), 1)}
