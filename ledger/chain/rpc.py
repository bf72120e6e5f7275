"""A chain of several organisations, reached over JSON-RPC: it shares all signing with the embedded one.

A profile says what differs between chains: fees, how deep a final block lies, whether blocks
carry a consortium's extra data. What a node answers about a transaction that it already has
differs from node to node, so none of those answers is believed: the hash is looked up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address
from hexbytes import HexBytes
from requests.exceptions import RequestException
from web3 import HTTPProvider, Web3
from web3.exceptions import TransactionNotFound, Web3Exception, Web3RPCError
from web3.middleware import ExtraDataToPOAMiddleware
from web3.providers import BaseProvider

from ledger.chain import interpreter as _interpreter  # noqa: F401 - see there
from ledger.chain.base import AnchorCall, AnchoredHead, Receipt, SignedTransaction, TreeAlg
from ledger.chain.errors import (
    ChainMismatchError,
    ChainUnavailableError,
    NonceConflictError,
    NotDeployedError,
    TransactionRefusedError,
)
from ledger.chain.sending import AnchorContract, Fees

TIMEOUT_SECONDS: Final = 10
_R = TypeVar("_R")


@dataclass(frozen=True, slots=True)
class Profile:
    """How one kind of chain differs from the others."""

    label: str
    fees: Fees
    confirmations: int = 1
    extra_data: bool = False


PROFILES: Final = {
    "besu-qbft": Profile("Hyperledger Besu, QBFT", Fees(0), extra_data=True),
    "fisco-web3": Profile("FISCO BCOS, Web3 RPC", Fees(0, legacy=True)),
    "cosmos-evm": Profile("CometBFT with EVM (tests)", Fees(10**9)),
}


class RpcChain:
    """A `Chain` behind a node's JSON-RPC. The contract is deployed by the consortium, not from here."""

    mode: Final = "rpc"

    def __init__(self, provider: BaseProvider, profile: Profile, *, chain_id: int, contract: str, key: bytes) -> None:
        """Talk through `provider`, signing with the submitter's `key` (32 bytes)."""
        self.label: Final = profile.label
        self.chain_id: Final = chain_id
        self.contract: Final = to_checksum_address(contract)
        self._profile = profile
        self._account: LocalAccount = Account.from_key(key)
        self._web3 = Web3(provider)
        if profile.extra_data:
            self._web3.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)
        self._anchors = AnchorContract(self._web3, self.contract, chain_id=chain_id, fees=profile.fees)

    def deploy(self, log_id: bytes, alg: TreeAlg) -> str:
        """Check that the consortium's contract stands there, on the expected chain, and knows the log.

        Raises:
            ChainMismatchError: Another chain answers, or another contract.
            NotDeployedError: There is nothing at the address, or the log was not opened.
        """
        if _asked(lambda: self._web3.eth.chain_id) != self.chain_id:
            raise ChainMismatchError("another chain answers at the configured address")
        if not _asked(self._anchors.is_deployed):
            raise NotDeployedError(f"there is no contract at {self.contract}")
        if not _asked(lambda: self._anchors.knows_log(log_id, alg)):
            raise NotDeployedError("the contract does not know the log: its administrator must open it")
        return self.contract

    def next_nonce(self) -> int:
        """Return how many of the submitter's transactions are in blocks."""
        return _asked(lambda: self._anchors.nonce_of(self._account.address))

    def sign_anchor(self, call: AnchorCall, *, nonce: int) -> SignedTransaction:
        """Sign a call of `anchor`; asks the node nothing."""
        return self._anchors.sign_anchor(self._account, call, nonce=nonce)

    def send(self, transaction: SignedTransaction) -> None:
        """Hand the transaction to the node; whatever it objects, look whether it has it."""
        if self._has(transaction.tx_hash):
            return
        try:
            _asked(lambda: self._web3.eth.send_raw_transaction(transaction.raw))
        except TransactionRefusedError:
            if self._has(transaction.tx_hash):
                return
            if transaction.nonce < self.next_nonce():
                raise NonceConflictError(f"nonce {transaction.nonce} is taken", nonce=transaction.nonce) from None
            raise

    def receipt(self, tx_hash: bytes) -> Receipt | None:
        """Return what became of a transaction, or None while it is in no block."""
        return _asked(lambda: self._anchors.receipt(tx_hash))

    def is_final(self, receipt: Receipt) -> bool:
        """Whether the block is canonical and as deep as the profile asks."""
        return _asked(lambda: self._anchors.stands_at(receipt, confirmations=self._profile.confirmations))

    def latest_anchor(self, log_id: bytes) -> AnchoredHead:
        """Return the latest anchor of a log."""
        return _asked(lambda: self._anchors.latest_anchor(log_id))

    def close(self) -> None:
        """Let go; connections are closed by their provider."""

    def _has(self, tx_hash: bytes) -> bool:
        """Whether the node knows the transaction, in a block or waiting."""
        return _asked(lambda: _found(self._web3, tx_hash))


def _found(web3: Web3, tx_hash: bytes) -> bool:
    try:
        web3.eth.get_transaction(HexBytes(tx_hash))
    except TransactionNotFound:
        return False
    return True


def http_provider(url: str) -> HTTPProvider:
    """Return a provider that never repeats a request by itself: sending has its own rules."""
    return HTTPProvider(url, exception_retry_configuration=None, request_kwargs={"timeout": TIMEOUT_SECONDS})


def _asked(call: Callable[[], _R]) -> _R:
    """Ask the node, and name what went wrong in our words."""
    try:
        return call()
    except Web3RPCError as error:
        raise TransactionRefusedError(f"the node refused: {error}") from error
    except (RequestException, Web3Exception, OSError) as error:
        raise ChainUnavailableError(f"the node gave no answer: {error}") from error
