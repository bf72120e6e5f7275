"""What a browser could be made to do or to tell: frames, addresses that leak, headers, forms of other sites."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from fastapi import APIRouter
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from idp import routes
from idp.routes import authorize, device, logout, platform_review
from kernel.csrf import CSRF
from kernel.pages import CSP
from server.headers import HEADERS, SecurityHeaders
from tests.integration.idp import platform_world as at
from tests.integration.idp.conftest import CALLBACK, World, answer_of
from tests.integration.idp.landing import all_types, landing
from tests.integration.idp.test_device import ask, big_screen, enter

ROOT = Path(__file__).parents[4]
SPLIT = "s\r\nSet-Cookie: xinji_session=evil\r\n\r\n<script>"


def test_every_answer_says_that_no_address_of_ours_is_passed_on() -> None:
    async def plain(_: Any) -> PlainTextResponse:
        return PlainTextResponse("x")

    http = TestClient(SecurityHeaders(Starlette(routes=[Route("/", plain)])))
    for path in ("/", "/nothing"):
        headers = http.get(path).headers
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert {name.decode() for name, _ in HEADERS} <= set(headers)


def test_the_application_is_wrapped_in_them() -> None:
    assert "app.add_middleware(SecurityHeaders)" in (ROOT / "server/app.py").read_text()


def test_no_page_may_be_framed(small_world: World) -> None:
    assert "frame-ancestors 'none'" in CSP
    world = small_world
    browser = world.activate(world.person(), factor=False)
    form = all_types(world)
    screen = ask(world, big_screen(world)).json()["user_code"]
    pages = [
        browser.get(world.request(form)),
        browser.get(world.request(form, prompt="select_account")),
        browser.get("/device"),
        enter(browser, screen),
        browser.get("/oauth/logout"),
        browser.get("/signout"),
        browser.get("/developer"),
        browser.get("/account/consents"),
        browser.get("/oauth/authorize?client_id=nobody"),
        browser.get("/nothing"),
        world.browser().get("/signin"),
    ]
    browser.get(world.request(form))
    browser.submit("consent", decision="allow")
    pages.append(browser.http.get(world.request(form, response_mode="form_post")))
    for page in pages:
        policy = page.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy, page.request.url
        assert "base-uri 'none'" in policy
        assert "unsafe" not in policy
        assert "<script>" not in page.text


@pytest.mark.parametrize("mode", [None, "query", "fragment", "form_post", "query.jwt", "jwt"])
def test_a_state_cannot_end_a_header_or_a_page(small_world: World, mode: str | None) -> None:
    world = small_world
    browser = world.activate(world.person(), factor=False)
    page = browser.get(world.request(world.platform(), state=SPLIT, response_mode=mode))
    page = browser.submit("consent", decision="allow")
    assert "set-cookie" not in page.headers or "evil" not in page.headers["set-cookie"]
    assert not re.search(r"[\r\n]", page.headers.get("location", ""))
    assert "<script>" not in page.text
    got = landing(page).params
    assert "response" in got or got["state"] == SPLIT


@pytest.mark.parametrize(
    "uri",
    [
        f"{CALLBACK}\r\nX-Evil: 1",
        f"{CALLBACK}?x\nSet-Cookie: a=b",
        f"{CALLBACK}#x",
        f"{CALLBACK}%0d%0aX: 1",
        f"{CALLBACK}\t",
    ],
)
def test_a_redirect_uri_with_a_header_in_it_is_not_ours(small_world: World, uri: str) -> None:
    page = small_world.browser().get(small_world.request(small_world.platform(), redirect_uri=uri))
    assert (page.status_code, "location" in page.headers, "x-evil" in page.headers) == (400, False, False)


@pytest.mark.parametrize("nonce", ["x\r\nSet-Cookie: a=b", "電", "x" * 5_000])
def test_no_header_repeats_what_a_request_said(small_world: World, nonce: str) -> None:
    world = small_world
    headers = {"authorization": "Bearer " + quote(nonce), "dpop": quote(nonce)}
    answer = world.browser().http.get("/oauth/userinfo", headers=headers)
    assert answer.status_code == 401
    assert not any(quote(nonce) in value or nonce in value for value in answer.headers.values())


def test_a_code_goes_to_the_platform_and_into_no_page(small_world: World) -> None:
    world = small_world
    browser = world.activate(world.person(), factor=False)
    platform = world.platform()
    browser.get(world.request(platform))
    page = browser.submit("consent", decision="allow")
    assert answer_of(page)["code"] not in page.text
    assert page.headers["cache-control"] == "no-store"
    assert page.status_code == 303  # Not 307: what the person typed is not sent on (RFC 9700 §4.12).
    assert urlsplit(page.headers["location"]).netloc == urlsplit(CALLBACK).netloc


DECISIONS: list[tuple[APIRouter, set[str]]] = [
    (authorize.router, {"/oauth/consent", "/oauth/account"}),
    (device.router, {"/device", "/device/decision"}),
    (logout.router, {"/oauth/logout/confirm"}),
    (
        platform_review.router,
        {f"/officer/platforms/{{client_id}}/{what}" for what in ("approve", "refuse", "block", "unblock")},
    ),
]


@pytest.mark.parametrize(("router", "decisions"), DECISIONS)
def test_each_decision_wants_the_token_of_its_page(router: APIRouter, decisions: set[str]) -> None:
    guarded = {
        route.path  # type: ignore[attr-defined]
        for route in router.routes
        if CSRF.dependency in [dependency.dependency for dependency in route.dependencies]  # type: ignore[attr-defined]
    }
    assert decisions <= guarded
    assert any(router is known for known in routes.routers())


@pytest.mark.parametrize("what", ["approve", "refuse", "block", "unblock"])
def test_a_review_cannot_be_forged_from_another_site(small_world: World, what: str) -> None:
    at.add_tree(small_world)
    developer = small_world.activate(small_world.person())
    _, officer = at.officer(small_world)
    client_id = at.file(developer)
    filing = str(at.filings(small_world, client_id)[0].id)
    fields = {"filing": filing, "scope": "profile", "valid_until": "2027-06-30", "reason": "x", "block_reason": "x"}
    developer.get("/developer/platforms/new")
    foreign = developer.form("filing").fields["csrf_token"]
    for token in ("", "x", foreign):
        page = officer.http.post(f"/officer/platforms/{client_id}/{what}", data={**fields, "csrf_token": token})
        assert page.status_code == 403
    assert at.client_row(small_world, client_id).state == "pending"
    assert at.filings(small_world, client_id)[0].state == "waiting"


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/device/decision", {"user_code": "code", "decision": "allow"}),
        ("/oauth/logout/confirm", {"decision": "logout"}),
        ("/oauth/account", {"decision": "continue"}),
    ],
)
def test_a_form_of_another_site_changes_nothing(small_world: World, path: str, fields: dict[str, str]) -> None:
    world = small_world
    browser = world.activate(world.person(), factor=False)
    code = ask(world, big_screen(world)).json()["user_code"]
    sent = {name: code if value == "code" else value for name, value in fields.items()}
    assert browser.http.post(path, data=sent).status_code == 403
    other = world.activate(world.person("乙"), factor=False)
    other.get("/oauth/logout")
    token = next(form.fields["csrf_token"] for form in other.forms() if "csrf_token" in form.fields)
    assert browser.http.post(path, data={**sent, "csrf_token": token}).status_code == 403
    assert browser.get("/account").status_code == 200
    assert browser.page.request.url.path == "/account"
