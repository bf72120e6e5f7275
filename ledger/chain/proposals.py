"""The panel's proposals as its members see them: what each does, who approved it, until when.

A proposal is stored in the clear, so a member reads what it approves on its own node and
believes nobody's summary of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from ledger.chain.base import APPROVALS, Call
from ledger.chain.errors import UnknownProposalError
from ledger.chain.sending import Contracts

LOGS_AT_ONCE: Final = 2_000
"""Blocks asked for in one eth_getLogs: nodes bound the range (Besu: 5 000)."""

State = Literal["open", "ready", "executed", "lapsed"]


@dataclass(frozen=True, slots=True)
class Proposal:
    """One proposal. `call` is None where its target is none of our contracts, or its data no function of it.

    `expires_at`: the last block in which it may be approved and carried out. `blocks_left` is 0
    once it may not.
    """

    id: bytes
    target: str
    data: bytes
    call: Call | None
    state: State
    approved_by: tuple[str, ...]
    threshold: int
    expires_at: int
    blocks_left: int


def read_proposal(contracts: Contracts, proposal: bytes) -> Proposal:
    """Return a proposal as the chain has it now.

    Raises:
        UnknownProposalError: There is none with this id.
    """
    target, expires_at, panel, data = contracts.ask(APPROVALS, "proposal", proposal)
    if int(target, 16) == 0:
        raise UnknownProposalError(f"nobody has proposed 0x{proposal.hex()} to this panel")
    threshold = contracts.ask(APPROVALS, "threshold")
    members = contracts.ask(APPROVALS, "members")
    same_panel = panel == contracts.ask(APPROVALS, "panel")
    # What is sent now comes into a later block than the head.
    left = max(expires_at - contracts.block_number(), 0) if same_panel else 0
    state: State = "open" if left else "lapsed"
    if contracts.ask(APPROVALS, "isExecuted", proposal):
        state, left = "executed", 0
    elif left and contracts.ask(APPROVALS, "approvalsOf", proposal) >= threshold:
        state = "ready"
    return Proposal(
        id=proposal,
        target=target,
        data=bytes(data),
        call=contracts.decode(target, bytes(data)),
        state=state,
        approved_by=tuple(member for member in members if contracts.ask(APPROVALS, "hasApproved", proposal, member)),
        threshold=threshold,
        expires_at=expires_at,
        blocks_left=left,
    )


def waiting_proposals(contracts: Contracts) -> Iterator[Proposal]:
    """Yield the proposals that may still be approved or carried out, the oldest first."""
    head = contracts.block_number()
    begin = max(head - contracts.ask(APPROVALS, "lifetime"), 0)
    for first in range(begin, head + 1, LOGS_AT_ONCE):
        last = min(first + LOGS_AT_ONCE - 1, head)
        for event in contracts.events(APPROVALS, "Proposed", first, last):
            proposal = read_proposal(contracts, bytes(event["id"]))
            if proposal.state in ("open", "ready"):
                yield proposal
