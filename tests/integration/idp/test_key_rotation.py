"""The provider's keys over a year, in two processes at once, after a silence, and after a compromise."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from sqlalchemy import select

from crypto.errors import KeyStateError, UnknownKeyError
from crypto.jose import peek, sign_jwt
from crypto.keyring import ACTIVE, DESTROYED, NEXT, OIDC, RETIRED, KeyRing
from crypto.keys import ES256, PS256, SGD_SM3_SM2
from idp.oauth import key_rotation
from idp.oauth.key_rotation import AHEAD, KEPT, SIGNS, publish_next, rotate_now, run_once, withdraw
from idp.oauth.keys import ALGS, JWKS_AGE, OWNER, SigningKeys
from idp.oauth.tokens import id_token, values
from kernel.audit import AuditEvent
from kernel.clock import ManualClock
from kernel.db import Database
from tests.integration.idp.conftest import World
from tests.integration.idp.test_refresh import signed_in

HOUR = timedelta(hours=1)


@pytest.fixture
def ring(tmp_path: Path, clock: ManualClock) -> KeyRing:
    return KeyRing(tmp_path / "keys", b"s" * 32, clock)


@pytest.fixture
def keys(ring: KeyRing) -> SigningKeys:
    return SigningKeys(ring)


@pytest.fixture
def one_alg(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at one algorithm only: making RSA keys takes its time."""
    monkeypatch.setattr(key_rotation, "ALGS", (ES256,))


def states(ring: KeyRing, alg: str = ES256) -> list[str]:
    return [record.state for record in ring.records(OIDC, OWNER) if record.alg == alg]


def published(keys: SigningKeys) -> set[str]:
    return {key["kid"] for gm in (False, True) for key in keys.jwks(gm=gm)["keys"]}


def test_the_times_fit_each_other() -> None:
    assert timedelta(seconds=JWKS_AGE) * 10 < AHEAD < SIGNS
    assert max(id_token.LIFE, values.ACCESS_LIFE) + timedelta(seconds=JWKS_AGE) < KEPT < SIGNS


@pytest.mark.parametrize("rhythm", [timedelta(hours=3), timedelta(hours=31)])
def test_for_a_year_every_token_verifies_with_the_keys_that_a_platform_kept(
    keys: SigningKeys, sqlite_database: Database, clock: ManualClock, rhythm: timedelta
) -> None:
    """At each step the JWKS of just before is what caches hold; tokens live an hour, and are checked to the end."""
    end = clock.now() + timedelta(days=366)
    alive: deque[tuple[datetime, str, str]] = deque()
    seen: dict[str, set[str]] = {alg: set() for alg in ALGS}
    while clock.now() < end:
        cached = published(keys)
        for _ in range(4):  # Several processes, one after the other within the time that caches keep.
            run_once(keys.ring, sqlite_database, clock)
        for alg in ALGS:
            kid = keys.active(alg).key_id
            assert kid in cached
            seen[alg].add(kid)
            alive.append((clock.now() + values.ACCESS_LIFE, alg, kid))
        for _, _, kid in alive:
            assert kid in published(keys)
        while alive and alive[0][0] <= clock.now():
            alive.popleft()
        assert len(published(keys)) <= 3 * len(ALGS)
        clock.move(rhythm)
    assert {len(kids) for kids in seen.values()} == {5}


def test_a_stock_library_verifies_across_a_rotation(
    keys: SigningKeys, sqlite_database: Database, clock: ManualClock
) -> None:
    token = sign_jwt({"iss": "x"}, keys.active(ES256), typ="JWT")
    publish_next(keys.ring, [ES256], sqlite_database, clock)
    kept = KeySet.import_key_set(keys.jwks(gm=False))  # type: ignore[arg-type]  # A JSON object, as fetched
    clock.move(AHEAD)
    run_once(keys.ring, sqlite_database, clock)
    later = sign_jwt({"iss": "x"}, keys.active(ES256), typ="JWT")
    assert peek(later)[0]["kid"] != peek(token)[0]["kid"]
    fresh = KeySet.import_key_set(keys.jwks(gm=False))  # type: ignore[arg-type]
    for each in (token, later):
        for known in (kept, fresh):
            assert jwt.decode(each, known, algorithms=[ES256]).claims == {"iss": "x"}


