"""Key sets behind an address: one that is poisoned, withheld or another platform's."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from crypto.keys import ES256, generate_key
from idp.oauth.clients.key_sets import FRESH, LAST_RESORT
from tests.integration.idp.conftest import World
from tests.integration.idp.proving import Prover, jwk_of
from tests.integration.idp.signing_platform import Shelf

PLACE = "https://keys.example.edu.cn/jwks.json"
SPOILT: list[Any] = [
    b"",
    b"<html>",
    b"[]",
    b'{"keys": {}}',
    b"\xff\xfe",
    b"[" * 60_000,
    b'{"keys": ' + b"1" * 60_000 + b"}",
    None,
]


def _set(*provers: Prover) -> bytes:
    return json.dumps({"keys": [jwk_of(prover.key) for prover in provers]}).encode()


@pytest.mark.parametrize("spoilt", SPOILT)
def test_a_key_set_that_cannot_be_read_replaces_nothing(small_world: World, spoilt: bytes | None) -> None:
    shelf = Shelf.in_(small_world)
    prover = Prover(small_world, jwks_uri=PLACE)
    shelf.bodies[PLACE] = _set(prover)
    assert prover.send().status_code == 200
    if spoilt is None:
        del shelf.bodies[PLACE]
    else:
        shelf.bodies[PLACE] = spoilt
    small_world.clock.move(FRESH + timedelta(seconds=1))
    assert prover.send().status_code == 200
    small_world.clock.move(LAST_RESORT)
    assert prover.send().status_code == 401
    small_world.clock.move(timedelta(minutes=1))
    shelf.bodies[PLACE] = _set(prover)
    assert prover.send().status_code == 200


def test_nobodys_key_set_is_anothers(small_world: World) -> None:
    shelf = Shelf.in_(small_world)
    victim, thief = Prover(small_world, jwks_uri=PLACE), Prover(small_world, jwks_uri=f"{PLACE}?thief")
    shelf.bodies[PLACE], shelf.bodies[f"{PLACE}?thief"] = _set(victim), _set(thief)
    assert thief.send().status_code == 200
    forged = Prover.assertion(thief, iss=victim.id, sub=victim.id)
    assert victim.send(forged).status_code == 401
    assert victim.send().status_code == 200


def test_a_made_up_kid_does_not_make_us_call_over_and_over(small_world: World) -> None:
    shelf = Shelf.in_(small_world)
    prover = Prover(small_world, jwks_uri=PLACE)
    shelf.bodies[PLACE] = _set(prover)
    assert prover.send().status_code == 200
    prover.key = generate_key(ES256)
    small_world.clock.move(timedelta(minutes=1))
    for _ in range(20):
        assert prover.send().status_code == 401
    assert len(shelf.asked) == 2
