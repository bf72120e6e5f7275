"""Native apps (RFC 8252): any port of a loopback address, private schemes, no secret, PKCE."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from idp.errors import InvalidClientMetadataError
from idp.oauth.clients.metadata import ClientMetadata
from idp.oauth.clients.redirects import is_registered
from idp.oauth.clients.registration import ClientCredentials
from tests.integration.idp.conftest import World
from tests.integration.idp.plain_browser import PlainBrowser

V4 = "http://127.0.0.1/callback"
V6 = "http://[::1]/callback"
PRIVATE = "cn.edu.example.app:/callback"


def app(world: World, *uris: str, **changes: Any) -> ClientCredentials:
    return world.platform(
        "桌面应用",
        redirect_uris=list(uris) or [V4, V6],
        post_logout_redirect_uris=[],
        application_type="native",
        token_endpoint_auth_method="none",
        **changes,
    )


def answered(world: World, platform: ClientCredentials, browser: PlainBrowser, uri: str, **changes: Any) -> str:
    page = browser.get(world.request(platform, redirect_uri=uri, **changes))
    if page.status_code == 200:
        page = browser.submit("consent", decision="allow")
    assert page.status_code == 303, page.text
    return str(page.headers["location"])


@pytest.mark.parametrize("uri", ["http://127.0.0.1:51004/callback", "http://[::1]:61023/callback", V4, V6])
def test_an_app_gets_its_code_on_the_port_it_has(world: World, uri: str) -> None:
    platform = app(world)
    browser = world.activate(world.person(), factor=False)
    location = answered(world, platform, browser, uri)
    assert location.startswith(f"{uri}?")
    code = dict(parse_qsl(urlsplit(location).query))["code"]
    assert world.redeem(platform, code, redirect_uri=uri).status_code == 200


def test_the_code_is_redeemed_with_the_same_port_only(small_world: World) -> None:
    platform = app(small_world)
    browser = small_world.activate(small_world.person(), factor=False)
    location = answered(small_world, platform, browser, "http://127.0.0.1:51004/callback")
    code = dict(parse_qsl(urlsplit(location).query))["code"]
    answer = small_world.redeem(platform, code, redirect_uri="http://127.0.0.1:51005/callback")
    assert answer.json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1:51004/callback/",
        "http://127.0.0.1:51004/Callback",
        "http://127.0.0.1:51004/callback?x=1",
        "http://127.0.0.1:51004",
        "http://127.0.0.1:0/callback",
        "http://127.0.0.1:65536/callback",
        "http://127.0.0.1:99999/callback",
        "http://127.0.0.1:/callback",
        "http://127.0.0.1:+80/callback",
        "http://127.0.0.1:８０/callback",
        "http://127.0.0.1:80@evil.example/callback",
        "http://127.0.0.1.evil.example/callback",
        "http://127.0.0.2:51004/callback",
        "http://127.1:51004/callback",
        "http://0x7f000001:51004/callback",
        "http://[::ffff:127.0.0.1]:51004/callback",
        "http://localhost:51004/callback",
        "http://localhost/callback",
        "https://127.0.0.1:51004/callback",
        "HTTP://127.0.0.1:51004/callback",
        "http://127.0.0.1:51004/callback\n",
        "http://127.0.0.1:51004\\@evil.example/callback",
    ],
)
def test_nothing_but_the_port_is_open(small_world: World, uri: str) -> None:
    page = small_world.browser().get(small_world.request(app(small_world), redirect_uri=uri))
    assert page.status_code == 400
    assert "location" not in page.headers


def test_a_web_platform_has_no_open_port() -> None:
    uris = ("http://127.0.0.1:8001/callback", "https://a.example.edu.cn/callback")
    web = ClientMetadata(redirect_uris=uris)
    native = web.model_copy(update={"application_type": "native"})
    assert not is_registered(web, "http://127.0.0.1:8002/callback")
    assert is_registered(native, "http://127.0.0.1:8002/callback")
    for metadata in (web, native):
        assert not is_registered(metadata, "https://a.example.edu.cn:444/callback")
        assert all(is_registered(metadata, uri) for uri in uris)


def test_localhost_is_compared_sign_for_sign(small_world: World) -> None:
    """RFC 8252 §8.3: not recommended, because it may lead elsewhere; who registers it gets just that."""
    platform = app(small_world, "http://localhost:8003/callback")
    browser = small_world.browser()
    assert browser.get(small_world.request(platform, redirect_uri="http://localhost:8003/callback")).status_code == 200
    assert browser.get(small_world.request(platform, redirect_uri="http://localhost:8004/callback")).status_code == 400


def test_an_app_with_a_private_scheme_gets_its_code(small_world: World) -> None:
    platform = app(small_world, PRIVATE)
    browser = small_world.activate(small_world.person(), factor=False)
    location = answered(small_world, platform, browser, PRIVATE)
    assert location.startswith(f"{PRIVATE}?")
    code = dict(parse_qsl(urlsplit(location).query))["code"]
    assert small_world.redeem(platform, code, redirect_uri=PRIVATE).status_code == 200


@pytest.mark.parametrize(
    "uri", ["app:/cb", "myapp://cb", "javascript:/x", "cn.edu.example.app://host/cb", "file:///cb"]
)
def test_a_private_scheme_is_a_domain_name_reversed(small_world: World, uri: str) -> None:
    with pytest.raises(InvalidClientMetadataError):
        app(small_world, uri)


def test_an_app_without_pkce_is_refused_and_a_secret_is_not_made(small_world: World) -> None:
    platform = app(small_world, V4, require_pkce=False)
    assert platform.client_secret is None
    location = answered(
        small_world, platform, small_world.browser(), V4, code_challenge=None, code_challenge_method=None
    )
    assert dict(parse_qsl(urlsplit(location).query))["error"] == "invalid_request"
