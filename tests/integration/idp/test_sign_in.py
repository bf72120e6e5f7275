"""Sign-in over HTTP, and attacks on it: guessing, replaying, planting, redirecting, forging."""

from __future__ import annotations

import re
from datetime import timedelta
from unittest.mock import patch
from uuid import UUID

import pytest
from fastapi.routing import APIRoute
from sqlalchemy import func, select

from crypto.keyring import KeyRing
from idp import routes
from idp.authn.passwords import Passwords
from idp.authn.throttle import ADDRESS_FAILURES
from idp.models import Attempt, Pending, SignInSession, Totp
from kernel.audit import AuditEvent
from kernel.clock import ManualClock
from kernel.db import Database
from kernel.errors import BusyError
from tests.integration.idp.conftest import PASSWORD, Human, World
from tests.integration.idp.plain_browser import PlainBrowser

WRONG = "wrong-guess-1"


def guess(browser: PlainBrowser, human: Human, password: str = WRONG) -> int:
    browser.get("/signin?next=/account")
    return int(browser.submit("signin", login=human.eid, password=password).status_code)


def counted(world: World) -> int:
    with world.database.read() as session:
        return session.scalar(select(func.max(Attempt.failures))) or 0


def test_five_wrong_passwords_lock_unknown_devices_for_thirty_minutes(world: World) -> None:
    human = world.person()
    world.activate(human)
    stranger = world.browser(address="198.51.100.9")
    assert [guess(stranger, human) for _ in range(5)] == [401] * 5
    assert guess(stranger, human, PASSWORD) == 429
    assert "30" in stranger.page.text
    world.clock.move(timedelta(minutes=31))
    assert guess(stranger, human, PASSWORD) == 200


def test_the_owners_own_browser_is_not_locked_out_by_strangers(world: World) -> None:
    human = world.person()
    own = world.activate(human)
    stranger = world.browser(address="198.51.100.9")
    for _ in range(6):
        guess(stranger, human)
    assert guess(own, human, PASSWORD) == 200
    assert own.page.request.url.path == "/signin/factor"


def test_a_failure_is_counted_before_the_password_is_looked_at_and_outlives_an_error(world: World) -> None:
    human = world.person()
    world.activate(human)
    browser = world.browser()
    browser.get("/signin")
    with patch.object(Passwords, "fits", side_effect=BusyError("the hash died")):
        assert browser.submit("signin", login=human.eid, password=PASSWORD).status_code == 503
    assert counted(world) == 1


def test_a_wrong_password_is_counted_and_in_the_audit_trail_although_it_is_refused(world: World) -> None:
    human = world.person()
    world.activate(human)
    assert guess(world.browser(), human) == 401
    assert counted(world) == 1
    with world.database.read() as session:
        events = session.scalars(select(AuditEvent).where(AuditEvent.action == "signin.password")).all()
    assert [(event.subject, event.result, event.origin) for event in events] == [
        (str(human.id), "refused", "192.0.2.7")
    ]


def test_an_unknown_account_costs_the_same_hash_and_says_the_same(small_world: World) -> None:
    human, nobody = small_world.person(), small_world.person()
    small_world.activate(human)
    seen: list[bool] = []
    real = Passwords.fits

    def watched(self: Passwords, encoded: str | None, password: str) -> bool:
        seen.append(encoded is None)
        return real(self, encoded, password)

    pages = []
    with patch.object(Passwords, "fits", watched):
        for who in (human, nobody, Human(nobody.id, "P7K3W0QR4XT1M1", "", "")):
            browser = small_world.browser()
            assert guess(browser, who) == 401
            pages.append(browser.page.text.split('id="refusal"')[1].split("</div>")[0])
    assert seen == [False, True, True]
    assert len(set(pages)) == 1


