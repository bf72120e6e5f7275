"""What a request asks for beside its scopes, through the pages: claims, acr, sub, resources, details, hints."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import select

from crypto.jose import peek
from idp.levels import ACR_ONE, ACR_TWO
from idp.oauth.models import Grant
from tests.integration.idp.conftest import CALLBACK, PASSWORD, Human, World, answer_of
from tests.integration.idp.plain_browser import PlainBrowser
from tests.integration.idp.signing_platform import SigningPlatform

UNMET = "unmet_authentication_requirements"
DIPLOMA = {"type": "xinji_credential", "credential_types": ["urn:xinji:credential:diploma:1"], "actions": ["read"]}
API = "https://api.example/v1"


def essential(*values: str) -> str:
    return json.dumps({"id_token": {"acr": {"essential": True, "values": list(values)}}})


def with_late_factor(world: World) -> tuple[Human, PlainBrowser]:
    """Return somebody who signed in with a password, elsewhere set up a second factor, and came back."""
    human = world.person()
    world.activate(human, factor=False)
    first = world.sign_in(human)
    other = world.sign_in(human)
    other.get("/account/totp")
    human.secret = _secret(other)
    other.submit("totp", code=world.totp(human))
    return human, first


def _secret(browser: PlainBrowser) -> str:
    return "".join(browser.page.text.split('id="totp-secret">')[1].split("<", maxsplit=1)[0].split())


def grant_of(world: World) -> Any:
    with world.database.read() as session:
        return session.scalars(select(Grant)).one()


def decided(browser: PlainBrowser, page: Any) -> dict[str, str]:
    return answer_of(browser.submit("consent", decision="allow") if page.status_code == 200 else page)


def test_single_claims_are_shown_kept_and_bounded_by_the_registered_scopes(world: World) -> None:
    platform = world.platform(scope="openid profile")
    human = world.person()
    browser = world.activate(human, factor=False)
    asked = {"userinfo": {"name": {"essential": True}, "eid": {"essential": True}}, "id_token": {"loa": None}}
    page = browser.get(world.request(platform, scope="openid", claims=json.dumps(asked)))
    assert human.name in page.text
    shown = page.text.split('id="claims"')[1].split("</dl>")[0]
    assert human.eid not in shown.replace("-", "")
    assert "code" in decided(browser, page)
    assert grant_of(world).claims == {"userinfo": ["name"], "id_token": ["loa"]}


def test_a_wider_claims_parameter_asks_for_consent_again(small_world: World) -> None:
    platform = small_world.platform(scope="openid profile")
    browser = small_world.activate(small_world.person(), factor=False)
    small_world.code(platform, browser, scope="openid")
    again = small_world.request(platform, scope="openid", prompt="none")
    assert "code" in answer_of(browser.get(again))
    wider = small_world.request(platform, scope="openid", prompt="none", claims='{"userinfo": {"name": null}}')
    assert answer_of(browser.get(wider))["error"] == "consent_required"


def test_a_sub_that_is_somebody_else_is_login_required(small_world: World) -> None:
    platform = small_world.platform()
    human = small_world.person()
    browser = small_world.activate(human, factor=False)
    token = small_world.redeem(platform, small_world.code(platform, browser)).json()
    sub = peek(token["id_token"])[1]["sub"]
    mine = json.dumps({"id_token": {"sub": {"value": sub}}})
    assert "code" in answer_of(browser.get(small_world.request(platform, prompt="none", claims=mine)))
    theirs = json.dumps({"userinfo": {"sub": {"value": "x" + sub}}})
    address = small_world.request(platform, prompt="none", claims=theirs)
    assert answer_of(browser.get(address))["error"] == "login_required"
    page = browser.get(small_world.request(platform, claims=theirs))
    assert page.request.url.path == "/signin"
    assert answer_of(small_world.fill_in(human, browser).page)["error"] == "login_required"


def test_an_essential_acr_is_met_by_stepping_up(small_world: World) -> None:
    human, browser = with_late_factor(small_world)
    platform = SigningPlatform(small_world)
    page = browser.get(platform.address(request_uri=platform.pushed(claims=essential(ACR_TWO))))
    assert page.request.url.path == "/signin/step-up"
    page = browser.submit("step-up", password=PASSWORD, code=small_world.totp(human))
    assert page.request.url.path == "/oauth/authorize"
    assert "code" in decided(browser, page)
    assert (grant_of(small_world).acr, "mfa" in grant_of(small_world).amr) == (ACR_TWO, True)


@pytest.mark.parametrize(
    ("claims", "prompt", "error"),
    [
        (essential(ACR_TWO), None, UNMET),
        (essential(ACR_TWO), "none", UNMET),
        (essential("urn:foreign"), None, UNMET),
        (essential("urn:foreign"), "none", UNMET),
    ],
)
def test_an_essential_acr_that_nobody_can_meet_is_refused(
    small_world: World, claims: str, prompt: str | None, error: str
) -> None:
    platform = small_world.platform()
    browser = small_world.activate(small_world.person(), factor=False)
    assert answer_of(browser.get(small_world.request(platform, claims=claims, prompt=prompt)))["error"] == error


def test_without_pages_an_essential_acr_that_could_be_met_is_login_required(small_world: World) -> None:
    _, browser = with_late_factor(small_world)
    platform = small_world.platform()
    page = browser.get(small_world.request(platform, claims=essential(ACR_TWO), prompt="none"))
    assert answer_of(page)["error"] == "login_required"


def test_an_essential_lower_acr_is_told_as_it_was_asked(small_world: World) -> None:
    platform = small_world.platform()
    browser = small_world.activate(small_world.person())
    code = small_world.code(platform, browser, claims=essential(ACR_ONE))
    assert peek(small_world.redeem(platform, code).json()["id_token"])[1]["acr"] == ACR_ONE


def test_acr_values_offer_the_factor_and_stop_nobody(small_world: World) -> None:
    platform = small_world.platform()
    plain = small_world.activate(small_world.person(name="韩梅梅"), factor=False)
    assert "code" in decided(plain, plain.get(small_world.request(platform, acr_values=ACR_TWO)))
    human, browser = with_late_factor(small_world)
    small_world.code(platform, browser)
    page = browser.get(small_world.request(platform, acr_values=ACR_TWO, prompt="none"))
    assert "code" in answer_of(page)
    page = browser.get(small_world.request(platform, acr_values=f"{ACR_ONE} {ACR_TWO}"))
    assert "code" in answer_of(page)
    page = browser.get(small_world.request(platform, acr_values=f"urn:foreign {ACR_TWO}"))
    assert page.request.url.path == "/signin/step-up"
    page = browser.submit("step-up", password=PASSWORD, code=small_world.totp(human))
    assert "code" in answer_of(page)


def test_registered_default_acr_values_count_where_none_are_sent(small_world: World) -> None:
    platform = small_world.platform(default_acr_values=[ACR_TWO])
    _, browser = with_late_factor(small_world)
    assert browser.get(small_world.request(platform)).request.url.path == "/signin/step-up"
    page = browser.get(small_world.request(platform, acr_values=ACR_ONE))
    assert "code" in decided(browser, page)


def test_resources_may_be_several_and_must_be_registered(small_world: World) -> None:
    other = "urn:example:other"
    platform = small_world.platform(xinji_resources=[API, other])
    browser = small_world.activate(small_world.person(), factor=False)
    address = small_world.request(platform)
    for bad in ("https://evil.example/", f"{API}#x", "/v1", "v1"):
        page = browser.get(f"{address}&{urlencode({'resource': bad})}")
        assert answer_of(page)["error"] == "invalid_target"
    many = urlencode([("resource", f"{API}/{at}") for at in range(6)])
    assert answer_of(browser.get(f"{address}&{many}"))["error"] == "invalid_target"
    both = urlencode([("resource", API), ("resource", other), ("resource", API)])
    assert "code" in decided(browser, browser.get(f"{address}&{both}"))
    assert grant_of(small_world).resources == [API, other]


def test_resources_are_kept_by_a_push_and_by_an_object(small_world: World) -> None:
    platform = SigningPlatform(small_world, {"xinji_resources": [API, "urn:x:y"]})
    browser = small_world.activate(small_world.person(), factor=False)
    uri = platform.pushed(resource=[API, "urn:x:y"])
    assert "code" in decided(browser, browser.get(platform.address(request_uri=uri)))
    assert grant_of(small_world).resources == [API, "urn:x:y"]
    answer = platform.push({"request": platform.object(resource=[API, "urn:evil"]), "client_id": platform.client_id})
    assert answer.json()["error"] == "invalid_target"


def test_details_are_consented_to_and_kept(world: World) -> None:
    platform = SigningPlatform(world, {"authorization_details_types": ["xinji_credential"]})
    browser = world.activate(world.person(), factor=False)
    token = platform.object(authorization_details=[DIPLOMA])
    page = browser.get(platform.address(request=token))
    assert "code" in decided(browser, page)
    assert grant_of(world).details == [DIPLOMA]
    narrower = {**DIPLOMA, "issuers": ["4141010459"]}
    page = browser.get(platform.address(**platform.parameters(authorization_details=json.dumps([narrower]))))
    assert "code" in answer_of(page)
    wider = {**DIPLOMA, "credential_types": ["urn:xinji:credential:degree:1"]}
    page = browser.get(platform.address(**platform.parameters(authorization_details=json.dumps([wider]))))
    assert page.status_code == 200


def test_details_of_another_type_are_refused(small_world: World) -> None:
    platform = SigningPlatform(small_world, {"authorization_details_types": ["xinji_data_sharing"]})
    answer = platform.push(platform.parameters(authorization_details=json.dumps([DIPLOMA])))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_authorization_details")
    browser = small_world.activate(small_world.person(), factor=False)
    page = browser.get(platform.address(**platform.parameters(authorization_details="[]")))
    assert answer_of(page)["error"] == "invalid_authorization_details"


@pytest.mark.parametrize("name", ["claims", "authorization_details"])
def test_bombs_are_refused(small_world: World, name: str) -> None:
    platform = SigningPlatform(small_world)
    for bomb in ('{"userinfo":' * 300 + "{}" + "}" * 300, "[" * 3_900, "[" + "{}," * 1_000 + "{}]", "9" * 3_999):
        answer = platform.push(platform.parameters(**{name: bomb}))
        assert answer.status_code == 400
        assert answer.json()["error"] in ("invalid_request", "invalid_authorization_details")
    deep: Any = {}
    for _ in range(200):
        deep = {"userinfo": deep}
    answer = platform.push({"request": platform.object(**{name: deep}), "client_id": platform.client_id})
    assert answer.status_code == 400


def test_max_age_zero_asks_to_sign_in_again(small_world: World) -> None:
    platform = small_world.platform()
    human = small_world.person()
    browser = small_world.activate(human, factor=False)
    small_world.code(platform, browser)
    page = browser.get(small_world.request(platform, max_age="0"))
    assert page.request.url.path == "/signin"
    assert "code" in answer_of(small_world.fill_in(human, browser).page)
    page = browser.get(small_world.request(platform, max_age="0", prompt="none"))
    assert answer_of(page)["error"] == "login_required"


def test_unknown_parameters_and_displays_are_ignored(small_world: World) -> None:
    platform = small_world.platform()
    browser = small_world.activate(small_world.person(), factor=False)
    page = browser.get(small_world.request(platform, display="wap", extra="<script>", claims_locales="xx yy"))
    assert "code" in decided(browser, page)


def test_the_readers_own_language_goes_before_the_platforms_wish(small_world: World) -> None:
    platform = small_world.platform()
    browser = small_world.activate(small_world.person(), factor=False)
    page = browser.get(small_world.request(platform, ui_locales="en"))
    assert page.headers["content-language"] == "en"
    browser.get("/account?lang=zh")
    page = browser.get(small_world.request(platform, ui_locales="en"))
    assert page.headers["content-language"] == "zh-CN"
    assert page.request.url.path == "/oauth/authorize"


def test_a_dpop_jkt_is_kept_with_the_code(small_world: World) -> None:
    platform = small_world.platform()
    browser = small_world.activate(small_world.person(), factor=False)
    for bad in ("short", "=" * 43, "é" * 43):
        page = browser.get(small_world.request(platform, dpop_jkt=bad))
        assert answer_of(page)["error"] == "invalid_request"
    decided(browser, browser.get(small_world.request(platform, dpop_jkt="A" * 43)))
    assert grant_of(small_world).dpop_jkt == "A" * 43


def test_the_callback_is_exact_also_in_a_push(small_world: World) -> None:
    platform = SigningPlatform(small_world)
    for uri in (f"{CALLBACK}/", f"{CALLBACK}?x=1", CALLBACK.upper(), "https://evil.example/", None):
        answer = platform.push(platform.parameters(redirect_uri=uri))
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
