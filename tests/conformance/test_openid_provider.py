"""One test per MUST of the profiles we claim, named by document and section. More in tests/integration/idp."""

from __future__ import annotations

from typing import Any

import pytest

from crypto.jose import half_hash, peek
from idp.oauth.clients.registration import ClientCredentials
from tests.integration.idp.conftest import CALLBACK, World, answer_of
from tests.integration.idp.plain_browser import BASE, PlainBrowser


class Party:
    """A platform, a signed-in browser, and the first tokens."""

    def __init__(self, world: World, scope: str = "openid profile offline_access") -> None:
        self.world = world
        self.platform: ClientCredentials = world.platform()
        self.browser: PlainBrowser = world.activate(world.person(), factor=False)
        self.answer = self.ask(scope=scope)
        self.response: Any = world.redeem(self.platform, self.answer["code"])
        self.token: dict[str, Any] = self.response.json()
        self.header, self.claims = peek(self.token["id_token"])

    def ask(self, **changes: str | None) -> dict[str, str]:
        page = self.browser.get(self.world.request(self.platform, **changes))
        return answer_of(self.browser.submit("consent", decision="allow") if page.status_code == 200 else page)


@pytest.fixture
def party(small_world: World) -> Party:
    return Party(small_world)


def test_core_2_id_token_has_iss_sub_aud_exp_iat(party: Party) -> None:
    claims = party.claims
    assert claims["iss"] == BASE
    assert claims["sub"].isascii()
    assert len(claims["sub"]) <= 255
    assert claims["aud"] == party.platform.client_id
    assert claims["exp"] > claims["iat"]


def test_core_2_auth_time_is_there_when_max_age_was_asked(party: Party) -> None:
    token = party.world.redeem(party.platform, party.ask(max_age="9999")["code"]).json()
    assert isinstance(peek(token["id_token"])[1]["auth_time"], int)


def test_core_2_nonce_comes_back_as_it_was(party: Party) -> None:
    assert party.claims["nonce"] == "n-456"
    token = party.world.redeem(party.platform, party.ask(nonce=None)["code"]).json()
    assert "nonce" not in peek(token["id_token"])[1]


def test_core_2_id_tokens_are_never_unsigned(party: Party) -> None:
    assert party.header["alg"] == "RS256"
    assert party.header["kid"]


def test_core_3_1_2_1_authorization_takes_get_and_post(party: Party) -> None:
    query = party.world.request(party.platform).partition("?")[2]
    form = dict(pair.split("=") for pair in query.split("&"))
    answer = party.browser.http.post("/oauth/authorize", data=form)
    assert answer.status_code == 303


def test_core_3_1_2_1_redirect_uri_must_match_exactly(party: Party) -> None:
    page = party.browser.get(party.world.request(party.platform, redirect_uri=f"{CALLBACK}?"))
    assert page.status_code == 400


def test_core_3_1_2_1_prompt_none_shows_no_page(party: Party) -> None:
    stranger = party.world.browser()
    assert answer_of(stranger.get(party.world.request(party.platform, prompt="none")))["error"] == "login_required"


def test_core_3_1_2_2_requests_that_break_a_rule_are_refused(party: Party) -> None:
    assert party.ask(scope="profile")["error"] == "invalid_scope"


def test_core_3_1_2_6_errors_carry_the_state(party: Party) -> None:
    answer = party.ask(response_type="token", state="kept")
    assert (answer["error"], answer["state"]) == ("unsupported_response_type", "kept")


def test_core_3_1_3_2_the_code_must_belong_to_the_client(party: Party) -> None:
    other = party.world.platform(name="别家")
    answer = party.world.redeem(other, party.ask()["code"])
    assert answer.json()["error"] == "invalid_grant"


def test_core_3_1_3_2_the_code_must_not_have_been_used(party: Party) -> None:
    assert party.world.redeem(party.platform, party.answer["code"]).json()["error"] == "invalid_grant"


def test_core_3_1_3_3_the_answer_is_bearer_and_not_kept_by_caches(party: Party) -> None:
    assert party.token["token_type"] == "Bearer"
    assert party.response.headers["cache-control"] == "no-store"
    assert party.response.headers["pragma"] == "no-cache"
    assert party.response.headers["content-type"].startswith("application/json")


def test_core_3_1_3_6_at_hash_is_the_left_half_of_the_hash(party: Party) -> None:
    assert party.claims["at_hash"] == half_hash("RS256", party.token["access_token"])


def test_core_5_3_userinfo_takes_get_and_post_with_a_bearer_token(party: Party) -> None:
    headers = {"authorization": f"Bearer {party.token['access_token']}"}
    http = party.world.browser().http
    assert http.get("/oauth/userinfo", headers=headers).json() == http.post("/oauth/userinfo", headers=headers).json()