def test_unknown_accounts_lock_like_known_ones(small_world: World) -> None:
    nobody = Human(UUID(int=1), "P7K3W0QR4XT1M1", "", "")
    browser = small_world.browser()
    assert [guess(browser, nobody) for _ in range(6)] == [401] * 5 + [429]


def test_an_address_is_held_up_only_when_most_of_what_comes_from_it_fails(small_world: World) -> None:
    human = small_world.person()
    small_world.activate(human, factor=False)
    browser = small_world.browser(address="2001:db8::1")
    statuses = []
    for number in range(ADDRESS_FAILURES + 1):
        browser.http.cookies.clear()
        browser.get("/signin")
        login = small_world.person(f"人{number}").eid
        statuses.append(browser.submit("signin", login=login, password="wrong-guess-1").status_code)
    assert statuses == [401] * ADDRESS_FAILURES + [429]
    neighbour = small_world.browser(address="2001:db8::2")  # The same /64.
    assert guess(neighbour, human, PASSWORD) == 429
    elsewhere = small_world.browser(address="2001:db8:0:1::1")
    assert guess(elsewhere, human, PASSWORD) == 200


def test_a_mistyped_number_is_named_before_anything_is_counted(small_world: World) -> None:
    human = small_world.person()
    wrong = human.eid[:-1] + ("A" if human.eid[-1] != "A" else "B")
    browser = small_world.browser()
    browser.get("/signin")
    page = browser.submit("signin", login=wrong, password=PASSWORD)
    assert page.status_code == 422
    assert "eid_check" in page.text
    assert counted(small_world) == 0


def test_a_one_time_password_works_once(world: World) -> None:
    human = world.person()
    world.activate(human)
    code = world.totp(human)
    first, second = world.browser(), world.browser()
    for browser in (first, second):
        browser.get("/signin")
        browser.submit("signin", login=human.eid, password=PASSWORD)
    assert first.submit("factor", code=code).request.url.path == "/account"
    assert second.submit("factor", code=code).status_code == 401


def test_the_code_of_the_set_up_does_not_sign_in_again(small_world: World) -> None:
    human = small_world.person()
    browser = small_world.activate(human, factor=False)
    human.secret = "".join(browser.page.text.split('id="totp-secret">')[1].split("<")[0].split())
    code = small_world.totp(human)
    browser.submit("totp", code=code)
    other = small_world.browser()
    other.get("/signin")
    other.submit("signin", login=human.eid, password=PASSWORD)
    assert other.submit("factor", code=code).status_code == 401


def test_five_wrong_codes_end_the_pending_sign_in(small_world: World) -> None:
    human = small_world.person()
    small_world.activate(human)
    browser = small_world.browser()
    browser.get("/signin")
    browser.submit("signin", login=human.eid, password=PASSWORD)
    assert [browser.submit("factor", code="000000").status_code for _ in range(5)] == [401] * 5
    page = browser.submit("factor", code=small_world.totp(human))
    assert page.status_code == 409
    assert "flow_expired" in page.text


def test_twenty_wrong_codes_suspend_the_factor_and_a_recovery_code_still_opens(world: World) -> None:
    human = world.person()
    browser = world.activate(human)
    for _ in range(4):
        browser.get("/signin?next=/account")
        browser.submit("signin", login=human.eid, password=PASSWORD)
        for _ in range(5):
            browser.submit("factor", code="000000")
    with world.database.read() as session:
        assert session.scalars(select(Totp)).one().suspended_at is not None
    browser.get("/signin?next=/account")
    browser.submit("signin", login=human.eid, password=PASSWORD)
    page = browser.submit("factor", code=world.totp(human))
    assert page.status_code == 401
    assert "factor_suspended" in page.text
    assert browser.submit("factor", code=human.recovery_codes[0].lower()).request.url.path == "/account"


