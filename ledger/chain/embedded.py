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
from pathlib import Path
from typing import Any, Final, TypeVar

from eth_account import Account
from eth_account.hdaccount import key_from_seed, seed_from_mnemonic
from eth_account.hdaccount.mnemonic import Mnemonic
from eth_account.signers.local import LocalAccount
from eth_keys.datatypes import PrivateKey
from eth_tester import EthereumTester
from web3 import EthereumTesterProvider, Web3

from crypto.hashes import hmac_sm3
from kernel.clock import Clock
from ledger.chain import interpreter as _interpreter  # noqa: F401 - see there
from ledger.chain.base import (
    CHECKPOINTS,
    REGISTRY,
    STATUS,
    AnchoredHead,
    Call,
    ContractName,
    Receipt,
    SignedTransaction,
    TreeAlg,
)
from ledger.chain.deploying import Desk, decide, deploy_contracts, province_call
from ledger.chain.deployments import Deployment, DeploymentsFile, Panel
from ledger.chain.errors import (
    ChainLockedError,
    ChainMismatchError,
    NonceConflictError,
    NotDeployedError,
    TransactionRefusedError,
)
from ledger.chain.keys import sender_of
from ledger.chain.kv import SqliteStore
from ledger.chain.pyevm import StoredBackend
from ledger.chain.sending import Contracts, Fees, created_address

FORMAT: Final = "1"
_FEES: Final = Fees(2 * 10**9)  # Blocks are nearly empty: the base fee only falls from its 10⁹ at genesis.
_WRITERS: Final[dict[ContractName, int]] = {CHECKPOINTS: 1, REGISTRY: 2, STATUS: 3}
"""Which account signs the calls of a contract. Account 0 is the whole panel, and deploys."""
_ALLOWANCE: Final = 10**23
_LIFETIME: Final = 2**40  # Blocks; there is nobody to wait for.
_R = TypeVar("_R")


