"""OpenID Connect Core 1.0 §5.1, §5.2, §5.4, §5.6, §8, §13 to §17: claims, subs, strings, what every OP has."""

from __future__ import annotations

import json
import logging
import unicodedata
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from sqlalchemy import select

from crypto.jose import peek
from idp.directory.models import Person
from idp.models import Consent
from idp.oauth.metadata import provider_metadata
from idp.oauth.models import PairwiseSub
from idp.oauth.pairwise import first_sub
from idp.oauth.scopes import CLAIMS, RELEASABLE
from tests.integration.idp.conftest import CALLBACK, World, answer_of
from tests.integration.idp.plain_browser import BASE
from tests.integration.idp.test_receipts import Holder

EVERYTHING = "openid profile eid aff guardian email phone address offline_access"
STANDARD = {
    *("given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile", "picture", "website"),
    *("email", "email_verified", "gender", "birthdate", "zoneinfo", "locale", "phone_number"),
    *("phone_number_verified", "address", "updated_at"),
}


@pytest.fixture
def holder(small_world: World) -> Holder:
    return Holder(small_world, scope="openid profile eid aff guardian offline_access")


def claims(holder: Holder, **changes: str | None) -> dict[str, Any]:
    """Return what userinfo tells after a request."""
    token = holder.agree(**changes)
    told: dict[str, Any] = holder.world.userinfo(token["access_token"]).json()
    return told


def metadata(holder: Holder) -> dict[str, Any]:
    found: dict[str, Any] = holder.world.browser().http.get("/.well-known/openid-configuration").json()
    return found


def test_core_5_1_standard_claims_have_their_standard_form(holder: Holder) -> None:
    told = claims(holder, scope=EVERYTHING)
    assert told["name"] == "李雷𠮷"
    assert isinstance(told["sub"], str)
    assert not STANDARD & told.keys()  # What is not known is not told, and never empty.
    assert None not in told.values()


def test_core_5_1_2_our_own_claims_are_none_of_the_standard_ones() -> None:
    assert not (set(RELEASABLE) - {"name"}) & STANDARD


def test_core_5_2_claims_locales_is_no_error_and_changes_no_name(holder: Holder) -> None:
    assert "name" in claims(holder, claims_locales="en fr-CA zh-Hans-CN x-??")
    wish = json.dumps({"userinfo": {"name#en": None, "NAME": None, "name#ja-Kana-JP": {"essential": True}}})
    assert claims(holder, scope="openid", claims=wish).keys() == {"sub"}


def test_core_5_4_scopes_release_their_claims_at_userinfo(holder: Holder) -> None:
    for scope, expected in CLAIMS.items():
        told = claims(holder, scope=f"openid {scope}")
        assert told.keys() - {"sub"} == set(expected)


def test_core_5_4_scopes_without_data_here_are_ignored(holder: Holder) -> None:
    token = holder.agree(scope="openid email phone address")
    assert token["scope"] == "openid"
    assert not {"email", "phone", "address"} & set(metadata(holder)["scopes_supported"])


def test_core_5_4_metadata_list_exactly_what_can_be_released(holder: Holder) -> None:
    listed = metadata(holder)["claims_supported"]
    assert len(listed) == len(set(listed))
    assert claims(holder, scope=EVERYTHING).keys() <= set(listed)
    assert set(RELEASABLE) <= set(listed)
    assert not STANDARD & set(listed)


def test_core_5_6_normal_claims_are_members_of_the_json_object(holder: Holder) -> None:
    told = claims(holder, scope=EVERYTHING)
    assert told["aff"][0]["school"] == "4141010459"
    assert told["guardian_of"] == 0
    assert not {"_claim_names", "_claim_sources"} & told.keys()
    assert metadata(holder)["claim_types_supported"] == ["normal"]


def test_core_8_a_sub_is_unique_short_and_never_reassigned(holder: Holder) -> None:
    world = holder.world
    mine = claims(holder)["sub"]
    other = Holder(world)
    other.platform = holder.platform
    theirs = claims(other)["sub"]
    assert mine != theirs
    assert all(sub.isascii() and 0 < len(sub) <= 255 for sub in (mine, theirs))
    with world.database.read() as session:
        rows = session.scalars(select(PairwiseSub)).all()
    assert len({(row.sector, row.sub) for row in rows}) == len(rows) == 2


def test_core_8_supported_subject_types_are_listed(holder: Holder) -> None:
    assert metadata(holder)["subject_types_supported"] == ["pairwise"]


