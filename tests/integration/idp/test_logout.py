"""Signing out across platforms: asked for, told in frames, told behind the browser's back; and what must not work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
from sqlalchemy import func, select

from crypto.jose import peek, sign_jwt, verify_jwt
from idp.authn.activation import revoke_access
from idp.oauth.clients.registration import ClientCredentials
from idp.oauth.errors import FetchError
from idp.oauth.keys import ALGS
from idp.oauth.logout.delivering import KEPT_TRIES, Delivering, run_once
from idp.oauth.logout.token import TYP
from idp.oauth.logout_models import LogoutDelivery, SessionClient
from idp.oauth.tokens.id_token import TYP as ID_TOKEN_TYP
from idp.purge import purge
from kernel.audit import AuditEvent
from tests.integration.idp.conftest import PASSWORD, Human, World, answer_of
from tests.integration.idp.plain_browser import BASE, PlainBrowser

BYE = "http://127.0.0.1:8001/bye"
BACK = "http://127.0.0.1:8001/back-channel"
FRONT = "http://127.0.0.1:8001/front?x=1"


class Inbox:
    """Takes what is posted, or answers as it is told."""

    def __init__(self, answer: int | type[FetchError] = 200) -> None:
        self.answer = answer
        self.posts: list[tuple[str, str]] = []

    def post(self, url: str, body: bytes, *, content_type: str) -> int:
        assert content_type == "application/x-www-form-urlencoded"
        ((name, token),) = parse_qsl(body.decode(), strict_parsing=True)
        assert name == "logout_token"
        self.posts.append((url, token))
        if not isinstance(self.answer, int):
            raise self.answer("unreachable")
        return self.answer


def deliver(world: World, inbox: Inbox) -> int:
    idp = world.idp
    return run_once(Delivering(idp.issuer, world.database, idp.clients, idp.keys, inbox, world.clock))


def rows(world: World, model: type[Any]) -> int:
    with world.database.read() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


@dataclass
class Visit:
    """Somebody signed in at a platform."""

    human: Human
    browser: PlainBrowser
    token: dict[str, Any]
    platform: ClientCredentials

    @property
    def claims(self) -> dict[str, Any]:
        return peek(self.token["id_token"])[1]


def visited(world: World, **changes: Any) -> Visit:
    platform = world.platform(**{"backchannel_logout_uri": BACK, **changes})
    human = world.person()
    browser = world.activate(human, factor=False)
    return Visit(human, browser, world.redeem(platform, world.code(platform, browser)).json(), platform)


def sign_out(browser: PlainBrowser) -> Any:
    browser.get("/signout")
    return browser.submit("signout")


def test_signing_out_queues_one_logout_token_and_delivers_it(world: World) -> None:
    visit = visited(world)
    claims = visit.claims
    sign_out(visit.browser)
    assert (rows(world, LogoutDelivery), rows(world, SessionClient)) == (1, 0)
    inbox = Inbox()
    assert deliver(world, inbox) == 1
    ((url, text),) = inbox.posts
    told = verify_jwt(text, world.idp.keys.public(), typ=TYP, algs=ALGS)
    assert url == BACK
    assert (told["sub"], told["sid"], told["aud"]) == (claims["sub"], claims["sid"], visit.platform.client_id)
    assert rows(world, LogoutDelivery) == 0
    assert deliver(world, inbox) == 0


def by_another_browser(world: World, visit: Visit) -> None:
    elsewhere = world.sign_in(visit.human)
    elsewhere.get("/account")
    form = next(form for form in elsewhere.forms() if form.action.startswith("/account/sessions/"))
    elsewhere.post(form.action, form.fields)


def by_another_person(world: World, visit: Visit) -> None:
    other = world.person("韩梅梅")
    world.activate(other, factor=False)
    visit.browser.get("/signin?next=/account")
    world.fill_in(other, visit.browser)


def by_new_password(_: World, visit: Visit) -> None:
    visit.browser.get("/account/password")
    visit.browser.submit("new-password", password="autumn-wind-8-maple", password2="autumn-wind-8-maple")


def by_revocation(world: World, visit: Visit) -> None:
    with world.database.write() as session:
        revoke_access(session, visit.human.id, world.clock.now())


@pytest.mark.parametrize("end", [by_another_browser, by_another_person, by_new_password, by_revocation])
def test_every_deliberate_end_of_a_session_is_told(small_world: World, end: Callable[[World, Visit], None]) -> None:
    visit = visited(small_world)
    end(small_world, visit)
    inbox = Inbox()
    deliver(small_world, inbox)
    assert [peek(text)[1]["sid"] for _, text in inbox.posts] == [visit.claims["sid"]]


def test_a_session_that_just_runs_out_throws_nobody_out(small_world: World) -> None:
    visited(small_world)
    small_world.clock.move(timedelta(hours=13))
    with small_world.database.write() as session:
        purge(session, small_world.clock.now())
    assert (rows(small_world, LogoutDelivery), rows(small_world, SessionClient)) == (0, 0)


def test_signing_in_anew_keeps_the_session_that_platforms_know(small_world: World) -> None:
    visit = visited(small_world)
    before = visit.browser.cookie("xinji_session")
    small_world.clock.move(timedelta(minutes=2))
    visit.browser.get(small_world.request(visit.platform, prompt="login"))
    page = visit.browser.submit("signin", login=visit.human.eid, password=PASSWORD)
    later = peek(small_world.redeem(visit.platform, answer_of(page)["code"]).json()["id_token"])[1]
    assert later["sid"] == visit.claims["sid"]
    assert later["auth_time"] > visit.claims["auth_time"]
    assert visit.browser.cookie("xinji_session") != before
    assert rows(small_world, LogoutDelivery) == 0


@pytest.mark.parametrize("answer", [400, 302, 500, FetchError])
def test_a_platform_that_does_not_take_it_is_tried_again_and_given_up(
    small_world: World, answer: int | type[FetchError]
) -> None:
    visit = visited(small_world)
    sign_out(visit.browser)
    inbox = Inbox(answer)
    for _ in range(KEPT_TRIES):
        assert deliver(small_world, inbox) == 1
        assert deliver(small_world, inbox) == 0  # Not before its time.
        small_world.clock.move(timedelta(hours=3))
    assert deliver(small_world, inbox) == 0
    assert rows(small_world, LogoutDelivery) == 0
    assert len({peek(text)[1]["jti"] for _, text in inbox.posts}) == KEPT_TRIES
    with small_world.database.read() as session:
        event = session.scalars(select(AuditEvent).where(AuditEvent.action == "logout.give_up")).one()
        assert event.subject == visit.platform.client_id


def test_a_delivery_is_one_workers_at_a_time(world: World) -> None:
    visit = visited(world)
    sign_out(visit.browser)
    second = Inbox()

    class Nested(Inbox):
        def post(self, url: str, body: bytes, *, content_type: str) -> int:
            assert deliver(world, second) == 0
            return super().post(url, body, content_type=content_type)

    first = Nested()
    assert deliver(world, first) == 1
    assert (len(first.posts), len(second.posts)) == (1, 0)


def test_undelivered_notices_do_not_pile_up(small_world: World) -> None:
    visit = visited(small_world)
    sign_out(visit.browser)
    small_world.clock.move(timedelta(days=2))
    assert deliver(small_world, Inbox()) == 0
    with small_world.database.write() as session:
        purge(session, small_world.clock.now())
    assert rows(small_world, LogoutDelivery) == 0


def test_nobody_ends_anothers_session(small_world: World) -> None:
    visit = visited(small_world)
    thief = small_world.activate(small_world.person("韩梅梅"), factor=False)
    small_world.sign_in(visit.human, thief_browser := small_world.browser())
    thief_browser.get("/account")
    form = next(form for form in thief_browser.forms() if form.action.startswith("/account/sessions/"))
    thief.get("/account/password")
    fields = {"csrf_token": thief.form("new-password").fields["csrf_token"]}
    assert thief.post(form.action, fields).status_code == 404
    assert rows(small_world, LogoutDelivery) == 0
    assert small_world.userinfo(visit.token["access_token"]).status_code == 200


def test_the_page_after_tells_platforms_in_frames_and_goes_on(small_world: World) -> None:
    visit = visited(small_world, frontchannel_logout_uri=FRONT, backchannel_logout_uri=None)
    query = urlencode({"id_token_hint": visit.token["id_token"], "post_logout_redirect_uri": BYE, "state": "\"'><b>"})
    page = visit.browser.get(f"/oauth/logout?{query}")
    assert page.status_code == 200
    frame = page.text.split('<iframe class="telling" src="')[1].split('"')[0].replace("&amp;", "&")
    sent = parse_qs(urlsplit(frame).query)
    assert frame.startswith("http://127.0.0.1:8001/front?x=1&")
    assert (sent["iss"], sent["sid"]) == ([BASE], [visit.claims["sid"]])
    assert "frame-src http://127.0.0.1:8001;" in page.headers["content-security-policy"]
    assert f'content="5;url={BYE}?state=%22%27%3E%3Cb%3E"' in page.text
    assert "<b>" not in page.text
    assert visit.browser.get("/account").request.url.path == "/signin"


def test_other_pages_frame_nothing(small_world: World) -> None:
    assert "frame-src 'none';" in small_world.browser().get("/signin").headers["content-security-policy"]


def test_platforms_that_hear_nothing_are_named(small_world: World) -> None:
    visit = visited(small_world, backchannel_logout_uri=None)
    assert "示范平台甲" in sign_out(visit.browser).text


def test_a_form_from_another_site_is_asked_about(small_world: World) -> None:
    """Such a form brings no cookie of ours (SameSite=Lax), so it cannot say who is signed in."""
    visit = visited(small_world)
    stranger = small_world.browser()
    fields = {"id_token_hint": visit.token["id_token"], "post_logout_redirect_uri": BYE, "state": "s"}
    page = stranger.post("/oauth/logout", fields)
    assert page.status_code == 200
    assert visit.browser.get("/account").status_code == 200
    visit.browser.page = visit.browser.http.post("/oauth/logout", data=fields)
    answer = visit.browser.submit("logout", decision="logout")
    assert answer.headers["location"] == f"{BYE}?state=s"
    assert visit.browser.get("/account").request.url.path == "/signin"


def test_another_sessions_id_token_does_not_sign_out_unasked(small_world: World) -> None:
    visit = visited(small_world)
    victim = visited(small_world).browser
    page = victim.get(f"/oauth/logout?id_token_hint={visit.token['id_token']}")
    assert page.status_code == 200
    assert 'id="logout"' in page.text
    assert victim.get("/account").status_code == 200


def test_confirming_needs_the_forms_token(small_world: World) -> None:
    visit = visited(small_world)
    assert visit.browser.http.post("/oauth/logout/confirm", data={"decision": "logout"}).status_code == 403
    assert visit.browser.get("/account").status_code == 200


def test_tokens_of_other_kinds_are_no_hints(small_world: World) -> None:
    """A logout token, another key's token and another issuer's are no ID token of ours; nor is ours a logout token."""
    visit = visited(small_world)
    claims = visit.claims
    keys = small_world.idp.keys
    sign_out(visit.browser)
    inbox = Inbox()
    deliver(small_world, inbox)
    logout_token = inbox.posts[0][1]
    elsewhere = sign_jwt({**claims, "iss": "https://evil.example"}, keys.active("RS256"), typ=ID_TOKEN_TYP)
    unsigned = f"{visit.token['id_token'].rpartition('.')[0]}."
    for hint in (logout_token, elsewhere, unsigned):
        assert visit.browser.get(f"/oauth/logout?id_token_hint={hint}").status_code == 400
    assert "nonce" not in peek(logout_token)[1]
    assert peek(logout_token)[0]["typ"] != peek(visit.token["id_token"])[0]["typ"]
    assert small_world.userinfo(logout_token).status_code == 401


@pytest.mark.parametrize(
    "name", ["post_logout_redirect_uri", "state", "logout_hint", "ui_locales", "id_token_hint", "client_id"]
)
@pytest.mark.parametrize("value", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "x" * 9_000])
def test_no_parameter_leads_elsewhere(small_world: World, name: str, value: str) -> None:
    visit = visited(small_world)
    fields = {"client_id": visit.platform.client_id, "post_logout_redirect_uri": BYE, name: value}
    page = small_world.browser().http.get(f"/oauth/logout?{urlencode(fields)}")
    target = urlsplit(page.headers.get("location", ""))
    assert page.status_code == 400 or (target.netloc, target.path) == ("127.0.0.1:8001", "/bye")
    if name in ("post_logout_redirect_uri", "id_token_hint", "client_id") or len(value) > 8_000:
        assert page.status_code == 400


def test_repeated_parameters_are_refused(small_world: World) -> None:
    visit = visited(small_world)
    query = (
        f"client_id={visit.platform.client_id}&post_logout_redirect_uri={BYE}&post_logout_redirect_uri=https://evil/"
    )
    assert small_world.browser().get(f"/oauth/logout?{query}").status_code == 400


def test_pages_of_signing_out_speak_the_wished_language(small_world: World) -> None:
    visit = visited(small_world)
    page = visit.browser.get(f"/oauth/logout?client_id={visit.platform.client_id}&ui_locales=fr+en-GB")
    assert page.headers["content-language"] == "en"
