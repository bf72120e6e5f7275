"""A platform with keys of its own: it authenticates, signs its requests and proves its keys by JWT."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from crypto.encoding import b64u
from crypto.hashes import sha256
from crypto.jose import jwks, sign_jwt
from crypto.keys import ES256, PrivateKey, generate_key
from idp.oauth.clients.assertions import TYPE
from idp.oauth.clients.registration import ClientCredentials
from idp.oauth.errors import FetchError
from idp.oauth.fetching import Fetcher, refuse_event_loop
from tests.integration.idp.conftest import CALLBACK, VERIFIER, World

TYP = "oauth-authz-req+jwt"
FAPI: Mapping[str, Any] = {"xinji_profile": "fapi2", "dpop_bound_access_tokens": True}
MESSAGES: Mapping[str, Any] = {**FAPI, "xinji_profile": "fapi2-messages"}


@dataclass
class SigningPlatform:
    """A platform registered in `world` with `key`; `changes` are members of its metadata."""

    world: World
    changes: Mapping[str, Any] = field(default_factory=dict)
    key: PrivateKey = field(default_factory=lambda: generate_key(ES256))
    credentials: ClientCredentials = field(init=False)

    def __post_init__(self) -> None:
        members: dict[str, Any] = {
            "token_endpoint_auth_method": "private_key_jwt",
            "id_token_signed_response_alg": ES256,
            "jwks": jwks([self.key.public]),
            **self.changes,
        }
        self.credentials = self.world.platform(**members)

    @property
    def client_id(self) -> str:
        return self.credentials.client_id

    @property
    def now(self) -> int:
        return int(self.world.clock.now().timestamp())

    def parameters(self, **changes: Any) -> dict[str, Any]:
        """Return the parameters of a request; a change to None leaves one out."""
        values: dict[str, Any] = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": CALLBACK,
            "scope": "openid profile",
            "state": "s-123",
            "nonce": "n-456",
            "code_challenge": b64u(sha256(VERIFIER.encode())),
            "code_challenge_method": "S256",
            **changes,
        }
        return {name: value for name, value in values.items() if value is not None}

    def object(self, *, key: PrivateKey | None = None, typ: str = TYP, **changes: Any) -> str:
        """Return a signed request object; changes count for its members, a None leaves one out."""
        members = self.parameters(
            **{
                "iss": self.client_id,
                "aud": self.world.issuer,
                "iat": self.now,
                "nbf": self.now,
                "exp": self.now + 300,
                **changes,
            }
        )
        return sign_jwt(members, key or self.key, typ=typ)

    def assertion(self) -> dict[str, str]:
        """Return what authenticates the platform."""
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.world.issuer,
            "iat": self.now,
            "exp": self.now + 60,
            "jti": secrets.token_hex(8),
        }
        return {"client_assertion_type": TYPE, "client_assertion": sign_jwt(claims, self.key, typ="JWT")}

    def push(self, fields: Mapping[str, Any], *, headers: Mapping[str, str] | None = None) -> Any:
        """Push parameters, authenticated."""
        return self.post("/oauth/par", fields, headers=headers)

    def pushed(self, **changes: Any) -> str:
        """Push a request and return its request_uri."""
        answer = self.push(self.parameters(**changes))
        assert answer.status_code == 201, answer.text
        return str(answer.json()["request_uri"])

    def post(self, path: str, fields: Mapping[str, Any], *, headers: Mapping[str, str] | None = None) -> Any:
        """Post a form, authenticated; a list is a repeated parameter."""
        http = self.world.browser().http
        data = urlencode({**fields, **self.assertion()}, doseq=True)
        sent = {
            "accept": "application/json",
            "content-type": "application/x-www-form-urlencoded",
            **(headers or {}),
        }
        return http.post(path, content=data, headers=sent)

    def address(self, **values: str) -> str:
        """Return the address of a request that is an object or a reference."""
        return "/oauth/authorize?" + urlencode({"client_id": self.client_id, **values})


class Shelf(Fetcher):
    """Answers what was put there, as a real fetcher would: never on the event loop."""

    def __init__(self) -> None:
        super().__init__()
        self.bodies: dict[str, bytes] = {}
        self.asked: list[str] = []

    @classmethod
    def in_(cls, world: World) -> Shelf:
        """Let `world` call this instead of the world outside."""
        shelf = cls()
        object.__setattr__(world.idp.issuing, "fetcher", shelf)
        object.__setattr__(world.idp.issuing.key_sets, "_fetcher", shelf)
        return shelf

    def get(self, url: str, *, max_bytes: int = 65_536, accept: Collection[str] = ()) -> bytes:  # noqa: ARG002
        refuse_event_loop()
        self.asked.append(url)
        if url not in self.bodies:
            raise FetchError("nothing there")
        return self.bodies[url]


def went_to(page: Any) -> dict[str, str]:
    """Return the parameters of a redirect to the platform, wherever they stand."""
    assert page.status_code == 303, page.text
    parts = urlsplit(page.headers["location"])
    assert page.headers["location"].startswith(CALLBACK)
    return dict(parse_qsl(parts.query or parts.fragment))


def error_page(page: Any) -> str:
    """Return the text of a page that redirects nobody."""
    assert page.status_code == 400, page.text
    assert "location" not in page.headers
    return str(page.text)
