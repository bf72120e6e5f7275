"""`kill -9` of the whole server while it issues: each graduate has one diploma, and each diploma one log entry."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from uuid import UUID

import pytest
from sqlalchemy import func, select

from credentials import batch_store, dry_run, issuance
from credentials.bundles import assemble, disclosures_of
from credentials.errors import AccreditationUnpublishedError, NotAccreditedError
from credentials.models import Batch, Credential
from crypto.errors import SignerUnavailableError
from crypto.hashes import sm3
from crypto.signer_client import SignerClient
from idp.directory.registration import register_school
from idp.directory.roster import uploading, work
from idp.directory.roster.confirmation import confirm
from kernel import audit
from kernel.access import Actor, Role
from kernel.clock import SystemClock
from kernel.errors import BusyError
from kernel.ids import new_id
from ledger import store
from ledger.anchors import anchoring
from ledger.anchors.models import LogAnchor
from ledger.bundles import proofs_of, publication
from ledger.chain.base import log_id_of
from ledger.formats.entry import Entry, EntryType
from ledger.log import verifier_keys
from ledger.place_store import placed
from ledger.upkeep.fsck import findings
from ledger.witness.keys import create_witness
from server import setup
from server.chain import anchoring as anchoring_of
from server.chain import embedded_chain
from server.demo.people import Pupil, diplomas_csv, pupils, roster_csv
from server.parts import Parts, trust_path
from server.settings import Installation, Rhythm, Settings, Witness
from tests.conftest import free_port
from tests.faults.counting import count_anchors
from tests.faults.figures import Figures
from tests.faults.nursery import Born, Nursery
from tests.faults.outside import Outside, from_folder
from tests.faults.striking import strike
from xinji_client import trust as client_trust
from xinji_client.verify import verify

SCHOOL: Final = "4141010459"
ORGANISATION: Final = "一所大学"
NAME: Final = "witness.example/w1"
ROSTER: Final = 300
BATCH: Final = 25
WAITING: Final = 6
"""Batches that are checked before the server is started, to be approved while it runs."""
EARLY: Final = 0.2
"""The share of servers that may be killed before they listen."""
AIMS: Final = (
    "issuing a batch",
    "signing credentials",
    "storing credentials",
    "giving indices",
    "making tiles",
    "asking a witness",
    "publishing in the database",
    "publishing status lists",
    "anchoring",
    "telling an entry",
    "mining a block",
)


@dataclass
class Place:
    """An installation with a school, its graduates, and a registrar who approves batch after batch."""

    parts: Parts
    settings: Settings
    port: int
    nursery: Nursery
    registrar: Actor
    school_id: UUID
    graduates: list[Pupil] = field(default_factory=list)
    rows: list[bytes] = field(default_factory=list)
    """Lines of a file of diplomas: the heading, then those that are in no batch yet."""
    checked: list[UUID] = field(default_factory=list)
    approved: list[UUID] = field(default_factory=list)
    imports: int = 0

    def start(self, *, early: bool = False) -> Born:
        """Start `xinji serve` and wait until it listens, unless it may be killed early."""
        environment = {"XINJI_DATA_DIR": str(self.settings.data_dir)}
        server = self.nursery.start("server", environment=environment, port=self.port)
        if not early:
            server.wait_until_ready()
        return server

    def check_batches(self) -> None:
        """Check files until enough batches wait for the registrar; enrol graduates where they run out."""
        while len(self.checked) < WAITING:
            if len(self.rows) <= BATCH:
                self._enrol()
            heading, *rows = self.rows
            self.rows = [heading, *rows[BATCH:]]
            content = b"".join([heading, *rows[:BATCH]])
            by = self.parts.credentials
            self.checked.append(dry_run.check_file(by, content, file_name="毕业生.csv", actor=self.registrar))

    def approve(self) -> None:
        """Approve the next batch."""
        time.sleep(0.05)
        if self.checked:
            # The server is writing, or is just starting or gone: a registrar would try again.
            with suppress(BusyError, SignerUnavailableError):
                by = self.parts.credentials
                issuance.approve_batch(by, self.checked[0], actor=self.registrar, leave_out_wrong=False)
                self.approved.append(self.checked.pop(0))

    def _enrol(self) -> None:
        self.imports += 1
        people = pupils(ROSTER, first_number=self.imports * 10**8, birth_year=1970 + self.imports, seed=self.imports)
        parts, actor = self.parts, new_id()
        accepted = uploading.accept(
            parts.database,
            roster_csv(people, "2022"),
            file_name="名册.csv",
            school_id=self.school_id,
            actor=actor,
            by=parts.directory,
        )
        while work.run_once(parts.database, parts.directory):
            pass
        with parts.database.write() as session:
            now = parts.clock.now()
            confirm(session, accepted, school_id=self.school_id, only_good=False, actor=actor, now=now)
        while work.run_once(parts.database, parts.directory):
            pass
        self.graduates += people
        heading, *rows = diplomas_csv(self.graduates, school=SCHOOL, year=2026, president="李蓬").splitlines(True)
        self.rows = [heading, *self.rows[1:], *rows[-ROSTER:]]


@pytest.fixture
def place(tmp_path: Path, nursery: Nursery) -> Iterator[Place]:
    port, witness_port = free_port(), free_port()
    settings = Settings(data_dir=tmp_path / "data")
    vkeys = [str(key) for key in create_witness(tmp_path / "witness", NAME, SystemClock())]
    url = f"http://127.0.0.1:{witness_port}"
    wished = Installation(
        base_url=f"http://127.0.0.1:{port}",
        witnesses=[Witness(organisation=ORGANISATION, url=url, vkeys=vkeys)],
        quorum=1,
        rhythm=Rhythm(sequencing=0, status=1, anchoring=0.2),
    )
    setup.prepare(settings, wished)
    parts = setup.found(settings)
    with parts.database.write() as session:
        superior, now = parts.installation.province, parts.clock.now()
        school = register_school(
            session,
            code=SCHOOL,
            name="郑州大学",
            name_en="Zhengzhou University",
            superior=superior,
            officer_of=None,
            actor=None,
            now=now,
        )
        school_id = school.id
    roles = (Role("registrar", SCHOOL),)
    registrar = Actor(new_id(), "session", "教务员", "A1", roles, ("pwd", "otp", "mfa"), parts.clock.now())
    place = Place(parts, settings, port, nursery, registrar, school_id)
    try:
        place.check_batches()
        first = place.start()
        # The log's keys are made by then, so that its witness can be told of them.
        origin = parts.installation.log_origin
        logs = {origin: [str(key) for key in verifier_keys(parts.signer, origin)]}
        folder = str(tmp_path / "witness")
        witness = nursery.start("witness", folder=folder, name=NAME, logs=logs, port=witness_port)
        witness.wait_until_ready()
        _wait_until(lambda: _is_accredited(place), first)
        first.kill()
        yield place
        witness.kill()
    finally:
        if isinstance(parts.signer, SignerClient):
            parts.signer.close()
        parts.database.dispose()


@pytest.mark.kill
@pytest.mark.timeout(1_800)
def test_server(place: Place, figures: Figures, pick: random.Random) -> None:
    outside: Outside | None = None
    acknowledged: dict[int, bytes] = {}
    while figures.wants_more:
        place.check_batches()
        server = place.start(early=pick.random() < EARLY)
        outside = outside or _outside(place)
        strike(server, figures, pick, work=place.approve, aims=AIMS, most=1.0)
        outside.follow(_published(place))
        acknowledged |= _finals(place)
    last = place.start()
    assert outside is not None
    _wait_until(lambda: _is_done(place), last)
    _wait_until(lambda: _is_anchored(place), last)
    trusted = client_trust.load(trust_path(place.settings).read_bytes())
    last.kill()
    _count(place, outside, figures)
    _verify_some(place, trusted, pick, figures)
    chain = embedded_chain(place.parts)
    by = anchoring_of(place.parts, chain)
    while anchoring.run_once(by):
        pass
    count_anchors(by, acknowledged | _finals(place), figures)
    assert chain.latest_anchor(log_id_of(place.parts.installation.log_origin)).size > 0
    chain.close()
    assert list(findings(place.parts.log)) == []
    with place.parts.database.read() as session:
        assert audit.first_broken_event(session, sm3) is None
    figures.check()


def _outside(place: Place) -> Outside:
    """Take the trust file's keys: what a verifier has."""
    trusted = client_trust.load(trust_path(place.settings).read_bytes())
    keys = {name: list(own) for name, own in trusted.witnesses.items()}
    return Outside(from_folder(place.settings.data_dir / "log"), trusted.logs[0].keys, keys, trusted.quorum)