class EmbeddedChain:
    """A `Chain` of its own in a folder. Its keys come from a secret that is kept elsewhere."""

    mode: Final = "embedded"
    label: Final = "single node, no consensus"

    def __init__(self, folder: Path, secret: bytes, *, clock: Clock) -> None:
        """Open the chain in `folder`, or make one; its blocks are of the clock's times.

        Raises:
            ChainLockedError: Another process has it open.
            ChainMismatchError: It was made with another secret or in another format.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = _lock(folder / "chain.lock")
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="xinji-chain")
        self._clock = clock
        self._accounts = tuple(_account(secret, index) for index in range(4))
        self._admin, self._submitter = self._accounts[:2]
        # An id of its own: what is signed for one installation means nothing on another.
        self.chain_id: Final = 10**9 + int.from_bytes(hmac_sm3(secret, b"xinji/embedded-chain/id/1")[:4], "big")
        try:
            self._run(lambda: self._open(folder))
        except BaseException:
            self.close()
            raise

    @property
    def contract(self) -> str:
        """The address of `CheckpointAnchor`."""
        return self.address_of(CHECKPOINTS)

    @property
    def deployments(self) -> tuple[Deployment, ...]:
        """All deployments on this chain, the oldest first."""
        return self._deployments.all

    def address_of(self, contract: ContractName) -> str:
        """Return where a contract stands, or will stand."""
        return self._contracts.address_of(contract)

    def writer_of(self, contract: ContractName) -> str:
        """Return the address whose key signs the calls of a contract."""
        return str(self._writer(contract).address)

    def deploy(self, log_id: bytes, alg: TreeAlg) -> str:
        """See to it that the contracts stand, in their newest version, and know the log."""
        self._run(lambda: self._deploy(log_id, alg))
        return self.contract

    def admit_province(self, code: str, key_digest: bytes) -> None:
        """See to it that the registry holds the province: the panel is this process alone."""
        self._run(lambda: self._admit(code, key_digest))

    def next_nonce(self, contract: ContractName = CHECKPOINTS) -> int:
        """Return how many transactions of the contract's writer are in blocks."""
        return self._run(lambda: self._contracts.nonce_of(self._writer(contract).address))

    def sign(self, call: Call, *, nonce: int) -> SignedTransaction:
        """Sign a call with its contract's writer."""
        return self._run(lambda: self._contracts.sign(self._writer(call.contract), call, nonce=nonce))

    def send(self, transaction: SignedTransaction) -> None:
        """Mine the transaction, unless it is in a block already."""
        self._run(lambda: self._send(transaction))

    def receipt(self, tx_hash: bytes) -> Receipt | None:
        """Return what became of a transaction, or None."""
        return self._run(lambda: self._contracts.receipt(tx_hash))

    def is_final(self, receipt: Receipt) -> bool:
        """Whether the receipt's block is on the chain: there is nobody to disagree."""
        return self._run(lambda: self._contracts.stands_at(receipt, confirmations=1))

    def latest_anchor(self, log_id: bytes) -> AnchoredHead:
        """Return the latest anchor of a log."""
        return self._run(lambda: self._contracts.latest_anchor(log_id))

    def ask(self, contract: ContractName, function: str, *arguments: Any) -> Any:
        """Read from a contract."""
        return self._run(lambda: self._contracts.ask(contract, function, *arguments))

    def close(self) -> None:
        """Close the store, end the thread and drop the lock."""
        self._thread.submit(self._close_store).result()
        self._thread.shutdown()
        os.close(self._lock)

    def _run(self, call: Callable[[], _R]) -> _R:
        return self._thread.submit(call).result()

    def _open(self, folder: Path) -> None:
        """Runs in the thread, which alone may use what is made here."""
        self._store = SqliteStore(folder / "chain.sqlite3")
        facts = {"format": FORMAT, "chain_id": str(self.chain_id), "submitter": self._submitter.address}
        stored = self._store.facts()
        if stored and stored != facts:
            raise ChainMismatchError("the chain in this folder was made with another secret or format")
        self._contracts = Contracts(Web3(), {}, chain_id=self.chain_id, fees=_FEES)
        with self._store.transaction():
            if not stored:
                self._store.write_facts(facts)
            self._load()
        self._deployments = DeploymentsFile(folder / "deployments.json")
        self._see_deployment()

    def _load(self) -> None:
        """Take up the chain as the store has it."""
        keys = tuple(PrivateKey(bytes(account.key)) for account in self._accounts)
        genesis_time = int(self._clock.now().timestamp())
        self._backend = StoredBackend(self._store, keys=keys, chain_id=self.chain_id, genesis_time=genesis_time)
        self._web3 = Web3(EthereumTesterProvider(EthereumTester(self._backend)))
        self._contracts = Contracts(self._web3, self._contracts.addresses, chain_id=self.chain_id, fees=_FEES)

    def _see_deployment(self) -> None:
        """Look at the newest contracts, or at where they will stand."""
        first = created_address(self._admin.address, 0)
        if self._deployments.last is None and self._contracts.code_hash(first) is not None:
            # Made before deployments were written down: one contract, the deployer's first.
            addresses: dict[ContractName, str] = {CHECKPOINTS: first}
            self._deployments.begin(Deployment(1, self.chain_id, self._admin.address, 0, addresses, None))
            self._deployments.finish({CHECKPOINTS: f"0x{(self._contracts.code_hash(first) or b'').hex()}"})
        last = self._deployments.last
        if last is not None:
            self._contracts = self._desk().contracts(last)

    def _desk(self) -> Desk:
        return Desk(self._web3, self._admin, self.chain_id, _FEES, self._deliver)

    def _deliver(self, transaction: SignedTransaction) -> Receipt:
        self._send(transaction)
        receipt = self._contracts.receipt(transaction.tx_hash)
        if receipt is None:
            raise AssertionError("what was sent is mined")
        return receipt

    def _writer(self, contract: ContractName) -> LocalAccount:
        if contract not in _WRITERS:
            raise NotDeployedError(f"nobody writes to {contract} from here")
        return self._accounts[_WRITERS[contract]]

    def _deploy(self, log_id: bytes, alg: TreeAlg) -> None:
        self._fund_writers()
        panel = Panel(members=(self._admin.address,), lifetime=_LIFETIME)
        deployment = deploy_contracts(self._desk(), self._deployments, panel)
        self._contracts = self._desk().contracts(deployment)
        if not self._contracts.knows_log(log_id, alg):
            call = Call(CHECKPOINTS, "openLog", (log_id, int(alg), self._submitter.address))
            decide(self._desk(), self._contracts, call)

    def _admit(self, code: str, key_digest: bytes) -> None:
        controller = self._writer(REGISTRY).address
        call = province_call(self._contracts, code, key_digest, controller=controller)
        if call is not None:
            decide(self._desk(), self._contracts, call)

    def _fund_writers(self) -> None:
        """Chains made before there were several writers gave these nothing at genesis."""
        for index in _WRITERS.values():
            account = self._accounts[index]
            if self._web3.eth.get_balance(account.address) == 0:
                nonce = self._contracts.nonce_of(self._admin.address)
                gift = self._contracts.sign_transfer(self._admin, account.address, _ALLOWANCE, nonce=nonce)
                self._deliver(gift)

    def _send(self, transaction: SignedTransaction) -> None:
        if self._contracts.receipt(transaction.tx_hash) is not None:
            return
        next_nonce = self._contracts.nonce_of(sender_of(transaction))
        if transaction.nonce < next_nonce:
            raise NonceConflictError(f"nonce {transaction.nonce} is taken", nonce=transaction.nonce)
        try:
            self._backend.set_time(int(self._clock.now().timestamp()))
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
