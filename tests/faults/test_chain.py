"""`kill -9` of what writes to the chain: anchors in order and once, every entry told once, nothing lost."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from crypto.jose import SUITE_ALG
from crypto.keyring import CREDENTIAL, STATUS
from crypto.signing import sign_jwts
from kernel.clock import SystemClock
from kernel.db import Database
from ledger import store
from ledger.anchors import anchoring
from ledger.anchors.anchoring import Anchoring
from ledger.anchors.models import LogAnchor
from ledger.chain.base import REGISTRY, TreeAlg, log_id_of
from ledger.chain.base import STATUS as STATUS_CONTRACT
from ledger.chain.embedded import EmbeddedChain
from ledger.formats.commitment import STATUS_LIST, commit
from ledger.formats.entry import Entry, EntryType
from ledger.log import verifier_keys
from ledger.records import recording
from ledger.records.books import AccreditationBook, StatusBook, key_digest
from ledger.records.comparing import Comparing
from ledger.records.models import LogRecord
from ledger.records.recording import Recording
from ledger.registry.accreditation import Accreditation, Draft, accredit, ensure_authority_keys, ensure_keys
from ledger.registry.entities import parse_entity_id
from ledger.registry.statement import Names, school_claims, status_service_claims
from tests.faults.counting import count_anchors
from tests.faults.figures import Figures
from tests.faults.nursery import Nursery
from tests.faults.outside import Outside, from_folder
from tests.faults.striking import strike
from tests.faults.victims.chain import CODE, anchoring_of
from tests.integration.ledger.world import ORIGIN, World, make_world
from xinji_client.note import vkey

BASE: Final = "http://localhost:8000"
PROVINCE: Final = f"{BASE}/authorities/410000"
SERVICE: Final = f"{PROVINCE}/status"
LIST: Final = f"{BASE}/status/41/1"
DIPLOMA: Final = "urn:xinji:credential:diploma:1"
EARLY: Final = 0.2
"""The share of processes that may be killed while they open the chain, or deploy to it."""
AIMS: Final = (
    "beginning an anchor",
    "anchoring",
    "telling an entry",
    "signing a transaction",
    "writing a step of a transaction",
    "mining a block",
    "committing",
)


@dataclass
class Busy:
    """A log that grows by itself: credentials, schools that are accredited, status lists; each is published at once."""

    world: World
    pick: random.Random
    by: Accreditation
    number: int = 0
    told: set[bytes] = field(default_factory=set)
    """Commitments of what the chain must be told."""

    def begin(self) -> None:
        keys = ensure_keys(self.by.signer, STATUS, SERVICE)
        claims = status_service_claims(province="41", status_keys=keys)
        self._accredit(Draft(PROVINCE, SERVICE, ensure_authority_keys(self.by.signer, SERVICE), claims))
        self.work()

    def work(self) -> None:
        self.number += 1
        self.world.submit([self.number])
        choice = self.pick.random()
        if choice < 0.25:
            self._school()
        elif choice < 0.5:
            self._list()
        while self.world.cycle():
            pass

    def _school(self) -> None:
        entity = f"{BASE}/schools/31419{self.number:05d}"
        claims = school_claims(
            names=Names(f"第{self.number}小学"),
            school=parse_entity_id(entity),
            credential_types=[DIPLOMA],
            issuing_keys=ensure_keys(self.by.signer, CREDENTIAL, entity),
        )
        self._accredit(Draft(PROVINCE, entity, ensure_authority_keys(self.by.signer, entity), claims))

    def _accredit(self, draft: Draft) -> None:
        self.told.add(accredit(self.world.log.database, draft, by=self.by).commitment)

    def _list(self) -> None:
        # Each list is of a later second than the one before.
        issued = int((self.world.clock.now() - timedelta(days=1)).timestamp()) + self.number
        claims = {"iss": SERVICE, "sub": LIST, "iat": issued}
        tokens = {
            suite: sign_jwts(self.by.signer, STATUS, SERVICE, alg, [claims], typ="statuslist+jwt")[0]
            for suite, alg in SUITE_ALG.items()
        }
        entry = Entry(EntryType.STATUS_LIST, "0000410000", commit(STATUS_LIST, "0000410000", tokens))
        with self.world.log.database.write() as session:
            self.by.log.submit(session, entry, evidence=tokens)
        self.told.add(entry.commitment)


@pytest.fixture
def world(database: Database, tmp_path: Path) -> Iterator[World]:
    world = make_world(database, tmp_path, SystemClock())
    yield world
    world.close()


@pytest.mark.kill
@pytest.mark.timeout(1_200)
def test_chain(world: World, nursery: Nursery, tmp_path: Path, figures: Figures, pick: random.Random) -> None:
    log = world.log
    keys = ensure_authority_keys(log.signer, PROVINCE)
    digest = key_digest(federation=[key.key_id for key in keys], service=[])
    url = log.database.engine.url.render_as_string(hide_password=False)
    outside = _outside(world, tmp_path)
    busy = Busy(world, pick, Accreditation(log.signer, world.writer, log.clock))
    busy.begin()
    acknowledged: dict[int, bytes] = {}
    while figures.wants_more:
        victim = nursery.start("chain", url=url, folder=str(tmp_path), digest=digest.hex())
        if pick.random() > EARLY:
            victim.wait_until_ready()
        strike(victim, figures, pick, work=busy.work, aims=AIMS, most=0.6)
        acknowledged |= _finals(world)
        if figures.kills % 20 == 0:
            _finish_and_count(world, tmp_path, busy, digest, acknowledged, figures)
    _finish_and_count(world, tmp_path, busy, digest, acknowledged, figures)
    outside.follow(_published(world))
    figures.checkpoints, figures.forks = len(outside.seen), figures.forks + outside.forks
    with log.database.read() as session:
        anchors = session.query(LogAnchor).all()
    # What was anchored is what the world saw.
    assert {row.tree_size: row.root_hash for row in anchors}.items() <= outside.seen.items()
    figures.check()


def _outside(world: World, folder: Path) -> Outside:
    keys = [vkey(str(key)) for key in verifier_keys(world.log.signer, ORIGIN)]
    witnesses = {wire.organisation: [vkey(str(key)) for key in wire.cosigner.keys] for wire in world.wires}
    return Outside(from_folder(folder / "log"), keys, witnesses, 1)


def _published(world: World) -> list[str]:
    with world.log.database.read() as session:
        return [row.note for row in store.latest_published(session, 100_000)]


def _finals(world: World) -> dict[int, bytes]:
    """What was called final when the process was killed, or before: it must stay."""
    with world.log.database.read() as session:
        return {row.tree_size: row.tx_hash for row in session.query(LogAnchor).all() if row.state == "final"}


def _finish_and_count(
    world: World, folder: Path, busy: Busy, digest: bytes, acknowledged: dict[int, bytes], figures: Figures
) -> None:
    """Let the chain catch up from what the kills left, and count what it holds."""
    chain = EmbeddedChain(folder / "chain", bytes(32), clock=SystemClock())
    try:
        chain.deploy(log_id_of(ORIGIN), TreeAlg.SM3)
        chain.admit_province(CODE, digest)
        by = anchoring_of(world.log.database, chain)
        books = [Recording(by.transacting, book) for book in (AccreditationBook(), StatusBook())]
        while anchoring.run_once(by) + sum(recording.run_once(book) for book in books):
            pass
        count_anchors(by, acknowledged, figures)
        with by.database.read() as session:
            newest = store.latest_published(session, 1)[0]
        assert by.chain.latest_anchor(by.log_id)[:2] == (newest.tree_size, newest.root_hash)
        _count_records(by, books, busy, figures)
        assert Comparing(world.log.database, chain, frozenset({digest})).everything() == []
    finally:
        chain.close()


def _count_records(by: Anchoring, books: list[Recording], busy: Busy, figures: Figures) -> None:
    with by.database.read() as session:
        rows = session.query(LogRecord).all()
    commitments = [row.commitment for row in rows]
    figures.entries = len(busy.told)
    figures.lost += len(busy.told - set(commitments))
    figures.twice += len(commitments) - len(set(commitments))
    assert set(commitments) <= busy.told
    assert {(row.state, row.attempts) for row in rows} == {("final", 0)}
    for book, contract in zip(books, (REGISTRY, STATUS_CONTRACT), strict=True):
        own = sorted(row.nonce for row in rows if row.contract == book.contract.address and row.nonce is not None)
        assert own == list(range(len(own)))
        assert by.chain.next_nonce(contract) == len(own)  # type: ignore[arg-type]
