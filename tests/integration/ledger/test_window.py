"""How long entries gather: a window for all, a longer one for the credentials of issuers with few holders."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from crypto.hashes import sm3
from kernel.clock import ManualClock
from kernel.db import Database
from ledger import store
from ledger.formats.commitment import ACCREDITATION, commit
from ledger.formats.entry import Entry, EntryType
from ledger.publication import sequencer
from tests.integration.ledger.world import CODE, World, credential, make_world

SMALL, TINY = "4141010460", "4141010461"
TEN_MINUTES, DAY = timedelta(minutes=10), timedelta(days=1)


def few(_: Session, codes: Collection[str]) -> set[str]:
    return {SMALL, TINY} & set(codes)


@pytest.fixture
def world(database: Database, tmp_path: Path, clock: ManualClock) -> Iterator[World]:
    world = make_world(database, tmp_path, clock, organisations=(), quorum=0, window=TEN_MINUTES)
    world.log = replace(world.log, few=few, window_of_few=DAY)
    yield world
    world.close()


def submit(world: World, *entries: Entry) -> None:
    with world.log.database.write() as session:
        world.writer.submit_many(session, list(entries))


def logged(world: World) -> list[tuple[int, str]]:
    """Return type and issuer of all that has an index, sorted."""
    with world.log.database.read() as session:
        return sorted((entry[0], entry[1:11].decode()) for entry in store.entries(session, 0, 1_000))


def test_large_issuers_wait_ten_minutes_and_small_ones_a_day(world: World, clock: ManualClock) -> None:
    submit(world, credential(1), credential(2, SMALL))
    clock.move(TEN_MINUTES - timedelta(seconds=1))
    assert sequencer.run_once(world.log) == 0
    clock.move(timedelta(seconds=1))
    assert sequencer.run_once(world.log) == 1
    assert logged(world) == [(1, CODE)]
    assert sequencer.run_once(world.log) == 0
    # That a small one waits does not hurry a large one: it gathers for its own window.
    clock.move(timedelta(hours=12))
    submit(world, credential(3), credential(4, TINY))
    assert sequencer.run_once(world.log) == 0
    clock.move(TEN_MINUTES)
    assert sequencer.run_once(world.log) == 1
    # A day after the oldest, all of the small ones go together.
    clock.move(DAY - timedelta(hours=12) - 2 * TEN_MINUTES - timedelta(seconds=1))
    assert sequencer.run_once(world.log) == 0
    clock.move(timedelta(seconds=1))
    assert sequencer.run_once(world.log) == 2
    assert logged(world) == [(1, CODE), (1, CODE), (1, SMALL), (1, TINY)]


def test_what_hides_nothing_does_not_wait_a_day(world: World, clock: ManualClock) -> None:
    """Accreditation, status lists and the rest: a small school could not issue before they are published."""
    tokens = {"gm": "a.b.c"}
    accreditation = Entry(EntryType.ACCREDITATION, SMALL, commit(ACCREDITATION, SMALL, tokens))
    with world.log.database.write() as session:
        world.writer.submit(session, accreditation, evidence=tokens)
        world.writer.submit(session, Entry(EntryType.AUDIT_HEAD, SMALL, sm3(b"head")), evidence={"head": "x"})
        world.writer.submit(session, credential(1, SMALL))
    clock.move(TEN_MINUTES)
    assert sequencer.run_once(world.log) == 2
    assert logged(world) == [(3, SMALL), (5, SMALL)]


def test_an_issuer_that_grows_waits_no_longer(world: World, clock: ManualClock) -> None:
    submit(world, credential(1, SMALL))
    clock.move(TEN_MINUTES)
    assert sequencer.run_once(world.log) == 0
    grown = replace(world.log, few=lambda _, __: set())
    assert sequencer.run_once(grown) == 1
