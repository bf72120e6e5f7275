"""OpenID Connect Core 1.0 §3.1.2.1 to §3.1.2.4, §5.5 and §6: what a request may hold, and what is done with it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from crypto.jose import peek
from crypto.keys import ES256, RS256, generate_key
from idp.levels import ACR_ONE, ACR_TWO
from idp.oauth.clients.registration import ClientCredentials
from idp.oauth.metadata import provider_metadata
from tests.integration.idp.conftest import CALLBACK, VERIFIER, World, answer_of
from tests.integration.idp.machine import signed
from tests.integration.idp.plain_browser import PlainBrowser
from tests.integration.idp.signing_platform import Shelf, SigningPlatform, error_page, went_to

OBJECT_AT = "https://platform.example/request.jwt"


class Asking:
    """A platform, and a browser in which somebody is signed in."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.platform: ClientCredentials = world.platform()
        self.human = world.person()
        self.browser: PlainBrowser = world.activate(self.human, factor=False)

    def page(self, **changes: str | None) -> Any:
        return self.browser.get(self.world.request(self.platform, **changes))

    def answer(self, **changes: str | None) -> dict[str, str]:
        page = self.page(**changes)
        return answer_of(self.browser.submit("consent", decision="allow") if page.status_code == 200 else page)

    def id_token(self, **changes: str | None) -> dict[str, Any]:
        token = self.world.redeem(self.platform, self.answer(**changes)["code"]).json()["id_token"]
        return peek(token)[1]

    def claims(self, **places: Any) -> str:
        return json.dumps(places)


@pytest.fixture
def asking(small_world: World) -> Asking:
    return Asking(small_world)


@pytest.fixture
def platform(small_world: World) -> SigningPlatform:
    return SigningPlatform(small_world, {"request_uris": [OBJECT_AT]})


def test_core_3_1_2_1_get_and_post_are_the_same(asking: Asking) -> None:
    parts = urlsplit(asking.world.request(asking.platform))
    page = asking.browser.post(parts.path, dict(parse_qsl(parts.query)))
    assert page.status_code == 200
    assert "code" in answer_of(asking.browser.submit("consent", decision="allow"))


def test_core_3_1_2_1_scope_holds_openid(asking: Asking) -> None:
    assert asking.answer(scope="profile")["error"] == "invalid_scope"
    assert asking.answer(scope=None)["error"] == "invalid_scope"
    assert "code" in asking.answer(scope="unknown openid else")


def test_core_3_1_2_1_response_type_is_needed(asking: Asking) -> None:
    assert asking.answer(response_type=None)["error"] == "invalid_request"


def test_core_3_1_2_1_client_id_is_needed_and_known(asking: Asking) -> None:
    error_page(asking.page(client_id=None))
    error_page(asking.page(client_id="xc_unknown"))


def test_core_3_1_2_1_redirect_uri_is_needed_and_exact(asking: Asking) -> None:
    for uri in (None, f"{CALLBACK}/", f"{CALLBACK}?a=b", CALLBACK.replace("callback", "%63allback"), "x"):
        error_page(asking.page(redirect_uri=uri))


def test_core_3_1_2_1_prompt_none_stands_alone(asking: Asking) -> None:
    assert asking.answer(prompt="none consent")["error"] == "invalid_request"


@pytest.mark.parametrize(
    ("prompt", "place"),
    [("login", "/signin"), ("select_account", "/oauth/authorize"), ("consent", "/oauth/authorize")],
)
def test_core_3_1_2_1_prompt_asks_again(asking: Asking, prompt: str, place: str) -> None:
    asking.answer()
    page = asking.page(prompt=prompt)
    assert (page.status_code, page.request.url.path) == (200, place)


def test_core_3_1_2_1_max_age_asks_for_a_new_sign_in_and_auth_time_is_told(asking: Asking) -> None:
    asking.answer()
    asking.world.clock.move(timedelta(seconds=31))
    assert asking.page(max_age="30").request.url.path == "/signin"
    assert isinstance(asking.id_token(max_age="60")["auth_time"], int)
    assert asking.page(max_age="0").request.url.path == "/signin"


