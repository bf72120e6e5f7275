"""The server's own check of a bundle, for browsers without JavaScript: pure, built on crypto and ledger.

`verify` gives the same report as the verifiers under `clients/`, which share no code with it;
`tests/vectors/verification/` holds what all of them must agree on.
"""

from credentials.verification.trust import Trust, open_trust
from credentials.verification.verifier import verify

__all__ = ["Trust", "open_trust", "verify"]
