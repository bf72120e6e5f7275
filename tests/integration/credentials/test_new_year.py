"""From one year's shard to the next, with credentials of both, verified by somebody else's program."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from credentials.models import Credential
from crypto.encoding import b64
from crypto.errors import UnknownKeyError
from crypto.keyring import DESTROYED, LOG
from kernel.clock import ManualClock
from kernel.db import Database
from ledger import queue_store, shard_store, store
from ledger.accreditation_proof import accreditation_proof
from ledger.anchors import anchoring
from ledger.anchors.anchoring import Anchoring
from ledger.bundles import bundle_anchor, publication
from ledger.chain.base import NO_ROOT, AnchoredHead, log_id_of
from ledger.errors import EntryNotFoundError, LogRolledBackError, LostRaceError, ShardStepError
from ledger.explorer import overview as explorer
from ledger.formats.merkle import TreeHead
from ledger.formats.shard import FIRST, ShardState
from ledger.formats.vkey import parse_vkey
from ledger.log import LogServices
from ledger.publication import integration, sequencer, sharding
from ledger.storage.files import Files
from ledger.storage.tiles import TileFolder
from ledger.upkeep.fsck import findings
from ledger.upkeep.mirror import Mirror, run_once
from server.shards import coming_year, known_shards, publish_logs, refuse_older, trusted_logs
from server.trust import read_trust
from tests.integration.credentials.campus import ZZU, Campus, make_campus, table
from tests.integration.credentials.december import DECEMBER, JANUARY, NEW, ORIGIN, PLACES, YEAR, December
from tests.integration.ledger.fake_chain import FakeChain

ROOT = Path(__file__).parents[3]


@pytest.fixture
def december(campus: Campus) -> December:
    campus.clock.move(DECEMBER - campus.clock.now())
    return December(campus)


@pytest.fixture
def sqlite_december(sqlite_campus: Campus) -> December:
    sqlite_campus.clock.move(DECEMBER - sqlite_campus.clock.now())
    return December(sqlite_campus)


class TwoLogs(FakeChain):
    """The fake chain with a sequence for each log, as the contract has."""

    def mine(self) -> None:
        for transaction in self.waiting.values():
            _, log_id, size, root, *previous = json.loads(transaction.raw)
            last, last_root, _ = self.latest_anchor(bytes.fromhex(log_id))
            accepted = size > last and previous == [last, last_root.hex()]
            if accepted:
                self.anchored.setdefault(log_id, []).append((size, bytes.fromhex(root)))
            self.blocks.append((transaction, accepted))
        self.waiting.clear()

    @property
    def anchored(self) -> dict[str, list[tuple[int, bytes]]]:
        return self.__dict__.setdefault("by_log", {})  # type: ignore[no-any-return]

    def latest_anchor(self, log_id: bytes) -> AnchoredHead:
        known = self.anchored.get(log_id.hex(), [])
        return AnchoredHead(*(known[-1] if known else (0, NO_ROOT)), len(known))


class Served:
    """A log's files, as a mirror reads them."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def read(self, name: str, limit: int) -> bytes | None:
        data = self._files.read(name)
        assert data is None or len(data) <= limit
        return data


def verified(campus: Campus, credential: Credential) -> dict[str, Any]:
    """Return the bundle after somebody else's program has found nothing wrong with it."""
    bundle = campus.bundle(credential)
    report = campus.verify(bundle)
    assert report["verdict"]["code"] == "valid", report
    assert {step["result"] for step in report["steps"]} <= {"passed", "unchecked"}, report
    return bundle


def all_findings(log: LogServices) -> list[str]:
    found = []
    for shard in trusted_logs(log):
        number = FIRST if shard["origin"] == ORIGIN else YEAR
        found += [str(one) for one in findings(log.of(number), tuple(map(parse_vkey, shard["vkeys"])))]
    return found


