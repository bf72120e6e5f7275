"""The device flow (RFC 8628): a device asks, a person elsewhere decides, the device hears of it once."""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from crypto.jose import peek
from idp.authn.throttle import LOCK, TRIES
from idp.models import Consent
from idp.oauth.clients.metadata import DEVICE
from idp.oauth.clients.registration import ClientCredentials
from idp.oauth.models import Client, DeviceCode, Grant, Token
from idp.purge import purge
from tests.integration.idp.conftest import World
from tests.integration.idp.plain_browser import BASE, PlainBrowser

GRANTS = ["authorization_code", "refresh_token", DEVICE]


def big_screen(world: World, **changes: Any) -> ClientCredentials:
    return world.platform("教室大屏", **{"grant_types": GRANTS, "token_endpoint_auth_method": "none", **changes})


def ask(world: World, platform: ClientCredentials, scope: str | None = "openid profile", **more: str | None) -> Any:
    return world.post(platform, "/oauth/device", {"scope": scope, **more})


def poll(world: World, platform: ClientCredentials, device_code: str, *, wait: float = 5) -> Any:
    world.clock.move(timedelta(seconds=wait))
    return world.post(platform, "/oauth/token", {"grant_type": DEVICE, "device_code": device_code})


def enter(browser: PlainBrowser, user_code: str) -> Any:
    browser.get("/device")
    return browser.submit("device", user_code=user_code)


def decide(browser: PlainBrowser, user_code: str, decision: str = "allow") -> Any:
    enter(browser, user_code)
    return browser.submit("consent", decision=decision)


def rows(world: World, model: Any) -> int:
    with world.database.read() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def test_a_person_signs_in_on_a_device(world: World) -> None:
    platform = big_screen(world)
    codes = ask(world, platform).json()
    assert codes["verification_uri"] == f"{BASE}/device"
    assert codes["verification_uri_complete"] == f"{BASE}/device?user_code={codes['user_code']}"
    assert (codes["expires_in"], codes["interval"]) == (600, 5)
    assert poll(world, platform, codes["device_code"]).json()["error"] == "authorization_pending"

    browser = world.activate(world.person(), factor=False)
    page = enter(browser, codes["user_code"].lower().replace("-", " "))
    assert codes["user_code"] in page.text
    assert "教室大屏" in page.text
    assert 'id="device-warning"' in page.text
    assert browser.submit("consent", decision="allow").request.url.path == "/device/allowed"

    answer = poll(world, platform, codes["device_code"])
    assert answer.status_code == 200, answer.text
    token = answer.json()
    assert token["scope"] == "openid profile"
    assert "refresh_token" not in token
    claims = peek(token["id_token"])[1]
    assert claims["aud"] == platform.client_id
    assert "nonce" not in claims
    assert world.userinfo(token["access_token"]).json()["sub"] == claims["sub"]
    assert rows(world, Consent) == 1


def test_a_device_code_is_good_once_and_a_second_use_ends_what_it_gave(world: World) -> None:
    platform = big_screen(world)
    codes = ask(world, platform, "openid offline_access").json()
    decide(world.activate(world.person(), factor=False), codes["user_code"])
    token = poll(world, platform, codes["device_code"]).json()
    assert world.refresh(platform, token["refresh_token"]).status_code == 200
    assert poll(world, platform, codes["device_code"]).json()["error"] == "invalid_grant"
    assert world.userinfo(token["access_token"]).status_code == 401


def test_a_refusal_is_told_and_gives_nothing(world: World) -> None:
    platform = big_screen(world)
    codes = ask(world, platform).json()
    page = decide(world.activate(world.person(), factor=False), codes["user_code"], "deny")
    assert page.request.url.path == "/device/refused"
    for _ in range(2):
        assert poll(world, platform, codes["device_code"]).json()["error"] == "access_denied"
    assert (rows(world, Grant), rows(world, Token), rows(world, Consent)) == (0, 0, 0)


