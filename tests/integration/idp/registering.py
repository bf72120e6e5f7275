"""A program that registers platforms, right and wrong."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from idp.oauth.clients.initial_tokens import issue_initial_token
from tests.integration.idp.conftest import World

PATH = "/oauth/register"
CALLBACK = "https://platform.example/callback"
PROVIDERS = ("registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at")


class Registrar:
    """It holds an initial access token of `uses` uses."""

    def __init__(self, world: World, *, uses: int = 100, require_pkce: bool = True) -> None:
        self.world = world
        now = world.clock.now()
        with world.database.write() as session:
            self.token = issue_initial_token(
                session,
                owner="示范单位",
                made_by=None,
                uses=uses,
                expires_at=now + timedelta(days=1),
                keyed=world.idp.keyed,
                now=now,
                require_pkce=require_pkce,
            )

    def call(self, method: str, path: str, token: str | None, body: Any = None, kind: str = "application/json") -> Any:
        headers = {"accept": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
        content = None
        if body is not None:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            headers["content-type"] = kind
        return self.world.browser().http.request(method, path, content=content, headers=headers)

    def register(self, **members: Any) -> Any:
        """Register; a member that is None is sent as null."""
        return self.call("POST", PATH, self.token, {"redirect_uris": [CALLBACK], **members})

    def registered(self, **members: Any) -> dict[str, Any]:
        made = self.register(**members)
        assert made.status_code == 201, made.text
        document: dict[str, Any] = made.json()
        return document

    def manage(self, method: str, document: dict[str, Any], body: Any = None, *, token: str | None = None) -> Any:
        path = document["registration_client_uri"].removeprefix(self.world.issuer)
        return self.call(method, path, token or document["registration_access_token"], body)


def error_of(answer: Any, status: int = 400) -> str:
    """Return the error of a refusal."""
    assert answer.status_code == status, answer.text
    return str(answer.json()["error"])


def update(made: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return an update's document: what was registered, without what only the provider says."""
    kept = {name: value for name, value in made.items() if name not in PROVIDERS}
    return {**kept, **changes}
