"""A chain of several organisations, reached over JSON-RPC: it shares all signing with the embedded one.

A profile says what differs between chains: fees, how deep a final block lies, whether blocks
carry a consortium's extra data. What a node answers about a transaction that it already has
differs from node to node, so none of those answers is believed: the hash is looked up.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from eth_utils.address import to_checksum_address
from hexbytes import HexBytes
from requests.exceptions import RequestException
from web3 import HTTPProvider, Web3
from web3.exceptions import TransactionNotFound, Web3Exception, Web3RPCError
from web3.middleware import ExtraDataToPOAMiddleware
from web3.providers import BaseProvider
from web3.types import RPCEndpoint

from ledger.chain import interpreter as _interpreter  # noqa: F401 - see there
from ledger.chain.agreement import Agreement
from ledger.chain.base import (
    CHECKPOINTS,
    REGISTRY,
    AnchoredHead,
    Call,
    ContractName,
    Receipt,
    SignedTransaction,
    TreeAlg,
)
from ledger.chain.deploying import province_call
from ledger.chain.errors import (
    ChainMismatchError,
    ChainUnavailableError,
    NonceConflictError,
    NotDeployedError,
    TransactionRefusedError,
)
from ledger.chain.keys import sender_of
from ledger.chain.nodes import Nodes
from ledger.chain.sending import Contracts, Fees

TIMEOUT_SECONDS: Final = 10
LOOK_EVERY_SECONDS: Final = 0.2
MOST_REMEMBERED: Final = 100
MOST_SENDS: Final = 3
"""How often one node is sent the same transaction before another one is."""
_R = TypeVar("_R")


@dataclass(frozen=True, slots=True)
class Profile:
    """How one kind of chain differs from the others.

    `confirmations`: how deep a final block lies; 1 where the latest is final, as it is under BFT consensus.
    `validators`: the method by which a node names who makes blocks, where it has one.
    `index_seconds`: for how long after its block a node may not find a transaction although it counts it.
    """

    label: str
    fees: Fees
    confirmations: int = 1
    extra_data: bool = False
    validators: str | None = None
    index_seconds: float = 0


PROFILES: Final = {
    "besu-qbft": Profile("Besu QBFT", Fees(0), extra_data=True, validators="qbft_getValidatorsByBlockNumber"),
    "fisco-web3": Profile("FISCO BCOS", Fees(0, legacy=True)),
    "cosmos-evm": Profile("CometBFT EVM", Fees(10**9), index_seconds=3),
}


def honest_label(profile: Profile, *, validators: int | None, operators: int | None) -> str:
    """Return what the chain is called, from what itself or its operator states and nothing else.

    Where four validators have one operator, that one alone decides.
    """
    of = "" if operators is None else f" of {operators} operator{'s' * (operators != 1)}"
    count = "validators not stated" if validators is None else f"{validators} validator{'s' * (validators != 1)}"
    return f"BFT network, {count}{of} ({profile.label})"


class RpcChain:
    """A `Chain` behind JSON-RPC. The contracts are deployed by the consortium, not from here.

    One request at a time, whichever thread asks: the workers share its connection.
    """

    mode: Final = "rpc"

    def __init__(
        self,
        nodes: BaseProvider | Sequence[BaseProvider],
        profile: Profile,
        *,
        chain_id: int,
        contracts: Mapping[ContractName, str],
        keys: Mapping[ContractName, bytes],
        agree: int = 1,
        label: str | None = None,
    ) -> None:
        """Talk to `nodes`, signing the calls of each contract with its own key (32 bytes).

        Reads and sends go to one of several nodes. What is signed next, and what is final, is what `agree` say alike.

        Raises:
            ChainMismatchError: Two contracts share a key, so that their nonces would run into each other; or
                more nodes are to agree than there are.
        """
        self.label: Final = label or profile.label
        self.chain_id: Final = chain_id
        self._profile = profile
        if len(set(keys.values())) != len(keys):
            raise ChainMismatchError("each contract needs a key of its own: one key, one writer")
        self._writers: dict[ContractName, LocalAccount] = {name: Account.from_key(key) for name, key in keys.items()}
        providers = [nodes] if isinstance(nodes, BaseProvider) else list(nodes)
        if not 1 <= agree <= len(providers):
            raise ChainMismatchError(f"{agree} of {len(providers)} nodes cannot agree")
        self._nodes = Nodes(providers, chain_id=chain_id) if len(providers) > 1 else None
        self._turn = threading.RLock()
        addresses = {name: to_checksum_address(address) for name, address in contracts.items()}
        self._web3 = connection(self._nodes or providers[0], profile)
        self._contracts = Contracts(self._web3, addresses, chain_id=chain_id, fees=profile.fees)
        each = [
            Contracts(connection(provider, profile), addresses, chain_id=chain_id, fees=profile.fees)
            for provider in (providers if agree > 1 else ())
        ]
        self._all = Agreement(each, agree) if agree > 1 else None
        self._sends: Counter[bytes] = Counter()

    @property
    def contract(self) -> str:
        """The address of `CheckpointAnchor`."""
        return self.address_of(CHECKPOINTS)

    def address_of(self, contract: ContractName) -> str:
        """Return where a contract stands."""
        return self._contracts.address_of(contract)

    def writer_of(self, contract: ContractName) -> str:
        """Return the address whose key signs the calls of a contract."""
        return str(self._writer(contract).address)

    def deploy(self, log_id: bytes, alg: TreeAlg) -> str:
        """Check that the consortium's contracts stand there, on the expected chain, and know the log.

        Raises:
            ChainMismatchError: Another chain answers, or another contract.
            NotDeployedError: There is nothing at an address, or the log was not opened for our key.
        """
        if self._read(lambda: self._web3.eth.chain_id) != self.chain_id:
            raise ChainMismatchError("another chain answers at the configured address")
        for name, address in self._contracts.addresses.items():
            if not self._read(lambda name=name: self._contracts.is_deployed(name)):  # type: ignore[misc]
                raise NotDeployedError(f"there is no {name} at {address}")
        if not self._read(lambda: self._contracts.knows_log(log_id, alg)):
            raise NotDeployedError("the contract does not know the log: the panel must open it")
        if self.ask(CHECKPOINTS, "stateOf", log_id)[0] != self.writer_of(CHECKPOINTS):
            raise NotDeployedError("the log was opened for another submitter's key")
        return self.contract

    def admit_province(self, code: str, key_digest: bytes) -> None:
        """Check that the panel has added the province with these keys."""
        writer = self._writer(REGISTRY).address
        if self._read(lambda: province_call(self._contracts, code, key_digest, controller=writer)) is not None:
            raise NotDeployedError(f"the panel must add the province {code} with its present keys")
        if self.ask(REGISTRY, "controllerOf", code.encode()) != writer:
            raise NotDeployedError(f"the province {code} was added for another key")

    def next_nonce(self, contract: ContractName = CHECKPOINTS) -> int:
        """Return how many transactions of the contract's writer are in blocks."""
        return self._nonce_of(self._writer(contract).address)

    def sign(self, call: Call, *, nonce: int) -> SignedTransaction:
        """Sign a call with its contract's writer; asks the node nothing."""
        return self._contracts.sign(self._writer(call.contract), call, nonce=nonce)

    def send(self, transaction: SignedTransaction) -> None:
        """Hand the transaction to the node; whatever it objects, look whether it has it."""
        if self._has(transaction.tx_hash):
            return
        sender = sender_of(transaction)
        self._leave_a_node_that_drops(transaction.tx_hash)
        try:
            self._asked(lambda: self._web3.eth.send_raw_transaction(transaction.raw))
        except TransactionRefusedError:
            if self._has(transaction.tx_hash):
                return
            if transaction.nonce < self._nonce_of(sender):
                if self._turns_up(transaction.tx_hash):
                    return
                raise NonceConflictError(f"nonce {transaction.nonce} is taken", nonce=transaction.nonce) from None
            raise

    def receipt(self, tx_hash: bytes) -> Receipt | None:
        """Return what became of a transaction, or None while it is in no block."""
        found = self._read(lambda: self._contracts.receipt(tx_hash))
        if found is not None or self._all is None:
            return found
        with self._turn:  # Our node may not say it.
            words = self._all.answers(lambda node: asked(lambda: node.receipt(tx_hash)))
            return next((word for word, count in words.items() if word and count >= self._all.needed), None)

    def is_final(self, receipt: Receipt) -> bool:
        """Whether the block is canonical and as deep as the profile asks, by the word of as many nodes as must agree.

        A node that so many others contradict is left.
        """
        if self._all is None:
            return self._read(lambda: self._stands(self._contracts, receipt))
        with self._turn:
            words = self._all.answers(lambda node: self._word(node, receipt))
            if words[True] < self._all.needed <= words[False] and self._nodes is not None:
                self._nodes.move_on()
            return words[True] >= self._all.needed

    def latest_anchor(self, log_id: bytes) -> AnchoredHead:
        """Return the latest anchor of a log."""
        if self._all is None:
            return self._read(lambda: self._contracts.latest_anchor(log_id))
        with self._turn:
            found = self._all.latest(
                lambda node: asked(lambda: _anchor_or_none(node, log_id)),
                order=lambda head: head.anchors if head else -1,
            )
        if found is None:
            raise NotDeployedError("the contract does not know the log")
        return found

    def ask(self, contract: ContractName, function: str, *arguments: Any) -> Any:
        """Read from a contract."""
        return self._read(lambda: self._contracts.ask(contract, function, *arguments))

    def close(self) -> None:
        """Let go; connections are closed by their provider."""

    def _stands(self, contracts: Contracts, receipt: Receipt) -> bool:
        return contracts.stands_at(receipt, confirmations=self._profile.confirmations)

    def _word(self, node: Contracts, receipt: Receipt) -> bool | None:
        """Return whether a node holds this receipt; None where it is behind, and has no say."""
        held = asked(lambda: node.receipt(receipt.tx_hash))
        if held is None and asked(node.block_number) < receipt.block_number:
            return None
        return held == receipt and asked(lambda: self._stands(node, receipt))

    def _nonce_of(self, address: ChecksumAddress) -> int:
        if self._all is None:
            return self._read(lambda: self._contracts.nonce_of(address))
        with self._turn:
            return int(self._all.latest(lambda node: asked(lambda: node.nonce_of(address)), order=int))

    def _turns_up(self, tx_hash: bytes) -> bool:
        """Whether a node finds the transaction after all, as soon as it has looked through the block."""
        end = time.monotonic() + self._profile.index_seconds
        while time.monotonic() < end:
            time.sleep(LOOK_EVERY_SECONDS)
            if self.receipt(tx_hash) is not None:
                return True
        return False

    def _leave_a_node_that_drops(self, tx_hash: bytes) -> None:
        """Go to another node where one takes the same transaction again and again and never has it."""
        if self._nodes is None:
            return
        with self._turn:
            if self._sends[tx_hash] >= MOST_SENDS:
                self._nodes.move_on()
                self._sends.clear()
            if len(self._sends) > MOST_REMEMBERED:
                self._sends.clear()
            self._sends[tx_hash] += 1

    def _asked(self, call: Callable[[], _R]) -> _R:
        with self._turn:
            return asked(call)

    def _read(self, call: Callable[[], _R]) -> _R:
        """Ask what no healthy node refuses to say; one that does is left.

        Raises:
            ChainUnavailableError: It was refused, or there was no answer.
        """
        try:
            return self._asked(call)
        except TransactionRefusedError as error:
            if self._nodes is not None:
                self._nodes.move_on()
            raise ChainUnavailableError(str(error)) from error

    def _writer(self, contract: ContractName) -> LocalAccount:
        if contract not in self._writers:
            raise NotDeployedError(f"no key was given for {contract}")
        return self._writers[contract]

    def _has(self, tx_hash: bytes) -> bool:
        """Whether the node knows the transaction, in a block or waiting."""
        return self._read(lambda: _found(self._web3, tx_hash))