def test_polling_too_fast_slows_down_for_good(world: World) -> None:
    platform = big_screen(world)
    code = ask(world, platform).json()["device_code"]
    heard = [poll(world, platform, code, wait=wait).json()["error"] for wait in (0, 4.9, 9.9, 15, 14.9, 20)]
    assert heard == [
        "authorization_pending",
        "slow_down",  # From now on 10 seconds.
        "slow_down",  # 15.
        "authorization_pending",
        "slow_down",  # 20.
        "authorization_pending",
    ]


def test_polls_at_the_same_moment_are_too_fast(world: World) -> None:
    platform = big_screen(world)
    code = ask(world, platform).json()["device_code"]
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda _: poll(world, platform, code, wait=0).json()["error"], range(16))
    assert Counter(answers)["authorization_pending"] <= 1


def test_codes_end_after_ten_minutes(world: World) -> None:
    platform = big_screen(world)
    codes = ask(world, platform).json()
    browser = world.activate(world.person(), factor=False)
    enter(browser, codes["user_code"])
    world.clock.move(timedelta(minutes=10))
    page = browser.submit("consent", decision="allow")
    assert page.status_code == 404
    assert "unknown_device_code" in page.text
    assert poll(world, platform, codes["device_code"]).json()["error"] == "expired_token"
    assert rows(world, Grant) == 0
    with world.database.write() as session:
        purge(session, world.clock.now())
    assert rows(world, DeviceCode) == 0
    assert poll(world, platform, codes["device_code"]).json()["error"] == "invalid_grant"


def test_what_was_allowed_must_be_fetched_in_time(world: World) -> None:
    platform = big_screen(world)
    codes = ask(world, platform).json()
    decide(world.activate(world.person(), factor=False), codes["user_code"])
    assert poll(world, platform, codes["device_code"], wait=600).json()["error"] == "expired_token"
    assert rows(world, Token) == 0


def test_another_platform_learns_nothing_from_a_device_code_and_ends_nothing(world: World) -> None:
    platform, thief = big_screen(world), big_screen(world, client_name="贼")
    codes = ask(world, platform).json()
    assert poll(world, thief, codes["device_code"]).json()["error"] == "invalid_grant"
    decide(world.activate(world.person(), factor=False), codes["user_code"])
    assert poll(world, thief, codes["device_code"]).json()["error"] == "invalid_grant"
    token = poll(world, platform, codes["device_code"]).json()
    assert poll(world, thief, codes["device_code"]).json()["error"] == "invalid_grant"
    assert world.userinfo(token["access_token"]).status_code == 200


def test_a_code_of_one_grant_is_worth_nothing_in_the_other(small_world: World) -> None:
    world = small_world
    platform = big_screen(world)
    browser = world.activate(world.person(), factor=False)
    codes = ask(world, platform).json()
    decide(browser, codes["user_code"])
    assert world.redeem(platform, codes["device_code"], redirect_uri="").json()["error"] == "invalid_grant"
    assert poll(world, platform, world.code(platform, browser)).json()["error"] == "invalid_grant"


def test_two_people_decide_and_the_first_counts(small_world: World) -> None:
    world = small_world
    platform = big_screen(world)
    codes = ask(world, platform).json()
    first = world.activate(world.person("甲"), factor=False)
    second = world.activate(world.person("乙"), factor=False)
    enter(first, codes["user_code"])
    enter(second, codes["user_code"])
    assert first.submit("consent", decision="deny").status_code == 200
    page = second.submit("consent", decision="allow")
    assert page.status_code == 404
    assert poll(world, platform, codes["device_code"]).json()["error"] == "access_denied"


def test_guesses_are_counted_by_person_and_the_right_code_does_not_help_after(world: World) -> None:
    platform = big_screen(world)
    codes = ask(world, platform).json()
    thief = world.person("贼")
    browser = world.activate(thief, factor=False)
    for _ in range(TRIES):
        assert enter(browser, "BBBB-BBBB").status_code == 404
    page = enter(browser, codes["user_code"])
    assert page.status_code == 429
    assert "30" in page.text
    honest = world.activate(world.person("乙"), factor=False)
    assert enter(honest, codes["user_code"]).status_code == 200
    world.clock.move(LOCK)
    world.sign_in(thief, browser)
    assert enter(browser, ask(world, platform).json()["user_code"]).status_code == 200


