"""Transactions to our contracts through web3.py: the part that every engine shares.

Gas, fees, nonce and chain id are always given here and never asked of a node: what is signed
depends on the arguments alone, so the same call and nonce give the same bytes again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from eth_abi.exceptions import DecodingError
from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from eth_utils.address import to_checksum_address
from hexbytes import HexBytes
from web3 import Web3
from web3.contract import Contract
from web3.exceptions import ContractLogicError, TransactionNotFound, Web3Exception
from web3.types import Nonce
from web3.utils.address import get_create_address

from ledger.chain import interpreter as _interpreter  # noqa: F401 - see there
from ledger.chain.artifact import ARTIFACTS
from ledger.chain.base import (
    CHECKPOINTS,
    AnchoredHead,
    Call,
    ContractName,
    Receipt,
    SignedTransaction,
    TreeAlg,
)
from ledger.chain.errors import ChainMismatchError, ChainUnavailableError, NotDeployedError
from ledger.chain.objections import objection

CREATION_GAS: Final = 5_000_000
TRANSFER_GAS: Final = 21_000
GAS: Final[Mapping[str, int]] = {
    "anchor": 250_000,
    "endorse": 200_000,
    "addIssuer": 600_000,
    "renew": 500_000,
    "retire": 400_000,
    "compromise": 400_000,
    "publish": 300_000,
    "propose": 1_500_000,  # The call's data is stored, for the other members to read.
    "approve": 150_000,
    "execute": 1_200_000,
    "pause": 100_000,
}
"""What is offered for each function, well above what docs/contracts.md measured."""


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


class Contracts:
    """Deployed contracts, seen through one web3 connection. Not for use by two threads."""

    def __init__(
        self, web3: Web3, addresses: Mapping[ContractName, ChecksumAddress], *, chain_id: int, fees: Fees
    ) -> None:
        """See the contracts at `addresses`, whether they are deployed already or not."""
        self.addresses = dict(addresses)
        self._web3 = web3
        self._contracts: dict[ContractName, Contract] = {
            name: web3.eth.contract(address=address, abi=ARTIFACTS[name].abi) for name, address in addresses.items()
        }
        self._chain_id = chain_id
        self._fees = fees

    def address_of(self, name: ContractName) -> ChecksumAddress:
        """Return where a contract stands.

        Raises:
            NotDeployedError: It is not among these.
        """
        if name not in self.addresses:
            raise NotDeployedError(f"this deployment has no {name}")
        return self.addresses[name]

    def sign_creation(
        self, account: LocalAccount, name: ContractName, arguments: Sequence[object], *, nonce: int
    ) -> SignedTransaction:
        """Sign a contract's creation."""
        artifact = ARTIFACTS[name]
        factory = self._web3.eth.contract(abi=artifact.abi, bytecode=artifact.bytecode)
        data = factory.constructor(*arguments).data_in_transaction
        return self._sign(account, None, data, gas=CREATION_GAS, nonce=nonce)

    def sign(self, account: LocalAccount, call: Call, *, nonce: int) -> SignedTransaction:
        """Sign a call."""
        to = self.address_of(call.contract)
        return self._sign(account, to, self.encode(call), gas=GAS[call.function], nonce=nonce)

    def sign_transfer(
        self, account: LocalAccount, to: ChecksumAddress, amount: int, *, nonce: int
    ) -> SignedTransaction:
        """Sign a transfer of the chain's own coin."""
        return self._sign(account, to, b"", gas=TRANSFER_GAS, nonce=nonce, value=amount)

    def encode(self, call: Call) -> str:
        """Return a call's data in hex."""
        self.address_of(call.contract)
        return str(self._contracts[call.contract].encode_abi(call.function, args=list(call.arguments)))

    def ask(self, name: ContractName, function: str, *arguments: Any) -> Any:
        """Read from a contract.

        Raises:
            ChainUnavailableError: It gave no answer.
        """
        self.address_of(name)
        try:
            return self._contracts[name].functions[function](*arguments).call()
        except Web3Exception as error:
            raise ChainUnavailableError(f"{function} gave no answer: {error}") from error

    def decode(self, target: str, data: bytes) -> Call | None:
        """Return the call that `data` is to the contract at `target`; None where it is none of ours."""
        name = next((name for name, address in self.addresses.items() if address == target), None)
        if name is None:
            return None
        try:
            function, arguments = self._contracts[name].decode_function_input(data)
        except (Web3Exception, DecodingError, ValueError):
            return None
        return Call(name, function.fn_name, tuple(arguments.values()))

    def objection(self, call: Call, sender: str) -> str | None:
        """Return what the contract objects to a call by `sender` as the chain is now; None if it takes it."""
        function = self._contracts[call.contract].functions[call.function](*call.arguments)
        try:
            function.call({"from": to_checksum_address(sender)})
        except ContractLogicError as error:
            return objection(error)
        return None

    def events(self, name: ContractName, event: str, first: int, last: int) -> list[Mapping[str, Any]]:
        """Return the arguments of a contract's events in the blocks from `first` to `last`, in order."""
        found = self._contracts[name].events[event]().get_logs(from_block=first, to_block=last)
        return [entry["args"] for entry in found]

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
        alg, size, root, anchors = self.ask(CHECKPOINTS, "latest", log_id)
        if alg == 0:
            raise NotDeployedError("the contract does not know the log")
        return AnchoredHead(size, bytes(root), anchors)

    def knows_log(self, log_id: bytes, alg: TreeAlg) -> bool:
        """Whether the log is open.

        Raises:
            ChainMismatchError: It is, with another hash.
        """
        found = self.ask(CHECKPOINTS, "latest", log_id)[0]
        if found not in (0, int(alg)):
            raise ChainMismatchError("the contract holds this log with another hash")
        return bool(found)

    def code_hash(self, address: ChecksumAddress) -> bytes | None:
        """Return the Keccak-256 of the code at an address (EXTCODEHASH, EIP-1052); None where there is none."""
        code = bytes(self._web3.eth.get_code(address))
        return bytes(Web3.keccak(code)) if code else None

    def is_deployed(self, name: ContractName) -> bool:
        """Whether the expected code stands at a contract's address.

        Raises:
            ChainMismatchError: Other code does.
        """
        address = self.address_of(name)
        code = bytes(self._web3.eth.get_code(address))
        if not code:
            return False
        if not ARTIFACTS[name].is_code(code):
            raise ChainMismatchError(f"another contract than our {name} stands at {address}")
        return True

    def block_number(self) -> int:
        """Return the number of the latest block."""
        return int(self._web3.eth.block_number)

    def nonce_of(self, address: ChecksumAddress) -> int:
        """Return how many transactions of `address` are in blocks."""
        return int(self._web3.eth.get_transaction_count(address, "latest"))

    def _sign(
        self,
        account: LocalAccount,
        to: ChecksumAddress | None,
        data: str | bytes,
        *,
        gas: int,
        nonce: int,
        value: int = 0,
    ) -> SignedTransaction:
        fields: dict[str, Any] = {
            "chainId": self._chain_id,
            "nonce": nonce,
            "gas": gas,
            "value": value,
            "data": data,
            **({"to": to} if to else {}),
            **self._fees.fields(),
        }
        signed = account.sign_transaction(fields)
        return SignedTransaction(nonce, bytes(signed.raw_transaction), bytes(signed.hash))


def created_address(sender: ChecksumAddress, nonce: int) -> ChecksumAddress:
    """Return where a contract comes to stand that `sender` creates with `nonce`."""
    return get_create_address(sender, Nonce(nonce))
