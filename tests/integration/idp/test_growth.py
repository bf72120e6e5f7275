"""A month of everything that people and platforms do: from week to week no table is larger. And what writes nothing."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from crypto.keys import ES256
from idp.oauth.clients.metadata import CLIENT_CREDENTIALS, DEVICE
from idp.oauth.logout.delivering import Delivering, run_once
from idp.oauth.stores.spent import spend
from idp.purge import CHUNK, purge
from kernel.db import Base
from kernel.ids import new_token
from tests.integration.idp.conftest import CALLBACK, PASSWORD, Human, World
from tests.integration.idp.machine import Machine, key_of
from tests.integration.idp.plain_browser import PlainBrowser
from tests.integration.idp.test_device import GRANTS, ask, decide, poll
from tests.integration.idp.test_logout import BACK, BYE, Inbox

DAILY = {
    "idp_attempt",
    "idp_client_token",
    "idp_consent",
    "idp_device_code",
    "idp_grant",
    "idp_logout_delivery",
    "idp_pending",
    "idp_pushed_request",
    "idp_spent_id",
    "idp_token",
}
"""What the month must have filled, or it proves nothing."""


def sizes(world: World) -> dict[str, int]:
    names = [name for name in Base.metadata.tables if name.startswith("idp_")]
    with world.database.read() as session:
        return {name: session.scalar(text(f"SELECT count(*) FROM {name}")) or 0 for name in names}  # noqa: S608


def purge_all(world: World) -> None:
    for _ in range(200):
        with world.database.write() as session:
            if not purge(session, world.clock.now()):
                return
    pytest.fail("the purge does not end")


class Month:
    """People and platforms, and what they do on a day."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.human: Human = world.person()
        self.browser: PlainBrowser = world.activate(self.human)
        self.web = world.platform(
            backchannel_logout_uri=BACK,
            grant_types=["authorization_code", "refresh_token", CLIENT_CREDENTIALS, DEVICE],
        )
        self.bound = world.platform("绑定平台", dpop_bound_access_tokens=True, grant_types=[CLIENT_CREDENTIALS])
        self.screen = world.platform("教室大屏", grant_types=GRANTS, token_endpoint_auth_method="none")

    def day(self) -> None:
        world, browser = self.world, self.browser
        world.sign_in(self.human, browser)
        self._codes_and_refreshes()
        self._machines()
        self._devices()
        self._failures()
        browser.get(f"/oauth/logout?client_id={self.web.client_id}&post_logout_redirect_uri={BYE}")
        browser.submit("logout", decision="logout")
        run_once(Delivering(world.issuer, world.database, world.idp.clients, world.idp.keys, Inbox(503), world.clock))

    def _codes_and_refreshes(self) -> None:
        world = self.world
        token = world.redeem(self.web, world.code(self.web, self.browser, scope="openid offline_access")).json()
        for _ in range(3):
            token = world.refresh(self.web, token["refresh_token"]).json()
        world.redeem(self.web, world.code(self.web, self.browser, scope="openid"))
        world.code(self.web, self.browser, scope="openid")  # Never redeemed.
        pushed = {"response_type": "code", "redirect_uri": CALLBACK, "scope": "openid", "code_challenge": "A" * 43}
        answer = world.post(self.web, "/oauth/par", {**pushed, "code_challenge_method": "S256"})
        assert answer.status_code == 201, answer.text

    def _machines(self) -> None:
        world = self.world
        for _ in range(3):
            answer = world.post(self.web, "/oauth/token", {"grant_type": CLIENT_CREDENTIALS})
            assert answer.status_code == 200, answer.text
        machine = Machine(world, self.bound, key_of(ES256))
        answer = machine.credentials()
        if answer.status != 200:
            machine.nonce = answer.headers["DPoP-Nonce"]
            answer = machine.credentials()
        assert answer.status == 200, answer.body

    def _devices(self) -> None:
        world = self.world
        ask(world, self.screen)  # Nobody ever decides.
        codes = ask(world, self.screen, "openid").json()
        decide(self.browser, codes["user_code"])
        assert poll(world, self.screen, codes["device_code"]).status_code == 200

    def _failures(self) -> None:
        stranger = self.world.browser(address="198.51.100.7")
        stranger.get("/signin")
        stranger.submit("signin", login=self.human.eid, password="wrong-guess-1")
        stranger.submit("signin", login=self.human.eid, password=PASSWORD)  # And never the second factor.
        self.world.post(self.web, "/oauth/token", {"grant_type": "refresh_token", "refresh_token": new_token()})


def test_a_month_of_everything_leaves_every_table_as_it_was(small_world: World) -> None:
    """Refresh tokens live for 30 days: after them a week adds nothing."""
    month = Month(small_world)
    weekly: list[dict[str, int]] = []
    filled: set[str] = set()
    for day in range(6 * 7):
        month.day()
        filled |= {name for name, size in sizes(small_world).items() if size}
        small_world.clock.move(timedelta(days=1))
        purge_all(small_world)
        if day % 7 == 6:
            weekly.append(sizes(small_world))
    assert DAILY - filled == set()
    before, after = weekly[-2:]
    assert {name: (before[name], size) for name, size in after.items() if size > before[name]} == {}
    assert sum(after.values()) < sum(weekly[0].values()) * 6


def test_what_waits_for_the_purge_goes_in_short_transactions_until_nothing_is_left(small_world: World) -> None:
    many = 3 * CHUNK + 1
    now = small_world.clock.now()
    with small_world.database.write() as session:
        for _ in range(many):
            spend(session, secrets.token_bytes(32), now)
    small_world.clock.move(timedelta(seconds=1))
    gone: list[int] = []
    while not gone or gone[-1]:
        with small_world.database.write() as session:
            gone.append(purge(session, small_world.clock.now()))
    assert gone == [CHUNK, CHUNK, CHUNK, 1, 0]


@contextmanager
def statements() -> Iterator[list[str]]:
    """Collect every statement that any database is sent."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def test_introspection_and_userinfo_only_read(world: World) -> None:
    platform = world.platform()
    browser = world.activate(world.person(), factor=False)
    token = world.redeem(platform, world.code(platform, browser, scope="openid profile offline_access")).json()
    world.clock.move(timedelta(minutes=2))
    with statements() as sent:
        for text_ in (token["access_token"], token["refresh_token"], "xat_nobody"):
            answer = world.post(platform, "/oauth/introspect", {"token": text_})
            assert answer.json()["active"] is (text_ != "xat_nobody")
        assert world.userinfo(token["access_token"]).status_code == 200
        assert world.userinfo("xat_nobody").status_code == 401
    assert len(sent) > 5
    assert [text_ for text_ in sent if not text_.startswith(("SELECT", "BEGIN", "select"))] == []
    assert not any("IMMEDIATE" in text_ or "FOR UPDATE" in text_ for text_ in sent)


def test_a_token_is_one_written_row(world: World) -> None:
    """And no audit event."""
    platform = world.platform(grant_types=["authorization_code", "refresh_token", CLIENT_CREDENTIALS])
    browser = world.activate(world.person(), factor=False)
    token = world.redeem(platform, world.code(platform, browser, scope="openid offline_access")).json()
    with statements() as sent:
        assert world.refresh(platform, token["refresh_token"]).status_code == 200
        fields = {"grant_type": CLIENT_CREDENTIALS}
        assert world.post(platform, "/oauth/token", fields).status_code == 200
    inserts = [text_.split()[2] for text_ in sent if text_.startswith("INSERT")]
    assert inserts == ["idp_token", "idp_client_token"]
