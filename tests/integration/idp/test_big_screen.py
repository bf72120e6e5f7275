"""The demo platform's big screen against the provider: a QR and a code there, the decision on a phone."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from crypto.keyring import KeyRing
from idp.oauth.clients.metadata import DEVICE
from kernel.clock import ManualClock, SystemClock
from kernel.db import Database
from tests.integration.idp.conftest import World
from tests.integration.idp.test_demo_platform import FIRST, Tab, claims, platform
from tests.integration.idp.test_device import decide


@pytest.fixture
def present(sqlite_database: Database, keyring: KeyRing) -> World:
    """The provider at the real time: a stock client checks `exp` against its own clock."""
    return World(sqlite_database, ManualClock(SystemClock().now()), keyring)


def screen(world: World, grants: tuple[str, ...] = ("authorization_code", DEVICE)) -> Tab:
    return platform(world, FIRST, "教室大屏", grant_types=grants)


def code_on(page: str) -> str:
    found = re.search(r'id="user-code">([A-Z-]+)<', page)
    assert found, page
    return found[1]


def test_a_teacher_signs_in_on_the_screen_by_phone(present: World) -> None:
    tab = screen(present)
    page = tab.get("/screen")
    assert "<svg" in page.text
    assert 'http-equiv="refresh" content="6"' in page.text
    present.clock.move(timedelta(seconds=6))
    assert code_on(tab.get("/screen").text) == code_on(page.text)
    human = present.person()
    decide(present.activate(human, factor=False), code_on(page.text))
    present.clock.move(timedelta(seconds=6))
    assert tab.get("/screen").status_code == 303
    assert claims(tab.get("/"))["name"] == human.name


def test_the_screen_says_that_the_person_refused(present: World) -> None:
    tab = screen(present)
    code = code_on(tab.get("/screen").text)
    decide(present.activate(present.person(), factor=False), code, "deny")
    present.clock.move(timedelta(seconds=6))
    page = tab.get("/screen")
    assert page.status_code == 400
    assert "access_denied" in page.text
    assert code_on(tab.get("/screen").text) != code


def test_a_platform_that_did_not_register_the_grant_is_told(present: World) -> None:
    page = screen(present, ("authorization_code",)).get("/screen")
    assert page.status_code == 400
    assert "unauthorized_client" in page.text
