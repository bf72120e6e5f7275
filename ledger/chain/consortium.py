"""A consortium's member at work: it deploys the contracts and takes part in the panel's decisions, by JSON-RPC.

Nothing here runs with the server: its keys are the workers', and the members' are kept elsewhere.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from eth_account import Account
from eth_typing import ChecksumAddress
from eth_utils.address import to_checksum_address
from web3.providers import BaseProvider

from ledger.chain import interpreter as _interpreter  # noqa: F401 - see there
from ledger.chain.base import CHECKPOINTS, Call, Receipt, SignedTransaction, TreeAlg
from ledger.chain.deploying import Desk, decide, deploy_contracts, province_call
from ledger.chain.deployments import Deployment, DeploymentsFile, Panel
from ledger.chain.errors import ChainMismatchError, ChainUnavailableError
from ledger.chain.rpc import Profile, asked, connection, http_provider
from ledger.chain.sending import Contracts

PATIENCE_SECONDS: Final = 120
ALLOWANCE: Final = 10**20  # At 10⁹ a unit of gas, enough for a million anchors.
LOOK_EVERY_SECONDS: Final = 0.5


class Consortium:
    """One member's key at one node."""

    def __init__(self, node: str | BaseProvider, profile: Profile, *, chain_id: int, key: bytes) -> None:
        """Talk to `node`, an address or a provider, with the member's `key` (32 bytes).

        Raises:
            ChainMismatchError: Another chain answers.
            ChainUnavailableError: Nobody does.
        """
        web3 = connection(http_provider(node) if isinstance(node, str) else node, profile)
        if asked(lambda: web3.eth.chain_id) != chain_id:
            raise ChainMismatchError("another chain answers at this address")
        self._confirmations, self._fees = profile.confirmations, profile.fees
        self._desk = Desk(web3, Account.from_key(key), chain_id, profile.fees, self._deliver)
        self._any = Contracts(web3, {}, chain_id=chain_id, fees=profile.fees)

    def deploy(self, file: DeploymentsFile, panel: Panel) -> Deployment:
        """Deploy our contracts in their newest version, or go on with what was begun."""
        checked = Panel(
            **{
                **{name: getattr(panel, name) for name in Panel.__dataclass_fields__},
                "members": tuple(to_checksum_address(member) for member in panel.members),
                "endorsers": tuple(to_checksum_address(endorser) for endorser in panel.endorsers),
            }
        )
        return asked(lambda: deploy_contracts(self._desk, file, checked))

    def fund(self, addresses: Sequence[str]) -> None:
        """Give coins to those of `addresses` that have none, on a chain where transactions cost some."""
        if self._fees.gas_price == 0:
            return
        for address in map(to_checksum_address, addresses):
            if asked(lambda: self._desk.web3.eth.get_balance(address)) == 0:  # noqa: B023 - called at once
                asked(lambda: self._give(address))  # noqa: B023

    def _give(self, address: ChecksumAddress) -> None:
        nonce = self._any.nonce_of(self._desk.account.address)
        self._deliver(self._any.sign_transfer(self._desk.account, address, ALLOWANCE, nonce=nonce))

    def open_log(self, deployment: Deployment, log_id: bytes, alg: TreeAlg, submitter: str) -> bytes | None:
        """Propose or approve that a log is opened; None once it is, else the proposal that waits for others."""
        contracts = self._desk.contracts(deployment)
        if asked(lambda: contracts.knows_log(log_id, alg)):
            return None
        call = Call(CHECKPOINTS, "openLog", (log_id, int(alg), to_checksum_address(submitter)))
        return asked(lambda: decide(self._desk, contracts, call))

    def add_province(self, deployment: Deployment, code: str, key_digest: bytes, controller: str) -> bytes | None:
        """Propose or approve that a province, or its new keys, come into the registry; None once they are."""
        contracts = self._desk.contracts(deployment)
        address = to_checksum_address(controller)
        call = asked(lambda: province_call(contracts, code, key_digest, controller=address))
        return None if call is None else asked(lambda: decide(self._desk, contracts, call))

    def _deliver(self, transaction: SignedTransaction) -> Receipt:
        """Send, and wait until the block is final.

        Raises:
            ChainUnavailableError: It is not, in time: calling again goes on from here.
        """
        self._desk.web3.eth.send_raw_transaction(transaction.raw)
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            receipt = self._any.receipt(transaction.tx_hash)
            if receipt is not None and self._any.stands_at(receipt, confirmations=self._confirmations):
                return receipt
            time.sleep(LOOK_EVERY_SECONDS)
        raise ChainUnavailableError("the transaction is in no final block yet: call again later")