def _found(web3: Web3, tx_hash: bytes) -> bool:
    try:
        web3.eth.get_transaction(HexBytes(tx_hash))
    except TransactionNotFound:
        return False
    return True


def _anchor_or_none(node: Contracts, log_id: bytes) -> AnchoredHead | None:
    try:
        return node.latest_anchor(log_id)
    except NotDeployedError:
        return None


def connection(provider: BaseProvider, profile: Profile) -> Web3:
    """Return a web3 connection as the profile's chains want it."""
    web3 = Web3(provider)
    if profile.extra_data:
        web3.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)
    return web3


def told_validators(provider: BaseProvider, profile: Profile) -> int | None:
    """Return how many validators a node says there are; None where it does not say."""
    if profile.validators is None:
        return None
    try:
        found = provider.make_request(RPCEndpoint(profile.validators), ["latest"]).get("result")
    except (RequestException, OSError, ValueError):
        return None
    return len(found) if isinstance(found, list) and found else None


def agreeing(nodes: int) -> int:
    """Return how many of so many nodes should hold a receipt: two see through one that lies, of one there is one."""
    return min(nodes, 2)


def provider_of(urls: Sequence[str], *, chain_id: int) -> BaseProvider:
    """Return a provider over the nodes at these addresses."""
    nodes = [http_provider(url) for url in urls]
    return nodes[0] if len(nodes) == 1 else Nodes(nodes, chain_id=chain_id)


def http_provider(url: str, *, seconds: float = TIMEOUT_SECONDS) -> HTTPProvider:
    """Return a provider that never repeats a request by itself: sending has its own rules."""
    return HTTPProvider(url, exception_retry_configuration=None, request_kwargs={"timeout": seconds})


def asked(call: Callable[[], _R]) -> _R:
    """Ask the node, and name what went wrong in our words."""
    try:
        return call()
    except Web3RPCError as error:
        raise TransactionRefusedError(f"the node refused: {error}") from error
    except (RequestException, Web3Exception, OSError, json.JSONDecodeError) as error:
        raise ChainUnavailableError(f"the node gave no answer: {error}") from error
