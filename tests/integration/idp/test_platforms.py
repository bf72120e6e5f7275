"""Registration of platforms, RP-initiated logout, and the purge."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from idp import models as sign_in_models
from idp.errors import InvalidClientMetadataError
from idp.oauth import models
from idp.purge import purge
from tests.integration.idp.conftest import CALLBACK, World

BYE = "http://127.0.0.1:8001/bye"


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "/callback",
        "http://example.edu.cn/cb",
        "https://example.edu.cn/cb#x",
        "https://example.edu.cn/cb#",
        "https://user@example.edu.cn/cb",
        "https://*.example.edu.cn/cb",
        "https://example.edu.cn\\@evil.example/cb",
        "https://example.edu.cn/ cb",
        "http://[::1].example.org/cb",
        "https://电.cn/cb",
        "javascript:alert(1)",
        "data:text/html,x",
        "app:/cb",
        "https://example.edu.cn:99999/cb",
        "https://" + "x" * 600,
    ],
)
def test_a_redirect_uri_that_could_be_abused_is_refused_by_name(small_world: World, uri: str) -> None:
    with pytest.raises(InvalidClientMetadataError) as refused:
        small_world.platform(redirect_uris=[uri])
    assert refused.value.params["field"] == "redirect_uris"
    with small_world.database.read() as session:
        assert session.scalar(select(func.count()).select_from(models.Client)) == 0


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": " "}, "name"),
        ({"owner": ""}, "owner"),
        ({"name": "x" * 101}, "name"),
        ({"redirect_uris": []}, "redirect_uris"),
        ({"redirect_uris": [f"https://a.cn/{n}" for n in range(21)]}, "redirect_uris"),
        ({"redirect_uris": ["https://a.cn/", "https://b.cn/"]}, "redirect_uris"),
        ({"post_logout_redirect_uris": ["//x"]}, "post_logout_redirect_uris"),
        ({"scope": "openid admin"}, "scope"),
        ({"token_endpoint_auth_method": "client_secret_jwt"}, "token_endpoint_auth_method"),
        ({"id_token_signed_response_alg": "none"}, "id_token_signed_response_alg"),
        ({"id_token_signed_response_alg": "HS256"}, "id_token_signed_response_alg"),
        ({"home": "javascript:alert(1)"}, "home"),
    ],
)
def test_a_registration_that_breaks_a_rule_names_the_field(
    small_world: World, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidClientMetadataError) as refused:
        small_world.platform(**changes)
    assert refused.value.params["field"] == field


def sector(world: World, client_id: str) -> str:
    with world.database.read() as session:
        return session.get_one(models.Client, client_id).sector


def test_the_sector_is_the_host_or_the_client_on_loopback(small_world: World) -> None:
    hosted = small_world.platform(redirect_uris=["https://a.example.edu.cn/1", "https://a.example.edu.cn/2"])
    assert sector(small_world, hosted.client_id) == "a.example.edu.cn"
    for uri in (CALLBACK, "http://[::1]:8002/cb", "http://localhost/cb", "cn.edu.example.app:/cb"):
        local = small_world.platform(redirect_uris=[uri])
        assert sector(small_world, local.client_id) == local.client_id


def test_a_platform_signs_out_here_and_the_person_confirms(world: World) -> None:
    platform = world.platform()
    browser = world.activate(world.person())
    world.code(platform, browser)
    query = f"?client_id={platform.client_id}&post_logout_redirect_uri={BYE}&state=abc"
    page = browser.get(f"/oauth/logout{query}")
    assert page.status_code == 200
    assert browser.get("/account").request.url.path == "/account"
    browser.get(f"/oauth/logout{query}")
    answer = browser.submit("logout", decision="logout")
    assert answer.headers["location"] == f"{BYE}?state=abc"
    assert browser.get("/account").request.url.path == "/signin"
    assert browser.get(f"/oauth/logout{query}").headers["location"] == f"{BYE}?state=abc"


def test_staying_signed_in_is_respected(small_world: World) -> None:
    platform = small_world.platform()
    browser = small_world.activate(small_world.person())
    browser.get(f"/oauth/logout?client_id={platform.client_id}&post_logout_redirect_uri={BYE}")
    assert browser.submit("logout", decision="stay").request.url.path == "/account"
    assert browser.get("/account").request.url.path == "/account"


def test_an_expired_id_token_still_signs_out(small_world: World) -> None:
    platform = small_world.platform()
    browser = small_world.activate(small_world.person())
    token = small_world.redeem(platform, small_world.code(platform, browser)).json()
    small_world.clock.move(timedelta(days=3))
    page = browser.get(f"/oauth/logout?id_token_hint={token['id_token']}&post_logout_redirect_uri={BYE}")
    assert page.headers["location"] == BYE


@pytest.mark.parametrize(
    "query",
    [
        "post_logout_redirect_uri=https://evil.example/",
        "client_id={client}&post_logout_redirect_uri=https://evil.example/",
        "client_id={client}&post_logout_redirect_uri={bye}/",
        "client_id=nobody&post_logout_redirect_uri={bye}",
        "id_token_hint=x.y.z&client_id={client}&post_logout_redirect_uri={bye}",
        "id_token_hint={broken}&post_logout_redirect_uri={bye}",
        "id_token_hint={hint}&client_id={other}&post_logout_redirect_uri={bye}",
        "id_token_hint={long}",
    ],
)
def test_a_sign_out_request_that_cannot_be_trusted_redirects_nobody(small_world: World, query: str) -> None:
    platform, other = small_world.platform(), small_world.platform(name="别家")
    browser = small_world.activate(small_world.person())
    hint = small_world.redeem(platform, small_world.code(platform, browser)).json()["id_token"]
    head, body, signature = hint.split(".")
    broken = f"{head}.{body}.{signature[:-4]}AAAA"
    filled = query.format(
        client=platform.client_id, other=other.client_id, bye=BYE, hint=hint, broken=broken, long="x" * 9_000
    )
    page = browser.get(f"/oauth/logout?{filled}")
    assert page.status_code == 400
    assert "location" not in page.headers
    assert browser.get("/account").request.url.path == "/account"


def sizes(world: World) -> dict[str, int]:
    tables = (
        sign_in_models.Pending,
        sign_in_models.SignInSession,
        sign_in_models.Attempt,
        models.Grant,
        models.Token,
        sign_in_models.Consent,
        sign_in_models.Totp,
    )
    with world.database.read() as session:
        return {table.__tablename__: session.scalar(select(func.count()).select_from(table)) or 0 for table in tables}


def test_a_month_of_sign_ins_leaves_the_tables_flat(world: World) -> None:
    human = world.person()
    platform = world.platform()
    browser = world.activate(human)
    for _ in range(10):
        world.clock.move(timedelta(days=3))
        with world.database.write() as session:
            while purge(session, world.clock.now()):
                pass
        world.sign_in(human, browser)
        world.redeem(platform, world.code(platform, browser))
        browser.get("/signin?next=/account")
        browser.submit("signin", login=human.eid, password="wrong-guess-1")
    assert sizes(world) == {
        "idp_pending": 0,
        "idp_session": 1,
        "idp_attempt": 1,
        "idp_grant": 1,
        "idp_token": 1,
        "idp_consent": 1,
        "idp_totp": 1,
    }


def test_the_purge_keeps_what_is_alive(world: World) -> None:
    human = world.person()
    platform = world.platform()
    browser = world.activate(human)
    token = world.redeem(platform, world.code(platform, browser, scope="openid offline_access")).json()
    world.clock.move(timedelta(days=20))
    with world.database.write() as session:
        assert purge(session, world.clock.now()) > 0
    fresh = world.refresh(platform, token["refresh_token"])
    assert fresh.status_code == 200
    assert world.userinfo(fresh.json()["access_token"]).status_code == 200
