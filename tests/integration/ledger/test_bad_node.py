"""Anchoring through a node that fails as nodes do, at random: each size once, in order, and none lost."""

from __future__ import annotations

import random
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from eth_utils.exceptions import ValidationError
from requests.exceptions import ConnectionError as BrokenConnection
from requests.exceptions import ReadTimeout
from web3 import EthereumTesterProvider
from web3.types import RPCEndpoint, RPCResponse

from kernel.clock import ManualClock
from kernel.db import Database
from ledger.anchors import store as anchor_store
from ledger.anchors.anchoring import Anchoring, run_once
from ledger.anchors.transactions import TransactionState
from ledger.chain.base import CHECKPOINTS, TreeAlg, log_id_of
from ledger.chain.errors import AnchorConflictError, ChainEngineError, ChainUnavailableError
from ledger.chain.rpc import RpcChain, http_provider
from tests.integration.ledger.chain_world import CHAIN_ID, ChainWorld, MemoryGround
from tests.integration.ledger.test_anchoring import ORIGIN, publish, root_of
from tests.integration.ledger.test_chain_rpc import PROFILE, SEND, chain_of

SEED: Final = 20261122
SIZES: Final = range(3, 40, 3)
RECEIPT: Final = "eth_getTransactionReceipt"
CHANGING: Final = (
    "eth_blockNumber",
    "eth_call",
    "eth_getTransactionByHash",
    "eth_getTransactionCount",
    RECEIPT,
)


class BadNode(EthereumTesterProvider):
    """A chain in memory behind a node that has a bad day. `faults` counts what it did."""

    def __init__(self, ground: MemoryGround, pick: random.Random) -> None:
        super().__init__(ground.tester)
        self.pick = pick
        self.share = 0.0
        """How many of its answers are bad."""
        self.faults: dict[str, int] = {}
        self._before: dict[tuple[str, str], RPCResponse] = {}

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        if method == "eth_chainId":  # eth-tester answers with a constant, whatever the chain's is.
            return _answer(hex(CHAIN_ID))
        if self.pick.random() >= self.share:
            return self._honest(method, params)
        fault = self.pick.choice(["no answer", "answer lost", "objection" if method == SEND else "old state"])
        if method == RECEIPT and self.pick.random() < 0.3:
            fault = "lie"
        self.faults[fault] = self.faults.get(fault, 0) + 1
        if fault == "no answer":
            raise ReadTimeout("read timed out")
        if fault == "old state":
            # As it answered before: a node that is some blocks behind.
            return self._before.get((method, repr(params))) or self._honest(method, params)
        if fault == "lie":
            return _answer(_success(params[0], self.pick.randbytes(32)))
        answer = self._honest(method, params)
        if fault == "answer lost":
            raise BrokenConnection("connection reset")
        message = self.pick.choice(["already known", "nonce too low", "tx already in mempool"])
        return answer if "error" in answer else _error(message)

    def _honest(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        try:
            answer = super().make_request(method, params)
        except ValidationError as error:
            return _error(str(error))
        if method in CHANGING:
            self._before[method, repr(params)] = answer
        return answer


def _answer(result: Any) -> RPCResponse:
    return {"jsonrpc": "2.0", "id": 1, "result": result}


def _error(message: str) -> RPCResponse:
    return {"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": message}}


def _success(tx_hash: str, block: bytes) -> dict[str, Any]:
    """Return a receipt of a block that nobody has."""
    whose = "0x" + "00" * 20
    return {
        "transactionHash": tx_hash,
        "transactionIndex": "0x0",
        "blockHash": f"0x{block.hex()}",
        "blockNumber": "0x1",
        "from": whose,
        "to": whose,
        "contractAddress": None,
        "cumulativeGasUsed": "0x1",
        "gasUsed": "0x1",
        "effectiveGasPrice": "0x1",
        "logs": [],
        "logsBloom": "0x" + "00" * 256,
        "status": "0x1",
        "type": "0x2",
    }


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[ChainWorld]:
    ground = MemoryGround(tmp_path)
    world = ChainWorld(ground)
    world.decide(CHECKPOINTS, "openLog", log_id_of(ORIGIN), int(TreeAlg.SM3), world.submitter.address)
    yield world
    ground.close()


