"""Many at once: guesses, replays, and sign-ins while somebody writes in bulk."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest.mock import patch

from sqlalchemy import text

from crypto.keyring import KeyRing
from idp.authn.passwords import Passwords
from kernel.clock import ManualClock
from kernel.db import Base, Database
from tests.integration.idp.conftest import PASSWORD, World
from tests.integration.idp.plain_browser import PlainBrowser


def at_form(world: World) -> PlainBrowser:
    browser = world.browser()
    browser.get("/signin?next=/account")
    return browser


def test_parallel_guesses_get_no_more_than_five_looks_at_the_password(world: World) -> None:
    human = world.person()
    world.activate(human)
    browsers = [at_form(world) for _ in range(16)]
    looks: list[str] = []
    real = Passwords.fits

    def watched(self: Passwords, encoded: str | None, password: str) -> bool:
        looks.append(password)
        return real(self, encoded, password)

    def guess(number: int) -> int:
        page = browsers[number].submit("signin", login=human.eid, password=f"wrong-guess-{number}")
        return int(page.status_code)

    with patch.object(Passwords, "fits", watched), ThreadPoolExecutor(8) as pool:
        statuses = Counter(pool.map(guess, range(16)))
    assert len(looks) <= 5
    assert statuses[401] == len(looks)
    assert statuses[429] + statuses[401] + statuses[503] == 16


def test_one_code_at_the_same_moment_opens_one_browser(world: World) -> None:
    human = world.person()
    world.activate(human)
    browsers = [at_form(world) for _ in range(4)]
    for browser in browsers:
        browser.submit("signin", login=human.eid, password=PASSWORD)
    code = world.totp(human)
    with ThreadPoolExecutor(4) as pool:
        pages = list(pool.map(lambda browser: browser.submit("factor", code=code), browsers))
    assert Counter(page.status_code for page in pages) == {200: 1, 401: 3}


def test_one_recovery_code_at_the_same_moment_opens_one_browser(world: World) -> None:
    human = world.person()
    world.activate(human)
    browsers = [at_form(world) for _ in range(4)]
    for browser in browsers:
        browser.submit("signin", login=human.eid, password=PASSWORD)
    with ThreadPoolExecutor(4) as pool:
        pages = list(pool.map(lambda browser: browser.submit("factor", code=human.recovery_codes[0]), browsers))
    assert Counter(page.status_code for page in pages) == {200: 1, 401: 3}


def test_twenty_people_sign_in_while_a_bulk_job_writes(tmp_path: Path, clock: ManualClock, keyring: KeyRing) -> None:
    """With the production's busy timeout: bulk work holds the lock 20 ms at most, and nobody sees a 503."""
    database = Database(f"sqlite:///{tmp_path / 'bulk.sqlite3'}")
    Base.metadata.create_all(database.engine)
    world = World(database, clock, keyring)
    people = [world.person(f"人{number}") for number in range(20)]
    for human in people:
        world.activate(human, factor=False)
    with database.write() as session:
        session.execute(text("CREATE TABLE bulk (n INTEGER)"))
    done = threading.Event()

    def write_in_bulk() -> int:
        chunks = 0
        while not done.is_set():
            with database.write() as session:
                for number in range(50):
                    session.execute(text("INSERT INTO bulk VALUES (:n)"), {"n": number})
            chunks += 1
            done.wait(0.005)
        return chunks

    with ThreadPoolExecutor(1) as pool:
        bulk = pool.submit(write_in_bulk)
        pages = [world.sign_in(human).page for human in people]
        done.set()
        assert bulk.result() > 20
    database.dispose()
    assert [page.status_code for page in pages] == [200] * 20
