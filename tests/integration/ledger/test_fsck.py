"""The check of a whole log finds what is wrong, and nothing in a log that is whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from ledger.fsck import findings
from tests.integration.ledger.world import World


def sql(statement: str) -> Callable[[World], None]:
    def change(world: World) -> None:
        with world.log.database.write() as session:
            session.execute(text(statement), {"bytes": bytes(32)})

    return change


def bend(name: str, *, at: int = 0, cut: bool = False) -> Callable[[World], None]:
    def change(world: World) -> None:
        path: Path = world.log.tiles.folder / "tile" / name
        data = path.read_bytes()
        path.write_bytes(data[:-1] if cut else data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])

    return change


@pytest.fixture
def whole(sqlite_world: World) -> World:
    for begin in range(0, 600, 150):
        sqlite_world.submit(range(begin, begin + 150))
        sqlite_world.cycle()
    return sqlite_world


def test_a_whole_log_has_no_findings(whole: World) -> None:
    assert list(findings(whole.log)) == []
    whole.submit([1_000])
    assert list(findings(whole.log)) == []


def test_an_empty_log_has_no_findings(sqlite_world: World) -> None:
    assert list(findings(sqlite_world.log)) == []


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (sql("DELETE FROM log_entry WHERE leaf_index = 300"), "lacks entries between 256 and 512"),
        (sql("UPDATE log_entry SET entry = :bytes WHERE leaf_index = 7"), "bundle entries/000 holds other"),
        (sql("UPDATE log_checkpoint SET root_hash = :bytes WHERE tree_size = 300"), "checkpoint of 300 entries"),
        (sql("UPDATE log_head SET integrated_root = :bytes"), "checkpoint of 600 entries"),
        (sql("UPDATE log_head SET published_size = 0"), "database does not hold it"),
        (bend("entries/001", at=50), "bundle entries/001 holds other"),
        (bend("entries/001", cut=True), "ends in the middle"),
        (bend("0/000", at=5 * 32), "level 0 hold another hash at 5"),
        (bend("0/002.p/88", at=87 * 32), "level 0 hold another hash at 599"),
        (bend("0/001", cut=True), "ends in the middle"),
        (bend("1/000.p/2", at=32), "level 1 hold another hash at 1"),
    ],
)
def test_each_damage_is_found(whole: World, change: Callable[[World], None], found: str) -> None:
    change(whole)
    told = list(findings(whole.log))
    assert any(found in sentence for sentence in told), told
