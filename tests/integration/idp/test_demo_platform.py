"""Two platforms on Authlib's stock client against the provider: sign-in, single sign-on, sign-out, refusals."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
from starlette.testclient import TestClient

from clients.demo_platform.app import demo_platform
from crypto.keyring import KeyRing
from kernel.clock import ManualClock, SystemClock
from kernel.db import Database
from tests.integration.idp.conftest import World
from tests.integration.idp.plain_browser import BASE, PlainBrowser

FIRST = "http://127.0.0.1:8001"
SECOND = "http://[::1]:8002"


@pytest.fixture
def present(database: Database, keyring: KeyRing) -> World:
    """The provider at the real time: a stock client checks `exp` against its own clock."""
    return World(database, ManualClock(SystemClock().now()), keyring)


@dataclass
class Tab:
    """A browser's view of one platform."""

    base: str
    http: TestClient

    def get(self, path: str) -> Any:
        return self.http.get(path)

    def arrive(self, location: str) -> Any:
        assert location.startswith(self.base), location
        return self.http.get(location.removeprefix(self.base))


def platform(world: World, base: str, name: str, **changes: Any) -> Tab:
    registered = world.platform(
        name=name,
        redirect_uris=[f"{base}/callback"],
        post_logout_redirect_uris=[f"{base}/bye"],
        scope="openid profile eid aff",
        **changes,
    )
    app = demo_platform(
        name,
        BASE,
        registered.client_id,
        str(registered.client_secret),
        base,
        http={"transport": httpx2.ASGITransport(app=world.app)},
    )
    return Tab(base, TestClient(app, base_url=base, follow_redirects=False))


def claims(page: Any) -> dict[str, str]:
    return dict(re.findall(r'data-claim="(\w+)">([^<]*)<', page.text))


def to_provider(tab: Tab, browser: PlainBrowser, path: str = "/login") -> Any:
    away = tab.get(path)
    assert away.headers["location"].startswith(f"{BASE}/oauth/")
    return browser.get(away.headers["location"].removeprefix(BASE))


def test_a_student_signs_in_at_one_platform_and_the_other_asks_nothing_but_consent(present: World) -> None:
    human = present.person()
    present.activate(human)
    browser = present.browser()
    first, second = platform(present, FIRST, "平台甲"), platform(present, SECOND, "平台乙")

    to_provider(first, browser)
    present.fill_in(human, browser)
    answer = first.arrive(browser.submit("consent", decision="allow").headers["location"])
    assert answer.status_code == 303, answer.text
    one = claims(first.get("/"))
    assert one["name"] == human.name
    assert one["eid"] == human.eid
    assert one["acr"] == "urn:xinji:acr:2fa"

    page = to_provider(second, browser)
    assert page.request.url.path == "/oauth/authorize"
    assert "http:" in page.headers["content-security-policy"].split("form-action")[1].split(";")[0].split()
    second.arrive(browser.submit("consent", decision="allow").headers["location"])
    two = claims(second.get("/"))
    assert two["name"] == human.name
    assert two["sub"] != one["sub"]

    leaving = first.http.post("/logout")
    back = browser.get(leaving.headers["location"].removeprefix(BASE))  # Its ID token proves the session.
    bye = first.arrive(back.headers["location"])
    assert 'id="note"' in bye.text
    assert not claims(first.get("/"))
    assert to_provider(first, browser).request.url.path == "/signin"


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
def test_the_stock_client_checks_both_algorithms(present: World, alg: str) -> None:
    human = present.person()
    browser = present.activate(human)
    tab = platform(present, FIRST, "平台甲", id_token_signed_response_alg=alg)
    to_provider(tab, browser)
    tab.arrive(browser.submit("consent", decision="allow").headers["location"])
    assert claims(tab.get("/"))["name"] == human.name


def test_a_refusal_is_said_in_words(present: World) -> None:
    browser = present.activate(present.person())
    tab = platform(present, FIRST, "平台甲")
    to_provider(tab, browser)
    page = tab.arrive(browser.submit("consent", decision="deny").headers["location"])
    assert page.status_code == 400
    assert "access_denied" in page.text


def test_forged_answers_are_refused(present: World) -> None:
    browser = present.activate(present.person())
    tab = platform(present, FIRST, "平台甲")
    to_provider(tab, browser)
    good = browser.submit("consent", decision="allow").headers["location"]
    values = dict(parse_qsl(urlsplit(good).query))
    for forged in (
        {**values, "state": "other"},
        {**values, "iss": "https://evil.example"},
        {name: value for name, value in values.items() if name != "iss"},
    ):
        page = tab.http.get("/callback", params=forged)
        assert page.status_code == 400
    assert not claims(tab.get("/"))


def test_a_browser_that_did_not_ask_cannot_bring_an_answer(present: World) -> None:
    browser = present.activate(present.person())
    tab = platform(present, FIRST, "平台甲")
    to_provider(tab, browser)
    good = browser.submit("consent", decision="allow").headers["location"]
    victim = TestClient(tab.http.app, base_url=FIRST, follow_redirects=False)
    assert victim.get(good.removeprefix(FIRST)).status_code == 400


def test_signing_in_gives_the_platforms_session_a_new_name(present: World) -> None:
    browser = present.activate(present.person())
    tab = platform(present, FIRST, "平台甲")
    to_provider(tab, browser)
    before = {cookie.value for cookie in tab.http.cookies.jar}
    tab.arrive(browser.submit("consent", decision="allow").headers["location"])
    assert before.isdisjoint({cookie.value for cookie in tab.http.cookies.jar})
