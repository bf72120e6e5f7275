"""The chain engine of this process, opened once: one process writes to the embedded chain."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from crypto.keyring import FEDERATION
from ledger.anchoring import Anchoring
from ledger.chain.base import Chain, TreeAlg, log_id_of
from ledger.chain.embedded import EmbeddedChain
from ledger.records.books import AccreditationBook, Book, StatusBook, chain_code, key_digest
from ledger.records.comparing import Comparing
from ledger.records.recording import Recording
from ledger.registry.accreditation import ensure_authority_keys
from ledger.registry.entities import parse_entity_id
from server.parts import Parts, derived, key_folder


def open_chain(parts: Parts) -> Chain:
    """Open the chain with the newest version of our contracts deployed, and the log open on it."""
    chain = embedded_chain(parts)
    chain.deploy(log_id_of(parts.installation.log_origin), TreeAlg.SM3)
    return chain


def embedded_chain(parts: Parts) -> EmbeddedChain:
    """Open the embedded chain as it is."""
    secret = derived(key_folder(parts.settings).load_or_create("signing"), b"embedded-chain")
    return EmbeddedChain(parts.settings.data_dir / "chain", secret, clock=parts.clock)


def admit_province(parts: Parts, chain: Chain) -> None:
    """See to it that the registry holds our province with its present keys; everybody else stands below it."""
    ensure_authority_keys(parts.signer, parts.installation.root_id)
    code = chain_code(parse_entity_id(parts.installation.root_id))
    chain.admit_province(code, province_digest(parts))


def province_digest(parts: Parts) -> bytes:
    """Return the digest of the province's federation keys, which its superiors would accredit."""
    keys = parts.signer.public_keys(FEDERATION, parts.installation.root_id)
    return key_digest(federation=[key.key_id for key in keys], service=[])


def anchoring(parts: Parts, chain: Chain) -> Anchoring:
    """Return what the anchoring worker needs."""
    interval = timedelta(seconds=parts.installation.rhythm.anchoring)
    return Anchoring(parts.database, chain, parts.clock, parts.installation.log_origin, interval)


def recordings(parts: Parts, chain: Chain) -> dict[str, Recording]:
    """Return what the workers need that tell the chain what the log says, by their names."""
    transacting = anchoring(parts, chain).transacting
    books: dict[str, Book] = {"registry": AccreditationBook(), "status-lists": StatusBook()}
    return {name: Recording(transacting, book) for name, book in books.items()}


def comparing(parts: Parts, chain: Chain) -> Comparing:
    """Return what compares chain and log."""
    return Comparing(parts.database, chain, frozenset({province_digest(parts)}))


def described(chain: Chain) -> list[dict[str, Any]]:
    """Return `chain` as the trust file names it: our contracts, and those of earlier deployments."""
    facts: dict[str, Any] = {"id": chain.mode, "mode": chain.mode, "chain_id": chain.chain_id, "endorsers": []}
    earlier = chain.deployments[:-1] if isinstance(chain, EmbeddedChain) else ()
    return [
        {**facts, "contract": chain.contract},
        *(
            {**facts, "id": f"{chain.mode}/{old.version}", "contract": old.addresses["CheckpointAnchor"]}
            for old in reversed(earlier)
            if old.complete
        ),
    ]
