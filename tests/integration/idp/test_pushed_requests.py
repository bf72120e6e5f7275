"""Pushed and signed authorization requests through the real pages; what a request_uri is good for, and for whom."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from crypto.jose import peek
from crypto.keys import EDDSA, ES256, PS256, RS256, SGD_SM3_SM2, generate_key
from idp.oauth.authorization.kept import LIFE, PREFIX
from idp.oauth.models import PushedRequest
from idp.purge import purge
from tests.integration.idp.conftest import CALLBACK, World, answer_of
from tests.integration.idp.signing_platform import SigningPlatform, error_page, went_to

HOUR = timedelta(hours=1)


def in_browser(world: World, **changes: Any) -> Any:
    return world.activate(world.person(**changes), factor=False)


def allowed(browser: Any, page: Any) -> dict[str, str]:
    """Consent where that is asked, and return the answer."""
    return answer_of(browser.submit("consent", decision="allow") if page.status_code == 200 else page)


def test_a_pushed_signed_request_goes_through_sign_in_and_consent(world: World) -> None:
    platform = SigningPlatform(world)
    human = world.person()
    world.activate(human)
    answer = platform.push({"request": platform.object(), "client_id": platform.client_id})
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    uri = answer.json()["request_uri"]
    assert uri.startswith(PREFIX)
    assert answer.json()["expires_in"] == int(LIFE.total_seconds())

    browser = world.browser()
    page = browser.get(platform.address(request_uri=uri))
    assert page.request.url.path == "/signin"
    assert "示范平台甲" in page.text  # The pages on the way know the platform, though the address does not say more.
    assert "form-action 'self' http://127.0.0.1:8001" in page.headers["content-security-policy"]
    world.clock.move(LIFE + timedelta(minutes=10))  # Signing in may take its time.
    page = world.fill_in(human, browser).page
    assert page.request.url.path == "/oauth/authorize"
    answer = answer_of(browser.submit("consent", decision="allow"))
    assert answer["state"] == "s-123"
    fields = {"grant_type": "authorization_code", "code": answer["code"], "redirect_uri": CALLBACK}
    token = platform.post("/oauth/token", {**fields, "code_verifier": "v" * 64}).json()
    assert peek(token["id_token"])[1]["nonce"] == "n-456"


def test_a_person_may_read_the_consent_page_for_longer_than_the_request_lives(small_world: World) -> None:
    platform = SigningPlatform(small_world)
    browser = in_browser(small_world)
    browser.get(platform.address(request_uri=platform.pushed()))
    small_world.clock.move(LIFE + timedelta(minutes=20))
    assert "code" in answer_of(browser.submit("consent", decision="allow"))


def test_choosing_the_account_keeps_a_pushed_request(small_world: World) -> None:
    platform = SigningPlatform(small_world)
    browser = in_browser(small_world)
    page = browser.get(platform.address(request_uri=platform.pushed(prompt="select_account")))
    small_world.clock.move(LIFE * 2)
    page = browser.submit("choose-account", decision="continue")
    small_world.clock.move(LIFE * 2)
    assert "code" in allowed(browser, page)


def test_a_request_uri_is_good_for_one_answer(world: World) -> None:
    platform = SigningPlatform(world)
    browser = in_browser(world)
    uri = platform.pushed()
    assert "code" in allowed(browser, browser.get(platform.address(request_uri=uri)))
    assert "request_over" in error_page(browser.get(platform.address(request_uri=uri)))
    error_page(world.browser().get(platform.address(request_uri=uri)))  # Nobody is asked to sign in for nothing.


def test_two_consents_on_one_request_give_one_code(small_world: World) -> None:
    platform = SigningPlatform(small_world)
    browser = in_browser(small_world)
    page = browser.get(platform.address(request_uri=platform.pushed()))
    assert "code" in answer_of(browser.submit("consent", decision="allow"))
    browser.page = page
    error_page(browser.submit("consent", decision="allow"))


def test_a_refusal_uses_a_request_up_too(small_world: World) -> None:
    platform = SigningPlatform(small_world)
    browser = in_browser(small_world)
    uri = platform.pushed()
    browser.get(platform.address(request_uri=uri))
    assert answer_of(browser.submit("consent", decision="deny"))["error"] == "access_denied"
    error_page(browser.get(platform.address(request_uri=uri)))
    uri = platform.pushed(prompt="none")
    assert went_to(small_world.browser().get(platform.address(request_uri=uri)))["error"] == "login_required"
    error_page(browser.get(platform.address(request_uri=uri)))


def test_a_request_must_be_begun_in_time(small_world: World) -> None:
    platform = SigningPlatform(small_world)
    uri = platform.pushed()
    small_world.clock.move(LIFE - timedelta(seconds=1))
    begun = small_world.browser().get(platform.address(request_uri=uri))
    assert begun.request.url.path == "/signin"
    small_world.clock.move(timedelta(seconds=1))
    error_page(in_browser(small_world).get(platform.address(request_uri=uri)))
    # Whose browser began in time has the ticket, for an hour and no longer, however often it comes.
    next_ = begun.request.url.params["next"]
    browser = in_browser(small_world)
    assert browser.get(next_).status_code == 200
    small_world.clock.move(HOUR - timedelta(minutes=1))
    browser = in_browser(small_world, name="韩梅梅")
    again = browser.get(next_).status_code
    small_world.clock.move(timedelta(minutes=2))
    assert (again, in_browser(small_world, name="林涛").get(next_).status_code) == (200, 400)


def test_a_ticket_of_another_request_does_not_begin_one(small_world: World) -> None:
    platform = SigningPlatform(small_world)
    page = small_world.browser().get(platform.address(request_uri=platform.pushed()))
    ticket = dict(parse_qsl(urlsplit(page.request.url.params["next"]).query))["xinji_ticket"]
    late = platform.pushed(state="other")
    small_world.clock.move(LIFE)
    error_page(in_browser(small_world).get(platform.address(request_uri=late, xinji_ticket=ticket)))


def test_a_request_uri_is_bound_to_its_platform(small_world: World) -> None:
    platform, other = SigningPlatform(small_world), SigningPlatform(small_world)
    uri = platform.pushed()
    browser = in_browser(small_world)
    error_page(browser.get(other.address(request_uri=uri)))
    error_page(browser.get("/oauth/authorize?" + urlencode({"request_uri": uri})))
    error_page(browser.get(platform.address(request_uri=PREFIX + "A" * 43)))
    error_page(browser.get(platform.address(request_uri=uri + "A" * 600)))
    assert browser.get(platform.address(request_uri=uri)).status_code == 200


def test_nothing_beside_a_request_uri_counts(small_world: World) -> None:
    platform = SigningPlatform(small_world)
    browser = in_browser(small_world)
    address = platform.address(
        request_uri=platform.pushed(), state="evil", scope="openid eid", redirect_uri="https://evil.example/"
    )
    page = browser.get(address)
    assert allowed(browser, page)["state"] == "s-123"


@pytest.mark.parametrize("alg", [RS256, PS256, ES256, EDDSA, SGD_SM3_SM2])
def test_every_algorithm_that_is_registered_signs_requests(small_world: World, alg: str) -> None:
    platform = SigningPlatform(small_world, {"request_object_signing_alg": alg}, generate_key(alg))
    browser = in_browser(small_world)
    assert "code" in allowed(browser, browser.get(platform.address(request=platform.object())))


def test_a_long_signed_request_survives_sign_in(small_world: World) -> None:
    platform = SigningPlatform(small_world)
    human = small_world.person()
    small_world.activate(human, factor=False)
    browser = small_world.browser()
    token = platform.object(padding="x" * 9_000)
    page = browser.get(platform.address(request=token))
    assert page.request.url.path == "/signin"
    assert len(str(page.request.url)) < 700  # Our pages carry a reference, not the object.
    small_world.fill_in(human, browser)
    assert "code" in answer_of(browser.submit("consent", decision="allow"))
    error_page(browser.get(page.request.url.params["next"]))  # The reference was used up with the answer.


def test_a_signed_request_that_was_put_away_is_no_pushed_one(small_world: World) -> None:
    platform = SigningPlatform(small_world, {"require_pushed_authorization_requests": True})
    page = small_world.browser().get(platform.address(request=platform.object()))
    assert went_to(page)["error"] == "invalid_request"


def test_login_hint_and_ui_locales_reach_the_sign_in_page_of_a_pushed_request(small_world: World) -> None:
    platform = SigningPlatform(small_world)
    human = small_world.person()
    uri = platform.pushed(login_hint=human.eid.lower(), ui_locales="fr en-GB zh")
    browser = small_world.browser()
    page = browser.get(platform.address(request_uri=uri))
    assert browser.form("signin").fields["login"] == human.eid
    assert page.headers["content-language"] == "en"
    page = browser.get(platform.address(request_uri=platform.pushed(login_hint="<b>@example", ui_locales="xx")))
    assert browser.form("signin").fields["login"] == ""
    assert page.headers["content-language"] == "zh-CN"


def test_pushed_requests_do_not_stay(world: World) -> None:
    platform = SigningPlatform(world)
    platform.pushed()
    world.clock.move(LIFE + HOUR + timedelta(seconds=1))
    with world.database.write() as session:
        assert purge(session, world.clock.now()) >= 1
    with world.database.read() as session:
        assert session.query(PushedRequest).count() == 0