def _published(place: Place) -> list[str]:
    """Return what the database calls published and the file shows: the last one may lag, killed between the two."""
    text = place.parts.log.tiles.read_checkpoint()
    size = 0 if text is None else int(text.split("\n")[1])
    with place.parts.database.read() as session:
        return [row.note for row in store.latest_published(session, 100_000) if row.tree_size <= size]


def _finals(place: Place) -> dict[int, bytes]:
    with place.parts.database.read() as session:
        return {row.tree_size: row.tx_hash for row in session.query(LogAnchor).all() if row.state == "final"}


def _is_accredited(place: Place) -> bool:
    """Whether the school may issue: its accreditation is published. Approving the first batch shows it."""
    try:
        place.approve()
    except (AccreditationUnpublishedError, NotAccreditedError):
        return False
    return bool(place.approved)


def _is_done(place: Place) -> bool:
    with place.parts.database.read() as session:
        batches = [batch_store.batch(session, id_) for id_ in place.approved]
        commitments = list(session.scalars(select(Credential.commitment)))
        far = publication(session, commitments).values()
    issued = all(batch is not None and batch.state == "done" for batch in batches)
    return issued and all(one.tree_size is not None for one in far)


def _is_anchored(place: Place) -> bool:
    """Whether an anchor covers all credentials; status lists go on for ever, and new entries with them."""
    with place.parts.database.read() as session:
        commitments = list(session.scalars(select(Credential.commitment)))
        last = max(place_.leaf_index for place_ in placed(session, commitments).values())
    return max(_finals(place), default=0) > last


