"""The RPC engine signs and sends as the embedded one does; what a node objects is never believed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_utils.exceptions import ValidationError
from requests.exceptions import ConnectionError as BrokenConnection
from rlp.exceptions import RLPException  # type: ignore[import-untyped]
from web3 import EthereumTesterProvider
from web3.types import RPCEndpoint, RPCResponse

from ledger.chain.artifact import CONTRACTS
from ledger.chain.base import (
    CHECKPOINTS,
    NO_ROOT,
    REGISTRY,
    STATUS,
    AnchorCall,
    ContractName,
    SignedTransaction,
    TreeAlg,
    log_id_of,
)
from ledger.chain.errors import (
    ChainMismatchError,
    ChainUnavailableError,
    NonceConflictError,
    NotDeployedError,
    TransactionRefusedError,
)
from ledger.chain.rpc import PROFILES, TIMEOUT_SECONDS, Profile, RpcChain, http_provider
from ledger.chain.sending import Fees
from tests.integration.ledger.chain_world import CHAIN_ID, ChainWorld, MemoryGround, add_province

LOG = log_id_of("localhost:8000/log")
ROOT = bytes([7]) * 32
PROFILE = Profile("a chain for tests", Fees(2 * 10**9), confirmations=2)
SEND = "eth_sendRawTransaction"


class Node(EthereumTesterProvider):
    """A chain in memory behind a node that answers some calls as bad nodes and bad networks do."""

    def __init__(self, ground: MemoryGround) -> None:
        super().__init__(ground.tester)
        self.objects: dict[str, str] = {}
        """Method -> what the node says although it did what it was asked."""
        self.refuses: dict[str, str] = {}
        """Method -> what the node says instead of doing it."""
        self.breaks: set[str] = set()
        """Methods that are carried out, and then the connection is gone."""
        self.calls: list[str] = []

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        self.calls.append(method)
        if method == "eth_chainId":  # eth-tester answers with a constant, whatever the chain's is.
            return {"jsonrpc": "2.0", "id": 1, "result": hex(CHAIN_ID)}
        if method in self.refuses:
            return _error(self.refuses[method])
        try:
            response = super().make_request(method, params)
        except (ValidationError, RLPException) as error:
            return _error(str(error))
        if method in self.breaks:
            raise BrokenConnection("connection reset")
        return _error(self.objects[method]) if method in self.objects else response


def _error(message: str) -> RPCResponse:
    return {"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": message}}


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[MemoryGround]:
    """A chain for each test: going back to a snapshot would leave the index of transactions."""
    ground = MemoryGround(tmp_path)
    yield ground
    ground.close()


@pytest.fixture
def opened(ground: MemoryGround) -> ChainWorld:
    world = ChainWorld(ground)
    world.decide(CHECKPOINTS, "openLog", LOG, int(TreeAlg.SM3), world.submitter.address)
    return world


@pytest.fixture
def node(ground: MemoryGround) -> Node:
    return Node(ground)


def chain_of(
    node: Node, opened: ChainWorld, profile: Profile = PROFILE, *, chain_id: int = CHAIN_ID, **addresses: str
) -> RpcChain:
    found: dict[ContractName, str] = {name: opened.address(name).lower() for name in CONTRACTS}
    found.update(addresses)  # type: ignore[arg-type]
    keys: dict[ContractName, bytes] = {
        CHECKPOINTS: bytes(opened.submitter.key),
        REGISTRY: bytes(opened.registrar.key),
        STATUS: bytes(opened.publisher.key),
    }
    return RpcChain(node, profile, chain_id=chain_id, contracts=found, keys=keys)


@pytest.fixture
def chain(opened: ChainWorld, node: Node) -> RpcChain:
    return chain_of(node, opened)


def signed(chain: RpcChain, size: int = 5, *, nonce: int = 0) -> SignedTransaction:
    return chain.sign(AnchorCall(LOG, size, ROOT, 0, NO_ROOT).call, nonce=nonce)


def test_an_anchor_is_final_as_deep_as_the_profile_asks(chain: RpcChain, opened: ChainWorld) -> None:
    assert chain.deploy(LOG, TreeAlg.SM3) == opened.address(CHECKPOINTS) == chain.contract
    transaction = signed(chain, nonce=chain.next_nonce())
    assert chain.receipt(transaction.tx_hash) is None
    chain.send(transaction)
    receipt = chain.receipt(transaction.tx_hash)
    assert receipt is not None
    assert receipt.succeeded
    assert not chain.is_final(receipt)
    opened.ground.pass_blocks(1)
    assert chain.is_final(receipt)
    assert not chain.is_final(receipt._replace(block_hash=bytes(32)))
    assert chain.latest_anchor(LOG) == (5, ROOT, 1)
    assert (chain.mode, chain.label) == ("rpc", "a chain for tests")
    chain.close()


def test_signing_asks_the_node_nothing(chain: RpcChain, node: Node) -> None:
    assert signed(chain) == signed(chain)
    assert node.calls == []


@pytest.mark.parametrize("objection", ["already known", "tx already in mempool", "nonce too low"])
def test_an_objection_to_what_the_node_has_is_no_error(chain: RpcChain, node: Node, objection: str) -> None:
    node.objects[SEND] = objection
    transaction = signed(chain)
    chain.send(transaction)
    assert chain.latest_anchor(LOG).anchors == 1
    chain.send(transaction)
    assert node.calls.count(SEND) == 1  # It was looked up first.


def test_a_connection_that_breaks_after_sending_leaves_it_open(chain: RpcChain, node: Node) -> None:
    node.breaks.add(SEND)
    transaction = signed(chain)
    with pytest.raises(ChainUnavailableError):
        chain.send(transaction)
    node.breaks.clear()
    chain.send(transaction)
    assert chain.latest_anchor(LOG).anchors == 1


def test_a_nonce_that_another_transaction_has(chain: RpcChain, node: Node) -> None:
    chain.send(signed(chain))
    with pytest.raises(NonceConflictError):
        chain.send(signed(chain, 6))
    node.refuses[SEND] = "insufficient funds"
    with pytest.raises(TransactionRefusedError):
        chain.send(signed(chain, 6, nonce=1))


def test_a_node_that_is_not_there(chain: RpcChain, node: Node) -> None:
    for method in ("eth_call", "eth_getTransactionByHash", "eth_getTransactionReceipt", "eth_getTransactionCount"):
        node.breaks.add(method)
    transaction = signed(chain)
    for ask in (
        lambda: chain.latest_anchor(LOG),
        lambda: chain.send(transaction),
        lambda: chain.receipt(transaction.tx_hash),
        chain.next_nonce,
    ):
        with pytest.raises(ChainUnavailableError):
            ask()


def test_what_is_not_the_expected_contract(opened: ChainWorld, node: Node) -> None:
    with pytest.raises(NotDeployedError):
        chain_of(node, opened, IssuerRegistry=opened.stranger.address).deploy(LOG, TreeAlg.SM3)
    with pytest.raises(ChainMismatchError):
        chain_of(node, opened, chain_id=1).deploy(LOG, TreeAlg.SM3)
    with pytest.raises(ChainMismatchError):
        chain_of(node, opened).deploy(LOG, TreeAlg.SHA256)
    with pytest.raises(NotDeployedError):
        chain_of(node, opened).deploy(log_id_of("localhost:8000/other"), TreeAlg.SM3)
    with pytest.raises(ChainMismatchError):
        chain_of(node, opened, StatusAnchor=opened.address(CHECKPOINTS)).deploy(LOG, TreeAlg.SM3)
    opened.decide(CHECKPOINTS, "openEpoch", LOG, 0, opened.stranger.address)
    with pytest.raises(NotDeployedError):
        chain_of(node, opened).deploy(LOG, TreeAlg.SM3)


def test_one_key_has_one_writer(opened: ChainWorld, node: Node) -> None:
    key = bytes(opened.submitter.key)
    addresses: dict[ContractName, str] = {name: opened.address(name) for name in CONTRACTS}
    with pytest.raises(ChainMismatchError):
        RpcChain(node, PROFILE, chain_id=CHAIN_ID, contracts=addresses, keys={CHECKPOINTS: key, REGISTRY: key})
    chain = RpcChain(node, PROFILE, chain_id=CHAIN_ID, contracts=addresses, keys={CHECKPOINTS: key})
    assert chain.writer_of(CHECKPOINTS) == opened.submitter.address
    with pytest.raises(NotDeployedError):
        chain.next_nonce(REGISTRY)
    only = RpcChain(
        node, PROFILE, chain_id=CHAIN_ID, contracts={CHECKPOINTS: addresses[CHECKPOINTS]}, keys={CHECKPOINTS: key}
    )
    assert only.deploy(LOG, TreeAlg.SM3) == addresses[CHECKPOINTS]
    with pytest.raises(NotDeployedError):
        only.ask(STATUS, "registry")


def test_a_province_is_the_panel_s_to_add(opened: ChainWorld, chain: RpcChain) -> None:
    with pytest.raises(NotDeployedError):
        chain.admit_province("0000410000", ROOT)
    add_province(opened, key_digest=ROOT)
    chain.admit_province("0000410000", ROOT)
    with pytest.raises(NotDeployedError):
        chain.admit_province("0000410000", bytes([8]) * 32)
    opened.decide(REGISTRY, "replaceController", b"0000410000", opened.stranger.address)
    with pytest.raises(NotDeployedError):
        chain.admit_province("0000410000", ROOT)


def test_profiles_differ_where_chains_do(opened: ChainWorld, ground: MemoryGround) -> None:
    fields = {name: profile.fees.fields() for name, profile in PROFILES.items()}
    assert fields["besu-qbft"] == {"type": 2, "maxFeePerGas": 0, "maxPriorityFeePerGas": 0}
    assert fields["fisco-web3"] == {"gasPrice": 0}
    for profile in PROFILES.values():
        chain = chain_of(Node(ground), opened, profile)
        assert chain.latest_anchor(LOG).size == 0
        assert len(signed(chain).tx_hash) == 32


def test_a_request_is_never_repeated_behind_our_back() -> None:
    provider = http_provider("http://127.0.0.1:9")
    retries: object = provider.exception_retry_configuration
    assert retries is None
    assert dict(provider.get_request_kwargs())["timeout"] == TIMEOUT_SECONDS
