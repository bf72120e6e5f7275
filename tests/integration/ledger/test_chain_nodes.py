"""Several nodes of one chain, some of them broken, behind or lying: anchoring goes on, in order, each size once."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from requests.exceptions import ConnectionError as BrokenConnection
from requests.exceptions import ReadTimeout
from web3 import Web3
from web3.providers import BaseProvider
from web3.types import RPCEndpoint, RPCResponse

from kernel.clock import ManualClock
from kernel.db import Database
from ledger.anchors import store as anchor_store
from ledger.anchors.anchoring import Anchoring, run_once
from ledger.chain.agreement import Agreement
from ledger.chain.base import CHECKPOINTS, TreeAlg, log_id_of
from ledger.chain.consortium import Consortium
from ledger.chain.deployments import DeploymentsFile, Panel
from ledger.chain.errors import (
    AnchorConflictError,
    ChainEngineError,
    ChainMismatchError,
    ChainUnavailableError,
    NonceConflictError,
    NotDeployedError,
    TransactionRefusedError,
)
from ledger.chain.keys import WRITERS
from ledger.chain.nodes import LAG, LOOK_EVERY_SECONDS, REST_SECONDS, Nodes
from ledger.chain.rpc import PROFILES, RpcChain, agreeing, honest_label, provider_of, told_validators
from tests.integration.ledger.chain_world import CHAIN_ID, MemoryGround
from tests.integration.ledger.fake_chain import FakeChain
from tests.integration.ledger.test_anchoring import ORIGIN, publish, root_of
from tests.integration.ledger.test_chain_rpc import SEND, Node, _error
from tests.integration.ledger.test_deployments import ONCE

LOG = log_id_of(ORIGIN)
RECEIPT, TRANSACTION, COUNT = "eth_getTransactionReceipt", "eth_getTransactionByHash", "eth_getTransactionCount"
Lie = Callable[[Any, RPCResponse], Any]


class Wired(BaseProvider):
    """A node as it looks through JSON-RPC, honest or spoilt. Names of methods say where."""

    def __init__(self, ground: MemoryGround) -> None:
        super().__init__()
        node = Node(ground)
        web3 = Web3(node)
        self._answer = node.request_func(web3, web3.middleware_onion)
        self.calls: list[str] = []
        self.gone: set[str] = set()
        """No connection, or no answer in time, and nothing is done."""
        self.hangs: set[str] = set()
        """Carried out, and the answer never comes."""
        self.refuses: dict[str, str] = {}
        self.objects: dict[str, str] = {}
        """Carried out, and an error is said."""
        self.lies: dict[str, Lie] = {}
        self.swallows = False
        """Says that it took a transaction, and drops it."""

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        self.calls.append(method)
        if method in self.gone:
            raise BrokenConnection("no route to host")
        if method in self.refuses:
            return _error(self.refuses[method])
        if method == SEND and self.swallows:
            return {"jsonrpc": "2.0", "id": 1, "result": "0x" + "00" * 32}
        response = self._answer(method, params)
        if isinstance(response.get("result"), int) and not isinstance(response["result"], bool):
            response = {**response, "result": hex(response["result"])}  # eth-tester hands on numbers.
        if method in self.hangs:
            raise ReadTimeout("no answer in time")
        if method in self.objects:
            return _error(self.objects[method])
        if method in self.lies:
            return {**response, "result": self.lies[method](params, response)}
        return response


EVERYTHING = {"eth_chainId", "eth_blockNumber", "eth_getBlockByNumber", "eth_call", SEND, RECEIPT, TRANSACTION, COUNT}


def behind(ground: MemoryGround, folder: Path) -> MemoryGround:
    """Return the chain as it is now, in a node that will hear of nothing more."""
    folder.mkdir()
    with (
        closing(sqlite3.connect(folder.parent / "chain.sqlite3")) as source,
        closing(sqlite3.connect(folder / "chain.sqlite3")) as target,
    ):
        source.backup(target)
    assert ground.web3.eth.block_number
    return MemoryGround(folder)


@dataclass
class Stage:
    """A chain with our contracts and the log open on it, two honest nodes and one that a test spoils."""

    ground: MemoryGround
    spoilt: Wired
    honest: tuple[Wired, Wired]
    addresses: Any
    keys: Any
    database: Database
    clock: ManualClock
    folder: Path

    def chain(self, *nodes: Wired, agree: int = 2) -> RpcChain:
        found = nodes or (self.spoilt, *self.honest)
        return RpcChain(
            found, ONCE, chain_id=CHAIN_ID, contracts=self.addresses, keys=self.keys, agree=min(agree, len(found))
        )

    def anchoring(self, chain: RpcChain) -> Anchoring:
        return Anchoring(self.database, chain, self.clock, ORIGIN, timedelta(0))

    def states(self, by: Anchoring) -> list[tuple[int, str]]:
        with by.database.read() as session:
            return sorted((row.tree_size, row.state) for row in anchor_store.history(session, by.contract))

    def held(self) -> list[tuple[int, bytes, int]]:
        """What the chain truly holds."""
        return [self.chain(self.honest[0]).latest_anchor(LOG)]


@pytest.fixture
def stage(tmp_path: Path, sqlite_database: Database, clock: ManualClock) -> Iterator[Stage]:
    ground = MemoryGround(tmp_path)
    honest = (Wired(ground), Wired(ground))
    member = Consortium(honest[0], ONCE, chain_id=CHAIN_ID, key=bytes(ground.accounts[0].key))
    panel = Panel(members=(ground.accounts[0].address,))
    deployment = member.deploy(DeploymentsFile(tmp_path / "deployments.json"), panel)
    accounts = dict(zip(WRITERS, ground.accounts[3:], strict=False))
    assert member.open_log(deployment, LOG, TreeAlg.SM3, accounts[CHECKPOINTS].address) is None
    keys = {name: bytes(account.key) for name, account in accounts.items()}
    yield Stage(ground, Wired(ground), honest, deployment.addresses, keys, sqlite_database, clock, tmp_path)
    ground.close()


def turns(by: Anchoring, count: int = 6) -> list[ChainEngineError]:
    """Take turns as the worker does, whatever the chain says."""
    refused = []
    for _ in range(count):
        try:
            run_once(by)
        except ChainEngineError as error:
            refused.append(error)
    return refused


# What one node does, and anchoring over three of them


def test_the_answer_to_a_transaction_never_comes(stage: Stage) -> None:
    stage.spoilt.hangs = {SEND}
    by = stage.anchoring(stage.chain())
    publish(stage.database, 3)
    turns(by)
    assert stage.states(by) == [(3, "final")]
    assert stage.held() == [(3, root_of(3), 1)]


def test_a_node_where_everything_hangs(stage: Stage) -> None:
    stage.spoilt.hangs = EVERYTHING
    by = stage.anchoring(stage.chain())
    publish(stage.database, 3)
    assert turns(by) == []
    asked = len(stage.spoilt.calls)
    publish(stage.database, 8)
    turns(by)
    assert stage.states(by) == [(3, "final"), (8, "final")]
    assert len(stage.spoilt.calls) == asked  # Resting: nobody waits for it again.


def test_a_transaction_that_reaches_two_nodes_is_one(stage: Stage) -> None:
    """The first does not answer to it, so the next gets it too; both hand it on."""
    stage.spoilt.hangs = {SEND}
    stage.honest[0].objects = {SEND: "already known"}
    by = stage.anchoring(stage.chain())
    publish(stage.database, 3)
    turns(by)
    assert stage.states(by) == [(3, "final")]
    assert stage.held() == [(3, root_of(3), 1)]


def test_a_receipt_of_what_is_in_no_block(stage: Stage) -> None:
    """It drops the transaction and shows a receipt: nothing is final that others do not hold."""
    head = stage.ground.web3.eth.get_block("latest")
    at = {"blockNumber": hex(head["number"]), "blockHash": head["hash"].to_0x_hex(), "status": "0x1", "logs": []}
    stage.spoilt.swallows = True
    stage.spoilt.lies = {RECEIPT: lambda params, _: {**at, "transactionHash": params[0]}}
    by = stage.anchoring(stage.chain())
    publish(stage.database, 3)
    run_once(by)
    assert stage.states(by) != [(3, "final")]
    turns(by)
    assert stage.states(by) == [(3, "final")]
    assert stage.held() == [(3, root_of(3), 1)]


def test_a_receipt_that_says_failed(stage: Stage) -> None:
    """One node's word kills no transaction: it would be signed again, and be a second one."""
    stage.spoilt.lies = {RECEIPT: _failed}
    by = stage.anchoring(stage.chain())
    publish(stage.database, 3)
    turns(by)
    assert stage.states(by) == [(3, "final")]
    assert stage.held() == [(3, root_of(3), 1)]
    with by.database.read() as session:
        assert [row.attempts for row in anchor_store.history(session, by.contract)] == [0]


