"""A mirror takes over exactly what the log signed, goes on where it was ended, and proves a fork."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from crypto.encoding import b64
from crypto.hashes import HASHES
from ledger.errors import ForkedLogError, InvalidNoteError, MirrorSourceError, TamperedTilesError
from ledger.formats.checkpoint import Organisation, WitnessPolicy
from ledger.formats.merkle import TreeHead
from ledger.formats.note import parse_note
from ledger.formats.tile import parse_tile
from ledger.log import verifier_keys
from ledger.storage.tiles import TileFolder
from ledger.upkeep.mirror import run_once
from ledger.upkeep.reading import HttpSource
from tests.integration.ledger.published import ORIGIN, Published
from tests.integration.ledger.test_tiles import ENTRY
from tests.integration.ledger.world import World


@pytest.fixture
def published(tmp_path: Path) -> Published:
    return Published(tmp_path / "log")


def files(folder: Path) -> dict[str, bytes]:
    found = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if not name.startswith(".")}


@pytest.mark.parametrize("hash_name", ["sm3", "sha-256"])
def test_a_mirror_has_the_log_s_files(tmp_path: Path, hash_name: str) -> None:
    published = Published(tmp_path / "log", hash_name=hash_name)
    mirror = published.mirror(tmp_path / "mirror")
    old = 0
    for size in (1, 3, 255, 256, 257, 600, 2_000, 66_000):
        published.grow(size)
        assert run_once(mirror) == size - old
        assert run_once(mirror) == 0
        assert mirror.tiles.head(size) == published.tiles.head(size)
        assert mirror.tiles.read_checkpoint() == published.note
        old = size
    theirs = files(tmp_path / "log") | {"checkpoint": published.note.encode()}
    ours = files(tmp_path / "mirror")
    assert all(theirs[name] == data for name, data in ours.items())
    # What it lacks are only older partial tiles of sizes that it was shown as well.
    assert all(".p/" in name for name in set(theirs) - set(ours))
    assert published.asked.count("tile/entries/000") == 2  # To prove the old tree, and to keep it; then never again.


def test_an_empty_log(published: Published, tmp_path: Path) -> None:
    published.publish(TreeHead(0, published.tiles.hash(b"")))
    mirror = published.mirror(tmp_path / "mirror")
    assert run_once(mirror) == 0


def test_a_run_that_was_cut_goes_on(published: Published, tmp_path: Path) -> None:
    published.grow(60_000)
    mirror = published.mirror(tmp_path / "mirror")
    cuts = 0
    published.left = 90
    while True:
        try:
            run_once(mirror)
            break
        except MirrorSourceError:
            cuts += 1
            published.left = 90
            assert mirror.tiles.read_checkpoint() is None
    assert cuts >= 2
    assert len([name for name in published.asked if "entries" in name]) < 60_000 / 256 + (cuts + 1) * 65
    assert mirror.tiles.head(60_000) == published.tiles.head(60_000)
    assert list(mirror.tiles.entries(0, 60_000)) == ENTRY[:60_000]


def test_tiles_that_became_full_meanwhile(published: Published, tmp_path: Path) -> None:
    published.grow(300)
    note = published.note
    published.grow(600)
    published.note = note
    mirror = published.mirror(tmp_path / "mirror")
    assert run_once(mirror) == 300
    assert list(mirror.tiles.entries(0, 300)) == ENTRY[:300]


def test_a_cache_that_lags_is_no_fork(published: Published, tmp_path: Path) -> None:
    published.grow(290)
    note = published.note
    published.grow(600)
    mirror = published.mirror(tmp_path / "mirror")
    assert run_once(mirror) == 600
    published.note = note
    assert run_once(mirror) == 0
    assert not (tmp_path / "mirror" / "forks").exists()


OTHER = [b"another" + entry for entry in ENTRY[:70_000]]


@pytest.mark.parametrize(
    ("fork_at", "kept", "shown"),
    [
        *[(0, 600, 600), (599, 600, 600), (100, 600, 300), (599, 600, 700), (0, 300, 2_000), (255, 256, 700)],
        *[(290, 300, 310), (255, 300, 66_000), (65_535, 66_000, 67_000)],
    ],
)
def test_a_fork_is_refused_and_proved(tmp_path: Path, fork_at: int, kept: int, shown: int) -> None:
    published = Published(tmp_path / "log")
    published.grow(kept)
    mirror = published.mirror(tmp_path / "mirror")
    run_once(mirror)
    before, first = files(tmp_path / "mirror"), published.note

    published.tiles, published.size = TileFolder(tmp_path / "fork"), 0
    published.grow(shown, [*ENTRY[:fork_at], *OTHER[fork_at:]])
    with pytest.raises(ForkedLogError, match="FORK") as refused:
        run_once(mirror)
    assert refused.value.params == {"origin": ORIGIN}
    after = files(tmp_path / "mirror")
    evidence = {name: data.decode() for name, data in after.items() if name.startswith("forks/")}
    assert {*evidence.values()} == {first, published.note}
    assert {name: data for name, data in after.items() if name not in evidence} == before
    for note in evidence.values():
        assert len(parse_note(note).verify(published.keys)) == 2
    with pytest.raises(ForkedLogError):
        run_once(mirror)


@pytest.mark.parametrize("at", [0, 31, 50])
@pytest.mark.parametrize(
    "name", ["tile/entries/000", "tile/entries/001", "tile/entries/002.p/88", "tile/1/000.p/2", "checkpoint"]
)
def test_nothing_bent_is_taken_over(published: Published, tmp_path: Path, name: str, at: int) -> None:
    published.grow(300)
    mirror = published.mirror(tmp_path / "mirror")
    run_once(mirror)
    before = files(tmp_path / "mirror")
    published.grow(600)

    def bend(asked: str, data: bytes) -> bytes:
        return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :] if asked == name else data

    published.bend = bend
    if name == "tile/entries/000":
        assert run_once(mirror) == 300  # It is here, and not asked for.
        return
    with pytest.raises((TamperedTilesError, InvalidNoteError)):
        run_once(mirror)
    assert files(tmp_path / "mirror") == before
    published.bend = lambda _, data: data
    assert run_once(mirror) == 300


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data + b"\x00\x01x", lambda _: b""])
@pytest.mark.parametrize("name", ["tile/entries/000", "tile/entries/001.p/44", "tile/1/000.p/1"])
def test_nothing_cut_or_longer_is_taken_over(
    published: Published, tmp_path: Path, name: str, change: Callable[[bytes], bytes]
) -> None:
    published.grow(300)
    published.bend = lambda asked, data: change(data) if asked == name else data
    mirror = published.mirror(tmp_path / "mirror")
    with pytest.raises(TamperedTilesError):
        run_once(mirror)
    assert mirror.tiles.read_checkpoint() is None


def test_whose_signatures_count(published: Published, tmp_path: Path) -> None:
    published.grow(10)
    mirror = published.mirror(tmp_path / "mirror")
    other = Published(tmp_path / "other")
    with pytest.raises(InvalidNoteError):
        run_once(replace(mirror, keys=other.keys))
    with pytest.raises(InvalidNoteError):
        run_once(replace(mirror, origin="log.example/2027"))
    with pytest.raises(InvalidNoteError, match="quorum"):
        run_once(replace(mirror, policy=WitnessPolicy(1, (Organisation("A", ()),))))
    assert not (tmp_path / "mirror").exists()


def test_a_source_that_answers_badly(published: Published, tmp_path: Path) -> None:
    published.grow(300)
    mirror = published.mirror(tmp_path / "mirror")
    published.bend = lambda name, data: data * 2_000 if name == "checkpoint" else data
    with pytest.raises(MirrorSourceError, match="too long"):
        run_once(mirror)
    published.bend = lambda _, data: data
    (tmp_path / "log" / "tile" / "entries" / "000").unlink()
    with pytest.raises(MirrorSourceError, match="tile/entries/000: the source lacks it"):
        run_once(mirror)
    client = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(302, headers={"location": "/x"})))
    with pytest.raises(MirrorSourceError, match="302"):
        run_once(replace(mirror, source=HttpSource("https://log.example", client=client)))


def test_a_mirror_of_the_installation_s_log_with_its_witness(sqlite_world: World, tmp_path: Path) -> None:
    world = sqlite_world
    source = Published(tmp_path / "unused")
    source.tiles = TileFolder(world.folder / "log")
    keys = verifier_keys(world.log.signer, world.log.origin)
    mirror = replace(source.mirror(tmp_path / "mirror"), origin=world.log.origin, keys=keys, policy=world.log.policy)
    for begin in (0, 300):
        world.submit(range(begin, begin + 300))
        world.cycle()
        source.note = world.log.tiles.read_checkpoint() or ""
        assert run_once(mirror) == 300
    assert all(parse_tile(name[5:]) for name in mirror.tiles.files.names("tile"))
    assert HASHES["sm3"] is mirror.tiles.hash
    assert b64(mirror.tiles.head(600).root_hash) in source.note
