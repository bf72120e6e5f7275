"""Ended anywhere, the log loses nothing, doubles nothing, and never forks."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from ledger import queue_store, store
from tests.integration.ledger.world import World, credential

ROOT = Path(__file__).parents[3]


class Crash(BaseException):
    """The process ends here: nothing catches it."""


class CrashElsewhereError(Exception):
    """The same in another thread, of which the one that waits for it hears."""


class Fuse:
    """Blows at the n-th of all the steps that touch the disk or the witness: before it, or right after."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left = 0
        self.after = False
        self._lock = threading.Lock()  # Files are synced in several threads.
        monkeypatch.setattr(Session, "commit", self._fused(Session.commit))
        monkeypatch.setattr(os, "fsync", self._fused(os.fsync))
        monkeypatch.setattr(Path, "replace", self._fused(Path.replace))
        for wire in world.wires:
            monkeypatch.setattr(wire, "add_checkpoint", self._fused(wire.add_checkpoint))

    def set(self, steps: int, *, after: bool) -> None:
        self.left, self.after = steps, after

    def _fused(self, step: Callable[..., object]) -> Callable[..., object]:
        def fused(*args: object) -> object:
            with self._lock:
                self.left -= 1
                blows = self.left == 0
            if blows and not self.after:
                raise _crash()
            done = step(*args)
            if blows:
                raise _crash()
            return done

        return fused


def _crash() -> BaseException:
    return Crash() if threading.current_thread() is threading.main_thread() else CrashElsewhereError()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_crash_at_every_single_step(world: World, monkeypatch: pytest.MonkeyPatch, after: bool) -> None:
    fuse = Fuse(world, monkeypatch)
    total = 0
    for steps in range(1, 200):
        with world.log.database.write() as session:
            world.writer.submit_many(session, [credential(number) for number in range(total, total + 3)])
        total += 3
        fuse.set(steps, after=after)
        try:
            world.cycle()
        except (Crash, CrashElsewhereError):
            fuse.set(0, after=False)
            world.cycle()
        else:
            break
    else:
        pytest.fail("the cycle has more steps than were tried")
    assert steps > 20  # It did blow, often: queue, tiles, checkpoint, witness, publication, file.
    check_whole(world, total)


def test_a_crash_while_tiles_become_full(sqlite_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The steps around an entry that fills a tile of level 0 and begins one of level 1."""
    fuse = Fuse(sqlite_world, monkeypatch)
    sqlite_world.submit(range(250))
    sqlite_world.cycle()
    total = 250
    for steps in range(1, 60, 3):
        sqlite_world.submit(range(total, total + 2))
        total += 2
        fuse.set(steps, after=bool(steps % 2))
        try:
            sqlite_world.cycle()
        except (Crash, CrashElsewhereError):
            fuse.set(0, after=False)
            sqlite_world.cycle()
    check_whole(sqlite_world, total)


def check_whole(world: World, total: int) -> None:
    """Every entry has one index and a proof that verifies; every checkpoint extends the one before."""
    proofs = world.proofs(range(total))
    assert sorted(proof.index for proof in proofs.values()) == list(range(total))
    for number, proof in proofs.items():
        world.check(proof, credential(number))
    with world.log.database.read() as session:
        assert queue_store.queued_since(session) == {}
        for row in store.latest_published(session, 1_000):
            assert world.log.tiles.head(row.tree_size).root_hash == row.root_hash
    # What is in the files is what the database says, byte for byte.
    with world.log.database.read() as session:
        assert list(world.log.tiles.entries(0, total)) == store.entries(session, 0, total)
    evidence = world.folder / "A" / "evidence"
    assert not evidence.exists() or not list(evidence.iterdir())