def _by(opened: ChainWorld, node: BadNode, database: Database, clock: ManualClock) -> Anchoring:
    return Anchoring(database, chain_of(node, opened), clock, ORIGIN, timedelta(0))  # type: ignore[arg-type]


def _try(by: Anchoring) -> None:
    """Take a turn as the worker does: what fails is tried again at the next one."""
    with suppress(ChainEngineError):
        run_once(by)


def test_each_size_is_anchored_once_and_in_order_through_a_node_with_a_bad_day(
    sqlite_database: Database, opened: ChainWorld, clock: ManualClock
) -> None:
    """Time-outs, lost answers, objections to what it took, old state, receipts of blocks that nobody has."""
    sys.stdout.write(f"seed {SEED}\n")
    node = BadNode(opened.ground, random.Random(SEED))  # type: ignore[arg-type]  # noqa: S311
    by = _by(opened, node, sqlite_database, clock)
    for size in SIZES:
        publish(sqlite_database, size)
        node.share = 0.4
        for _ in range(6):
            _try(by)
            clock.move(timedelta(seconds=1))
            opened.ground.pass_blocks(1)
    node.share = 0
    for _ in range(4):
        run_once(by)
        opened.ground.pass_blocks(1)
    with sqlite_database.read() as session:
        rows = anchor_store.history(session, by.contract)
    assert set(node.faults) == {"no answer", "answer lost", "objection", "old state", "lie"}
    assert {row.state for row in rows} == {TransactionState.FINAL}
    assert rows[-1].tree_size == SIZES[-1]
    # The contract counts as many anchors as there are rows: none twice, none lost.
    assert by.chain.latest_anchor(by.log_id) == (SIZES[-1], root_of(SIZES[-1]), len(rows))
    assert by.chain.next_nonce() == len(rows)
    assert [row.previous_size for row in rows[1:]] == [row.tree_size for row in rows[:-1]]
    for row in rows:
        receipt = by.chain.receipt(row.tx_hash)
        assert receipt is not None
        assert (receipt.succeeded, receipt.block_number, receipt.block_hash) == (
            True,
            row.block_number,
            row.block_hash,
        )


def test_a_receipt_that_a_lone_node_made_up_is_found_at_the_next_anchor(
    sqlite_database: Database, opened: ChainWorld, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names a block that stands, so nothing contradicts it yet. Two nodes that must agree find it at once."""
    node = BadNode(opened.ground, random.Random(SEED))  # type: ignore[arg-type]  # noqa: S311
    by = _by(opened, node, sqlite_database, clock)
    publish(sqlite_database, 3)
    stands = bytes(opened.web3.eth.get_block(1)["hash"])
    real = node._honest

    def lies(method: RPCEndpoint, params: Any) -> RPCResponse:
        return _answer(_success(params[0], stands)) if method == RECEIPT else real(method, params)

    with monkeypatch.context() as patch:
        patch.setattr(node, "_honest", lies)
        run_once(by)
        opened.ground.pass_blocks(PROFILE.confirmations)
        run_once(by)
    with sqlite_database.read() as session:
        assert [row.state for row in anchor_store.history(session, by.contract)] == [TransactionState.FINAL]
    publish(sqlite_database, 6)
    with pytest.raises(AnchorConflictError):
        run_once(by)
    assert by.chain.next_nonce() == 0  # Nothing goes on from a history that the chain does not have.


def test_a_node_that_takes_the_connection_and_never_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        held: list[socket.socket] = []
        thread = threading.Thread(target=lambda: held.append(listener.accept()[0]))
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        chain = RpcChain(
            http_provider(url, seconds=0.2),
            PROFILE,
            chain_id=CHAIN_ID,
            contracts={CHECKPOINTS: "0x" + "11" * 20},
            keys={CHECKPOINTS: b"k" * 32},
        )
        with pytest.raises(ChainUnavailableError):
            chain.next_nonce()
        thread.join(5)
        for connection in held:
            connection.close()
