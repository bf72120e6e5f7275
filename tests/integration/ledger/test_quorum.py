"""The log among its witnesses: one that is slow, talks rubbish, was shown a fork, or forgot."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from kernel.clock import ManualClock
from kernel.db import Base, Database
from ledger.errors import ForkedLogError, WitnessError, WitnessStateError
from ledger.formats.note import Signature, parse_note
from ledger.formats.proof_text import AddCheckpoint
from ledger.log import verifier_keys
from ledger.publication import cycle as publication_cycle
from ledger.publication import publishing
from ledger.storage.tiles import TileFolder
from ledger.witness.cosigning import TrustedLog
from ledger.witness.keys import open_state
from tests.integration.ledger.world import World, credential, make_world, witness


@pytest.fixture
def three(sqlite_database: Database, tmp_path: Path, clock: ManualClock) -> Iterator[World]:
    """A log that wants two of three witnesses."""
    world = make_world(sqlite_database, tmp_path, clock, organisations="ABC", quorum=2)
    yield world
    world.close()


def published(world: World) -> int:
    text = world.log.tiles.read_checkpoint()
    return 0 if text is None else int(text.split("\n")[1])


@dataclass
class Slow:
    """A witness that answers when it is let."""

    inner: object
    organisation: str
    let: threading.Event = field(default_factory=threading.Event)
    asked: int = 0

    def add_checkpoint(self, request: AddCheckpoint) -> tuple[Signature, ...]:
        self.asked += 1
        self.let.wait(30)
        return self.inner.add_checkpoint(request)  # type: ignore[attr-defined, no-any-return]


def test_a_slow_witness_holds_up_nobody(three: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "GRACE_SECONDS", 0.1)
    slow = Slow(three.wires[2], "C")
    log = replace(three.log, witnesses=(*three.wires[:2], slow))
    begin = time.monotonic()
    for number in range(3):
        three.submit([number])
        assert publication_cycle.run_once(log) == 3
    assert time.monotonic() - begin < 10
    assert published(three) == 3
    assert slow.asked == 1, "while it still thinks, it is not asked again"
    note = parse_note(three.log.tiles.read_checkpoint() or "")
    assert sorted(three.log.policy.times(note)) == ["A", "B"]
    slow.let.set()


def test_where_the_quorum_needs_the_slow_one_the_wait_is_bounded(three: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "WAIT_SECONDS", 0.2)
    slow = Slow(three.wires[2], "C")
    three.wires[1].cut = True
    log = replace(three.log, witnesses=(*three.wires[:2], slow))
    three.submit([1])
    assert publication_cycle.run_once(log) == 2
    assert published(three) == 0
    slow.let.set()
    end = time.monotonic() + 10
    while published(three) == 0 and time.monotonic() < end:
        publication_cycle.run_once(log)
    assert published(three) == 1


@dataclass
class Says:
    """A witness that answers with what it is told to say."""

    organisation: str
    say: Callable[[AddCheckpoint], tuple[Signature, ...]]

    def add_checkpoint(self, request: AddCheckpoint) -> tuple[Signature, ...]:
        return self.say(request)


def test_a_signature_of_another_checkpoint_is_not_believed(three: World) -> None:
    """The answer is a cosignature by the right key, of the checkpoint before: it counts for nothing."""
    first, second, third = three.wires
    old: list[tuple[Signature, ...]] = []

    def remembers(request: AddCheckpoint) -> tuple[Signature, ...]:
        old.append(first.add_checkpoint(request))
        return old[0]

    bent = Says(
        "B",
        lambda request: tuple(
            line._replace(value=line.value[:-1] + b"\x00") for line in second.add_checkpoint(request)
        ),
    )
    unsigned = Says("C", lambda _: (Signature("w.example/x", b"abcd", b"who knows"),))
    log = replace(
        three.log, witnesses=(Says("A", remembers), bent, unsigned), policy=replace(three.log.policy, quorum=1)
    )
    three.submit([1])
    assert publication_cycle.run_once(log) == 3  # The first answer of A was right.
    assert set(log.policy.times(parse_note(log.tiles.read_checkpoint() or ""))) == {"A"}
    three.submit([2])
    with capture_logs() as logged:
        assert publication_cycle.run_once(log) == 2
    assert published(three) == 1
    assert {one["witness"]: one["code"] for one in logged if one["event"] == "witness_failed"}["A"] == "witness_refused"
    # The other two are asked as they are, and all is well again.
    assert publication_cycle.run_once(replace(three.log, witnesses=(second, third))) == 1
    assert published(three) == 2


def shown_a_fork(world: World, folder: Path) -> None:
    """Have another history cosigned, of an installation that holds the same keys: what a thief would do."""
    database = Database(f"sqlite:///{folder / 'fork.sqlite3'}")
    from_there = replace(world.log, database=database, tiles=TileFolder(folder / "fork"))
    Base.metadata.create_all(database.engine)
    with database.write() as session:
        world.writer.submit_many(session, [credential(number) for number in range(100, 105)])
    publication_cycle.run_once(from_there)
    database.dispose()


def test_a_witness_that_was_shown_a_fork_refuses_and_the_log_says_so(three: World, tmp_path: Path) -> None:
    shown_a_fork(replace(three, log=replace(three.log, witnesses=three.wires[:2])), tmp_path)
    three.submit(range(5))
    with capture_logs() as logged, pytest.raises(ForkedLogError, match="A, B cosigned another history") as caught:
        three.cycle()
    assert caught.value.params == {"origin": three.log.origin}
    assert published(three) == 0
    assert {one["witness"] for one in logged if one.get("code") == "witness_fork"} == {"A", "B"}
    assert len(list((three.folder / "A" / "evidence").glob("fork-*"))) == 1
    # A larger tree of this history is no better.
    three.submit(range(5, 9))
    with pytest.raises(ForkedLogError):
        three.cycle()
    assert published(three) == 0


def test_one_witness_with_another_history_does_not_stop_a_quorum(three: World, tmp_path: Path) -> None:
    shown_a_fork(replace(three, log=replace(three.log, witnesses=three.wires[:1])), tmp_path)
    three.submit(range(5))
    three.wires[1].cut = True
    assert three.cycle() == 10, "C has signed, B may come back: it waits"
    assert published(three) == 0
    three.wires[1].cut = False
    assert three.cycle() == 1
    assert published(three) == 5


def restored(world: World, state: bytes) -> World:
    """Put an older state back under the first witness, as a restored backup would."""
    wire = world.wires[0]
    wire.close()
    (world.folder / "A" / "state.json").write_bytes(state)
    trusted = TrustedLog(world.log.origin, "sm3", verifier_keys(world.log.signer, world.log.origin))
    again = witness(world.folder, "A", world.clock, [trusted])
    wires = (again, *world.wires[1:])
    return replace(world, wires=wires, log=replace(world.log, witnesses=wires))


def test_a_witness_whose_state_was_restored_is_found_out_and_retires(three: World) -> None:
    three.submit([1])
    three.cycle()
    old = (three.folder / "A" / "state.json").read_bytes()
    three.submit([2])
    three.cycle()
    world = restored(three, old)
    world.submit([3])
    with capture_logs() as logged:
        assert world.cycle() == 3
    assert set(world.log.policy.times(parse_note(world.log.tiles.read_checkpoint() or ""))) == {"B", "C"}
    (told,) = [one["detail"] for one in logged if one.get("code") == "witness_forgot"]
    assert told.startswith("the witness cosigned 2 entries and remembers 1")
    # It has retired for good: it signs nothing more, and does not start again.
    world.submit([4])
    world.cycle()
    assert published(world) == 4
    with pytest.raises(WitnessError):
        world.wires[0].add_checkpoint(AddCheckpoint(0, (), world.log.tiles.read_checkpoint() or ""))
    world.wires[0].close()
    with pytest.raises(WitnessStateError, match="signed more than it remembers"):
        open_state(world.folder / "A")
    world.close()


def test_a_restored_witness_sees_it_in_the_published_checkpoint(three: World) -> None:
    three.submit([1])
    three.cycle()
    old = (three.folder / "A" / "state.json").read_bytes()
    first = three.log.tiles.read_checkpoint() or ""
    three.wires[1].cut = False
    three.submit([2])
    three.cycle()
    latest = three.log.tiles.read_checkpoint() or ""
    origin = three.log.origin
    three.wires[0].cosigner.check_published(origin, latest)
    world = restored(three, old)
    cosigner = world.wires[0].cosigner
    cosigner.check_published(origin, first)
    cosigner.check_published("other.example/log", latest)
    forged = parse_note(latest)
    ours = {key.name for key in cosigner.keys}
    lines = [line._replace(value=bytes(len(line.value))) if line.name in ours else line for line in forged.signatures]
    cosigner.check_published(origin, str(replace(forged, signatures=tuple(lines))))  # Anybody can write that.
    with pytest.raises(WitnessStateError, match="signed more than it remembers"):
        cosigner.check_published(origin, latest)
    answer = cosigner.add_checkpoint(str(AddCheckpoint(1, (), first)).encode())
    assert answer.status == HTTPStatus.SERVICE_UNAVAILABLE
    world.close()
