"""A backup that is older than what was published: nothing is signed from it, and the way back loses nothing."""

from __future__ import annotations

import random
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from kernel.db import Database
from ledger import store
from ledger.errors import LogRolledBackError, TamperedTilesError
from ledger.publication import cycle as publication_cycle
from ledger.upkeep.fsck import findings
from ledger.upkeep.repair import repair
from tests.integration.ledger.test_interrupted import check_whole
from tests.integration.ledger.world import World

STEPS = 8


def _grow(world: World, pick: random.Random, folder: Path) -> tuple[list[int], int]:
    """Publish in steps and take a backup at one of them; return all sizes and that of the backup."""
    sizes, chosen = [0], pick.randrange(2, STEPS - 2)
    for step in range(STEPS):
        world.submit(range(sizes[-1], sizes[-1] + pick.randrange(1, 130)))
        world.cycle()
        with world.log.database.read() as session:
            sizes.append(store.latest_published(session, 1)[0].tree_size)
        if step == chosen:
            folder.mkdir()
            with (
                sqlite3.connect(world.folder / "test.sqlite3") as live,
                sqlite3.connect(folder / "test.sqlite3") as copy,
            ):
                live.backup(copy)
            live.close()
            copy.close()
            shutil.copytree(world.folder / "log", folder / "log")
    return sizes, sizes[chosen + 1]


@pytest.mark.parametrize("seed", range(2))
def test_an_older_database_signs_nothing_and_says_what_to_do(sqlite_world: World, tmp_path: Path, seed: int) -> None:
    sizes, old = _grow(sqlite_world, random.Random(seed), tmp_path / "backup")  # noqa: S311
    whole = (tmp_path / "log" / "checkpoint").read_bytes()
    database = Database(f"sqlite:///{tmp_path / 'backup' / 'test.sqlite3'}")
    restored = replace(sqlite_world.log, database=database)
    asked = len(sqlite_world.wires[0].requests)
    for _ in range(3):
        with database.write() as session:
            sqlite_world.writer.submit_many(session, [])
        with pytest.raises(LogRolledBackError, match="Bring back the database as it was last") as caught:
            publication_cycle.run_once(restored)
        assert caught.value.params == {"published": sizes[-1], "known": old}
    with database.read() as session:
        signed = [row.tree_size for row in store.checkpoints(session)]
    database.dispose()
    assert max(signed) == old
    assert len(sqlite_world.wires[0].requests) == asked  # No witness was asked for a second history.
    assert (tmp_path / "log" / "checkpoint").read_bytes() == whole
    # With the database as it was last, it goes on.
    sqlite_world.submit(range(sizes[-1], sizes[-1] + 5))
    sqlite_world.cycle()
    check_whole(sqlite_world, sizes[-1] + 5)


@pytest.mark.parametrize("seed", range(2))
def test_an_older_folder_is_made_whole_from_the_entries(sqlite_world: World, tmp_path: Path, seed: int) -> None:
    sizes, _ = _grow(sqlite_world, random.Random(seed), tmp_path / "backup")  # noqa: S311
    total = sizes[-1]
    shutil.rmtree(tmp_path / "log")
    shutil.copytree(tmp_path / "backup" / "log", tmp_path / "log")
    sqlite_world.submit(range(total, total + 5))
    with pytest.raises(TamperedTilesError):
        sqlite_world.cycle()
    assert list(repair(sqlite_world.log))
    while sqlite_world.cycle():
        pass
    check_whole(sqlite_world, total + 5)
    assert list(findings(sqlite_world.log)) == []