def test_core_8_1_subs_of_different_sectors_differ_and_are_deterministic(holder: Holder) -> None:
    world = holder.world
    with world.database.read() as session:
        person = session.scalars(select(Person.id)).first()
    assert person is not None
    sectors = ("a.example.edu.cn", "b.example.edu.cn", "example.edu.cn")
    subs = [first_sub(b"p" * 32, sector, person) for sector in sectors]
    assert len(set(subs)) == 3
    assert subs == [first_sub(b"p" * 32, sector, person) for sector in sectors]
    before = claims(holder)["sub"]
    world.clock.move(timedelta(hours=1))
    holder.browser = world.sign_in(holder.human)
    assert claims(holder)["sub"] == before


def test_core_8_1_a_sub_cannot_be_turned_back_without_the_key(holder: Holder) -> None:
    sub = claims(holder)["sub"]
    assert holder.human.eid not in sub
    assert str(holder.human.id).replace("-", "") not in sub
    assert first_sub(b"q" * 32, holder.platform.client_id, holder.human.id) != sub


def test_core_8_1_the_sector_is_the_host_whatever_port_and_path(small_world: World) -> None:
    browser = small_world.activate(small_world.person(), factor=False)
    subs = []
    for uri in ("https://a.example.edu.cn/cb", "https://a.example.edu.cn:8443/other", "https://b.example.edu.cn/cb"):
        platform = small_world.platform(name=uri, redirect_uris=[uri])
        browser.get(small_world.request(platform, redirect_uri=uri))
        page = browser.submit("consent", decision="allow")
        code = dict(parse_qsl(urlsplit(page.headers["location"]).query))["code"]
        token = small_world.redeem(platform, code, redirect_uri=uri).json()
        subs.append(peek(token["id_token"])[1]["sub"])
    assert subs[0] == subs[1] != subs[2]


def test_core_13_1_the_answer_is_form_encoded_in_the_query(holder: Holder) -> None:
    state = "a&b=c d+e%20#/?电"
    holder.browser.get(holder.world.request(holder.platform, state=state))
    page = holder.browser.submit("consent", decision="allow")
    assert answer_of(page)["state"] == state
    assert page.headers["location"].isascii()


