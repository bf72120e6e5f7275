"""What a chain engine refuses or lacks. Knows no HTTP."""

from __future__ import annotations

from kernel.errors import XinjiError


class ChainEngineError(XinjiError):
    """Something about the chain engine does not hold."""

    code = "chain_engine"


class ChainLockedError(ChainEngineError):
    """Another process has the embedded chain's folder."""

    code = "chain_locked"


class ChainMismatchError(ChainEngineError):
    """The stored chain was made with another secret, chain id or format, or the contract is not the expected one."""

    code = "chain_mismatch"


class ChainUnavailableError(ChainEngineError):
    """The chain could not be reached, or did not answer as a node does: try again later."""

    code = "chain_unavailable"


class NonceConflictError(ChainEngineError):
    """The nonce was used by another transaction: somebody else sends with the submitter's key."""

    code = "chain_nonce_conflict"


class TransactionRefusedError(ChainEngineError):
    """The chain refused to take the transaction."""

    code = "chain_transaction_refused"


class NotDeployedError(ChainEngineError):
    """There is no contract at the configured address, or it does not know the log."""

    code = "chain_not_deployed"


class AnchorConflictError(ChainEngineError):
    """The chain holds another history of the log than the database: a person must look before anything is anchored."""

    code = "anchor_conflict"


class NotAMemberError(ChainEngineError):
    """The key is not a member of the panel."""

    code = "chain_not_a_member"


class NotAnEndorserError(ChainEngineError):
    """The key is not an endorser's."""

    code = "chain_not_an_endorser"


class UnknownAnchorError(ChainEngineError):
    """The chain holds no such anchor."""

    code = "chain_unknown_anchor"


class UnknownProposalError(ChainEngineError):
    """Nobody has proposed this to the panel."""

    code = "chain_unknown_proposal"