def test_a_recovery_code_works_once_and_only_for_its_owner(world: World) -> None:
    human, other = world.person(), world.person("韩梅梅")
    world.activate(human)
    world.activate(other)
    code = human.recovery_codes[3]
    thief = world.browser()
    thief.get("/signin")
    thief.submit("signin", login=other.eid, password=PASSWORD)
    assert thief.submit("factor", code=code).status_code == 401
    for expected in (200, 401):
        browser = world.browser()
        browser.get("/signin")
        browser.submit("signin", login=human.eid, password=PASSWORD)
        assert browser.submit("factor", code=code).status_code == expected


def test_signing_in_makes_a_new_session_and_a_planted_one_is_worth_nothing(small_world: World) -> None:
    victim, attacker = small_world.person(), small_world.person("攻击者")
    planted = small_world.activate(attacker).cookie("xinji_session")
    small_world.activate(victim)
    browser = small_world.browser()
    browser.http.cookies.set("xinji_session", str(planted), domain="localhost.local", path="/")
    small_world.sign_in(victim, browser)
    thief = small_world.browser()
    thief.http.cookies.set("xinji_session", str(planted), domain="localhost.local", path="/")
    assert thief.get("/account").request.url.path == "/signin"
    assert victim.name in browser.get("/account").text


def test_the_second_step_cannot_be_skipped(small_world: World) -> None:
    human = small_world.person()
    small_world.activate(human)
    browser = small_world.browser()
    browser.get("/signin")
    browser.submit("signin", login=human.eid, password=PASSWORD)
    assert browser.cookie("xinji_session") is None
    assert browser.get("/account").request.url.path == "/signin"


def test_sessions_end_idle_and_absolutely(small_world: World) -> None:
    human = small_world.person()
    browser = small_world.activate(human)
    for _ in range(28):
        small_world.clock.move(timedelta(minutes=25))
        browser.get("/account")
    assert browser.page.request.url.path == "/account"
    small_world.clock.move(timedelta(minutes=25))
    assert browser.get("/account").request.url.path == "/signin"  # Twelve hours are over.
    small_world.sign_in(human, browser)
    small_world.clock.move(timedelta(minutes=31))
    assert browser.get("/account").request.url.path == "/signin"


def test_staff_are_idle_after_fifteen_minutes(small_world: World) -> None:
    human = small_world.person(role="registrar")
    browser = small_world.activate(human)
    small_world.clock.move(timedelta(minutes=14))
    assert browser.get("/account").request.url.path == "/account"
    small_world.clock.move(timedelta(minutes=16))
    assert browser.get("/account").request.url.path == "/signin"


@pytest.mark.parametrize(
    "evil",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "/\t/evil.example", "javascript:alert(1)", "/x#y"],
)
def test_next_never_leads_out_of_the_server(small_world: World, evil: str) -> None:
    human = small_world.person()
    small_world.activate(human, factor=False)
    browser = small_world.browser()
    browser.http.get("/signin", params={"next": evil})
    browser.page = browser.http.get("/signin", params={"next": evil})
    form = browser.form("signin")
    data = {**form.fields, "login": human.eid, "password": PASSWORD, "next": evil}
    answer = browser.http.post("/signin", data=data)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/account"


PLATFORMS_OWN = {"/oauth/authorize", "/oauth/logout"}
"""A platform's own form may send these: they change nothing."""


def forms() -> list[str]:
    paths = {
        route.path
        for router in routes.routers()
        for route in router.routes
        if isinstance(route, APIRoute) and "POST" in (route.methods or ())
    }
    return sorted(paths - PLATFORMS_OWN)


@pytest.mark.parametrize("path", forms())
def test_every_form_wants_the_token_of_its_browser(small_world: World, path: str) -> None:
    staff = {"officer": "officer", "registrar": "registrar"}.get(path.split("/")[1])
    person = small_world.person(role=staff) if staff else small_world.person()
    browser = small_world.activate(person, factor=staff is not None)
    other = small_world.browser()
    other.get("/signin")
    foreign = other.form("signin").fields["csrf_token"]
    url = re.sub(r"\{\w+\}", "018f3c1e-7b2a-7c4d-9e10-0a1b2c3d4e5f", path)
    for data in ({}, {"csrf_token": "x"}, {"csrf_token": foreign}):
        answer = browser.http.post(url, data=data, headers={"accept": "application/json"})
        assert answer.status_code == 403, path
        assert answer.json()["type"] == "urn:xinji:problem:csrf"


