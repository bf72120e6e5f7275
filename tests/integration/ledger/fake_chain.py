"""A chain in memory that keeps the contract's rules and fails where a test says. A typed stand-in for `Chain`."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from crypto.hashes import sha256
from ledger.chain.base import (
    CHECKPOINTS,
    NO_ROOT,
    AnchoredHead,
    Call,
    ContractName,
    Mode,
    Receipt,
    SignedTransaction,
    TreeAlg,
)
from ledger.chain.errors import ChainUnavailableError, NonceConflictError


class KilledError(BaseException):
    """Stands for `kill -9`: no handler of ours may catch it."""


@dataclass
class FakeChain:
    """Blocks hold one transaction. `waiting` is what was taken and is not in a block yet."""

    mode: Mode = "rpc"
    label: str = "a chain for tests"
    chain_id: int = 7
    contract: str = "0x" + "11" * 20
    blocks: list[tuple[SignedTransaction, bool]] = field(default_factory=list)
    waiting: dict[bytes, SignedTransaction] = field(default_factory=dict)
    sequence: list[tuple[int, bytes]] = field(default_factory=list)
    sent: list[SignedTransaction] = field(default_factory=list)
    mines_at_once: bool = True
    confirmations: int = 1
    paused: bool = False
    dies: set[str] = field(default_factory=set)
    """Where to die, once each: "before send", "after send", "after receipt"."""
    offline: bool = False
    fork: int = 0
    """Goes into the block hashes: changing it replaces all blocks by others."""

    def deploy(self, log_id: bytes, alg: TreeAlg) -> str:
        assert log_id
        assert alg
        return self.contract

    def address_of(self, contract: ContractName) -> str:
        assert contract == CHECKPOINTS
        return self.contract

    def writer_of(self, contract: ContractName) -> str:
        assert contract == CHECKPOINTS
        return "0x" + "22" * 20

    def admit_province(self, code: str, key_digest: bytes) -> None:
        raise NotImplementedError

    def ask(self, contract: ContractName, function: str, *arguments: Any) -> Any:
        raise NotImplementedError

    def next_nonce(self, contract: ContractName = CHECKPOINTS) -> int:
        assert contract == CHECKPOINTS
        self._online()
        return len(self.blocks)

    def sign(self, call: Call, *, nonce: int) -> SignedTransaction:
        assert (call.contract, call.function) == (CHECKPOINTS, "anchor")
        texts = [value.hex() if isinstance(value, bytes) else value for value in call.arguments]
        raw = json.dumps([nonce, *texts]).encode()
        return SignedTransaction(nonce, raw, sha256(raw))

    def send(self, transaction: SignedTransaction) -> None:
        self._online()
        self._maybe_die("before send")
        if self._place(transaction.tx_hash) is None and transaction.tx_hash not in self.waiting:
            if transaction.nonce < len(self.blocks):
                raise NonceConflictError("taken")
            self.sent.append(transaction)
            self.waiting[transaction.tx_hash] = transaction
            if self.mines_at_once:
                self.mine()
        self._maybe_die("after send")

    def mine(self) -> None:
        """Put what waits into blocks, as the contract judges it."""
        for transaction in self.waiting.values():
            _, _, size, root, *previous = json.loads(transaction.raw)
            last, last_root = self.sequence[-1] if self.sequence else (0, NO_ROOT)
            accepted = not self.paused and size > last and previous == [last, last_root.hex()]
            if accepted:
                self.sequence.append((size, bytes.fromhex(root)))
            self.blocks.append((transaction, accepted))
        self.waiting.clear()

    def forget(self, blocks: int) -> None:
        """Lose the last blocks, as a chain that is not final does."""
        lost = sum(accepted for _, accepted in self.blocks[-blocks:])
        self.blocks = self.blocks[:-blocks]
        self.sequence = self.sequence[: len(self.sequence) - lost]

    def receipt(self, tx_hash: bytes) -> Receipt | None:
        self._online()
        place = self._place(tx_hash)
        if place is None:
            return None
        self._maybe_die("after receipt")
        return Receipt(tx_hash, self.blocks[place][1], place + 1, self._block_hash(place))

    def is_final(self, receipt: Receipt) -> bool:
        self._online()
        deep = len(self.blocks) >= receipt.block_number + self.confirmations - 1
        return deep and self._block_hash(receipt.block_number - 1) == receipt.block_hash

    def latest_anchor(self, log_id: bytes) -> AnchoredHead:
        assert log_id
        self._online()
        size, root = self.sequence[-1] if self.sequence else (0, NO_ROOT)
        return AnchoredHead(size, root, len(self.sequence))

    def close(self) -> None:
        self.offline = True

    def add_empty_block(self) -> None:
        self.blocks.append((SignedTransaction(-1, b"", b"empty"), False))

    def _place(self, tx_hash: bytes) -> int | None:
        return next((at for at, (mined, _) in enumerate(self.blocks) if mined.tx_hash == tx_hash), None)

    def _block_hash(self, place: int) -> bytes:
        return sha256(self.blocks[place][0].raw + bytes([self.fork, place]))

    def _online(self) -> None:
        if self.offline:
            raise ChainUnavailableError("offline")

    def _maybe_die(self, where: str) -> None:
        if where in self.dies:
            self.dies.remove(where)
            raise KilledError(where)