def test_core_5_3_2_userinfo_has_the_sub_of_the_id_token(party: Party) -> None:
    assert party.world.userinfo(party.token["access_token"]).json()["sub"] == party.claims["sub"]


def test_core_5_3_3_errors_of_userinfo_are_bearer_challenges(party: Party) -> None:
    answer = party.world.userinfo("nonsense")
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_core_5_4_scopes_ask_for_their_claims_only(party: Party) -> None:
    assert set(party.world.userinfo(party.token["access_token"]).json()) == {"sub", "name", "age_band", "loa"}


def test_core_8_1_subs_differ_by_sector_and_stay_the_same_within(party: Party) -> None:
    again = peek(party.world.redeem(party.platform, party.ask()["code"]).json()["id_token"])[1]["sub"]
    assert again == party.claims["sub"]
    party.platform = party.world.platform(name="别家")
    other = peek(party.world.redeem(party.platform, party.ask()["code"]).json()["id_token"])[1]["sub"]
    assert other != party.claims["sub"]


def test_core_11_offline_access_is_asked_for_and_said(party: Party) -> None:
    assert "refresh_token" in party.token
    assert "30 天" in party.browser.get(party.world.request(party.world.platform(), scope="openid offline_access")).text


def test_core_12_2_a_refreshed_id_token_tells_of_the_same_sign_in(party: Party) -> None:
    fresh = peek(party.world.refresh(party.platform, party.token["refresh_token"]).json()["id_token"])[1]
    for claim in ("iss", "sub", "aud", "auth_time"):
        assert fresh[claim] == party.claims[claim]


def test_core_15_1_parameters_that_need_no_support_are_no_error(party: Party) -> None:
    answer = party.ask(display="popup", ui_locales="fr", claims_locales="fr", acr_values="urn:xinji:acr:2fa x")
    assert "code" in answer


def test_discovery_4_2_the_issuer_is_the_address_it_was_found_at(small_world: World) -> None:
    answer = small_world.browser().http.get("/.well-known/openid-configuration")
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.json()["issuer"] == BASE


def test_rfc_6749_3_1_2_4_nobody_is_redirected_to_an_unregistered_address(small_world: World) -> None:
    page = small_world.browser().get(small_world.request(small_world.platform(), redirect_uri="https://evil.example/"))
    assert page.status_code == 400


def test_rfc_6749_3_2_the_token_endpoint_takes_post_only(party: Party) -> None:
    assert party.world.browser().http.get("/oauth/token").status_code == 405


def test_rfc_6749_5_2_a_client_that_failed_with_basic_is_challenged(party: Party) -> None:
    answer = party.world.browser().http.post("/oauth/token", data={"grant_type": "refresh_token"}, auth=("x", "y"))
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic")
    assert answer.json()["error"] == "invalid_client"


def test_rfc_7636_4_6_a_wrong_verifier_is_an_invalid_grant(party: Party) -> None:
    answer = party.world.redeem(party.platform, party.ask()["code"], code_verifier="w" * 64)
    assert answer.json()["error"] == "invalid_grant"


def test_rfc_7009_2_2_revoking_an_unknown_token_is_no_error(party: Party) -> None:
    assert party.world.post(party.platform, "/oauth/revoke", {"token": "unknown"}).status_code == 200


def test_rfc_7662_2_2_an_inactive_token_tells_nothing_else(party: Party) -> None:
    party.world.post(party.platform, "/oauth/revoke", {"token": party.token["access_token"]})
    told = party.world.post(party.platform, "/oauth/introspect", {"token": party.token["access_token"]})
    assert told.json() == {"active": False}


def test_rfc_9207_2_every_answer_names_the_issuer(party: Party) -> None:
    assert party.answer["iss"] == BASE
    assert party.ask(response_type="token")["iss"] == BASE


def test_rfc_9700_2_1_1_a_verifier_without_a_challenge_is_refused(small_world: World) -> None:
    platform = small_world.platform(require_pkce=False)
    browser = small_world.activate(small_world.person(), factor=False)
    code = small_world.code(platform, browser, code_challenge=None, code_challenge_method=None)
    assert small_world.redeem(platform, code).status_code == 400


def test_rp_initiated_logout_3_an_unregistered_address_is_not_gone_to(party: Party) -> None:
    query = f"id_token_hint={party.token['id_token']}&post_logout_redirect_uri=https://evil.example/"
    page = party.browser.get(f"/oauth/logout?{query}")
    assert page.status_code == 400
    assert "location" not in page.headers
