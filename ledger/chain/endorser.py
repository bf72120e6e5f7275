"""What an endorser does with its key, on its own machine: say of an anchor that its tree was checked.

Whether it was checked is not known here: `ledger.upkeep.endorsing` compares an anchor with a copy of the log.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from ledger.chain import interpreter as _interpreter  # noqa: F401 - see there
from ledger.chain.base import CHECKPOINTS, NO_ROOT, Call
from ledger.chain.consortium import Consortium
from ledger.chain.deploying import carry_out
from ledger.chain.deployments import Deployment
from ledger.chain.errors import NotAnEndorserError, TransactionRefusedError, UnknownAnchorError
from ledger.chain.rpc import asked

_AT_LATEST: Final = 0


class Anchored(NamedTuple):
    """An anchor as a node tells of it: the tree it is of, and the one it says it grew out of (0, `NO_ROOT`: none)."""

    size: int
    root: bytes
    previous_size: int
    previous_root: bytes


class Endorser(Consortium):
    """One endorser's key at one node. Every method may be called again: what is done already is left alone."""

    def anchored(self, deployment: Deployment, log_id: bytes, size: int = _AT_LATEST) -> Anchored:
        """Return the anchor of a log at exactly `size`, the latest one unless given.

        Raises:
            UnknownAnchorError: There is none.
        """
        contracts = self._desk.contracts(deployment)
        at = size or int(asked(lambda: contracts.ask(CHECKPOINTS, "latest", log_id))[1])
        root, previous_size, *_ = asked(lambda: contracts.ask(CHECKPOINTS, "anchorAt", log_id, at))
        if bytes(root) == NO_ROOT:
            raise UnknownAnchorError(f"no anchor of {at} entries stands on the chain")
        before = (
            asked(lambda: contracts.ask(CHECKPOINTS, "anchorAt", log_id, previous_size))[0]
            if previous_size
            else NO_ROOT
        )
        return Anchored(at, bytes(root), int(previous_size), bytes(before))

    def endorse(self, deployment: Deployment, log_id: bytes, anchored: Anchored) -> bool:
        """Endorse an anchor; False where this key has done so before.

        Raises:
            NotAnEndorserError: The key is not an endorser's.
            TransactionRefusedError: The contract would not take it.
        """
        contracts, address = self._desk.contracts(deployment), self._desk.account.address
        if not asked(lambda: contracts.ask(CHECKPOINTS, "isEndorser", address)):
            endorsers = ", ".join(asked(lambda: contracts.ask(CHECKPOINTS, "endorsers"))) or "nobody"
            raise NotAnEndorserError(f"{address} is no endorser; endorsers are {endorsers}")
        if asked(lambda: contracts.ask(CHECKPOINTS, "hasEndorsed", log_id, anchored.size, address)):
            return False
        call = Call(CHECKPOINTS, "endorse", (log_id, anchored.size, anchored.root))
        objection = asked(lambda: contracts.objection(call, address))
        if objection is not None:
            raise TransactionRefusedError(f"{call.contract} would refuse {call.function}: {objection}")
        asked(lambda: carry_out(self._desk, contracts, call))
        return True

    def is_confirmed(self, deployment: Deployment, log_id: bytes, size: int) -> bool:
        """Tell whether enough endorsers have endorsed the anchor of `size`."""
        contracts = self._desk.contracts(deployment)
        return bool(asked(lambda: contracts.ask(CHECKPOINTS, "isConfirmed", log_id, size)))
