"""Transactions to a `CheckpointAnchor` through web3.py: the part that every engine shares.

Gas, fees, nonce and chain id are always given here and never asked of a node: what is signed
depends on the arguments alone, so the same call and nonce give the same bytes again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from hexbytes import HexBytes
from web3 import Web3
from web3.exceptions import TransactionNotFound, Web3Exception
from web3.types import Nonce
from web3.utils.address import get_create_address

from ledger.chain import interpreter as _interpreter  # noqa: F401 - see there
from ledger.chain.artifact import CHECKPOINT_ANCHOR
from ledger.chain.base import AnchorCall, AnchoredHead, Receipt, SignedTransaction, TreeAlg
from ledger.chain.errors import ChainMismatchError, ChainUnavailableError, NotDeployedError

DEPLOY_GAS: Final = 2_000_000
OPEN_LOG_GAS: Final = 120_000
ANCHOR_GAS: Final = 250_000


@dataclass(frozen=True, slots=True)
class Fees:
    """What a transaction offers. `legacy` is for chains without EIP-1559; 0 for chains without fees."""

    gas_price: int
    legacy: bool = False

    def fields(self) -> dict[str, int]:
        """Return the transaction's fee fields: nothing is ever offered to whoever makes the block."""
        if self.legacy:
            return {"gasPrice": self.gas_price}
        return {"type": 2, "maxFeePerGas": self.gas_price, "maxPriorityFeePerGas": 0}


class AnchorContract:
    """One deployed contract, seen through one web3 connection. Not for use by two threads."""

    def __init__(self, web3: Web3, address: ChecksumAddress, *, chain_id: int, fees: Fees) -> None:
        """See the contract at `address`, whether it is deployed already or not."""
        self.address = address
        self._web3 = web3
        self._contract = web3.eth.contract(address=address, abi=CHECKPOINT_ANCHOR.abi)
        self._chain_id = chain_id
        self._fees = fees

    def sign_deploy(self, account: LocalAccount, *, submitter: ChecksumAddress, nonce: int) -> SignedTransaction:
        """Sign the contract's creation with `account` as its administrator, without endorsers."""
        factory = self._web3.eth.contract(abi=CHECKPOINT_ANCHOR.abi, bytecode=CHECKPOINT_ANCHOR.bytecode)
        data = factory.constructor(account.address, submitter, [], 0).data_in_transaction
        return self._sign(account, None, data, gas=DEPLOY_GAS, nonce=nonce)

    def sign_open_log(self, account: LocalAccount, log_id: bytes, alg: TreeAlg, *, nonce: int) -> SignedTransaction:
        """Sign a call of `openLog`."""
        data = self._contract.encode_abi("openLog", args=[log_id, int(alg)])
        return self._sign(account, self.address, data, gas=OPEN_LOG_GAS, nonce=nonce)

    def sign_anchor(self, account: LocalAccount, call: AnchorCall, *, nonce: int) -> SignedTransaction:
        """Sign a call of `anchor`."""
        args = [call.log_id, call.size, call.root, call.previous_size, call.previous_root]
        data = self._contract.encode_abi("anchor", args=args)
        return self._sign(account, self.address, data, gas=ANCHOR_GAS, nonce=nonce)

    def receipt(self, tx_hash: bytes) -> Receipt | None:
        """Return the receipt of a transaction that is in a block."""
        try:
            found: Any = self._web3.eth.get_transaction_receipt(HexBytes(tx_hash))
        except TransactionNotFound:
            return None
        if found["blockHash"] is None:  # Some nodes answer for what is only pending.
            return None
        return Receipt(tx_hash, found["status"] == 1, int(found["blockNumber"]), bytes(found["blockHash"]))

    def stands_at(self, receipt: Receipt, *, confirmations: int) -> bool:
        """Whether the receipt's block is canonical and `confirmations` deep (1: it is the latest)."""
        if self._web3.eth.block_number < receipt.block_number + confirmations - 1:
            return False
        return bytes(self._web3.eth.get_block(receipt.block_number)["hash"]) == receipt.block_hash

    def latest_anchor(self, log_id: bytes) -> AnchoredHead:
        """Return a log's latest anchor.

        Raises:
            NotDeployedError: The contract does not know the log.
        """
        alg, size, root, anchors = self._read("latest", log_id)
        if alg == 0:
            raise NotDeployedError("the contract does not know the log")
        return AnchoredHead(size, bytes(root), anchors)

    def knows_log(self, log_id: bytes, alg: TreeAlg) -> bool:
        """Whether the log is open.

        Raises:
            ChainMismatchError: It is, with another hash.
        """
        found = self._read("latest", log_id)[0]
        if found not in (0, int(alg)):
            raise ChainMismatchError("the contract holds this log with another hash")
        return bool(found)

    def is_deployed(self) -> bool:
        """Whether the expected code stands at the address.

        Raises:
            ChainMismatchError: Other code does.
        """
        code = bytes(self._web3.eth.get_code(self.address))
        if not code:
            return False
        if not CHECKPOINT_ANCHOR.is_code(code):
            raise ChainMismatchError(f"another contract stands at {self.address}")
        return True

    def nonce_of(self, address: ChecksumAddress) -> int:
        """Return how many transactions of `address` are in blocks."""
        return int(self._web3.eth.get_transaction_count(address, "latest"))

    def _read(self, function: str, *args: object) -> Any:
        try:
            return self._contract.functions[function](*args).call()
        except Web3Exception as error:
            raise ChainUnavailableError(f"{function} gave no answer: {error}") from error

    def _sign(
        self, account: LocalAccount, to: ChecksumAddress | None, data: str | bytes, *, gas: int, nonce: int
    ) -> SignedTransaction:
        fields: dict[str, Any] = {
            "chainId": self._chain_id,
            "nonce": nonce,
            "gas": gas,
            "value": 0,
            "data": data,
            **({"to": to} if to else {}),
            **self._fees.fields(),
        }
        signed = account.sign_transaction(fields)
        return SignedTransaction(nonce, bytes(signed.raw_transaction), bytes(signed.hash))


def created_address(sender: ChecksumAddress, nonce: int) -> ChecksumAddress:
    """Return where a contract comes to stand that `sender` creates with `nonce`."""
    return get_create_address(sender, Nonce(nonce))
