"""The check of a whole log finds what is wrong, and nothing in a log that is whole; the repair puts it right."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from ledger.errors import LedgerError, LogRolledBackError, TamperedTilesError
from ledger.formats.rebuilding import Rebuild
from ledger.formats.tile import ENTRIES, Tile
from ledger.log import verifier_keys
from ledger.publication.integration import run_once as integrate
from ledger.publication.sequencer import run_once as sequence
from ledger.storage.tiles import TileFolder
from ledger.upkeep.fsck import findings
from ledger.upkeep.repair import repair
from tests.integration.ledger.test_tiles import ENTRY, grown
from tests.integration.ledger.world import World, credential

Change = Callable[[World], None]


def sql(statement: str, **values: object) -> Change:
    def change(world: World) -> None:
        with world.log.database.write() as session:
            session.execute(text(statement), {"bytes": bytes(32), **values})

    return change


def bend(name: str, *, at: int = 0, cut: bool = False, bit: int = 1) -> Change:
    def change(world: World) -> None:
        path: Path = tiles(world) / name
        data = path.read_bytes()
        path.write_bytes(data[:-1] if cut else data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :])

    return change


def lose(name: str) -> Change:
    def change(world: World) -> None:
        (tiles(world) / name).unlink()

    return change


def add(name: str) -> Change:
    def change(world: World) -> None:
        path = tiles(world) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"what is this")

    return change


def tiles(world: World) -> Path:
    assert isinstance(world.log.tiles, TileFolder)
    return world.log.tiles.folder / "tile"


def files(world: World) -> dict[str, bytes]:
    folder = tiles(world).parent
    found = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if not name.startswith((".", "damaged"))}


def told(world: World) -> list[str]:
    return [str(finding) for finding in findings(world.log, verifier_keys(world.log.signer, world.log.origin))]


@pytest.fixture
def whole(sqlite_world: World) -> World:
    for begin in range(0, 600, 150):
        sqlite_world.submit(range(begin, begin + 150))
        sqlite_world.cycle()
    return sqlite_world


def test_a_whole_log_has_no_findings_at_any_step(whole: World) -> None:
    assert told(whole) == []
    whole.submit([1_000])
    assert told(whole) == []
    sequence(whole.log)
    assert told(whole) == []
    integrate(whole.log)
    assert told(whole) == []
    assert list(repair(whole.log)) == []


def test_tiles_of_entries_that_are_not_in_the_tree_yet_are_no_findings(whole: World) -> None:
    """Where a process ended between the tiles and the head."""
    whole.submit(range(1_000, 1_300))
    sequence(whole.log)
    with whole.log.database.read() as session:
        rows = session.execute(text("SELECT entry FROM log_entry WHERE leaf_index >= 600 ORDER BY leaf_index"))
        entries = [bytes(row.entry) for row in rows]
    whole.log.tiles.extend(600, entries)
    assert told(whole) == []
    bend("0/002", at=255 * 32)(whole)
    assert [line.partition(" ")[0] for line in told(whole)] == ["tile/0/002:"]


def test_an_empty_log_has_no_findings(sqlite_world: World) -> None:
    assert told(sqlite_world) == []
    assert list(repair(sqlite_world.log)) == []


FILES = [
    (bend("entries/001", at=50), "tile/entries/001: differs from the database at byte 50"),
    (bend("entries/001", cut=True), "tile/entries/001: is 11519 bytes long, and should be 11520"),
    (bend("entries/000", at=0, bit=0x80), "tile/entries/000: differs from the database at byte 0"),
    (bend("0/000", at=5 * 32), "tile/0/000: hash 5 of the tile, over entry 5, is "),
    (bend("0/001", at=255 * 32 + 31), "tile/0/001: hash 255 of the tile, over entry 511, is "),
    (bend("0/002.p/88", at=87 * 32), "tile/0/002.p/88: hash 87 of the tile, over entry 599, is "),
    (bend("0/001", cut=True), "tile/0/001: is 8191 bytes long, and should be 8192"),
    (bend("1/000.p/2", at=32), "tile/1/000.p/2: hash 1 of the tile, over entries 256 to 511, is "),
    (lose("0/000"), "tile/0/000: is missing"),
    (lose("entries/002.p/88"), "tile/entries/002.p/88: is missing"),
    (lose("1/000.p/2"), "tile/1/000.p/2: is missing"),
]


@pytest.mark.parametrize(("change", "found"), FILES)
def test_each_damaged_file_is_named_and_repaired(whole: World, change: Change, found: str) -> None:
    before = files(whole)
    change(whole)
    damaged = files(whole)
    (sentence,) = told(whole)
    assert sentence.startswith(found)
    assert [str(finding) for finding in repair(whole.log)] == [sentence]
    assert files(whole) == before
    assert told(whole) == []
    kept = {path.read_bytes() for path in (tiles(whole).parent / "damaged").rglob("*") if path.is_file()}
    assert kept == {damaged[name] for name in damaged if damaged[name] != before[name]}
    whole.submit([9_999])
    assert whole.cycle() == 3


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (sql("DELETE FROM log_entry WHERE leaf_index = 300"), "lacks entries between 256 and 512"),
        (sql("UPDATE log_entry SET entry = :bytes WHERE leaf_index = 7"), "the root of 150 entries"),
        (sql("UPDATE log_entry SET entry = :bytes WHERE leaf_index = 599"), "the root of 600 entries"),
        (sql("UPDATE log_checkpoint SET root_hash = :bytes WHERE tree_size = 300"), "the root of 300 entries"),
        (sql("UPDATE log_head SET integrated_root = :bytes"), "the root of 600 entries"),
        (sql("UPDATE log_head SET published_size = 0"), "database does not hold it"),
        (sql("DELETE FROM log_checkpoint WHERE tree_size = 600"), "database does not hold it"),
    ],
)
def test_what_the_database_lacks_is_found_and_no_repair_covers_it_up(whole: World, change: Change, found: str) -> None:
    bend("0/000", at=0)(whole)
    change(whole)
    before = files(whole)
    assert any(found in sentence for sentence in told(whole)), told(whole)
    with pytest.raises((TamperedTilesError, LogRolledBackError)):
        list(repair(whole.log))
    assert files(whole) == before


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (sql("UPDATE log_checkpoint SET note = replace(note, 'w', 'v') WHERE tree_size = 450"), "450"),
        (
            sql("UPDATE log_checkpoint SET note = (SELECT note FROM log_checkpoint WHERE tree_size = 150)"),
            "the checkpoint of 450 entries says another head than its row",
        ),
        (add("0/003"), "tile/0/003: reaches beyond the 600 entries"),
        (add("0/002.p/89"), "tile/0/002.p/89: reaches beyond the 600 entries"),
        (add("5/000.p/1"), "tile/5/000.p/1: reaches beyond the 600 entries"),
        (add("0/0"), "tile/0/0: no file of a log is called that"),
        (add("entries/x000/001"), "tile/entries/x000/001: no file of a log is called that"),
    ],
)
def test_what_else_is_found(whole: World, change: Change, found: str) -> None:
    change(whole)
    assert any(found in sentence for sentence in told(whole)), told(whole)


def test_a_bit_flipped_in_the_checkpoint_is_found(whole: World) -> None:
    """It is put right where its head still stands; where the file names another tree, nobody guesses."""
    path = tiles(whole).parent / "checkpoint"
    good = path.read_bytes()
    signed = good.index(b"\n\n")
    put_right = 0
    for at in range(0, len(good), 13):
        path.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        assert told(whole)[-1].partition(":")[0] in ("checkpoint", "log")
        try:
            repaired = [finding.where for finding in repair(whole.log)]
        except LedgerError:
            assert at <= signed  # Another origin, size or root.
            path.write_bytes(good)
        else:
            assert repaired == ["checkpoint"]
            assert path.read_bytes() == good
            assert at > signed
            put_right += 1
        assert told(whole) == []
    assert put_right > 30


def test_any_bit_of_any_tile(whole: World) -> None:
    """Seeded: a bit of each file, at a place of its own."""
    pick = random.Random(11)  # noqa: S311 - a seed that a failure can be repeated with
    before = files(whole)
    bent: set[str] = set()
    for name, data in before.items():
        if name == "checkpoint":
            continue
        bend(name.removeprefix("tile/"), at=pick.randrange(len(data)), bit=1 << pick.randrange(8))(whole)
        bent.add(name)
        assert {line.partition(":")[0] for line in told(whole)} == bent
    assert {finding.where for finding in repair(whole.log)} == bent
    assert files(whole) == before


def test_all_tiles_lost_are_made_again(whole: World) -> None:
    before = files(whole)
    del before["tile/1/000.p/1"]  # An older checkpoint's, which the wider one answers for.
    shutil.rmtree(tiles(whole))
    assert {line.partition(":")[0] for line in told(whole)} == {*before} - {"checkpoint"}
    list(repair(whole.log))
    assert files(whole) == before


def test_the_rebuilt_tiles_are_those_that_were_written(tmp_path: Path) -> None:
    size = 66_000
    written = grown(tmp_path, size)
    rebuild = Rebuild(written.hash, {0, 1, 700, size})
    made: dict[Tile, bytes] = {}
    for begin in range(0, size, 256):
        made.update(rebuild.add(ENTRY[begin : min(begin + 256, size)]))
    made.update(rebuild.end())
    assert {f"tile/{tile.path}" for tile in made} == set(written.files.names("tile"))
    assert all(written.read(tile) == data for tile, data in made.items())
    assert rebuild.roots == {0: written.hash(b""), 1: written.head(1).root_hash, 700: written.head(700).root_hash} | {
        size: written.head(size).root_hash
    }
    assert made[Tile(ENTRIES, 257, 208)]


def test_a_log_at_work_has_no_findings(whole: World) -> None:
    """What another process writes between two looks is not taken for damage."""
    busy = _Busy(whole)
    assert list(findings(busy.log)) == []
    assert busy.next > 5_400


class _Busy:
    """The same log; whenever its files are read, it grows first."""

    def __init__(self, world: World) -> None:
        self.log = world.log
        self._world = world
        self.next = 5_000
        self._read = world.log.tiles.files.read
        self._quiet = False
        world.log.tiles.files.read = self.read  # type: ignore[method-assign]

    def read(self, name: str) -> bytes | None:
        if not self._quiet and self.next < 5_600:
            self._quiet = True
            self._world.submit(range(self.next, self.next + 40))
            self.next += 40
            self._world.cycle()
            self._quiet = False
        return self._read(name)


def test_the_check_of_other_credentials_of_one_log(whole: World) -> None:
    """Entries are compared byte for byte: the same commitment under another code is another entry."""
    other = credential(3, code="4141010460").encode()
    sql("UPDATE log_entry SET entry = :other WHERE entry = :old", other=other, old=credential(3).encode())(whole)
    assert any("tile/entries/" in sentence for sentence in told(whole))
