"""py-evm's chain over our store, in the shape that eth-tester and web3.py expect.

Differs from eth-tester's own backend in three things: the chain is opened when the store
holds one, accounts and genesis are ours (eth-tester funds well-known keys), and transactions
are found by py-evm's index (eth-tester walks all blocks back from the head).
"""

from __future__ import annotations

from typing import Any, Final

from eth.chains.base import MiningChain
from eth.consensus.applier import ConsensusApplier
from eth.consensus.noproof import NoProofConsensus
from eth.db.atomic import AtomicDB
from eth.db.schema import SchemaV1
from eth.exceptions import TransactionNotFound as NotInIndex
from eth.vm.forks.paris import ParisVM
from eth_keys.datatypes import PrivateKey
from eth_tester.backends.pyevm.main import PyEVMBackend, get_default_account_state, get_default_genesis_params
from eth_tester.backends.pyevm.serializers import serialize_transaction, serialize_transaction_receipt
from eth_tester.exceptions import TransactionNotFound

from ledger.chain import interpreter as _interpreter  # noqa: F401 - see there
from ledger.chain.kv import SqliteStore

_HEAD: Final = SchemaV1.make_canonical_head_hash_lookup_key()


class EmbeddedMiningChain(MiningChain):
    """Blocks without consensus, of the fork that the contracts are compiled for."""

    vm_configuration = ConsensusApplier(NoProofConsensus).amend_vm_configuration(((0, ParisVM),))

    def create_header_from_parent(self, parent_header: Any, **header_params: Any) -> Any:
        """Keep the gas limit as genesis has it."""
        return super().create_header_from_parent(
            parent_header, **{**header_params, "gas_limit": parent_header.gas_limit}
        )

    def get_transaction_builder(self) -> Any:
        """Return the fork's transaction builder, which eth-tester asks the chain for."""
        return self.get_vm().get_transaction_builder()


class StoredBackend(PyEVMBackend):  # type: ignore[misc]  # eth-tester ships no types.
    """An eth-tester backend whose chain lives in a `SqliteStore`."""

    def __init__(self, store: SqliteStore, *, keys: tuple[PrivateKey, ...], chain_id: int, genesis_time: int) -> None:
        """Open the chain in `store`, or make its genesis at `genesis_time` with `keys` funded."""
        self._store = store
        self._keys = keys
        self._genesis_time = genesis_time
        self._chain_class: Any = EmbeddedMiningChain.configure(__name__="XinjiChain", chain_id=chain_id)
        super().__init__()

    def reset_to_genesis(self, *_: Any, **__: Any) -> None:
        """Open the stored chain if there is one; make it otherwise. What is stored is never dropped."""
        self.account_keys = self._keys
        database = AtomicDB(self._store)
        if _HEAD in database:
            self.chain = self._chain_class(database)
            return
        params = get_default_genesis_params({"timestamp": self._genesis_time})
        state = {key.public_key.to_canonical_address(): get_default_account_state() for key in self._keys}
        self.chain = self._chain_class.from_genesis(database, params, state)

    def set_time(self, timestamp: int) -> None:
        """Let the next block be of this time, or the earliest after its parent's.

        py-evm prepares a block when the one before is made, and gives it the time of that moment.
        """
        parent = self.chain.get_canonical_head()
        self.chain.header = self.chain.header.copy(timestamp=max(timestamp, parent.timestamp + 1))

    def get_transaction_by_hash(self, transaction_hash: bytes) -> Any:
        """Find a mined transaction by py-evm's index."""
        block, index = self._mined(transaction_hash)
        return serialize_transaction(block, block.transactions[index], index, is_pending=False)

    def get_transaction_receipt(self, transaction_hash: bytes) -> Any:
        """Find a mined transaction's receipt by py-evm's index."""
        block, index = self._mined(transaction_hash)
        receipts = block.get_receipts(self.chain.chaindb)
        transaction = block.transactions[index]
        vm = self.chain.get_vm(block.header)
        return serialize_transaction_receipt(block, receipts, transaction, index, is_pending=False, vm=vm)

    def _mined(self, transaction_hash: bytes) -> tuple[Any, int]:
        try:
            number, index = self.chain.get_canonical_transaction_index(transaction_hash)
        except NotInIndex as error:
            raise TransactionNotFound(f"no transaction {transaction_hash.hex()}") from error
        return self.chain.get_canonical_block_by_number(number), index