def _failed(_: Any, response: RPCResponse) -> Any:
    found: Any = response["result"]
    return found and {**found, "status": 0}


def test_a_receipt_that_is_hidden(stage: Stage) -> None:
    stage.spoilt.lies = {RECEIPT: lambda *_: None, TRANSACTION: lambda *_: None}
    by = stage.anchoring(stage.chain())
    publish(stage.database, 3)
    turns(by)
    assert stage.states(by) == [(3, "final")]
    assert stage.held() == [(3, root_of(3), 1)]


def test_a_node_that_will_not_say(stage: Stage) -> None:
    stage.spoilt.refuses = {RECEIPT: "internal error"}
    by = stage.anchoring(stage.chain())
    publish(stage.database, 3)
    turns(by)
    assert stage.states(by) == [(3, "final")]
    with pytest.raises(ChainUnavailableError):
        stage.chain(stage.spoilt).receipt(bytes(32))


def test_a_node_that_drops_what_it_takes(stage: Stage) -> None:
    stage.spoilt.swallows = True
    by = stage.anchoring(stage.chain())
    publish(stage.database, 3)
    turns(by)
    assert stage.states(by) == [(3, "final")]
    assert stage.spoilt.calls.count(SEND) == 3


def test_nonce_too_low_and_a_count_that_is_wrong(stage: Stage) -> None:
    """It says that another transaction took our nonce, twice over. What others say counts."""
    stage.spoilt.refuses = {SEND: "nonce too low"}
    stage.spoilt.lies = {COUNT: lambda *_: 77}
    chain = stage.chain()
    by = stage.anchoring(chain)
    assert chain.next_nonce() == 0
    publish(stage.database, 3)
    assert {type(error) for error in turns(by, 3)} == {TransactionRefusedError}
    assert stage.states(by) == [(3, "prepared")]  # Waiting, and not taken for dead.
    stage.spoilt.refuses = {}
    turns(by)
    assert stage.states(by) == [(3, "final")]