@pytest.mark.usefixtures("one_alg")
def test_the_life_of_a_key(ring: KeyRing, keys: SigningKeys, sqlite_database: Database, clock: ManualClock) -> None:
    first = keys.active(ES256).key_id

    def after(step: timedelta) -> list[str]:
        clock.move(step)
        run_once(ring, sqlite_database, clock)
        return states(ring)

    assert after(SIGNS - AHEAD - HOUR) == [ACTIVE]
    assert after(HOUR) == [ACTIVE, NEXT]
    assert after(AHEAD - HOUR) == [ACTIVE, NEXT]
    assert after(HOUR) == [RETIRED, ACTIVE]
    assert after(KEPT - HOUR) == [RETIRED, ACTIVE]
    assert after(HOUR) == [DESTROYED, ACTIVE]
    assert first not in published(keys)
    with sqlite_database.read() as session:
        events = session.scalars(select(AuditEvent).order_by(AuditEvent.id)).all()
    assert [(event.action, event.detail) for event in events] == [
        (action, {"alg": ES256, "reason": "schedule"}) for action in ("key.publish", "key.rotate", "key.destroy")
    ]
    assert events[-1].subject == first


@pytest.mark.usefixtures("one_alg")
def test_after_a_long_silence_the_next_key_is_still_published_first(
    ring: KeyRing, keys: SigningKeys, sqlite_database: Database, clock: ManualClock
) -> None:
    before = keys.active(ES256).key_id
    clock.move(timedelta(days=400))
    run_once(ring, sqlite_database, clock)
    assert states(ring) == [ACTIVE, NEXT]
    assert keys.active(ES256).key_id == before
    clock.move(AHEAD)
    run_once(ring, sqlite_database, clock)
    assert states(ring) == [RETIRED, ACTIVE]


@pytest.mark.usefixtures("one_alg")
@pytest.mark.parametrize("due", [SIGNS - AHEAD, SIGNS])
def test_processes_that_rotate_at_once_make_one_rotation(
    tmp_path: Path, keys: SigningKeys, sqlite_database: Database, clock: ManualClock, due: timedelta
) -> None:
    if due == SIGNS:
        clock.move(SIGNS - AHEAD)
        run_once(keys.ring, sqlite_database, clock)
        clock.move(AHEAD)
    else:
        clock.move(due)
    rings = [KeyRing(tmp_path / "keys", b"s" * 32, clock) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda ring: run_once(ring, sqlite_database, clock), rings))
    assert sum(done) == 1
    assert states(keys.ring) == ([RETIRED, ACTIVE] if due == SIGNS else [ACTIVE, NEXT])


def test_a_stale_look_does_not_rotate_twice(ring: KeyRing, keys: SigningKeys) -> None:
    seen = next(record for record in ring.records(OIDC, OWNER) if record.alg == ES256)
    ring.rotate(OIDC, OWNER, ES256, seen=seen)
    with pytest.raises(KeyStateError):
        ring.rotate(OIDC, OWNER, ES256, seen=seen)
    assert sorted(states(ring)) == [ACTIVE, RETIRED]
    assert keys.active(ES256).key_id != seen.key_id


def test_by_hand_a_next_key_is_published_once_and_signs_a_day_later(
    ring: KeyRing, keys: SigningKeys, sqlite_database: Database, clock: ManualClock
) -> None:
    assert publish_next(ring, [ES256, SGD_SM3_SM2], sqlite_database, clock) == 2
    assert publish_next(ring, [ES256], sqlite_database, clock) == 0
    assert states(ring, PS256) == [ACTIVE]
    old = keys.active(SGD_SM3_SM2).key_id
    clock.move(AHEAD - HOUR)
    run_once(ring, sqlite_database, clock)
    assert keys.active(SGD_SM3_SM2).key_id == old
    clock.move(HOUR)
    run_once(ring, sqlite_database, clock)
    assert keys.active(SGD_SM3_SM2).key_id != old


