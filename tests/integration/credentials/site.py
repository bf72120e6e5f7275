"""The pages of credentials in a small application of their own, with somebody signed in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fastapi import FastAPI
from starlette.requests import Request
from starlette.testclient import TestClient

import credentials.routes
import credentials.routes.problems
from crypto.hashes import hmac_sm3
from kernel import problems
from kernel.access import Actor
from kernel.csrf import Csrf
from kernel.pages import Pages
from tests.integration.credentials.campus import Campus

ROOT = Path(__file__).parents[3]
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


@dataclass
class Site:
    """A browser at our pages; `actor` is who is signed in."""

    campus: Campus
    client: TestClient
    actor: Actor | None = None
    opened: list[str] = field(default_factory=list)

    def get(self, path: str, *, status: int = 200) -> str:
        answer = self.client.get(path, headers={"accept": "text/html"}, follow_redirects=False)
        assert answer.status_code == status, answer.text
        return answer.text

    def post(
        self,
        path: str,
        data: Mapping[str, object] | None = None,
        *,
        files: Mapping[str, object] | None = None,
        on: str = "",
    ) -> tuple[int, str, str]:
        """Send a form that stands on the page `on`; return status, text and where it leads."""
        token = _TOKEN.search(self.get(on)) if on else None
        form = {**(data or {}), **({"csrf_token": token.group(1)} if token else {})}
        answer = self.client.post(
            path,
            data=form,
            files=files,  # type: ignore[arg-type]  # the client's own type is private
            headers={"accept": "text/html"},
            follow_redirects=False,
        )
        return answer.status_code, answer.text, answer.headers.get("location", "")


def make_site(campus: Campus) -> Site:
    csrf = Csrf(lambda data: hmac_sm3(b"k" * 32, data), secure=False)
    app = FastAPI(openapi_url=None)
    site = Site(campus, TestClient(app, base_url="http://localhost:8000"))
    app.state.database = campus.by.database
    app.state.csrf = csrf
    app.state.pages = Pages([ROOT / "kernel", ROOT / "credentials"], csrf)
    app.state.credentials = campus.by

    def actor_of(_request: Request) -> Actor | None:
        return site.actor

    app.state.actor_of = actor_of
    problems.install(app, credentials.routes.problems.STATUS_OF)
    for router in credentials.routes.routers():
        app.include_router(router)
    app.router.routes.extend(credentials.routes.routes())
    return site