def test_a_node_with_an_old_state(stage: Stage) -> None:
    old = behind(stage.ground, stage.folder / "old")
    by = stage.anchoring(stage.chain(Wired(old), *stage.honest))
    publish(stage.database, 3)
    # It takes what it is sent into a chain of its own: all other nodes know nothing of that block.
    turns(by)
    assert stage.states(by) == [(3, "mined")]
    stage.ground.pass_blocks(2)
    turns(by)
    publish(stage.database, 8)
    turns(by)
    assert stage.states(by) == [(3, "final"), (8, "final")]
    assert stage.held() == [(8, root_of(8), 2)]
    old.close()


def test_a_single_node_that_went_back_to_an_old_state(stage: Stage) -> None:
    """Without others to ask, nothing is anchored on it: a person, or time, puts it right."""
    old = behind(stage.ground, stage.folder / "old")
    first = stage.anchoring(stage.chain(stage.honest[0]))
    publish(stage.database, 3)
    turns(first)
    by = stage.anchoring(stage.chain(Wired(old)))
    publish(stage.database, 8)
    assert {type(error) for error in turns(by)} == {AnchorConflictError}
    assert stage.states(by) == [(3, "final")]
    turns(first)
    assert stage.held() == [(8, root_of(8), 2)]
    old.close()


def test_all_nodes_are_gone(stage: Stage) -> None:
    for node in (stage.spoilt, *stage.honest):
        node.gone = EVERYTHING
    by = stage.anchoring(stage.chain())
    publish(stage.database, 3)
    assert {type(error) for error in turns(by)} == {ChainUnavailableError}
    assert stage.states(by) == []
    for node in (stage.spoilt, *stage.honest):
        node.gone = set()
    turns(by)
    assert stage.states(by) == [(3, "final")]


# A transaction that was taken for dead, and is not