def test_core_3_1_2_1_login_hint_fills_the_form_and_tells_nothing(asking: Asking) -> None:
    browser = asking.world.browser()
    hint = asking.human.eid
    browser.get(asking.world.request(asking.platform, login_hint=hint))
    known = browser.form("signin").fields["login"]
    assert known == hint
    browser.get(asking.world.request(asking.platform, login_hint="someone@example.org"))
    assert browser.form("signin").fields["login"] == ""


def test_core_3_1_2_1_ui_locales_choose_the_language_and_unknown_ones_are_no_error(asking: Asking) -> None:
    browser = asking.world.browser()
    page = browser.get(asking.world.request(asking.platform, ui_locales="de fr-FR en"))
    assert page.headers["content-language"] == "en"
    page = asking.world.browser().get(asking.world.request(asking.platform, ui_locales="xx"))
    assert page.status_code == 200


def test_core_3_1_2_1_display_is_no_error(asking: Asking) -> None:
    for display in ("page", "popup", "touch", "wap"):
        assert "code" in asking.answer(display=display)


def test_core_3_1_2_1_acr_values_are_voluntary(asking: Asking) -> None:
    assert asking.id_token(acr_values=ACR_TWO)["acr"] == ACR_ONE
    assert asking.id_token(acr_values="urn:unknown")["acr"] == ACR_ONE


def test_core_3_1_2_1_an_id_token_hint_may_be_expired_but_must_be_ours_and_the_persons(asking: Asking) -> None:
    hint = asking.world.redeem(asking.platform, asking.answer()["code"]).json()["id_token"]
    asking.world.clock.move(timedelta(hours=2))
    asking.world.sign_in(asking.human, asking.browser)
    assert "code" in asking.answer(prompt="none", id_token_hint=hint)
    assert asking.answer(prompt="none", id_token_hint="x.y.z")["error"] == "invalid_request"
    other = asking.world.activate(asking.world.person(name="韩梅梅"), factor=False)
    page = other.get(asking.world.request(asking.platform, prompt="none", id_token_hint=hint))
    assert answer_of(page)["error"] == "login_required"


def test_core_3_1_2_2_unknown_parameters_are_ignored(asking: Asking) -> None:
    assert "code" in asking.answer(unknown="x", foo="<bar>")


def test_rfc6749_3_1_parameters_without_a_value_count_as_omitted(asking: Asking) -> None:
    empty = {"state": "", "nonce": "", "prompt": "", "max_age": "", "claims": "", "response_mode": "", "request": ""}
    answer = asking.answer(**empty)
    assert "state" not in answer
    token = asking.world.redeem(asking.platform, answer["code"]).json()["id_token"]
    assert "nonce" not in peek(token)[1]
    assert asking.answer(scope="")["error"] == "invalid_scope"


def test_core_3_1_2_2_a_sub_that_was_asked_for_must_be_the_persons(asking: Asking) -> None:
    sub = asking.id_token()["sub"]
    assert "code" in asking.answer(prompt="none", claims=asking.claims(id_token={"sub": {"value": sub}}))
    for wrong in ({"sub": {"value": "x"}}, {"sub": {"values": ["x", "y"]}}):
        answer = asking.answer(prompt="none", claims=asking.claims(id_token=wrong))
        assert answer["error"] == "login_required"


@pytest.mark.parametrize(
    "changes",
    [
        {"code_challenge_method": "plain"},
        {"max_age": "soon"},
        {"prompt": "unknown"},
        {"claims": "[]"},
        {"dpop_jkt": "x"},
        {"state": "x" * 3_000},
    ],
)
def test_core_3_1_2_2_what_breaks_a_rule_is_an_error_of_the_authorization_endpoint(
    asking: Asking, changes: dict[str, str]
) -> None:
    assert asking.answer(**changes)["error"] == "invalid_request"


