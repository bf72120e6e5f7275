"""A bundle's anchor: with the proof that a larger anchored tree extends the bundle's checkpoint."""

from __future__ import annotations

import pytest

from crypto.encoding import from_b64
from ledger.bundles import bundle_anchor
from ledger.errors import TamperedTilesError
from ledger.formats.merkle import verify_consistency
from tests.integration.ledger.test_routes import anchor
from tests.integration.ledger.world import World


def grow(world: World, *sizes: int) -> None:
    begin = 0
    for size in sizes:
        world.submit(range(begin, size))
        world.cycle()
        begin = size


def test_the_growth_to_a_larger_anchor_is_proved(sqlite_world: World) -> None:
    grow(sqlite_world, 3, 8, 261)
    tiles = sqlite_world.log.tiles
    with sqlite_world.log.database.read() as session:
        assert bundle_anchor(session, 3, tiles=tiles) is None
    anchor(sqlite_world, 261, tiles.head(261).root_hash)
    with sqlite_world.log.database.read() as session:
        for size in (3, 8):
            found = bundle_anchor(session, size, tiles=tiles)
            assert found is not None
            path = tuple(map(from_b64, found["consistency"]))
            verify_consistency(tiles.hash, old=tiles.head(size), new=tiles.head(261), path=path)
        own = bundle_anchor(session, 261, tiles=tiles)
        assert own is not None
        assert "consistency" not in own
        assert bundle_anchor(session, 262, tiles=tiles) is None
        unpublished = bundle_anchor(session, 5, tiles=tiles)
        assert unpublished is not None
        assert "consistency" not in unpublished


def test_tiles_that_do_not_lead_to_the_anchor_are_told(sqlite_world: World) -> None:
    grow(sqlite_world, 3, 8)
    anchor(sqlite_world, 8, bytes(31) + b"\1")
    with sqlite_world.log.database.read() as session, pytest.raises(TamperedTilesError):
        bundle_anchor(session, 3, tiles=sqlite_world.log.tiles)