def test_what_was_taken_for_dead_and_came_through(database: Database, clock: ManualClock) -> None:
    chain = FakeChain(mines_at_once=False)
    by = Anchoring(database, chain, clock, ORIGIN, timedelta(minutes=1))
    publish(database, 3)
    run_once(by)

    def conflict(_: object) -> None:
        raise NonceConflictError("taken, says a node")

    honest = chain.send
    chain.send = conflict  # type: ignore[assignment, method-assign]
    run_once(by)
    with database.read() as session:
        assert [row.state for row in anchor_store.history(session, by.contract)] == ["failed"]
    chain.send = honest  # type: ignore[method-assign]
    chain.mine()  # It was our own transaction that took the nonce.
    clock.move(timedelta(minutes=1))
    run_once(by)
    assert chain.sequence == [(3, root_of(3))]
    with database.read() as session:
        (row,) = anchor_store.history(session, by.contract)
        assert (row.state, row.attempts, row.block_number) == ("final", 0, 1)
    publish(database, 5)
    clock.move(timedelta(minutes=1))
    run_once(by)
    chain.mine()
    run_once(by)
    assert [size for size, _ in chain.sequence] == [3, 5]


def test_what_failed_in_a_block_that_is_not_final_is_not_dead(sqlite_database: Database, clock: ManualClock) -> None:
    chain = FakeChain(paused=True, confirmations=2)
    by = Anchoring(sqlite_database, chain, clock, ORIGIN, timedelta(minutes=1))
    publish(sqlite_database, 3)
    run_once(by)
    chain.forget(1)  # The block goes, and what paused the contract with it.
    chain.paused = False
    run_once(by)
    chain.add_empty_block()
    run_once(by)
    with sqlite_database.read() as session:
        assert [row.state for row in anchor_store.history(session, by.contract)] == ["final"]
    assert len(set(chain.sent)) == 1


# One provider over several


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_node_is_kept_until_it_fails(stage: Stage) -> None:
    clock = Clock()
    nodes = Nodes([stage.spoilt, *stage.honest], chain_id=CHAIN_ID, seconds=clock)
    ask = RPCEndpoint("eth_blockNumber")
    nodes.make_request(ask, [])
    assert nodes.at == 0
    stage.spoilt.gone = {"eth_blockNumber"}
    nodes.make_request(ask, [])
    assert nodes.at == 1
    stage.honest[0].gone = {"eth_blockNumber"}
    nodes.make_request(ask, [])
    assert nodes.at == 2  # The first rests.
    stage.honest[1].gone = {"eth_blockNumber"}
    with pytest.raises(OSError, match="none of 3 nodes answers"):
        nodes.make_request(ask, [])
    stage.spoilt.gone = set()
    clock.now += REST_SECONDS
    nodes.make_request(ask, [])
    assert nodes.at == 0


def test_an_error_is_an_answer(stage: Stage) -> None:
    stage.spoilt.refuses = {SEND: "insufficient funds"}
    nodes = Nodes([stage.spoilt, stage.honest[0]], chain_id=CHAIN_ID)
    stage.honest[0].calls.clear()
    assert nodes.make_request(RPCEndpoint(SEND), ["0x00"])["error"]["message"] == "insufficient funds"
    assert nodes.at == 0
    assert SEND not in stage.honest[0].calls


def test_a_node_of_another_chain_is_not_asked(stage: Stage) -> None:
    nodes = Nodes([stage.spoilt], chain_id=CHAIN_ID + 1)
    with pytest.raises(OSError, match="another chain"):
        nodes.make_request(RPCEndpoint("eth_blockNumber"), [])
    assert set(stage.spoilt.calls) == {"eth_chainId"}


def test_a_node_that_is_cut_off_is_found_out(stage: Stage) -> None:
    clock = Clock()
    old = behind(stage.ground, stage.folder / "old")
    nodes = Nodes([Wired(old), stage.honest[0]], chain_id=CHAIN_ID, seconds=clock)
    ask = RPCEndpoint("eth_blockNumber")
    stage.ground.pass_blocks(LAG)
    clock.now += LOOK_EVERY_SECONDS
    nodes.make_request(ask, [])
    assert nodes.at == 0  # So few blocks are on their way.
    stage.ground.pass_blocks(1)
    clock.now += LOOK_EVERY_SECONDS - 1
    nodes.make_request(ask, [])
    assert nodes.at == 0
    clock.now += 1
    nodes.make_request(ask, [])
    assert nodes.at == 1
    stage.honest[0].refuses = {"eth_blockNumber": "no"}
    clock.now += LOOK_EVERY_SECONDS
    nodes.make_request(RPCEndpoint("eth_gasPrice"), [])
    assert nodes.at == 0  # What does not say how far it is counts as behind all that do.
    old.close()


