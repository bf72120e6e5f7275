"""What anchoring needs of a chain, whichever engine runs it. Knows no database and no log.

The caller persists a signed transaction before it sends it, and resends the same bytes for as
long as it does not know what became of them: signing and sending are two calls, and sending
what the chain already has is no error. One key has one writer.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, Literal, NamedTuple, Protocol

from crypto.hashes import sha256

Mode = Literal["embedded", "rpc"]
ContractName = Literal["Approvals", "CheckpointAnchor", "IssuerRegistry", "StatusAnchor"]

APPROVALS: Final = "Approvals"
CHECKPOINTS: Final = "CheckpointAnchor"
REGISTRY: Final = "IssuerRegistry"
STATUS: Final = "StatusAnchor"

NO_ROOT: Final = bytes(32)
"""Stands for the root before a log's first anchor."""


class TreeAlg(IntEnum):
    """The tree hash of a log, as the contract numbers it."""

    SHA256 = 1
    SM3 = 2


@dataclass(frozen=True, slots=True)
class Call:
    """A write: a function of one of our contracts, with its arguments in the order of its ABI."""

    contract: ContractName
    function: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class AnchorCall:
    """A checkpoint to anchor, and the anchor before it (0 and `NO_ROOT` for the first)."""

    log_id: bytes
    size: int
    root: bytes
    previous_size: int
    previous_root: bytes

    @property
    def call(self) -> Call:
        """The call of `anchor`."""
        arguments = (self.log_id, self.size, self.root, self.previous_size, self.previous_root)
        return Call(CHECKPOINTS, "anchor", arguments)


class SignedTransaction(NamedTuple):
    """A transaction as it is persisted before it is sent, and resent unchanged."""

    nonce: int
    raw: bytes
    tx_hash: bytes


class Receipt(NamedTuple):
    """What became of a transaction that is in a block."""

    tx_hash: bytes
    succeeded: bool
    block_number: int
    block_hash: bytes


class AnchoredHead(NamedTuple):
    """The latest anchor of a log as the contract holds it; `size` 0 where there is none."""

    size: int
    root: bytes
    anchors: int


class Chain(Protocol):
    """A chain with our contracts. All methods may block; none is for a request's thread.

    Each contract that workers write to has a writer: a key of its own, and so nonces of its own.
    """

    @property
    def mode(self) -> Mode:
        """Which kind of engine this is; stands in every anchor that is shown."""
        ...

    @property
    def label(self) -> str:
        """What the engine is honestly called."""
        ...

    @property
    def chain_id(self) -> int:
        """The EIP-155 chain id."""
        ...

    @property
    def contract(self) -> str:
        """The address of `CheckpointAnchor` with its checksum (EIP-55)."""
        ...

    def address_of(self, contract: ContractName) -> str:
        """Return where a contract stands, with its checksum.

        Raises:
            NotDeployedError: It is not among the contracts of this deployment.
        """
        ...

    def writer_of(self, contract: ContractName) -> str:
        """Return the address whose key signs the calls of a contract.

        Raises:
            NotDeployedError: No key was given for it.
        """
        ...

    def deploy(self, log_id: bytes, alg: TreeAlg) -> str:
        """See to it that the contracts stand and know the log; return the address of `CheckpointAnchor`.

        Repeatable: what is there already is left alone. Where the contracts are the consortium's,
        this only looks.
        """
        ...

    def admit_province(self, code: str, key_digest: bytes) -> None:
        """See to it that the registry holds the province of this 10-digit code with these keys.

        Repeatable. Where a panel of several decides, this only looks.

        Raises:
            NotDeployedError: The panel has not added it yet, or not with these keys.
        """
        ...

    def next_nonce(self, contract: ContractName = CHECKPOINTS) -> int:
        """Return how many transactions of the contract's writer are in blocks."""
        ...

    def sign(self, call: Call, *, nonce: int) -> SignedTransaction:
        """Sign a call with its contract's writer. The same call and nonce give the same bytes (RFC 6979)."""
        ...

    def send(self, transaction: SignedTransaction) -> None:
        """Hand the transaction to the chain; if the chain has it already, do nothing.

        Raises:
            NonceConflictError: Another transaction has its nonce.
            TransactionRefusedError: The chain does not take it.
            ChainUnavailableError: It is not known whether the chain took it.
        """
        ...

    def receipt(self, tx_hash: bytes) -> Receipt | None:
        """Return what became of a transaction, or None while it is in no block."""
        ...

    def is_final(self, receipt: Receipt) -> bool:
        """Whether the receipt's block stands, on the canonical chain, as deep as the profile asks."""
        ...

    def latest_anchor(self, log_id: bytes) -> AnchoredHead:
        """Return the latest anchor of a log.

        Raises:
            NotDeployedError: The contract does not know the log.
        """
        ...

    def ask(self, contract: ContractName, function: str, *arguments: Any) -> Any:
        """Read from a contract. Structs come as tuples in the order of the ABI.

        Raises:
            NotDeployedError: It is not among the contracts of this deployment.
            ChainUnavailableError: It gave no answer.
        """
        ...

    def close(self) -> None:
        """Let go of the chain; nothing may be called afterwards."""
        ...


def log_id_of(origin: str) -> bytes:
    """Return the contract's identifier of a log: SHA-256 of its origin line without the newline."""
    return sha256(origin.encode())
