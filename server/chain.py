"""The chain engine of this process, opened once: one process writes to the embedded chain."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from ledger.anchoring import Anchoring
from ledger.chain.base import Chain, TreeAlg, log_id_of
from ledger.chain.embedded import EmbeddedChain
from server.parts import Parts, derived, key_folder


def open_chain(parts: Parts) -> Chain:
    """Open the embedded chain with our contract deployed for the log."""
    secret = derived(key_folder(parts.settings).load_or_create("signing"), b"embedded-chain")
    chain = EmbeddedChain(parts.settings.data_dir / "chain", secret, clock=parts.clock)
    chain.deploy(log_id_of(parts.installation.log_origin), TreeAlg.SM3)
    return chain


def anchoring(parts: Parts, chain: Chain) -> Anchoring:
    """Return what the anchoring worker needs."""
    interval = timedelta(seconds=parts.installation.rhythm.anchoring)
    return Anchoring(parts.database, chain, parts.clock, parts.installation.log_origin, interval)


def described(chain: Chain) -> dict[str, Any]:
    """Return `chain` as the trust file names it."""
    return {
        "id": chain.mode,
        "mode": chain.mode,
        "chain_id": chain.chain_id,
        "contract": chain.contract,
        "endorsers": [],
    }
