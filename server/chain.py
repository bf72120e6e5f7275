"""The chain engine of this process, opened once: one process writes to a chain with an installation's keys."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import structlog

from crypto.keyring import FEDERATION
from ledger.anchors.anchoring import Anchoring
from ledger.chain.base import CHECKPOINTS, Chain, TreeAlg, log_id_of
from ledger.chain.embedded import EmbeddedChain
from ledger.chain.errors import ChainUnavailableError, NotDeployedError
from ledger.records.books import AccreditationBook, Book, StatusBook, chain_code, key_digest
from ledger.records.comparing import Comparing
from ledger.records.recording import Recording
from ledger.registry.accreditation import ensure_authority_keys
from ledger.registry.entities import parse_entity_id
from server.consortium import deployments_file, our_member, rpc_chain
from server.parts import Parts, derived, key_folder
from server.shards import known_shards

log = structlog.get_logger()


class OpenLogs:
    """Sees to it that the contracts stand and know every shard of the log, the ones of later years too."""

    def __init__(self, parts: Parts, chain: Chain) -> None:
        """Remember which shards are known to be open there, and which the panel has not opened."""
        self._parts, self._chain = parts, chain
        self._open: set[str] = set()
        self._missing: set[str] = set()

    def run_once(self) -> None:
        """Open the shards that are not known to be open.

        Raises:
            ChainUnavailableError: It cannot be reached now.
            NotDeployedError: The panel has decisions to make first. That it must open a later shard
                is only told: all else goes on without.
        """
        first = self._parts.installation.log_origin
        for origin in [shard.origin for shard in known_shards(self._parts.log)] or [first]:
            if origin in self._open:
                continue
            try:
                self._chain.deploy(log_id_of(origin), TreeAlg.SM3)
            except NotDeployedError:
                if origin == first:
                    raise
                if origin not in self._missing:
                    log.warning("panel_must_open_log", origin=origin)
                self._missing.add(origin)
            else:
                self._open.add(origin)


class Opening:
    """Sees to it that our contracts stand, know the log and hold the province, before anything is written.

    A chain that cannot be reached keeps nothing else waiting: it is opened by the workers, once it can.
    """

    def __init__(self, parts: Parts, chain: Chain) -> None:
        """Take the chain as it is."""
        self._parts, self._chain = parts, chain
        self._logs = OpenLogs(parts, chain)
        self._admitted = False
        self._reached = True

    def run_once(self) -> None:
        """Open the chain and the logs on it, where that has not been done.

        Raises:
            ChainUnavailableError: It cannot be reached now.
            NotDeployedError: The panel has decisions to make first.
        """
        self._logs.run_once()
        if not self._admitted:
            admit_province(self._parts, self._chain)
            self._admitted = True

    def try_once(self) -> None:
        """Open the chain if it can be reached."""
        self.turn(lambda: 0)

    def turn(self, step: Callable[[], int]) -> int:
        """Do a worker's step on the open chain; say it once, and not at each turn, if that cannot be reached."""
        try:
            self.run_once()
            done = step()
        except ChainUnavailableError as error:
            if self._reached:
                log.warning("chain_unavailable", why=str(error))
            self._reached = False
            return 0
        if not self._reached:
            log.info("chain_reached")
        self._reached = True
        return done


def chain_of(parts: Parts) -> Chain:
    """Return the chain of the settings as it is. Our member of the panel, if its key is set, does its part before.

    Raises:
        NotDeployedError: Nobody has deployed our contracts yet, as far as the deployments' file says.
    """
    if parts.settings.rpc_chain.engine == "rpc":
        try:
            _do_our_part(parts)
        except ChainUnavailableError as error:
            log.warning("chain_unavailable", why=str(error))
    return as_it_is(parts)


def as_it_is(parts: Parts) -> Chain:
    """Return the chain of the settings, without doing anything to it.

    Raises:
        NotDeployedError: Nobody has deployed our contracts yet, as far as the deployments' file says.
    """
    return embedded_chain(parts) if parts.settings.rpc_chain.engine == "embedded" else rpc_chain(parts)


def _do_our_part(parts: Parts) -> None:
    member = our_member(parts)
    if member is None:
        return
    member.deploy()
    for waiting in member.settle(*our_province(parts)):
        log.warning("panel_must_approve", proposal=waiting)


def embedded_chain(parts: Parts) -> EmbeddedChain:
    """Open the embedded chain as it is."""
    secret = derived(key_folder(parts.settings).load_or_create("signing"), b"embedded-chain")
    return EmbeddedChain(parts.settings.data_dir / "chain", secret, clock=parts.clock)


def admit_province(parts: Parts, chain: Chain) -> None:
    """See to it that the registry holds our province with its present keys; everybody else stands below it."""
    chain.admit_province(*our_province(parts))


def our_province(parts: Parts) -> tuple[str, bytes]:
    """Return the province's code on the chain, and the digest of its keys."""
    ensure_authority_keys(parts.signer, parts.installation.root_id)
    return chain_code(parse_entity_id(parts.installation.root_id)), province_digest(parts)


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


def described(parts: Parts, chain: Chain) -> list[dict[str, Any]]:
    """Return `chain` as the trust file names it: our contracts, and those of earlier deployments."""
    deployments = chain.deployments if isinstance(chain, EmbeddedChain) else deployments_file(parts).all
    complete = [deployment for deployment in deployments if deployment.complete]
    facts = {"mode": chain.mode, "label": chain.label, "chain_id": chain.chain_id}
    return [
        {
            **facts,
            "id": chain.mode if one is complete[-1] else f"{chain.mode}/{one.version}",
            "contract": one.addresses[CHECKPOINTS],
            "endorsers": [*(one.panel.endorsers if one.panel else ())],
        }
        for one in reversed(complete)
    ]