def test_credentials_of_both_years_verify(december: December, tmp_path: Path) -> None:
    campus, log = december.campus, december.log
    (old,) = campus.issue_to()
    chain = TwoLogs()
    anchors = Anchoring(campus.by.database, chain, campus.clock, ORIGIN, timedelta(0))
    anchoring.run_once(anchors)
    december.to_the_end()
    assert december.states() == {FIRST: "frozen", YEAR: "open"}
    campus.publish()
    (new,) = campus.issue_to()
    anchoring.run_once(anchors)
    anchoring.run_once(anchors)

    by = {credential: verified(campus, credential) for credential in (old, new)}
    assert [by[one]["log"]["origin"] for one in (old, new)] == [ORIGIN, NEW]
    anchored = {origin: chain.latest_anchor(log_id_of(origin)).size for origin in (ORIGIN, NEW)}
    assert all(anchored.values())
    with campus.by.database.read() as session:
        for credential, number in ((old, FIRST), (new, YEAR)):
            size = int(by[credential]["log"]["checkpoint"].split("\n")[1])
            found = bundle_anchor(session, size, number, tiles=log.tiles)
            assert found is not None
            assert found["size"] >= size
            seen = explorer.look_up(session, log, credential.commitment)
            assert seen is not None
            assert seen.proof is not None
            assert seen.publication.state == "anchored"
            assert explorer.proof_json(session, log, seen.proof)["log"]["origin"] == by[credential]["log"]["origin"]
            shown = explorer.overview(session, log, shard=number)
            assert shown.tree_size >= size
            assert [one.anchor.tree_size for one in shown.checkpoints if one.anchor][:1] == [anchored[shown.origin]]
        assert explorer.overview(session, log).origin == NEW
        assert len(explorer.chain_view(session).shards) == 2
        with pytest.raises(EntryNotFoundError):
            explorer.overview(session, log, shard=YEAR + 1)
        for at, origin in (
            (DECEMBER, ORIGIN),
            (campus.clock.now(), ORIGIN),
        ):  # What stands in both is proved in the first.
            assert accreditation_proof(session, log, ZZU, at=at)["log"]["origin"] == origin
        assert publication(session, [old.commitment, new.commitment]).keys() == {old.commitment, new.commitment}

    assert all_findings(log) == []
    for shard in trusted_logs(log):
        files = log.tiles.files if shard["origin"] == ORIGIN else log.tiles.files.below(str(YEAR))
        copy = TileFolder(tmp_path / f"mirror-{shard['hash']}-{len(shard['origin'])}")
        keys = tuple(map(parse_vkey, shard["vkeys"]))
        assert run_once(Mirror(Served(files), copy, shard["origin"], keys, log.policy)) > 0
        assert (copy.read_checkpoint() or "").startswith(f"{shard['origin']}\n")


def test_what_was_agreed_is_kept_and_told(december: December) -> None:
    campus = december.campus
    campus.issue_to()
    assert not december.step()
    first = trusted_logs(december.log)
    assert [one["origin"] for one in first] == [ORIGIN, NEW]
    assert not any("final" in one for one in first)
    assert set(first[1]["vkeys"]).isdisjoint(first[0]["vkeys"])
    assert not december.step(), "the time has not come"
    assert trusted_logs(december.log) == first, "repeated, it makes no other keys"
    assert december.states() == {FIRST: "open", YEAR: "announced"}
    assert campus.issue_to(), "until then the old shard goes on"
    campus.clock.move(JANUARY - campus.clock.now())
    assert not december.step(destroy=False), "the keys are left"
    told = read_trust(campus.folder / "trust.json") or {}
    head = known_shards(december.log)[0].tree
    assert told["logs"][0]["final"] == {"size": head.tree_size, "root": b64(head.root_hash)}
    assert "final" not in told["logs"][1]
    assert told["logs"][0]["vkeys"] == first[0]["vkeys"]
    assert len(december.ring.public_keys(LOG, ORIGIN)) == 2
    assert december.step()
    assert {one.state for one in december.ring.records(LOG, ORIGIN)} == {DESTROYED}
    assert all(not one.wrapped for one in december.ring.records(LOG, ORIGIN))
    with pytest.raises(UnknownKeyError):
        december.log.signer.sign_many(LOG, ORIGIN, "EdDSA", [f"{ORIGIN}\n".encode()])
    said = len(december.said)
    assert december.step()
    assert len(december.said) == said, "nothing is left to do"
    assert read_trust(campus.folder / "trust.json") == told
    assert trusted_logs(december.log)[0]["vkeys"] == first[0]["vkeys"], "known although the keys are gone"
    assert [one.split(":")[0] for one in december.said] == [
        *("announced", "waiting", "waiting", "open", "frozen", "kept", "destroyed")
    ]