def test_the_forms_that_change_a_sign_in_are_among_them() -> None:
    assert {"/signin", "/account/password", "/oauth/consent", "/device/decision", "/developer/platforms"} <= set(
        forms()
    )


def test_cookies_are_host_bound_and_secure_over_https_and_neither_in_http_development(
    sqlite_database: Database, clock: ManualClock, keyring: KeyRing
) -> None:
    world = World(sqlite_database, clock, keyring, issuer="https://id.example.edu.cn")
    human = world.person()
    world.activate(human, factor=False)
    browser = world.browser()
    browser.get("/signin")
    answer = browser.http.post(
        "/signin", data={**browser.form("signin").fields, "login": human.eid, "password": PASSWORD}
    )
    kept = [header for header in answer.headers.get_list("set-cookie") if "Max-Age=0" not in header]
    assert len(kept) == 2
    for header in kept:
        assert header.startswith("__Host-xinji_")
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=lax"} <= set(header.split("; "))
        assert "Domain" not in header


def test_in_http_development_cookies_are_neither_host_bound_nor_secure(small_world: World) -> None:
    browser = small_world.activate(small_world.person(), factor=False)
    kept = list(browser.http.cookies.jar)
    assert {cookie.name for cookie in kept} >= {"xinji_session", "xinji_device", "xinji_csrf"}
    assert not any(cookie.secure for cookie in kept)


def test_sign_out_ends_the_session_on_the_server(small_world: World) -> None:
    human = small_world.person()
    browser = small_world.activate(human)
    kept = browser.cookie("xinji_session")
    browser.get("/signout")
    browser.submit("signout")
    assert browser.cookie("xinji_session") is None
    browser.http.cookies.set("xinji_session", str(kept), domain="localhost.local", path="/")
    assert browser.get("/account").request.url.path == "/signin"
    with small_world.database.read() as session:
        assert session.scalar(select(func.count()).select_from(SignInSession)) == 0


def test_stepping_up_renews_the_token_and_wants_both_factors(small_world: World) -> None:
    human = small_world.person()
    browser = small_world.activate(human)
    small_world.clock.move(timedelta(minutes=6))
    page = browser.get("/account/password")
    assert page.request.url.path == "/signin/step-up"
    before = browser.cookie("xinji_session")
    assert browser.submit("step-up", password=PASSWORD, code="000000").status_code == 401
    assert browser.submit("step-up", password="wrong-guess-1", code=small_world.totp(human)).status_code == 401
    page = browser.submit("step-up", password=PASSWORD, code=small_world.totp(human))
    assert page.request.url.path == "/account/password"
    assert browser.cookie("xinji_session") != before


def test_staff_with_one_factor_are_sent_to_set_up_the_second(small_world: World) -> None:
    human = small_world.person(role="officer")
    browser = small_world.activate(human, factor=False)
    page = browser.get("/signin/step-up?next=/account")
    assert "验证器" in page.text
    page = browser.submit("step-up", password=PASSWORD)
    assert page.request.url.path == "/account/totp"
    assert 'id="later"' not in page.text


def test_pending_steps_expire(small_world: World) -> None:
    human = small_world.person()
    small_world.activate(human)
    browser = small_world.browser()
    browser.get("/signin")
    browser.submit("signin", login=human.eid, password=PASSWORD)
    small_world.clock.move(timedelta(minutes=11))
    assert browser.get("/signin/factor").request.url.path == "/signin"
    with small_world.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Pending)) == 1
