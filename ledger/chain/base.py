"""What anchoring needs of a chain, whichever engine runs it. Knows no database and no log.

The caller persists a signed transaction before it sends it, and resends the same bytes for as
long as it does not know what became of them: signing and sending are two calls, and sending
what the chain already has is no error. One submitter key has one writer.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Literal, NamedTuple, Protocol

from crypto.hashes import sha256

Mode = Literal["embedded", "rpc"]

NO_ROOT: Final = bytes(32)
"""Stands for the root before a log's first anchor."""


class TreeAlg(IntEnum):
    """The tree hash of a log, as the contract numbers it."""

    SHA256 = 1
    SM3 = 2


@dataclass(frozen=True, slots=True)
class AnchorCall:
    """A checkpoint to anchor, and the anchor before it (0 and `NO_ROOT` for the first)."""

    log_id: bytes
    size: int
    root: bytes
    previous_size: int
    previous_root: bytes


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
    """A chain with a deployed `CheckpointAnchor`. All methods may block; none is for a request's thread."""

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
        """The contract's address with its checksum (EIP-55)."""
        ...

    def deploy(self, log_id: bytes, alg: TreeAlg) -> str:
        """See to it that the contract stands and knows the log; return its address.

        Repeatable: what is there already is left alone.
        """
        ...

    def next_nonce(self) -> int:
        """Return how many of the submitter's transactions are in blocks."""
        ...

    def sign_anchor(self, call: AnchorCall, *, nonce: int) -> SignedTransaction:
        """Sign a call of `anchor`. The same call and nonce give the same bytes (RFC 6979)."""
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

    def close(self) -> None:
        """Let go of the chain; nothing may be called afterwards."""
        ...


def log_id_of(origin: str) -> bytes:
    """Return the contract's identifier of a log: SHA-256 of its origin line without the newline."""
    return sha256(origin.encode())
