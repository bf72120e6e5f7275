"""Where an answer of the authorization endpoint lands, and how; and a platform that may ask for every type."""

from __future__ import annotations

from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from crypto.jose import peek
from idp.oauth.clients.metadata import RESPONSE_TYPES
from idp.oauth.clients.registration import ClientCredentials
from tests.integration.idp.conftest import CALLBACK, World
from tests.integration.idp.plain_browser import PlainBrowser

FRONT: Final = tuple(response_type for response_type in RESPONSE_TYPES if response_type != "code")


@dataclass(frozen=True)
class Landing:
    """How an answer came, where, and with what."""

    way: str
    uri: str
    params: dict[str, str]
    page: Any

    @property
    def id_token(self) -> dict[str, Any]:
        return peek(self.params["id_token"])[1]

    @property
    def signed(self) -> dict[str, Any]:
        assert set(self.params) == {"response"}
        return peek(self.params["response"])[1]


class _AnswerForm(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form" and values.get("id") == "answer":
            self.action = values["action"]
        elif tag == "input" and self.action and values.get("type") == "hidden":
            assert values["name"] not in self.fields
            self.fields[values["name"]] = values["value"]


def landing(page: Any) -> Landing:
    if page.status_code == 303:
        parts = urlsplit(page.headers["location"])
        assert not (parts.query and parts.fragment)
        uri = parts._replace(query="", fragment="").geturl()
        way = "fragment" if parts.fragment else "query"
        return Landing(way, uri, dict(parse_qsl(parts.fragment or parts.query, strict_parsing=True)), page)
    assert page.status_code == 200, page.text
    form = _AnswerForm()
    form.feed(page.text)
    return Landing("form_post", form.action, form.fields, page)


class Visit:
    """A signed-in browser at a platform that registered every response type."""

    def __init__(self, world: World, **changes: Any) -> None:
        self.world = world
        self.platform: ClientCredentials = all_types(world, **changes)
        self.human = world.person()
        self.browser: PlainBrowser = world.activate(self.human, factor=False)

    def ask(self, **changes: str | None) -> Landing:
        """Send an authorization request, consenting where asked."""
        page = self.browser.get(self.world.request(self.platform, **changes))
        if page.status_code == 200 and 'id="consent"' in page.text:
            page = self.browser.submit("consent", decision="allow")
        return landing(page)


def all_types(world: World, **changes: Any) -> ClientCredentials:
    values = {"response_types": RESPONSE_TYPES, "grant_types": ("authorization_code", "implicit"), **changes}
    return world.platform(**values)


__all__ = ["CALLBACK", "FRONT", "Landing", "Visit", "all_types", "landing"]
