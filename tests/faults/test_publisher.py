"""`kill -9` of what sequences, integrates and publishes: nothing lost, nothing twice, no fork."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from kernel.clock import SystemClock
from kernel.db import Database
from ledger import store
from ledger.bundles import proofs_of, publication
from ledger.log import verifier_keys
from ledger.upkeep.fsck import findings
from ledger.witness.keys import create_witness
from tests.conftest import free_port
from tests.faults.figures import Figures
from tests.faults.nursery import Nursery
from tests.faults.outside import Outside, from_folder
from tests.faults.striking import strike
from tests.integration.ledger.world import ORIGIN, World, credential, make_world
from xinji_client.note import vkey

ORGANISATION: Final = "一所大学"
NAME: Final = "witness.example/w1"
AIMS: Final = (
    "giving indices",
    "making tiles",
    "writing tiles",
    "syncing a file",
    "signing a checkpoint",
    "asking a witness",
    "publishing in the database",
    "removing partial tiles",
    "committing",
)


@pytest.fixture
def world(database: Database, tmp_path: Path) -> Iterator[World]:
    world = make_world(database, tmp_path, SystemClock(), organisations=(), quorum=0)
    yield world
    world.close()


@pytest.mark.kill
@pytest.mark.timeout(1_200)
def test_publisher(world: World, nursery: Nursery, tmp_path: Path, figures: Figures, pick: random.Random) -> None:
    log, port = world.log, free_port()
    vkeys = [str(key) for key in create_witness(tmp_path / "witness", NAME, SystemClock())]
    trusted = {ORIGIN: [str(key) for key in verifier_keys(log.signer, ORIGIN)]}
    witness = nursery.start("witness", folder=str(tmp_path / "witness"), name=NAME, logs=trusted, port=port)
    url = log.database.engine.url.render_as_string(hide_password=False)
    named = {"organisation": ORGANISATION, "url": f"http://127.0.0.1:{port}", "vkeys": vkeys}
    outside = Outside(
        from_folder(tmp_path / "log"), [vkey(key) for key in trusted[ORIGIN]], {ORGANISATION: [*map(vkey, vkeys)]}, 1
    )
    submitted = 0

    def submit() -> None:
        nonlocal submitted
        count = pick.choice([1, 5, 30])
        world.submit(range(submitted, submitted + count))
        submitted += count
        time.sleep(pick.uniform(0.005, 0.04))

    witness.wait_until_ready()
    while figures.wants_more:
        victim = nursery.start("publisher", url=url, folder=str(tmp_path), witness=named)
        victim.wait_until_ready()
        strike(victim, figures, pick, work=submit, aims=AIMS)
        _follow(world, outside)
        if figures.kills % 5 == 0:
            _count(world, outside, submitted, figures)
    last = nursery.start("publisher", url=url, folder=str(tmp_path), witness=named)
    _wait_until_published(world, submitted)
    last.kill()
    _count(world, outside, submitted, figures)
    witness.kill()
    assert max(outside.seen) == submitted
    assert list(findings(log)) == []
    assert not (tmp_path / "witness" / "evidence").exists()  # It was never shown anything but growth.
    figures.check()


def _follow(world: World, outside: Outside) -> None:
    """See what an outsider sees right after a kill, and what the database calls published."""
    with world.log.database.read() as session:
        notes = [row.note for row in store.latest_published(session, 200)]
    # A kill between the two leaves the file one checkpoint behind; never the other way round.
    size = None if (latest := outside.follow()) is None else latest.size
    assert size is None or size in outside.seen
    behind = [note for note in notes if size is None or _size(note) > size]
    assert len(behind) <= 1
    outside.follow(note for note in notes if size is not None and _size(note) <= size)


def _size(note: str) -> int:
    return int(note.split("\n")[1])


def _count(world: World, outside: Outside, submitted: int, figures: Figures) -> None:
    """Count every entry, by its files and by its proof against the last checkpoint."""
    head = outside.follow()
    if head is None:
        return  # Killed again and again before anything was published.
    expected = {credential(number).encode(): credential(number).commitment for number in range(submitted)}
    logged = outside.entries(head.size)
    assert set(logged) <= set(expected)  # Nobody else's.
    with world.log.database.read() as session:
        commitments = [expected[entry] for entry in logged]
        proofs = proofs_of(session, world.log.tiles, commitments, tree_size=head.size)
        known = publication(session, list(expected.values()))
    for proof in proofs.values():
        outside.check(proof.entry, proof.index, proof.path, head)
    assert len(proofs) == len(set(logged))
    figures.entries = submitted
    figures.lost = len(set(expected.values()) - set(known))
    figures.twice = len(logged) - len(set(logged))
    figures.forks, figures.proofs, figures.checkpoints = outside.forks, outside.proofs, len(outside.seen)


def _wait_until_published(world: World, total: int) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with world.log.database.read() as session:
            latest = store.latest_published(session, 1)
        if latest and latest[0].tree_size == total:
            time.sleep(0.1)  # Its file comes after it.
            return
        time.sleep(0.02)
    pytest.fail(f"not all of {total} entries were published in a minute")