def test_core_3_1_2_2_no_parameter_stands_twice(asking: Asking) -> None:
    for name in ("scope", "state", "nonce", "prompt"):
        page = asking.browser.get(f"{asking.world.request(asking.platform)}&{name}=a&{name}=a")
        assert answer_of(page)["error"] == "invalid_request"
    page = asking.browser.get(f"{asking.world.request(asking.platform)}&redirect_uri=x")
    error_page(page)


def test_core_3_1_2_3_prompt_none_shows_nothing(asking: Asking) -> None:
    assert asking.answer(prompt="none")["error"] == "consent_required"
    page = asking.world.browser().get(asking.world.request(asking.platform, prompt="none"))
    assert answer_of(page)["error"] == "login_required"
    asking.answer()
    assert "code" in asking.answer(prompt="none")


def test_core_3_1_2_3_prompt_login_needs_a_sign_in_that_came_after(asking: Asking) -> None:
    asking.answer()
    asking.world.clock.move(timedelta(seconds=1))
    page = asking.page(prompt="login")
    again = asking.browser.get(page.request.url.params["next"])
    assert again.request.url.path == "/signin"  # Going on without signing in leads back.
    assert "code" in answer_of(asking.world.fill_in(asking.human, asking.browser).page)


def test_core_3_1_2_3_pages_are_safe_from_forged_clicks(asking: Asking) -> None:
    page = asking.page()
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    form = asking.browser.form("consent")
    assert asking.browser.http.post(form.action, data={"decision": "allow"}).status_code == 403


def test_core_3_1_2_4_nothing_is_released_before_consent(asking: Asking) -> None:
    page = asking.page()
    assert page.status_code == 200
    assert asking.human.name in page.text
    assert answer_of(asking.browser.submit("consent", decision="deny"))["error"] == "access_denied"


def test_core_5_5_single_claims_come_where_they_were_asked_for(asking: Asking) -> None:
    wish = asking.claims(
        userinfo={"name": {"essential": True}}, id_token={"loa": None, "auth_time": {"essential": True}}
    )
    token = asking.world.redeem(asking.platform, asking.answer(scope="openid", claims=wish)["code"]).json()
    claims = peek(token["id_token"])[1]
    assert "loa" in claims
    assert "name" not in claims
    told = asking.world.userinfo(token["access_token"]).json()
    assert told["name"] == asking.human.name
    assert "loa" not in told


def test_core_5_5_what_is_not_understood_is_ignored(asking: Asking) -> None:
    wish = asking.claims(userinfo={"shoe_size": {"essential": True, "x": 1}, "name": {"y": []}}, verified_claims={})
    assert "code" in asking.answer(claims=wish)


def test_core_5_5_1_an_essential_claim_that_is_missing_is_no_error(asking: Asking) -> None:
    wish = asking.claims(userinfo={"email": {"essential": True}, "guardian_of": {"essential": True}})
    assert "code" in asking.answer(scope="openid", claims=wish)


def test_core_5_5_1_claims_that_were_not_reviewed_are_not_released(small_world: World) -> None:
    platform = small_world.platform(scope="openid")
    browser = small_world.activate(small_world.person(), factor=False)
    code = small_world.code(
        platform, browser, scope="openid", claims='{"userinfo": {"eid": null}, "id_token": {"name": null}}'
    )
    token = small_world.redeem(platform, code).json()
    assert "name" not in peek(token["id_token"])[1]
    assert small_world.userinfo(token["access_token"]).json().keys() == {"sub"}


def test_core_5_5_1_1_an_essential_acr_is_met_or_refused(asking: Asking) -> None:
    def wish(*values: str) -> str:
        return asking.claims(id_token={"acr": {"essential": True, "values": list(values)}})

    assert asking.id_token(claims=wish(ACR_ONE, ACR_TWO))["acr"] == ACR_ONE
    assert asking.answer(claims=wish(ACR_TWO))["error"] == "unmet_authentication_requirements"
    assert asking.answer(claims=wish("urn:unknown"))["error"] == "unmet_authentication_requirements"
    strong = asking.world.activate(asking.world.person(name="林涛"))
    page = strong.get(asking.world.request(asking.platform, claims=wish(ACR_TWO)))
    assert page.status_code == 200
    code = answer_of(strong.submit("consent", decision="allow"))["code"]
    assert peek(asking.world.redeem(asking.platform, code).json()["id_token"])[1]["acr"] == ACR_TWO