def test_a_right_code_takes_its_own_try_back_and_no_other(small_world: World) -> None:
    """A device code of one's own between the guesses does not make them endless (RFC 8628 §5.1)."""
    world = small_world
    platform = big_screen(world)
    human = world.person()
    browser = world.activate(human, factor=False)
    for _ in range(TRIES - 1):
        enter(browser, "BBBB-BBBB")
    for _ in range(TRIES):
        assert decide(browser, ask(world, platform).json()["user_code"]).request.url.path == "/device/allowed"
    assert enter(browser, "BBBB-BBBB").status_code == 404
    assert enter(browser, ask(world, platform).json()["user_code"]).status_code == 429
    world.clock.move(LOCK)
    world.sign_in(human, browser)
    assert enter(browser, ask(world, platform).json()["user_code"]).status_code == 200


def test_a_purpose_that_changes_while_the_page_is_read_is_shown_first(small_world: World) -> None:
    world = small_world
    platform = big_screen(world)
    codes = ask(world, platform).json()
    browser = world.activate(world.person(), factor=False)
    enter(browser, codes["user_code"])
    with world.database.write() as session:
        session.execute(update(Client).values(purpose="广告投放"))
    world.idp.clients.forget(platform.client_id)
    page = browser.submit("consent", decision="allow")
    assert "广告投放" in page.text
    assert rows(world, Consent) == 0
    assert poll(world, platform, codes["device_code"]).json()["error"] == "authorization_pending"
    assert browser.submit("consent", decision="allow").request.url.path == "/device/allowed"


def test_a_decision_without_the_page_is_shown_the_page(small_world: World) -> None:
    world = small_world
    codes = ask(world, big_screen(world)).json()
    browser = world.activate(world.person(), factor=False)
    browser.get("/device")
    token = browser.form("device").fields["csrf_token"]
    fields = {"csrf_token": token, "user_code": codes["user_code"], "decision": "allow"}
    page = browser.post("/device/decision", fields)
    assert (page.status_code, 'id="consent"' in page.text) == (200, True)
    assert rows(world, Consent) == 0


@pytest.mark.parametrize("typed", ["", "x", "AEIO-UAEI", "电电电电电电电电", "B" * 60, "B" * 10_000, "BBBB\x00BBBB"])
def test_what_is_no_code_is_refused(small_world: World, typed: str) -> None:
    browser = small_world.activate(small_world.person(), factor=False)
    assert enter(browser, typed).status_code in (404, 422)


def test_the_code_in_the_address_is_only_filled_in(small_world: World) -> None:
    """RFC 8628 §3.3.1: the person still compares and confirms."""
    world = small_world
    platform = big_screen(world)
    codes = ask(world, platform).json()
    path = codes["verification_uri_complete"].removeprefix(BASE)
    human = world.person()
    world.activate(human, factor=False)
    browser = world.browser()
    page = browser.get(path)
    assert page.request.url.path == "/signin"
    page = world.fill_in(human, browser).page
    assert page.request.url.path == "/device"
    assert browser.form("device").fields["user_code"] == codes["user_code"]
    assert "想取得您的这些资料" not in page.text
    assert poll(world, platform, codes["device_code"]).json()["error"] == "authorization_pending"
    browser.submit("device")
    browser.submit("consent", decision="allow")
    assert poll(world, platform, codes["device_code"]).status_code == 200


def test_an_address_cannot_write_on_the_page(small_world: World) -> None:
    browser = small_world.activate(small_world.person(), factor=False)
    page = browser.get("/device?user_code=%22%3E%3Cscript%3E")
    assert "<script>" not in page.text
    assert browser.form("device").fields["user_code"] == ""


def test_a_form_from_elsewhere_decides_nothing(small_world: World) -> None:
    world = small_world
    codes = ask(world, big_screen(world)).json()
    browser = world.activate(world.person(), factor=False)
    page = browser.post("/device/decision", {"user_code": codes["user_code"], "decision": "allow"})
    assert page.status_code == 403
    assert rows(world, Grant) == 0


