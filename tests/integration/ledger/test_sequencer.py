"""What happens between a sequencer's look at the queue and its transaction, and how large that gets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest

from ledger import queue_store, store
from ledger.publication import sequencer
from tests.integration.ledger.world import World, credential


def in_between(monkeypatch: pytest.MonkeyPatch, step: Callable[[], object]) -> None:
    """Let `step` happen once, after the first look at the queue."""
    look, left = queue_store.sequenced_among, [step]

    def looked(*args: object) -> set[bytes]:
        found = look(*args)  # type: ignore[arg-type]
        while left:
            left.pop()()
        return found

    monkeypatch.setattr(queue_store, "sequenced_among", looked)


def entries_of(world: World) -> list[bytes]:
    with world.log.database.read() as session:
        return store.entries(session, 0, 100)


def test_who_loses_the_race_gives_no_index(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.submit(range(5))
    in_between(monkeypatch, lambda: sequencer.run_once(world.log))
    assert sequencer.run_once(world.log) == 0
    assert sorted(entries_of(world)) == sorted(credential(number).encode() for number in range(5))


def test_what_left_the_queue_meanwhile_gets_no_index(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever took it had its reasons, even where they moved no head."""
    world.submit(range(5))

    def take() -> None:
        with world.log.database.write() as session:
            assert queue_store.dequeue(session, [credential(3).commitment]) == 1

    in_between(monkeypatch, take)
    assert sequencer.run_once(world.log) == 0
    assert entries_of(world) == []
    assert sequencer.run_once(world.log) == 4
    assert credential(3).encode() not in entries_of(world)


def test_what_comes_meanwhile_waits_for_the_next_run(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.submit(range(5))
    clock = world.clock
    monkeypatch.setattr(sequencer, "FEWEST", 1)
    monkeypatch.setattr(sequencer, "MOST", 1)

    def submit_later() -> None:
        clock.move(timedelta(seconds=1))  # type: ignore[attr-defined]
        world.submit(range(5, 10))

    in_between(monkeypatch, submit_later)
    assert sequencer.run_once(world.log) == 5
    assert set(entries_of(world)) == {credential(number).encode() for number in range(5)}
    assert sequencer.run_once(world.log) == 5


def test_a_transaction_grows_while_it_is_quick_and_shrinks_when_it_is_slow() -> None:
    quick, right, slow = sequencer.TURN_S * 0.4, sequencer.TURN_S * 0.9, sequencer.TURN_S * 1.1
    assert [sequencer._next_size(800, seconds) for seconds in (quick, right, slow)] == [1_600, 800, 400]
    assert sequencer._next_size(sequencer.MOST, 0) == sequencer.MOST
    assert sequencer._next_size(sequencer.FEWEST, 9) == sequencer.FEWEST


def test_a_shuffle_loses_nothing_and_gives_every_place_to_everyone() -> None:
    entries = [bytes([number]) for number in range(4)]
    firsts = Counter(sequencer._shuffled(entries)[0] for _ in range(400))
    assert all(sorted(sequencer._shuffled(entries)) == entries for _ in range(20))
    assert sorted(firsts) == entries
    assert min(firsts.values()) > 50
    assert sequencer._shuffled([]) == []