def test_statements_stand_in_the_new_shard_before_anything_else(sqlite_december: December) -> None:
    december = sqlite_december
    december.campus.issue_to()
    december.step()
    december.campus.clock.move(JANUARY - december.campus.clock.now())
    december.step()
    with december.log.database.read() as session:
        statements = session.execute(text("SELECT commitment FROM log_statement ORDER BY id")).scalars().all()
        first = session.execute(
            text("SELECT commitment FROM log_entry WHERE shard = 2027 ORDER BY leaf_index LIMIT :n"),
            {"n": len(statements)},
        )
        assert statements == first.scalars().all()


def test_what_has_its_index_is_published_where_it_is_and_the_rest_in_the_new_shard(december: December) -> None:
    campus, log = december.campus, december.log
    campus.issue_to()
    december.step()
    campus.clock.move(JANUARY - campus.clock.now())
    people = campus.roster.enrol(ZZU, 2, first=50)
    campus.issue(table(people[:1], first=50))
    assert sequencer.run_once(log) > 0
    campus.issue(table(people[1:], first=51))
    assert sharding.switch(log, YEAR) > 0
    assert sequencer.run_once(log) == 0, "the old shard gives no more indices"
    assert december.step()
    campus.publish()
    late, queued = (credential for person in people for credential in campus.of(person.person_id))
    assert [verified(campus, one)["log"]["origin"] for one in (late, queued)] == [ORIGIN, NEW]
    assert all_findings(log) == []


def test_without_its_quorum_the_old_shard_waits(sqlite_december: December) -> None:
    december = sqlite_december
    campus = december.campus
    campus.issue_to()
    december.step()
    campus.world.submit([1])
    sequencer.run_once(december.log)
    campus.clock.move(JANUARY - campus.clock.now())
    campus.world.wires[0].cut = True
    assert not december.step()
    assert december.states() == {FIRST: "closing", YEAR: "open"}
    assert "waits for them and for its quorum" in december.said[-1]
    assert not any("final" in one for one in trusted_logs(december.log))
    assert len(december.ring.public_keys(LOG, ORIGIN)) == 2
    campus.world.wires[0].cut = False
    assert december.step()
    assert december.states() == {FIRST: "frozen", YEAR: "open"}


def test_nobody_appends_to_a_frozen_shard(december: December) -> None:
    campus, log = december.campus, december.log
    campus.issue_to()
    december.to_the_end()
    old = known_shards(log)[0]
    size = old.tree.tree_size
    rows = [bytes(43)]
    with log.database.write() as session:
        assert not queue_store.append(session, size, rows)
        assert not store.move_sequenced(session, size, size + 1)
        assert not shard_store.switch(session, FIRST, YEAR)
        assert not shard_store.freeze(session, FIRST, [])
    for column in ("sequenced_size", "integrated_size", "published_size"):
        with pytest.raises(IntegrityError), log.database.write() as session:
            session.execute(text(f"UPDATE log_head SET {column} = {column} + 1 WHERE id = 1"))  # noqa: S608
    with pytest.raises(IntegrityError), log.database.write() as session:
        session.execute(text("UPDATE log_head SET state = 'open' WHERE id = 1"))  # One shard is open already.
    with pytest.raises(IntegrityError), log.database.write() as session:
        store.move_integrated(session, size, TreeHead(size + 1, bytes(32)))
    campus.world.submit([7])
    assert sequencer.run_once(log) == integration.run_once(log) == 0
    campus.publish()
    assert known_shards(log)[0] == old
    assert all_findings(log) == []