def _wait_until(ready: Callable[[], bool], server: Born) -> None:
    end = time.monotonic() + 90
    while not ready():
        assert time.monotonic() < end, f"not in time:\n{server.said}"
        time.sleep(0.05)


def _count(place: Place, outside: Outside, figures: Figures) -> None:
    """One diploma for each graduate of an approved batch, and for each diploma one entry in the files."""
    head = outside.follow(_published(place))
    assert head is not None
    with place.parts.database.read() as session:
        batches = session.scalars(select(Batch).where(Batch.id.in_(place.approved))).all()
        held = session.scalars(select(Credential)).all()
        people = session.execute(select(Credential.person_id, func.count()).group_by(Credential.person_id)).all()
        commitments = [credential.commitment for credential in held]
        proofs = proofs_of(session, place.parts.log.tiles, commitments, tree_size=head.size)
    assert {(batch.state, batch.issued, batch.clashed) for batch in batches} == {("done", BATCH, 0)}
    figures.entries = BATCH * len(place.approved)
    figures.lost += figures.entries - len(held)
    figures.twice += sum(count - 1 for _, count in people)
    assert len({(credential.status_list_id, credential.status_index) for credential in held}) == len(held)
    logged = outside.entries(head.size)
    diplomas = [entry for entry in map(Entry.decode, logged) if entry.type is EntryType.CREDENTIAL]
    figures.lost += len(set(commitments) - {entry.commitment for entry in diplomas})
    figures.twice += len(logged) - len(set(logged))
    assert {entry.commitment for entry in diplomas} <= set(commitments)  # None without its credential.
    assert len(proofs) == len(held)
    for proof in proofs.values():
        outside.check(proof.entry, proof.index, proof.path, head)
    figures.forks, figures.proofs, figures.checkpoints = outside.forks, outside.proofs, len(outside.seen)


def _verify_some(place: Place, trusted: client_trust.Trust, pick: random.Random, figures: Figures) -> None:
    """Verify whole bundles as an employer would, each with its anchor."""
    by = place.parts.credentials
    with by.database.read() as session:
        held = session.scalars(select(Credential)).all()
        some = pick.sample(held, 5)
        bundles = [assemble(session, one, disclosures_of(session, one, by=by), by=by).bundle for one in some]
    for bundle in bundles:
        report = verify(json.loads(json.dumps(bundle)), trusted, now=by.clock.now())
        assert report["verdict"]["code"] == "valid", report
    figures.more["bundles valid"] = len(bundles)