def test_a_child_does_not_decide_alone(small_world: World) -> None:
    world = small_world
    platform = big_screen(world)
    codes = ask(world, platform).json()
    browser = world.activate(world.person(born=date(2015, 1, 1)), factor=False)
    page = enter(browser, codes["user_code"])
    assert 'id="allow"' not in page.text
    fields = {**browser.form("consent").fields, "decision": "allow"}
    assert browser.post("/device/decision", fields).status_code == 403
    assert poll(world, platform, codes["device_code"]).json()["error"] == "authorization_pending"


@pytest.mark.parametrize(
    ("changes", "scope", "error"),
    [
        ({"grant_types": ["authorization_code"]}, "openid", "unauthorized_client"),
        ({}, None, "invalid_scope"),
        ({}, "admin root", "invalid_scope"),
        ({"scope": "openid"}, "offline_access", "invalid_scope"),
    ],
)
def test_what_a_device_may_not_ask_for(
    small_world: World, changes: dict[str, Any], scope: str | None, error: str
) -> None:
    answer = ask(small_world, big_screen(small_world, **changes), scope)
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert answer.headers["cache-control"] == "no-store"
    assert rows(small_world, DeviceCode) == 0


RESOURCE = "https://scores.example.edu.cn/api"
DETAILS = [{"type": "xinji_credential", "actions": ["read"], "credential_types": ["urn:xinji:credential:score:1"]}]


def test_resources_and_details_reach_the_page_and_the_token(small_world: World) -> None:
    world = small_world
    platform = big_screen(world, xinji_resources=[RESOURCE], authorization_details_types=["xinji_credential"])
    asked = ask(world, platform, resource=RESOURCE, authorization_details=json.dumps(DETAILS))
    codes = asked.json()
    browser = world.activate(world.person(), factor=False)
    assert 'class="details"' in enter(browser, codes["user_code"]).text
    browser.submit("consent", decision="allow")
    token = poll(world, platform, codes["device_code"]).json()
    assert token["authorization_details"] == DETAILS
    with world.database.read() as session:
        assert session.scalars(select(Token)).one().resources == [RESOURCE]


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"resource": RESOURCE}, "invalid_target"),
        ({"resource": "x#y"}, "invalid_target"),
        ({"authorization_details": json.dumps(DETAILS)}, "invalid_authorization_details"),
        ({"authorization_details": "{"}, "invalid_authorization_details"),
    ],
)
def test_resources_and_details_that_are_not_registered_are_refused(
    small_world: World, more: dict[str, str], error: str
) -> None:
    answer = ask(small_world, big_screen(small_world), **more)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


def test_a_platform_with_a_secret_must_prove_it(small_world: World) -> None:
    world = small_world
    platform = big_screen(world, token_endpoint_auth_method="client_secret_basic")
    assert ask(world, platform).status_code == 200
    nameless = ClientCredentials(platform.client_id, None)
    answer = ask(world, nameless)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert poll(world, nameless, "x").json()["error"] == "invalid_client"


def test_a_poll_without_a_code_or_with_a_made_up_one(small_world: World) -> None:
    world = small_world
    platform = big_screen(world)
    assert world.post(platform, "/oauth/token", {"grant_type": DEVICE}).json()["error"] == "invalid_request"
    for made_up in ("x", "电", "y" * 40_000):
        assert poll(world, platform, made_up).json()["error"] == "invalid_grant"


def test_a_blocked_platform_gets_nothing_any_more(small_world: World) -> None:
    world = small_world
    platform = big_screen(world)
    codes = ask(world, platform).json()
    browser = world.activate(world.person(), factor=False)
    with world.database.write() as session:
        session.get_one(Client, platform.client_id).state = "blocked"
    world.idp.clients.forget(platform.client_id)
    assert enter(browser, codes["user_code"]).status_code == 404
    assert poll(world, platform, codes["device_code"]).json()["error"] == "invalid_client"


def test_only_hashes_are_kept(small_world: World) -> None:
    codes = ask(small_world, big_screen(small_world)).json()
    with small_world.database.read() as session:
        kept = session.scalars(select(DeviceCode)).one()
    plain = codes["user_code"].replace("-", "").encode()
    for value in (kept.device_hash, kept.user_code_hash):
        assert len(value) == 32
        assert plain not in value
        assert codes["device_code"].encode() not in value
