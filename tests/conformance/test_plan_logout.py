"""The modules of the official plans for signing out, as docs/certification.md lists them (the suite was not run)."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest

from crypto.encoding import b64u
from crypto.jose import peek
from crypto.jose_foreign import verify_foreign_jwt
from crypto.keys import RS256
from tests.conformance.relying import HOME, Relying
from tests.integration.idp.conftest import World
from tests.integration.idp.landing import landing
from tests.integration.idp.test_logout import Inbox, deliver

BYE = f"{HOME}/post_logout_redirect"
STATE = "s" * 128
"""As long as the suite makes it."""


class Leaving(Relying):
    """A client whose person has signed in, and will be sent away."""

    def __init__(self, world: World, response_type: str = "code", **more: Any) -> None:
        super().__init__(world, response_type, post_logout_redirect_uris=[BYE], **more)
        self.token = self.tokens()["id_token"]

    def leave(self, **fields: str) -> Any:
        return self.browser.get(f"{self.at('end_session_endpoint')}?{urlencode(fields)}")

    def usual(self, **changes: str | None) -> dict[str, str]:
        values = {"id_token_hint": self.token, "post_logout_redirect_uri": BYE, "state": STATE, **changes}
        return {name: value for name, value in values.items() if value is not None}

    def is_out(self) -> bool:
        """Try again with `prompt=none`, which must be an error then."""
        answer = landing(self.visit(prompt="none", nonce="n-2")).params
        return answer.get("error") == "login_required"


@pytest.fixture
def party(small_world: World) -> Leaving:
    return Leaving(small_world)


def back_at_home(page: Any) -> dict[str, str]:
    parts = urlsplit(page.headers["location"])
    assert parts._replace(query="").geturl() == BYE
    return dict(parse_qsl(parts.query))


def refused_or_asked(party: Leaving, page: Any) -> bool:
    """Whether nobody was redirected: a page of an error, or the question whether to sign out."""
    assert "location" not in page.headers
    assert page.headers["content-type"].startswith("text/html")
    return page.status_code == 400 or any(form.id == "logout" for form in party.browser.forms())


@pytest.mark.parametrize("kind", ["rp-initiated", "back-channel", "front-channel"])
def test_oidcc_logout_discovery_endpoint_verification(party: Leaving, kind: str) -> None:
    found = party.metadata
    assert found["end_session_endpoint"].startswith(found["issuer"] + "/")
    if kind == "back-channel":
        assert (found["backchannel_logout_supported"], found["backchannel_logout_session_supported"]) == (True, True)
    if kind == "front-channel":
        assert (found["frontchannel_logout_supported"], found["frontchannel_logout_session_supported"]) == (True, True)


@pytest.mark.parametrize("response_type", ["code", "code id_token"])
def test_oidcc_rp_initiated_logout(small_world: World, response_type: str) -> None:
    party = Leaving(small_world, response_type)
    assert back_at_home(party.leave(**party.usual())) == {"state": STATE}
    assert party.is_out()


def test_oidcc_rp_initiated_logout_no_state(party: Leaving) -> None:
    assert back_at_home(party.leave(**party.usual(state=None))) == {}
    assert party.is_out()


@pytest.mark.parametrize("uri", [f"{BYE}2", f"{BYE}?foo=bar", "https://evil.example/"])
def test_oidcc_rp_initiated_logout_bad_uri_and_query_added(party: Leaving, uri: str) -> None:
    assert refused_or_asked(party, party.leave(**party.usual(post_logout_redirect_uri=uri)))
    assert not party.is_out()


def test_oidcc_rp_initiated_logout_modified_id_token_hint(party: Leaving) -> None:
    """The hint's header says `none` and its signature is gone."""
    body = party.token.split(".")[1]
    unsigned = f"{b64u(json.dumps({'alg': 'none'}).encode())}.{body}."
    assert refused_or_asked(party, party.leave(**party.usual(id_token_hint=unsigned)))


def test_oidcc_rp_initiated_logout_bad_id_token_hint(party: Leaving) -> None:
    head, body, signature = party.token.split(".")
    bent = ("A" if signature[5] != "A" else "B").join((signature[:5], signature[6:]))
    assert refused_or_asked(party, party.leave(**party.usual(id_token_hint=f"{head}.{body}.{bent}")))
    assert not party.is_out()


def test_oidcc_rp_initiated_logout_no_id_token_hint(party: Leaving) -> None:
    assert refused_or_asked(party, party.leave(**party.usual(id_token_hint=None)))
    assert not party.is_out()


@pytest.mark.parametrize("fields", [{}, {"state": STATE}])
def test_oidcc_rp_initiated_logout_no_params_and_only_state(party: Leaving, fields: dict[str, str]) -> None:
    assert refused_or_asked(party, party.leave(**fields))
    page = party.browser.submit("logout", decision="logout")
    assert (page.status_code, "您已退出信籍" in page.text) == (200, True)  # A page that says so, of our own.
    assert party.is_out()


def test_oidcc_rp_initiated_logout_no_post_logout_redirect_uri(party: Leaving) -> None:
    page = party.leave(**party.usual(post_logout_redirect_uri=None))
    assert (page.status_code, page.request.url.path) == (200, "/signout")
    assert party.is_out()


def test_oidcc_backchannel_rp_initiated_logout(small_world: World) -> None:
    """The suite's own checks of a logout token: ValidateLogoutTokenClaims, its signature, its sid."""
    address = f"{HOME}/backchannel_logout"
    party = Leaving(small_world, backchannel_logout_uri=address)
    assert back_at_home(party.leave(**party.usual())) == {"state": STATE}
    inbox = Inbox()
    assert deliver(small_world, inbox) == 1
    ((url, token),) = inbox.posts
    assert url == address
    keys = small_world.browser().http.get("/oauth/jwks.json").json()
    header, claims = verify_foreign_jwt(token, keys, typs=("logout+jwt",), algs=(RS256,))
    of_sign_in = peek(party.token)[1]
    now = small_world.clock.now().timestamp()
    assert header["kid"]
    assert (claims["iss"], claims["aud"]) == (small_world.issuer, party.client["client_id"])
    assert (claims["sid"], claims["sub"]) == (of_sign_in["sid"], of_sign_in["sub"])
    assert claims["iat"] <= now < claims["exp"] <= now + 120
    assert claims["jti"]
    assert claims["events"] == {"http://schemas.openid.net/event/backchannel-logout": {}}
    assert "nonce" not in claims
    assert party.is_out()


def test_oidcc_frontchannel_rp_initiated_logout(small_world: World) -> None:
    """The page frames the client's address with iss and sid, and leads on to where the client wanted."""
    address = f"{HOME}/frontchannel_logout"
    party = Leaving(small_world, frontchannel_logout_uri=address, frontchannel_logout_session_required=True)
    page = party.leave(**party.usual())
    assert page.status_code == 200
    (frame,) = [
        part.split('"')[0].replace("&amp;", "&") for part in page.text.split('<iframe class="telling" src="')[1:]
    ]
    query = parse_qs(urlsplit(frame).query)
    assert frame.startswith(f"{address}?")
    assert (query["iss"], query["sid"]) == ([small_world.issuer], [peek(party.token)[1]["sid"]])
    assert HOME.partition("/test")[0] in page.headers["content-security-policy"]
    assert f'<meta http-equiv="refresh" content="5;url={BYE}?state={STATE}">' in page.text  # Without a script too.
    assert party.is_out()
