"""The folder of tiles: it gives the tree's own hashes, and notices what was changed."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from crypto.hashes import HASHES
from ledger.errors import EntryNotFoundError, InvalidProofError, TamperedTilesError
from ledger.formats.checkpoint import Checkpoint
from ledger.formats.merkle import (
    TreeHead,
    leaf_hash,
    nodes_of,
    prove_consistency_from,
    prove_inclusion_from,
    root,
    verify_inclusion,
)
from ledger.formats.note import Note, Signature
from ledger.formats.tile import ENTRIES, Tile
from ledger.storage.tiles import TileFolder

ENTRY = [at.to_bytes(43, "big") for at in range(70_000)]


def grown(folder: Path, *sizes: int, hash_name: str = "sm3") -> TileFolder:
    tiles = TileFolder(folder, hash_name)
    old = 0
    for size in sizes:
        tiles.extend(old, ENTRY[old:size])
        old = size
    return tiles


def checkpoint(size: int) -> str:
    text = str(Checkpoint("x.example/log", TreeHead(size, bytes(32))))
    return str(Note(text, (Signature("x", b"abcd", b"sig"),)))


@pytest.mark.parametrize("hash_name", ["sm3", "sha-256"])
def test_the_same_files_come_of_one_step_and_of_many(tmp_path: Path, hash_name: str) -> None:
    once = grown(tmp_path / "once", 700, hash_name=hash_name)
    often = grown(tmp_path / "often", 1, 2, 3, 255, 256, 257, 300, 511, 512, 513, 700, hash_name=hash_name)
    h = HASHES[hash_name]
    leaves = [leaf_hash(h, entry) for entry in ENTRY[:700]]
    assert once.head(700) == often.head(700) == TreeHead(700, root(h, leaves))
    for path in sorted((tmp_path / "once").rglob("*")):
        if path.is_file():
            assert (tmp_path / "often" / path.relative_to(tmp_path / "once")).read_bytes() == path.read_bytes()


def test_the_files_of_a_tree_of_70000(tmp_path: Path) -> None:
    """C2SP tlog-tiles' example, and nothing else in the folder."""
    grown(tmp_path, 70_000)
    files = {str(path.relative_to(tmp_path / "tile")) for path in tmp_path.rglob("*") if path.is_file()}
    expected = {f"{level}/{at:03}" for level in ("0", "entries") for at in range(273)}
    expected |= {"0/273.p/112", "entries/273.p/112", "1/000", "1/001.p/17", "2/000.p/1"}
    assert files == expected


def test_proofs_from_tiles_are_those_from_leaves(tmp_path: Path) -> None:
    sizes = (1, 5, 256, 300, 65_536, 66_000)
    tiles = grown(tmp_path, *sizes)
    h = tiles.hash
    leaves = [leaf_hash(h, entry) for entry in ENTRY[: sizes[-1]]]
    nodes = nodes_of(h, leaves)
    pick = random.Random(7)  # noqa: S311 - a seed that a failure can be repeated with
    for size in sizes:
        stored = tiles.nodes(size)
        for index in {0, size - 1, *(pick.randrange(size) for _ in range(20))}:
            assert prove_inclusion_from(h, stored, index, size) == prove_inclusion_from(h, nodes, index, size)
        for old in {1, size, *(pick.randrange(1, size + 1) for _ in range(20))}:
            assert prove_consistency_from(h, stored, old, size) == prove_consistency_from(h, nodes, old, size)


def test_entries_come_back(tmp_path: Path) -> None:
    tiles = grown(tmp_path, 10, 600)
    assert list(tiles.entries(0, 600)) == ENTRY[:600]
    assert list(tiles.entries(250, 260)) == ENTRY[250:260]
    assert list(tiles.entries(0, 10)) == ENTRY[:10]
    assert list(tiles.entries(3, 3)) == []


def test_writing_again_changes_nothing_and_history_is_not_overwritten(tmp_path: Path) -> None:
    tiles = grown(tmp_path, 300)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    assert tiles.extend(0, ENTRY[:300]) == tiles.head(300)
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(TamperedTilesError):
        tiles.extend(0, [b"another", *ENTRY[1:300]])
    with pytest.raises(TamperedTilesError):
        tiles.extend(299, [b"another"])


def test_nothing_appended_is_nothing_written(tmp_path: Path) -> None:
    tiles = TileFolder(tmp_path / "log")
    assert tiles.extend(0, []) == TreeHead(0, tiles.hash(b""))
    assert not (tmp_path / "log").exists()


@pytest.mark.parametrize("change", ["cut", "cut inside a hash", "missing", "bent"])
def test_a_tampered_tile_never_gives_a_valid_proof(tmp_path: Path, change: str) -> None:
    tiles = grown(tmp_path, 300)
    head = tiles.head(300)
    path = tmp_path / "tile" / "0" / "000"
    data = path.read_bytes()
    path.unlink()
    if change == "cut":
        path.write_bytes(data[:-32])
    elif change == "cut inside a hash":
        path.write_bytes(data[:-1])
    elif change == "bent":
        path.write_bytes(data[:64] + bytes(32) + data[96:])
    with pytest.raises((TamperedTilesError, InvalidProofError)):
        proof = prove_inclusion_from(tiles.hash, tiles.nodes(300), 255, 300)
        verify_inclusion(tiles.hash, leaf=leaf_hash(tiles.hash, ENTRY[255]), proof=proof, head=head)


def test_a_short_bundle_is_noticed(tmp_path: Path) -> None:
    tiles = grown(tmp_path, 300)
    (tmp_path / "tile" / "entries" / "000").write_bytes(b"\x00\x00")
    with pytest.raises(TamperedTilesError):
        list(tiles.entries(0, 300))
    with pytest.raises(TamperedTilesError):
        list(tiles.entries(0, 600))


def test_partial_tiles_go_when_the_full_one_is_published(tmp_path: Path) -> None:
    tiles = grown(tmp_path, 10, 255, 256, 300)
    assert tiles.read(Tile(0, 0, 255))
    assert tiles.prune(10, 300) == 4
    assert tiles.prune(10, 300) == 0
    with pytest.raises(EntryNotFoundError):
        tiles.read(Tile(0, 0, 255))
    assert tiles.read(Tile(ENTRIES, 1, 44))
    # The full tile answers for trees that ended in the middle of it.
    assert tiles.head(255).root_hash == root(tiles.hash, [leaf_hash(tiles.hash, entry) for entry in ENTRY[:255]])
    assert list(tiles.entries(0, 255)) == ENTRY[:255]
    assert tiles.extend(300, ENTRY[300:301]).tree_size == 301


def test_a_smaller_checkpoint_never_replaces_a_larger_one(tmp_path: Path) -> None:
    tiles = TileFolder(tmp_path / "log")
    assert tiles.read_checkpoint() is None
    assert tiles.write_checkpoint(checkpoint(20))
    assert not tiles.write_checkpoint(checkpoint(10))
    assert not tiles.write_checkpoint(checkpoint(20))
    assert tiles.read_checkpoint() == checkpoint(20)
    assert tiles.write_checkpoint(checkpoint(21))
