"""The embedded chain: py-evm in this process, through web3.py. "Single node, no consensus".

It rehearses the contracts and adds no evidence against its operator; every anchor made here
says so. One thread owns it, under a lock that the operating system drops when the process
ends, however it ends. It answers no JSON-RPC. A transaction is mined, alone in its block and
durable on disk, when `send` returns.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

from eth_account import Account
from eth_account.hdaccount import key_from_seed, seed_from_mnemonic
from eth_account.hdaccount.mnemonic import Mnemonic
from eth_account.signers.local import LocalAccount
from eth_keys.datatypes import PrivateKey
from eth_tester import EthereumTester
from web3 import EthereumTesterProvider, Web3

from crypto.hashes import hmac_sm3
from ledger.chain import interpreter as _interpreter  # noqa: F401 - see there
from ledger.chain.base import AnchorCall, AnchoredHead, Receipt, SignedTransaction, TreeAlg
from ledger.chain.errors import ChainLockedError, ChainMismatchError, NonceConflictError, TransactionRefusedError
from ledger.chain.kv import SqliteStore
from ledger.chain.pyevm import StoredBackend
from ledger.chain.sending import AnchorContract, Fees, created_address

FORMAT: Final = "1"
_FEES: Final = Fees(2 * 10**9)  # Blocks are nearly empty: the base fee only falls from its 10⁹ at genesis.
_R = TypeVar("_R")


class EmbeddedChain:
    """A `Chain` of its own in a folder. Its keys come from a secret that is kept elsewhere."""

    mode: Final = "embedded"
    label: Final = "single node, no consensus"

    def __init__(self, folder: Path, secret: bytes, *, now: datetime) -> None:
        """Open the chain in `folder`, or make one whose genesis is at `now`.

        Raises:
            ChainLockedError: Another process has it open.
            ChainMismatchError: It was made with another secret or in another format.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = _lock(folder / "chain.lock")
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="xinji-chain")
        self._admin, self._submitter = (_account(secret, index) for index in range(2))
        # An id of its own: what is signed for one installation means nothing on another.
        self.chain_id: Final = 10**9 + int.from_bytes(hmac_sm3(secret, b"xinji/embedded-chain/id/1")[:4], "big")
        self.contract: Final = created_address(self._admin.address, 0)
        self._genesis_time = int(now.timestamp())
        try:
            self._run(lambda: self._open(folder / "chain.sqlite3"))
        except BaseException:
            self.close()
            raise

    def deploy(self, log_id: bytes, alg: TreeAlg) -> str:
        """See to it that the contract stands and knows the log; return its address."""
        self._run(lambda: self._deploy(log_id, alg))
        return self.contract

    def next_nonce(self) -> int:
        """Return how many of the submitter's transactions are in blocks."""
        return self._run(lambda: self._anchors.nonce_of(self._submitter.address))

    def sign_anchor(self, call: AnchorCall, *, nonce: int) -> SignedTransaction:
        """Sign a call of `anchor`."""
        return self._run(lambda: self._anchors.sign_anchor(self._submitter, call, nonce=nonce))

    def send(self, transaction: SignedTransaction) -> None:
        """Mine the transaction, unless it is in a block already."""
        self._run(lambda: self._send(transaction, self._submitter))

    def receipt(self, tx_hash: bytes) -> Receipt | None:
        """Return what became of a transaction, or None."""
        return self._run(lambda: self._anchors.receipt(tx_hash))

    def is_final(self, receipt: Receipt) -> bool:
        """Whether the receipt's block is on the chain: there is nobody to disagree."""
        return self._run(lambda: self._anchors.stands_at(receipt, confirmations=1))

    def latest_anchor(self, log_id: bytes) -> AnchoredHead:
        """Return the latest anchor of a log."""
        return self._run(lambda: self._anchors.latest_anchor(log_id))

    def close(self) -> None:
        """Close the store, end the thread and drop the lock."""
        self._thread.submit(self._close_store).result()
        self._thread.shutdown()
        os.close(self._lock)

    def _run(self, call: Callable[[], _R]) -> _R:
        return self._thread.submit(call).result()

    def _open(self, path: Path) -> None:
        """Runs in the thread, which alone may use what is made here."""
        self._store = SqliteStore(path)
        facts = {"format": FORMAT, "chain_id": str(self.chain_id), "submitter": self._submitter.address}
        stored = self._store.facts()
        if stored and stored != facts:
            raise ChainMismatchError("the chain in this folder was made with another secret or format")
        with self._store.transaction():
            if not stored:
                self._store.write_facts(facts)
            self._load()

    def _load(self) -> None:
        """Take up the chain as the store has it."""
        keys = tuple(PrivateKey(bytes(account.key)) for account in (self._admin, self._submitter))
        backend = StoredBackend(self._store, keys=keys, chain_id=self.chain_id, genesis_time=self._genesis_time)
        self._web3 = Web3(EthereumTesterProvider(EthereumTester(backend)))
        self._anchors = AnchorContract(self._web3, self.contract, chain_id=self.chain_id, fees=_FEES)

    def _deploy(self, log_id: bytes, alg: TreeAlg) -> None:
        if not self._anchors.is_deployed():
            creation = self._anchors.sign_deploy(self._admin, submitter=self._submitter.address, nonce=0)
            self._send(creation, self._admin)
        if not self._anchors.knows_log(log_id, alg):
            nonce = self._anchors.nonce_of(self._admin.address)
            opening = self._anchors.sign_open_log(self._admin, log_id, alg, nonce=nonce)
            self._send(opening, self._admin)

    def _send(self, transaction: SignedTransaction, sender: LocalAccount) -> None:
        if self._anchors.receipt(transaction.tx_hash) is not None:
            return
        next_nonce = self._anchors.nonce_of(sender.address)
        if transaction.nonce < next_nonce:
            raise NonceConflictError(f"nonce {transaction.nonce} is taken", nonce=transaction.nonce)
        try:
            with self._store.transaction():
                self._web3.eth.send_raw_transaction(transaction.raw)
        except Exception as error:
            # What py-evm holds in memory may be ahead of what was rolled back: begin again from the store.
            self._load()
            raise TransactionRefusedError(f"the chain refused nonce {transaction.nonce}: {error}") from error

    def _close_store(self) -> None:
        if hasattr(self, "_store"):
            self._store.close()


def _account(secret: bytes, index: int) -> LocalAccount:
    """Derive an account as wallets do (BIP-39, BIP-44), from 24 words that only `secret` gives."""
    words = Mnemonic().to_mnemonic(hmac_sm3(secret, b"xinji/embedded-chain/words/1"))
    account: LocalAccount = Account.from_key(key_from_seed(seed_from_mnemonic(words, ""), f"m/44'/60'/0'/0/{index}"))
    return account


def _lock(path: Path) -> int:
    """Take the folder's lock until the process ends or lets go.

    Raises:
        ChainLockedError: Another process has it.
    """
    handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        raise ChainLockedError(f"another process has {path.parent} open") from error
    return handle