def test_by_hand_a_key_is_replaced_at_once(
    ring: KeyRing, keys: SigningKeys, sqlite_database: Database, clock: ManualClock
) -> None:
    old = keys.active(ES256).key_id
    assert rotate_now(ring, [ES256], sqlite_database, clock) == 1
    assert keys.active(ES256).key_id != old
    assert old in published(keys)


@pytest.mark.parametrize("state", [NEXT, ACTIVE, RETIRED])
def test_a_compromised_key_is_gone_at_once_and_something_signs(
    ring: KeyRing, keys: SigningKeys, sqlite_database: Database, clock: ManualClock, state: str
) -> None:
    rotate_now(ring, [ES256], sqlite_database, clock)
    publish_next(ring, [ES256], sqlite_database, clock)
    bad = next(one.key_id for one in ring.records(OIDC, OWNER) if one.alg == ES256 and one.state == state)
    withdraw(ring, bad, compromised=True, database=sqlite_database, clock=clock)
    assert bad not in published(keys)
    assert ring.record(bad).wrapped == b""
    assert keys.active(ES256).key_id in published(keys)
    with sqlite_database.read() as session:
        gone = session.scalars(select(AuditEvent).where(AuditEvent.action == "key.destroy")).one()
    assert (gone.subject, gone.detail) == (bad, {"alg": ES256, "reason": "compromised"})


def test_a_key_retired_by_hand_stays_published(
    ring: KeyRing, keys: SigningKeys, sqlite_database: Database, clock: ManualClock
) -> None:
    old = keys.active(ES256).key_id
    withdraw(ring, old, compromised=False, database=sqlite_database, clock=clock)
    assert keys.active(ES256).key_id != old
    assert old in published(keys)
    with pytest.raises(UnknownKeyError):
        withdraw(ring, "nobody", compromised=True, database=sqlite_database, clock=clock)


def test_what_a_compromised_key_signed_is_no_hint_any_more(
    sqlite_database: Database, clock: ManualClock, ring: KeyRing
) -> None:
    world = World(sqlite_database, clock, ring)
    _, token = signed_in(world)
    hint = token["id_token"]
    assert world.browser().get(f"/oauth/logout?id_token_hint={hint}").status_code == 200
    kid = peek(hint)[0]["kid"]
    rotate_now(ring, ALGS, sqlite_database, clock)
    assert world.browser().get(f"/oauth/logout?id_token_hint={hint}").status_code == 200
    withdraw(ring, kid, compromised=True, database=sqlite_database, clock=clock)
    assert world.browser().get(f"/oauth/logout?id_token_hint={hint}").status_code == 400


@pytest.mark.parametrize("path", ["/oauth/jwks.json", "/jwks-gm.json", "/.well-known/openid-configuration"])
def test_what_may_be_kept_says_for_how_long(small_world: World, path: str) -> None:
    answer = small_world.browser().http.get(path)
    assert answer.headers["cache-control"] == f"public, max-age={JWKS_AGE}"


def test_a_rotation_shows_in_the_served_key_set_at_once(
    sqlite_database: Database, clock: ManualClock, ring: KeyRing
) -> None:
    world = World(sqlite_database, clock, ring)

    def served() -> Mapping[str, Any]:
        return {key["kid"]: key for key in world.browser().http.get("/oauth/jwks.json").json()["keys"]}

    before = served()
    KeyRing(ring._folder, b"s" * 32, clock).generate(OIDC, OWNER, ES256, NEXT)
    assert len(served().keys() - before.keys()) == 1
    assert all("d" not in key for key in served().values())


def test_a_key_file_of_before_is_read(ring: KeyRing, tmp_path: Path, clock: ManualClock) -> None:
    key = ring.generate(OIDC, OWNER, ES256)
    path = tmp_path / "keys" / f"{key.key_id}.json"
    text = path.read_text("utf-8")
    since = f'"since":"{clock.now().isoformat()}",'
    assert since in text
    path.write_text(text.replace(since, ""), "utf-8")
    again = KeyRing(tmp_path / "keys", b"s" * 32, ManualClock(datetime(2027, 1, 1, tzinfo=UTC)))
    assert again.record(key.key_id).since == clock.now()
