"""The workers: each a step that is idempotent, with its name and its rhythm."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Final

import credentials.purge
import idp.directory.purge
import idp.purge
import ledger.upkeep.purge
from credentials import checking, issuing, status_publishing
from crypto.hashes import sm3
from idp.consent.giving import end_of_age
from idp.directory.roster import work as roster_work
from idp.oauth import key_rotation
from idp.oauth.logout import delivering
from kernel.audit import chain_events, purge_events
from kernel.workers import Worker
from ledger.anchors import anchoring, endorsements
from ledger.chain.base import Chain
from ledger.publication import cycle as publication_cycle
from ledger.records import recording
from server import accrediting
from server.chain import Opening, comparing, recordings
from server.chain import anchoring as anchoring_services
from server.parts import Parts

KEEP_AUDIT: Final = timedelta(days=3 * 365)


def workers(parts: Parts, chain: Chain, opening: Opening) -> list[Worker]:
    """Return all workers of an installation that runs as one process."""
    rhythm = parts.installation.rhythm
    return [
        Worker("accrediting", lambda: accrediting.run_once(parts), min(rhythm.sequencing, 30) or 1),
        Worker("importing", lambda: roster_work.run_once(parts.database, parts.directory), 0.3),
        Worker("checking", lambda: checking.run_once(parts.credentials), 0.3),
        Worker("issuing", lambda: issuing.run_once(parts.credentials), 0.3),
        Worker("log", lambda: publication_cycle.run_once(parts.log), min(rhythm.sequencing, 1) or 0.2),
        Worker("status", lambda: status_publishing.run_once(parts.credentials), min(rhythm.status / 2, 60)),
        Worker("anchoring", _anchoring(parts, chain, opening), min(rhythm.anchoring, 1)),
        *_recording(parts, chain, opening),
        Worker("endorsements", _watching(parts, chain, opening), min(rhythm.anchoring, 60)),
        Worker("comparing", _comparing(parts, chain, opening), 600),
        Worker("audit", lambda: _chain_audit(parts), 2),
        Worker("logout", _telling_logouts(parts), 2),
        Worker("keys", lambda: key_rotation.run_once(parts.idp.keys.ring, parts.database, parts.clock), 600),
        Worker("of-age", lambda: _ending_of_age(parts), 600),
        Worker("purge", lambda: purge(parts), 3600),
    ]


def purge(parts: Parts) -> int:
    """Delete what has had its time, room by room; return how many rows."""
    now = parts.clock.now()
    done = 0
    for room in (idp.purge.purge, idp.directory.purge.purge, credentials.purge.purge, ledger.upkeep.purge.purge):
        with parts.database.write() as session:
            done += room(session, now)
    with parts.database.write() as session:
        return done + purge_events(session, now - KEEP_AUDIT)


def _anchoring(parts: Parts, chain: Chain, opening: Opening) -> Callable[[], int]:
    services = anchoring_services(parts, chain)
    return lambda: opening.turn(lambda: anchoring.run_once(services))


def _comparing(parts: Parts, chain: Chain, opening: Opening) -> Callable[[], int]:
    services = comparing(parts, chain)
    return lambda: opening.turn(services.run_once)


def _watching(parts: Parts, chain: Chain, opening: Opening) -> Callable[[], int]:
    by = endorsements.Watching(parts.database, chain, parts.clock, parts.installation.log_origin)
    return lambda: opening.turn(lambda: endorsements.run_once(by))


def _recording(parts: Parts, chain: Chain, opening: Opening) -> list[Worker]:
    every = min(parts.installation.rhythm.anchoring, 60)
    services = recordings(parts, chain)
    return [
        Worker("registry", lambda: opening.turn(lambda: recording.run_once(services["registry"])), every),
        Worker("status-lists", lambda: opening.turn(lambda: recording.run_once(services["status-lists"])), every),
    ]


def _telling_logouts(parts: Parts) -> Callable[[], int]:
    by = parts.idp.delivering
    return lambda: delivering.run_once(by)


def _ending_of_age(parts: Parts) -> int:
    with parts.database.write() as session:
        return end_of_age(session, parts.clock.now(), vault=parts.directory.vault, limit=100)


def _chain_audit(parts: Parts) -> int:
    with parts.database.write() as session:
        return chain_events(session, sm3, limit=200)
