"""The RPC engine signs and sends as the embedded one does; what a node objects is never believed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_utils.exceptions import ValidationError
from requests.exceptions import ConnectionError as BrokenConnection
from web3 import EthereumTesterProvider
from web3.types import RPCEndpoint, RPCResponse

from ledger.chain.base import NO_ROOT, AnchorCall, SignedTransaction, TreeAlg, log_id_of
from ledger.chain.errors import (
    ChainMismatchError,
    ChainUnavailableError,
    NonceConflictError,
    NotDeployedError,
    TransactionRefusedError,
)
from ledger.chain.rpc import PROFILES, TIMEOUT_SECONDS, Profile, RpcChain, http_provider
from ledger.chain.sending import Fees
from tests.integration.ledger.chain_world import CHAIN_ID, Panel

LOG = log_id_of("localhost:8000/log")
ROOT = bytes([7]) * 32
PROFILE = Profile("a chain for tests", Fees(2 * 10**9), confirmations=2)
SEND = "eth_sendRawTransaction"


class Node(EthereumTesterProvider):
    """A chain in memory behind a node that answers some calls as bad nodes and bad networks do."""

    def __init__(self, panel: Panel) -> None:
        super().__init__(panel.tester)
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
        except ValidationError as error:
            return _error(str(error))
        if method in self.breaks:
            raise BrokenConnection("connection reset")
        return _error(self.objects[method]) if method in self.objects else response


def _error(message: str) -> RPCResponse:
    return {"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": message}}


@pytest.fixture
def panel(tmp_path: Path) -> Iterator[Panel]:
    panel = Panel(tmp_path)
    panel.do(panel.admin, "openLog", LOG, int(TreeAlg.SM3))
    yield panel
    panel.close()


@pytest.fixture
def node(panel: Panel) -> Node:
    return Node(panel)


@pytest.fixture
def chain(panel: Panel, node: Node) -> RpcChain:
    key = bytes(panel.submitter.key)
    return RpcChain(node, PROFILE, chain_id=CHAIN_ID, contract=panel.contract.address.lower(), key=key)


def signed(chain: RpcChain, size: int = 5, *, nonce: int = 0) -> SignedTransaction:
    return chain.sign_anchor(AnchorCall(LOG, size, ROOT, 0, NO_ROOT), nonce=nonce)


def test_an_anchor_is_final_as_deep_as_the_profile_asks(chain: RpcChain, panel: Panel) -> None:
    assert chain.deploy(LOG, TreeAlg.SM3) == panel.contract.address
    transaction = signed(chain, nonce=chain.next_nonce())
    assert chain.receipt(transaction.tx_hash) is None
    chain.send(transaction)
    receipt = chain.receipt(transaction.tx_hash)
    assert receipt is not None
    assert receipt.succeeded
    assert not chain.is_final(receipt)
    panel.tester.mine_block()
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


def test_what_is_not_the_expected_contract(panel: Panel, node: Node) -> None:
    def at(address: str, *, chain_id: int = CHAIN_ID) -> RpcChain:
        return RpcChain(node, PROFILE, chain_id=chain_id, contract=address, key=bytes(panel.submitter.key))

    with pytest.raises(NotDeployedError):
        at(panel.stranger.address).deploy(LOG, TreeAlg.SM3)
    with pytest.raises(ChainMismatchError):
        at(panel.contract.address, chain_id=1).deploy(LOG, TreeAlg.SM3)
    with pytest.raises(ChainMismatchError):
        at(panel.contract.address).deploy(LOG, TreeAlg.SHA256)
    with pytest.raises(NotDeployedError):
        at(panel.contract.address).deploy(log_id_of("localhost:8000/other"), TreeAlg.SM3)
    other = panel.web3.eth.contract(abi=[], bytecode="0x600a600c600039600a6000f3600160005260206000f3")
    receipt = panel.send(other.constructor(), panel.admin)
    with pytest.raises(ChainMismatchError):
        at(receipt["contractAddress"]).deploy(LOG, TreeAlg.SM3)


def test_profiles_differ_where_chains_do(panel: Panel) -> None:
    fields = {name: profile.fees.fields() for name, profile in PROFILES.items()}
    assert fields["besu-qbft"] == {"type": 2, "maxFeePerGas": 0, "maxPriorityFeePerGas": 0}
    assert fields["fisco-web3"] == {"gasPrice": 0}
    for profile in PROFILES.values():
        node = Node(panel)
        key = bytes(panel.submitter.key)
        chain = RpcChain(node, profile, chain_id=CHAIN_ID, contract=panel.contract.address, key=key)
        assert chain.latest_anchor(LOG).size == 0
        assert len(signed(chain).tx_hash) == 32


def test_a_request_is_never_repeated_behind_our_back() -> None:
    provider = http_provider("http://127.0.0.1:9")
    retries: object = provider.exception_retry_configuration
    assert retries is None
    assert dict(provider.get_request_kwargs())["timeout"] == TIMEOUT_SECONDS
