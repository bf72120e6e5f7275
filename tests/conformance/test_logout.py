"""OpenID Connect RP-Initiated, Back-Channel and Front-Channel Logout 1.0."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from crypto.jose import SGD_SM3_SM2, peek, sign_jwt, verify_jwt
from idp.errors import InvalidClientMetadataError
from idp.oauth.keys import ALGS
from idp.oauth.logout.token import EVENT, TYP
from tests.integration.idp.conftest import World
from tests.integration.idp.plain_browser import BASE
from tests.integration.idp.test_logout import BACK, BYE, FRONT, Inbox, Visit, deliver, sign_out, visited


def told(visit: Visit, world: World) -> tuple[dict[str, Any], dict[str, Any]]:
    """Sign out; return header and claims of the logout token that the platform got."""
    sign_out(visit.browser)
    inbox = Inbox()
    assert deliver(world, inbox) == 1
    ((url, text),) = inbox.posts
    assert url == BACK
    verify_jwt(text, world.idp.keys.public(), typ=TYP, algs=ALGS)
    return peek(text)


def ask(visit: Visit, **fields: str) -> Any:
    return visit.browser.get(f"/oauth/logout?{urlencode(fields)}")


def signed_in(visit: Visit) -> bool:
    return bool(visit.browser.get("/account").request.url.path == "/account")


def test_rp_initiated_2_the_endpoint_takes_get_and_post(small_world: World) -> None:
    visit = visited(small_world)
    fields = {"client_id": visit.platform.client_id, "post_logout_redirect_uri": BYE}
    for page in (ask(visit, **fields), visit.browser.post("/oauth/logout", fields)):
        assert page.status_code == 200
        assert visit.browser.form("logout")


def test_rp_initiated_2_the_person_is_asked_without_an_id_token_of_this_session(small_world: World) -> None:
    visit, other = visited(small_world), visited(small_world)
    for fields in ({}, {"client_id": visit.platform.client_id}, {"id_token_hint": other.token["id_token"]}):
        assert ask(visit, **fields).status_code == 200
        assert visit.browser.form("logout")
        assert signed_in(visit)


def test_rp_initiated_2_who_says_yes_is_signed_out(small_world: World) -> None:
    visit = visited(small_world)
    ask(visit, client_id=visit.platform.client_id)
    visit.browser.submit("logout", decision="logout")
    assert not signed_in(visit)


def test_rp_initiated_2_an_id_token_of_this_session_signs_out(small_world: World) -> None:
    visit = visited(small_world)
    page = ask(visit, id_token_hint=visit.token["id_token"], post_logout_redirect_uri=BYE, state="a b&c")
    assert page.headers["location"] == f"{BYE}?state=a%20b%26c"
    assert not signed_in(visit)


def test_rp_initiated_2_an_expired_id_token_is_accepted(small_world: World) -> None:
    visit = visited(small_world)
    small_world.clock.move(timedelta(days=3))
    page = ask(visit, id_token_hint=visit.token["id_token"], post_logout_redirect_uri=BYE)
    assert page.headers["location"] == BYE


def test_rp_initiated_2_the_client_id_must_be_the_id_tokens_audience(small_world: World) -> None:
    visit, other = visited(small_world), visited(small_world)
    page = ask(visit, id_token_hint=visit.token["id_token"], client_id=other.platform.client_id)
    assert page.status_code == 400
    assert signed_in(visit)


def test_rp_initiated_2_the_id_token_must_be_of_this_issuer(small_world: World) -> None:
    visit = visited(small_world)
    keys = small_world.idp.keys
    for hint in (
        sign_jwt({**visit.claims, "iss": "https://evil.example"}, keys.active("RS256"), typ="JWT"),
        visit.token["id_token"][:-6] + "AAAAAA",
        visit.token["access_token"],
    ):
        page = ask(visit, id_token_hint=hint, client_id=visit.platform.client_id, post_logout_redirect_uri=BYE)
        assert page.status_code == 400
        assert "location" not in page.headers
    assert signed_in(visit)


@pytest.mark.parametrize("uri", [BYE + "/", BYE + "?x=1", BYE.upper(), "https://evil.example/", "/bye", " " + BYE])
def test_rp_initiated_3_only_a_registered_address_is_gone_to(small_world: World, uri: str) -> None:
    visit = visited(small_world)
    for fields in ({"id_token_hint": visit.token["id_token"]}, {"client_id": visit.platform.client_id}):
        page = ask(visit, post_logout_redirect_uri=uri, **fields)
        assert page.status_code == 400
        assert "location" not in page.headers


def test_rp_initiated_3_without_a_platform_nobody_is_redirected(small_world: World) -> None:
    visit = visited(small_world)
    assert ask(visit, post_logout_redirect_uri=BYE).status_code == 400
    other = visited(small_world, post_logout_redirect_uris=[])
    assert ask(visit, post_logout_redirect_uri=BYE, client_id=other.platform.client_id).status_code == 400


def test_rp_initiated_3_state_comes_back_only_if_it_was_sent(small_world: World) -> None:
    visit = visited(small_world)
    ask(visit, client_id=visit.platform.client_id, post_logout_redirect_uri=BYE)
    assert visit.browser.submit("logout", decision="logout").headers["location"] == BYE


def test_rp_initiated_2_1_the_metadata_names_the_endpoint(small_world: World) -> None:
    metadata = small_world.browser().http.get("/.well-known/openid-configuration").json()
    assert metadata["end_session_endpoint"] == f"{BASE}/oauth/logout"


def test_back_channel_2_1_the_metadata_says_what_is_supported(small_world: World) -> None:
    metadata = small_world.browser().http.get("/.well-known/openid-configuration").json()
    assert metadata["backchannel_logout_supported"] is True
    assert metadata["backchannel_logout_session_supported"] is True


def test_back_channel_2_1_id_tokens_have_the_sid(small_world: World) -> None:
    first, second = visited(small_world), visited(small_world)
    assert first.claims["sid"] != second.claims["sid"]


def test_back_channel_2_4_the_logout_token_has_its_claims(small_world: World) -> None:
    visit = visited(small_world)
    _, claims = told(visit, small_world)
    assert claims["iss"] == BASE
    assert claims["aud"] == visit.platform.client_id
    assert claims["iat"] == int(small_world.clock.now().timestamp())
    assert 0 < claims["exp"] - claims["iat"] <= 120
    assert claims["jti"]
    assert claims["events"] == {EVENT: {}}
    assert (claims["sub"], claims["sid"]) == (visit.claims["sub"], visit.claims["sid"])


def test_back_channel_2_4_there_is_no_nonce(small_world: World) -> None:
    visit = visited(small_world)
    assert visit.claims["nonce"]
    assert "nonce" not in told(visit, small_world)[1]


@pytest.mark.parametrize("alg", ["RS256", "ES256", "PS256", "EdDSA", SGD_SM3_SM2])
def test_back_channel_2_4_it_is_signed_as_the_platforms_id_tokens_are(small_world: World, alg: str) -> None:
    visit = visited(small_world, id_token_signed_response_alg=alg)
    header, _ = told(visit, small_world)
    assert (header["alg"], header["kid"]) == (alg, peek(visit.token["id_token"])[0]["kid"])


def test_back_channel_2_4_its_typ_is_its_own(small_world: World) -> None:
    assert told(visited(small_world), small_world)[0]["typ"] == "logout+jwt"


def test_back_channel_2_5_every_platform_of_the_session_is_told_by_post(small_world: World) -> None:
    visit = visited(small_world)
    second = small_world.platform(name="乙", backchannel_logout_uri=f"{BACK}/2")
    silent = small_world.platform(name="丙")
    for platform in (second, silent):
        small_world.code(platform, visit.browser)
    sign_out(visit.browser)
    inbox = Inbox()
    deliver(small_world, inbox)
    assert {(url, peek(text)[1]["aud"]) for url, text in inbox.posts} == {
        (BACK, visit.platform.client_id),
        (f"{BACK}/2", second.client_id),
    }


def test_back_channel_2_5_other_sessions_of_the_person_hear_nothing(small_world: World) -> None:
    visit = visited(small_world)
    elsewhere = small_world.sign_in(visit.human)
    small_world.code(visit.platform, elsewhere)
    sign_out(elsewhere)
    inbox = Inbox()
    deliver(small_world, inbox)
    assert [peek(text)[1]["sid"] for _, text in inbox.posts] != [visit.claims["sid"]]
    assert len(inbox.posts) == 1


def test_back_channel_2_7_refresh_tokens_end_unless_they_are_for_offline_access(small_world: World) -> None:
    visit = visited(small_world)
    offline = small_world.redeem(
        visit.platform, small_world.code(visit.platform, visit.browser, scope="openid offline_access")
    ).json()
    sign_out(visit.browser)
    assert small_world.userinfo(visit.token["access_token"]).status_code == 401
    assert small_world.refresh(visit.platform, offline["refresh_token"]).status_code == 200


@pytest.mark.parametrize(("status", "left"), [(200, 0), (204, 0), (400, 1), (501, 1)])
def test_back_channel_2_8_only_200_is_success(small_world: World, status: int, left: int) -> None:
    visit = visited(small_world)
    sign_out(visit.browser)
    assert deliver(small_world, Inbox(status)) == 1
    small_world.clock.move(timedelta(minutes=1))
    assert deliver(small_world, Inbox()) == left


def frames(page: Any) -> list[str]:
    return [part.split('"')[0].replace("&amp;", "&") for part in page.text.split('<iframe class="telling" src="')[1:]]


def test_front_channel_2_each_platforms_address_is_framed_with_iss_and_sid(small_world: World) -> None:
    visit = visited(small_world, frontchannel_logout_uri=FRONT)
    bare = small_world.platform(name="乙", frontchannel_logout_uri="http://127.0.0.1:8001/out")
    small_world.code(bare, visit.browser)
    page = sign_out(visit.browser)
    addresses = frames(page)
    assert {address.partition("?")[0] for address in addresses} == {
        "http://127.0.0.1:8001/front",
        "http://127.0.0.1:8001/out",
    }
    for address in addresses:
        query = parse_qs(urlsplit(address).query)
        assert (query["iss"], query["sid"]) == ([BASE], [visit.claims["sid"]])


def test_front_channel_2_the_query_of_the_address_is_kept(small_world: World) -> None:
    page = sign_out(visited(small_world, frontchannel_logout_uri=FRONT).browser)
    assert frames(page)[0].startswith(f"{FRONT}&iss=")


def test_front_channel_2_platforms_of_other_sessions_are_not_framed(small_world: World) -> None:
    visited(small_world, frontchannel_logout_uri=FRONT)
    other = visited(small_world, backchannel_logout_uri=None)
    assert frames(sign_out(other.browser)) == []


def test_front_channel_3_the_metadata_says_what_is_supported(small_world: World) -> None:
    metadata = small_world.browser().http.get("/.well-known/openid-configuration").json()
    assert metadata["frontchannel_logout_supported"] is True
    assert metadata["frontchannel_logout_session_supported"] is True


def test_front_channel_2_the_address_is_on_an_origin_of_a_redirect_uri(small_world: World) -> None:
    for uri in ("https://evil.example/out", "http://127.0.0.1:9999/out", "javascript:alert(1)", "/out", f"{FRONT}#x"):
        with pytest.raises(InvalidClientMetadataError):
            small_world.platform(frontchannel_logout_uri=uri)


def test_back_channel_2_2_the_address_is_absolute_and_has_no_fragment(small_world: World) -> None:
    for uri in ("/out", "out", f"{BACK}#x", "javascript:alert(1)", "ftp://a.example/out"):
        with pytest.raises(InvalidClientMetadataError):
            small_world.platform(backchannel_logout_uri=uri)
    assert small_world.platform(backchannel_logout_uri=f"{BACK}?tenant=1")


def test_rp_initiated_4_a_refused_request_shows_a_page_and_changes_nothing(small_world: World) -> None:
    visit = visited(small_world)
    page = ask(visit, id_token_hint=visit.token["id_token"], post_logout_redirect_uri="https://evil.example/")
    assert (page.status_code, page.headers["content-type"].partition(";")[0]) == (400, "text/html")
    assert signed_in(visit)