def test_core_13_2_requests_are_taken_form_encoded_from_the_body(holder: Holder) -> None:
    fields = dict(parse_qsl(urlsplit(holder.world.request(holder.platform)).query))
    assert holder.browser.post("/oauth/authorize", fields).status_code == 200
    code = holder.world.code(holder.platform, holder.browser)
    answer = holder.world.browser().http.post(
        "/oauth/token", json={"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    )
    assert answer.status_code in (400, 401)


def test_core_13_3_json_has_numbers_as_numbers_and_no_null(holder: Holder) -> None:
    token = holder.agree()
    assert isinstance(token["expires_in"], int)
    values = [*token.values(), *peek(token["id_token"])[1].values(), *metadata(holder).values()]
    assert None not in values


def test_core_14_strings_are_compared_sign_by_sign_and_never_normalised(holder: Holder) -> None:
    world, platform = holder.world, holder.platform
    for uri in (CALLBACK.upper(), CALLBACK + "/", CALLBACK.replace("callback", "%63allback")):
        assert holder.browser.get(world.request(platform, redirect_uri=uri)).status_code == 400
    fullwidth = platform.client_id.replace("c", "ｃ")
    assert unicodedata.normalize("NFKC", fullwidth) == platform.client_id
    assert holder.browser.get(world.request(platform, client_id=fullwidth)).status_code == 400
    assert answer_of(holder.browser.get(world.request(platform, scope="OpenID profile")))["error"] == "invalid_scope"
    decomposed = unicodedata.normalize("NFD", "é")
    assert peek(holder.agree(nonce=decomposed)["id_token"])[1]["nonce"] == decomposed


def test_core_14_lists_are_divided_by_single_spaces(holder: Holder) -> None:
    token = holder.agree(scope="openid profile aff")
    assert token["scope"].split(" ") == ["openid", "profile", "aff"]
    answer = answer_of(holder.browser.get(holder.world.request(holder.platform, scope="openid,profile")))
    assert answer["error"] == "invalid_scope"


def test_core_15_1_id_tokens_can_be_signed_with_rs256_and_are_by_default(holder: Holder) -> None:
    assert peek(holder.agree()["id_token"])[0]["alg"] == "RS256"
    assert "RS256" in metadata(holder)["id_token_signing_alg_values_supported"]


def test_core_15_1_every_prompt_is_understood(holder: Holder) -> None:
    world, platform, browser = holder.world, holder.platform, holder.browser
    holder.agree()
    assert "code" in answer_of(browser.get(world.request(platform, prompt="none")))
    assert 'id="signin"' in browser.get(world.request(platform, prompt="login")).text
    assert 'id="consent"' in browser.get(world.request(platform, prompt="consent")).text
    assert browser.get(world.request(platform, prompt="select_account")).status_code == 200
    assert world.browser().get(world.request(platform, prompt="none")).headers["location"].startswith(CALLBACK)


@pytest.mark.parametrize("display", ["page", "popup", "touch", "wap", "hologram"])
def test_core_15_1_display_is_no_error(holder: Holder, display: str) -> None:
    assert holder.agree(display=display)["id_token"]


def test_core_15_1_preferred_languages_are_no_error(holder: Holder) -> None:
    assert holder.agree(ui_locales="xx-YY fr", claims_locales="xx-YY")["id_token"]


def test_core_15_1_auth_time_comes_when_asked_for(holder: Holder) -> None:
    wish = json.dumps({"id_token": {"auth_time": {"essential": True}}})
    assert isinstance(peek(holder.agree(claims=wish)["id_token"])[1]["auth_time"], int)


def test_core_15_1_max_age_is_enforced(holder: Holder) -> None:
    holder.agree(max_age="600")
    holder.world.clock.move(timedelta(minutes=11))
    assert 'id="signin"' in holder.browser.get(holder.world.request(holder.platform, max_age="600")).text


def test_core_15_1_acr_values_are_no_error(holder: Holder) -> None:
    assert holder.agree(acr_values="urn:unknown urn:xinji:acr:1fa")["id_token"]


def test_core_15_5_1_a_code_used_twice_gives_nothing_and_ends_what_it_gave(holder: Holder) -> None:
    world = holder.world
    code = world.code(holder.platform, holder.browser)
    first = world.redeem(holder.platform, code).json()
    assert world.redeem(holder.platform, code).json()["error"] == "invalid_grant"
    assert world.userinfo(first["access_token"]).status_code == 401


def test_core_16_4_an_access_token_is_never_taken_from_an_address(holder: Holder) -> None:
    token = holder.agree()["access_token"]
    answer = holder.world.browser().http.get(f"/oauth/userinfo?access_token={token}")
    assert answer.status_code == 401


def test_core_16_15_the_issuer_is_one_and_stands_in_discovery_and_tokens(holder: Holder) -> None:
    assert metadata(holder)["issuer"] == peek(holder.agree()["id_token"])[1]["iss"] == BASE


def test_core_16_17_every_address_of_an_https_issuer_is_https() -> None:
    found = provider_metadata("https://id.example.edu.cn")
    addresses = [value for name, value in found.items() if name.endswith(("_endpoint", "_uri", "issuer"))]
    assert len(addresses) > 5
    assert all(address.startswith("https://id.example.edu.cn") for address in addresses)


def test_core_16_19_secrets_are_long_and_random(small_world: World) -> None:
    secrets = {small_world.platform(name=f"平台{number}").client_secret or "" for number in range(20)}
    assert len(secrets) == 20
    assert all(len(secret) >= 32 for secret in secrets)


def test_core_16_22_no_redirect_is_a_307(holder: Holder) -> None:
    fields = dict(parse_qsl(urlsplit(holder.world.request(holder.platform)).query))
    assert holder.browser.http.post("/oauth/authorize", data=fields).status_code == 303
    holder.browser.get(holder.world.request(holder.platform))
    assert holder.browser.submit("consent", decision="allow").status_code == 303


def test_core_17_1_nothing_is_told_without_consent_for_the_purpose(holder: Holder) -> None:
    world = holder.world
    answer = answer_of(holder.browser.get(world.request(holder.platform, prompt="none")))
    assert answer["error"] == "consent_required"
    page = holder.browser.get(world.request(holder.platform, scope=EVERYTHING))
    assert "教学管理" in page.text
    assert holder.human.name in page.text
    assert claims(holder, scope="openid").keys() == {"sub"}
    with world.database.read() as session:
        receipt = session.scalars(select(Consent)).one()
    assert receipt.fields["claims"] == []


def test_core_17_2_people_see_who_may_read_and_can_end_it(holder: Holder) -> None:
    token = holder.agree()["access_token"]
    page = holder.browser.get("/account/consents")
    assert "示范平台甲" in page.text
    form = next(form for form in holder.browser.forms() if form.action.endswith("/withdraw"))
    holder.browser.post(form.action, form.fields)
    assert holder.world.userinfo(token).status_code == 401


def test_core_17_3_two_platforms_cannot_join_what_they_know_by_the_sub(holder: Holder) -> None:
    first = claims(holder, scope="openid")
    holder.platform = holder.world.platform(name="别家")
    second = claims(holder, scope="openid")
    assert not set(first.values()) & set(second.values())


def test_core_17_nothing_personal_in_the_log(holder: Holder, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    claims(holder, scope=EVERYTHING)
    assert holder.human.name not in caplog.text
    assert holder.human.eid not in caplog.text