def test_two_who_switch_at_once_switch_once(december: December) -> None:
    campus, log = december.campus, december.log
    campus.issue_to()
    december.step()
    campus.clock.move(JANUARY - campus.clock.now())
    ended: list[object] = []

    def switch() -> None:
        try:
            ended.append(sharding.switch(log, YEAR))
        except LostRaceError as error:
            ended.append(type(error))

    threads = [threading.Thread(target=switch) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ended.count(LostRaceError) == 3
    assert december.states() == {FIRST: "closing", YEAR: "open"}
    with log.database.read() as session:
        statements = session.execute(text("SELECT count(*) FROM log_statement")).scalar()
        again = session.execute(text("SELECT count(*) FROM log_entry WHERE shard = 2027")).scalar()
    assert statements == again
    assert december.step()


@pytest.mark.kill
def test_killed_between_its_steps_it_comes_to_the_same_end(
    accredited: Path, tmp_path: Path, clock: ManualClock
) -> None:
    folder = tmp_path / "campus"
    shutil.copytree(accredited, folder)
    url = f"sqlite:///{folder / 'campus.sqlite3'}"
    database = Database(url, busy_timeout_ms=5_000)
    campus = make_campus(database, folder, clock)
    (old,) = campus.issue_to()
    campus.world.submit([1])
    sequencer.run_once(campus.world.log)
    campus.close()
    for place in PLACES:
        command = [sys.executable, "-m", "tests.integration.credentials.december", url, str(folder), place]
        assert subprocess.run(command, cwd=ROOT, timeout=60, check=False).returncode == -signal.SIGKILL, place
    clock.move(JANUARY - clock.now())
    december = December(make_campus(database, folder, clock, publish=False))
    assert december.step()
    assert december.states() == {FIRST: "frozen", YEAR: "open"}
    assert {one.state for one in december.ring.records(LOG, ORIGIN)} == {DESTROYED}
    told = read_trust(folder / "trust.json") or {}
    assert [one["origin"] for one in told["logs"] if "final" in one] == [ORIGIN]
    december.campus.publish()
    verified(december.campus, old)
    assert all_findings(december.log) == []
    december.campus.close()
    database.dispose()


def test_what_cannot_be_is_refused(sqlite_december: December) -> None:
    december = sqlite_december
    log, opens_at = december.log, JANUARY
    for year in (0, 1, 1999, 10_000):
        with pytest.raises(ShardStepError):
            sharding.announce(log, year, opens_at=opens_at)
    with pytest.raises(ShardStepError, match="no shard 2030"):
        sharding.switch(log, 2030)
    sharding.announce(log, YEAR, opens_at=opens_at)
    with pytest.raises(ShardStepError, match="announced"):
        sharding.announce(log, YEAR + 1, opens_at=opens_at)
    with pytest.raises(ShardStepError, match="opens on 2027-01-02"):
        sharding.switch(log, YEAR)
    with pytest.raises(ShardStepError, match="its quorum"):
        sharding.freeze(log, FIRST)
    assert sharding.shard_of(known_shards(log), YEAR).state is ShardState.ANNOUNCED


def test_early_it_opens_at_once_and_says_what_that_means(sqlite_december: December) -> None:
    sqlite_december.campus.issue_to()
    sqlite_december.step(early=True)
    assert sqlite_december.states()[YEAR] == "open"
    assert "Verifiers refuse" in sqlite_december.said[1]


def test_a_database_of_before_the_change_is_refused(sqlite_december: December, tmp_path: Path) -> None:
    december = sqlite_december
    campus = december.campus
    campus.issue_to()
    before = trusted_logs(december.log)
    december.step()
    announced = trusted_logs(december.log)
    told = read_trust(campus.folder / "trust.json")
    with pytest.raises(LogRolledBackError, match=NEW):
        refuse_older(before, told)
    campus.clock.move(JANUARY - campus.clock.now())
    december.step()
    told = read_trust(campus.folder / "trust.json")
    with pytest.raises(LogRolledBackError, match="Bring back the database"):
        refuse_older(announced, told)
    refuse_older(trusted_logs(december.log), told)
    refuse_older(before, None)
    with pytest.raises(ShardStepError, match="start the server once"):
        publish_logs(tmp_path / "none.json", None, december.log)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("now", "year"),
    [
        (datetime(2026, 12, 1, tzinfo=UTC), 2027),
        (datetime(2027, 1, 20, tzinfo=UTC), 2027),
        (datetime(2027, 6, 20, tzinfo=UTC), 2027),
        (datetime(2027, 7, 20, tzinfo=UTC), 2028),
    ],
)
def test_the_coming_year(now: datetime, year: int) -> None:
    assert coming_year(now) == year