def test_a_node_that_failed_just_now_is_passed_over(stage: Stage) -> None:
    clock = Clock()
    old = behind(stage.ground, stage.folder / "old")
    nodes = Nodes([stage.spoilt, Wired(old), stage.honest[0]], chain_id=CHAIN_ID, seconds=clock)
    ask = RPCEndpoint("eth_gasPrice")
    stage.spoilt.gone = stage.honest[0].gone = {"eth_gasPrice"}
    nodes.make_request(ask, [])
    stage.ground.pass_blocks(LAG + 1)
    clock.now += LOOK_EVERY_SECONDS
    asked = len(stage.spoilt.calls)
    nodes.make_request(ask, [])  # Over to the one that is ahead, which fails: back to the one behind.
    assert nodes.at == 1
    assert len(stage.spoilt.calls) == asked
    old.close()


def test_what_enough_say_and_the_later_of_it() -> None:
    clock = Clock()
    calls: list[str] = []

    def ask(node: str) -> int:
        calls.append(node)
        if node == "gone":
            raise ChainUnavailableError("gone")
        if node == "odd":
            raise NotDeployedError("odd")
        return int(node)

    def latest(*nodes: str) -> int:
        return Agreement(nodes, 2, seconds=clock).latest(ask, order=int)

    assert latest("1", "1", "9") == 1
    assert latest("1", "2", "1", "2") == 2
    assert latest("gone", "3", "odd", "3") == 3
    for nodes in (("1", "2"), ("gone", "3"), ("gone", "odd")):
        with pytest.raises(ChainUnavailableError):
            latest(*nodes)
    both = Agreement(("gone", "3", "3"), 2, seconds=clock)
    calls.clear()
    for _ in range(3):
        assert both.answers(ask) == {3: 2}
    assert calls.count("gone") == 1
    clock.now += REST_SECONDS
    both.answers(ask)
    assert calls.count("gone") == 2


def test_a_node_at_rest_is_asked_where_the_others_do_not_agree() -> None:
    says = {"a": "true", "b": "true", "liar": "false"}
    gone: set[str] = {"b"}

    def ask(node: str) -> str:
        if node in gone:
            raise ChainUnavailableError("gone")
        return says[node]

    nodes = Agreement(("a", "b", "liar"), 2, seconds=Clock())
    with pytest.raises(ChainUnavailableError):
        nodes.latest(ask, order=str)
    gone.clear()  # Back, long before its rest is over.
    assert nodes.latest(ask, order=str) == "true"


def test_more_than_there_are_cannot_agree(stage: Stage) -> None:
    with pytest.raises(ChainMismatchError):
        RpcChain(stage.honest, ONCE, chain_id=CHAIN_ID, contracts=stage.addresses, keys=stage.keys, agree=3)
    assert [agreeing(count) for count in (1, 2, 4)] == [1, 2, 2]
    with pytest.raises(NotDeployedError):
        stage.chain().latest_anchor(log_id_of("localhost:8000/other"))


# What it is called


def test_what_a_chain_is_called() -> None:
    besu = PROFILES["besu-qbft"]
    assert honest_label(besu, validators=21, operators=12) == "BFT network, 21 validators of 12 operators (Besu QBFT)"
    assert honest_label(besu, validators=1, operators=1) == "BFT network, 1 validator of 1 operator (Besu QBFT)"
    assert honest_label(besu, validators=None, operators=None) == "BFT network, validators not stated (Besu QBFT)"
    assert all(len(honest_label(profile, validators=100, operators=100)) <= 64 for profile in PROFILES.values())


def test_how_many_validators_a_node_tells_of() -> None:
    besu, cosmos = PROFILES["besu-qbft"], PROFILES["cosmos-evm"]
    assert told_validators(_Telling(["0x1", "0x2"]), besu) == 2
    assert told_validators(_Telling(["0x1"]), cosmos) is None
    assert told_validators(_Telling([]), besu) is None
    assert told_validators(_Telling("4"), besu) is None
    assert told_validators(provider_of(["http://127.0.0.1:9"], chain_id=1), besu) is None
    assert isinstance(provider_of(["http://127.0.0.1:9", "http://127.0.0.1:10"], chain_id=1), Nodes)


class _Telling(BaseProvider):
    def __init__(self, says: Any) -> None:
        super().__init__()
        self.says = says

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        assert (method, params) == ("qbft_getValidatorsByBlockNumber", ["latest"])
        return {"jsonrpc": "2.0", "id": 1, "result": self.says}