def test_core_6_metadata_says_what_is_supported(small_world: World) -> None:
    metadata = provider_metadata(small_world.issuer)
    for name in ("claims", "request", "request_uri"):
        assert metadata[f"{name}_parameter_supported"] is True
    assert metadata["require_request_uri_registration"] is True
    assert {RS256, ES256} <= set(metadata["request_object_signing_alg_values_supported"])


def test_core_6_1_parameters_of_the_object_go_before_those_outside(platform: SigningPlatform) -> None:
    browser = platform.world.activate(platform.world.person(), factor=False)
    token = platform.object(typ="JWT", state=None)
    page = browser.get(
        platform.address(request=token, state="outside", nonce="evil", scope="openid", response_type="code")
    )
    assert page.status_code == 200
    answer = answer_of(browser.submit("consent", decision="allow"))
    assert answer["state"] == "outside"  # Not in the object, which lets it stand outside.
    fields = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    body = platform.post("/oauth/token", {**fields, "code": answer["code"]}).json()
    assert peek(body["id_token"])[1]["nonce"] == "n-456"  # In the object: what stands outside counts for nothing.
    assert "profile" in body["scope"].split()


def test_core_6_1_request_and_request_uri_are_not_inside_nor_together(platform: SigningPlatform) -> None:
    both: tuple[dict[str, Any], ...] = ({"request": "x"}, {"request_uri": OBJECT_AT})
    for changes in both:
        token = platform.object(typ="JWT", **changes)
        page = platform.world.browser().get(platform.address(request=token, redirect_uri=CALLBACK))
        assert went_to(page)["error"] == "invalid_request_object"
    address = platform.address(request=platform.object(), request_uri=OBJECT_AT, redirect_uri=CALLBACK)
    assert went_to(platform.world.browser().get(address))["error"] == "invalid_request"


def test_core_6_2_an_object_by_reference_is_fetched_where_it_is_registered(platform: SigningPlatform) -> None:
    shelf = Shelf.in_(platform.world)
    shelf.bodies[OBJECT_AT] = platform.object(typ="JWT").encode()
    page = platform.world.browser().get(platform.address(request_uri=OBJECT_AT))
    assert page.request.url.path == "/signin"
    page = platform.world.browser().get(platform.address(request_uri=f"{OBJECT_AT}.evil", redirect_uri=CALLBACK))
    assert went_to(page)["error"] == "invalid_request_uri"
    assert shelf.asked == [OBJECT_AT]


def test_core_6_3_2_the_signature_is_validated_with_the_registered_algorithm(small_world: World) -> None:
    platform = SigningPlatform(small_world, {"request_object_signing_alg": ES256})
    rsa = generate_key(RS256)
    members = platform.parameters(iss=platform.client_id)
    for token in (
        platform.object(key=rsa),
        signed({"alg": "none"}, members, platform.key),
        signed({"alg": RS256, "kid": platform.key.key_id}, members, platform.key),
    ):
        page = small_world.browser().get(platform.address(request=token, redirect_uri=CALLBACK))
        assert went_to(page)["error"] == "invalid_request_object"


def test_core_6_3_3_the_whole_is_validated_like_any_request(platform: SigningPlatform) -> None:
    page = platform.world.browser().get(platform.address(request=platform.object(typ="JWT", scope="profile")))
    assert went_to(page)["error"] == "invalid_scope"


def test_core_7_2_1_a_registration_parameter_is_not_supported(asking: Asking) -> None:
    assert asking.answer(registration="{}")["error"] == "registration_not_supported"
