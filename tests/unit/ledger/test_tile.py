"""Names of tiles and the bytes of bundles."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import EntryNotFoundError, TamperedTilesError
from ledger.formats.tile import ENTRIES, WIDTH, Tile, decode_bundle, encode_bundle, parse_tile, split_hashes, tile_at


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "0/000"),
        (Tile(0, 1234067), "0/x001/x234/067"),  # The specification's example.
        (Tile(0, 1067), "0/x001/067"),
        (Tile(63, 5, 1), "63/005.p/1"),
        (Tile(ENTRIES, 273, 112), "entries/273.p/112"),
        (Tile(ENTRIES, 1000), "entries/x001/000"),
    ],
)
def test_names(tile: Tile, path: str) -> None:
    assert tile.path == path
    assert parse_tile(path) == tile


@given(st.integers(-1, 63), st.integers(0, 10**18 - 1), st.integers(1, 256))
def test_a_name_comes_back(level: int, index: int, width: int) -> None:
    tile = Tile(level, index, width)
    assert parse_tile(tile.path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "",
        "0",
        "0/",
        "0/0",
        "0/00",
        "0/0000",
        "00/000",
        "64/000",
        "-1/000",
        "0/x000/000",
        "0/001/000",
        "0/x001",
        "0/000.p",
        "0/000.p/",
        "0/000.p/0",
        "0/000.p/01",
        "0/000.p/256",
        "0/000.p/257",
        "0/000.p/999",
        "entries/../../checkpoint",
        "0/000\n",
        "Entries/000",
        "0/０００",
        "0/" + "x001/" * 6 + "000",
    ],
)
def test_what_is_no_tile(path: str) -> None:
    with pytest.raises(EntryNotFoundError):
        parse_tile(path)


def test_the_tiles_of_a_tree_of_70000() -> None:
    """The specification's example: 273 full and one of 112, one full and one of 17, one of 1."""
    assert tile_at(0, 272, 70_000).width == WIDTH
    assert tile_at(0, 273, 70_000).width == 112
    assert tile_at(ENTRIES, 273, 70_000).width == 112
    assert [tile_at(1, at, 70_000).width for at in (0, 1)] == [WIDTH, 17]
    assert tile_at(2, 0, 70_000).width == 1
    assert tile_at(2, 1, 70_000).width < 1
    assert [tile_at(level, 0, 256).width for level in (0, 1)] == [WIDTH, 1]


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_bundles_come_back(entries: list[bytes]) -> None:
    assert decode_bundle(encode_bundle(entries)) == entries


def test_a_bundle_of_published_form() -> None:
    assert encode_bundle([b"", b"a"]) == bytes.fromhex("0000000161")


@pytest.mark.parametrize("data", [b"\x00", b"\x00\x02a", b"\x00\x01ab"])
def test_a_bundle_that_is_cut(data: bytes) -> None:
    with pytest.raises(TamperedTilesError):
        decode_bundle(data)


def test_a_tile_s_bytes() -> None:
    assert split_hashes(bytes(64)) == [bytes(32)] * 2
    with pytest.raises(TamperedTilesError):
        split_hashes(bytes(63))
