"""What a member of the panel does with its key, on its own machine: propose, read, approve, carry out, and pause.

A decision is looked at before anything is sent: whether the key is a member's, and whether the
contract would take the call as the chain is now. What k of n then carry out may still fail, if
the chain changed in between; nothing is done by halves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from eth_utils.address import to_checksum_address

from ledger.chain import interpreter as _interpreter  # noqa: F401 - see there
from ledger.chain.base import APPROVALS, CHECKPOINTS, REGISTRY, STATUS, Call, ContractName
from ledger.chain.consortium import Consortium
from ledger.chain.deploying import carry_out, decide
from ledger.chain.deployments import Deployment
from ledger.chain.errors import NotAMemberError, TransactionRefusedError
from ledger.chain.proposals import Proposal, read_proposal, waiting_proposals
from ledger.chain.rpc import asked
from ledger.chain.sending import Contracts

PAUSABLE: Final[tuple[ContractName, ...]] = (CHECKPOINTS, REGISTRY, STATUS)
_REVOKED: Final = 3


class PanelMember(Consortium):
    """One member's key at one node. Every method may be called again: what is done already is left alone."""

    def revoke(self, deployment: Deployment, code: str, evidence: bytes) -> bytes | None:
        """Propose or approve that an issuer is revoked for good; None once it is, else the waiting proposal.

        `code`: 10 signs. `evidence`: the commitment of the log entry that says so, 32 bytes.

        Raises:
            NotAMemberError: The key is not a member's.
            TransactionRefusedError: The registry would not take it.
        """
        contracts = self._desk.contracts(deployment)
        if asked(lambda: contracts.ask(REGISTRY, "issuerOf", code.encode()))[3] == _REVOKED:
            return None
        return self._decide(contracts, Call(REGISTRY, "revoke", (code.encode(), evidence)))

    def open_epoch(self, deployment: Deployment, log_id: bytes, resumed_size: int, submitter: str) -> bytes | None:
        """Propose or approve that a log goes on from its anchor of `resumed_size` with another submitter's key.

        Raises:
            NotAMemberError: The key is not a member's.
            TransactionRefusedError: The contract would not take it.
        """
        contracts = self._desk.contracts(deployment)
        address = to_checksum_address(submitter)
        present, epoch, _ = asked(lambda: contracts.ask(CHECKPOINTS, "stateOf", log_id))
        if (
            present == address
            and asked(lambda: contracts.ask(CHECKPOINTS, "epochAt", log_id, epoch))[0] == resumed_size
        ):
            return None
        return self._decide(contracts, Call(CHECKPOINTS, "openEpoch", (log_id, resumed_size, address)))

    def pause(self, deployment: Deployment, which: Sequence[ContractName] = PAUSABLE) -> list[ContractName]:
        """Stop all writes of these contracts, at once and alone; return those that were not paused before.

        Raises:
            NotAMemberError: The key is not a member's.
        """
        contracts = self._desk.contracts(deployment)
        self._must_be_member(contracts)
        done: list[ContractName] = []
        for name in which:
            if not asked(lambda name=name: contracts.ask(name, "paused")):  # type: ignore[misc]
                asked(lambda name=name: carry_out(self._desk, contracts, Call(name, "pause", ())))  # type: ignore[misc]
                done.append(name)
        return done

    def unpause(self, deployment: Deployment, name: ContractName) -> bytes | None:
        """Propose or approve that a paused contract goes on; None once it does.

        Raises:
            NotAMemberError: The key is not a member's.
        """
        contracts = self._desk.contracts(deployment)
        if not asked(lambda: contracts.ask(name, "paused")):
            return None
        return self._decide(contracts, Call(name, "unpause", ()))

    def proposals(self, deployment: Deployment) -> list[Proposal]:
        """Return what waits for approvals or for being carried out."""
        contracts = self._desk.contracts(deployment)
        return asked(lambda: list(waiting_proposals(contracts)))

    def proposal(self, deployment: Deployment, proposal: bytes) -> Proposal:
        """Return one proposal.

        Raises:
            UnknownProposalError: There is none.
        """
        contracts = self._desk.contracts(deployment)
        return asked(lambda: read_proposal(contracts, proposal))

    def approve(self, deployment: Deployment, proposal: bytes) -> Proposal:
        """Approve a proposal that somebody made, and no more than that; return it as it is then.

        Raises:
            NotAMemberError: The key is not a member's.
            UnknownProposalError: There is none.
            TransactionRefusedError: It lapsed, or was carried out.
        """
        contracts = self._desk.contracts(deployment)
        self._must_be_member(contracts)
        found = self._alive(contracts, proposal)
        if self._desk.account.address not in found.approved_by:
            self._send(contracts, Call(APPROVALS, "approve", (proposal,)))
        return asked(lambda: read_proposal(contracts, proposal))

    def execute(self, deployment: Deployment, proposal: bytes) -> Proposal:
        """Carry out a proposal that enough members have approved; return it as it is then.

        Raises:
            NotAMemberError: The key is not a member's.
            UnknownProposalError: There is none.
            TransactionRefusedError: It lapsed, too few have approved it, or the contract does not take it.
        """
        contracts = self._desk.contracts(deployment)
        self._must_be_member(contracts)
        if self._alive(contracts, proposal).state != "executed":
            self._send(contracts, Call(APPROVALS, "execute", (proposal,)))
        return asked(lambda: read_proposal(contracts, proposal))

    def _decide(self, contracts: Contracts, call: Call) -> bytes | None:
        self._must_be_member(contracts)
        self._must_be_taken(contracts, call, sender=contracts.address_of(APPROVALS))
        return asked(lambda: decide(self._desk, contracts, call))

    def _alive(self, contracts: Contracts, proposal: bytes) -> Proposal:
        """Return a proposal that has not lapsed. Asking the contract tells of the latest block, not of the next one."""
        found = asked(lambda: read_proposal(contracts, proposal))
        if found.state == "lapsed":
            raise TransactionRefusedError("the proposal lapsed, or the panel changed: propose it again")
        return found

    def _send(self, contracts: Contracts, call: Call) -> None:
        self._must_be_taken(contracts, call, sender=self._desk.account.address)
        asked(lambda: carry_out(self._desk, contracts, call))

    def _must_be_member(self, contracts: Contracts) -> None:
        address = self._desk.account.address
        if not asked(lambda: contracts.ask(APPROVALS, "isMember", address)):
            members = ", ".join(asked(lambda: contracts.ask(APPROVALS, "members")))
            raise NotAMemberError(f"{address} is no member of the panel; its members are {members}")

    def _must_be_taken(self, contracts: Contracts, call: Call, *, sender: str) -> None:
        objection = asked(lambda: contracts.objection(call, sender))
        if objection is not None:
            raise TransactionRefusedError(f"{call.contract} would refuse {call.function}: {objection}")
