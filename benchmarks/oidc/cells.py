"""What is measured of a provider: seven operations, the same requests for ours and for the peer.

A provider is known by its metadata, three clients and one signed-in browser: nothing here
asks whose it is.
"""

from __future__ import annotations

import itertools
import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from urllib.parse import urlencode

from benchmarks.oidc.generator import Connection, Operation, Prepare, basic, get, post
from crypto.encoding import b64u
from crypto.hashes import sha256

CALLBACK: Final = "http://127.0.0.1:8001/callback"
TOKENS: Final = 4  # Access tokens a connection: 64 different ones are asked about in turn.
_CODE: Final = re.compile(rb"[?&]code=([^&]+)")


@dataclass(frozen=True, slots=True)
class Client:
    """A registered platform."""

    client_id: str
    secret: str

    @property
    def headers(self) -> dict[str, str]:
        """How it proves who it is."""
        return basic(self.client_id, self.secret)


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider that runs, with somebody signed in who consented before."""

    name: str
    port: int
    paths: Mapping[str, str]
    web: Client
    offline: Client
    machine: Client | None
    cookie: str
    pids: tuple[int, ...]
    sign_in: Callable[[], str] | None = None
    """Signs in anew and returns the cookie: the peer's adapter forgets all but the last thousand entries."""


async def _flow(connection: Connection, provider: Provider, client: Client, scope: str) -> dict[str, str]:
    """Go through the code flow as a browser that is signed in, and its platform, do."""
    verifier = secrets.token_urlsafe(32)
    query = {
        "response_type": "code",
        "client_id": client.client_id,
        "redirect_uri": CALLBACK,
        "scope": scope,
        "state": "s",
        "nonce": secrets.token_urlsafe(8),
        "code_challenge": b64u(sha256(verifier.encode())),
        "code_challenge_method": "S256",
    }
    address = f"{provider.paths['authorization_endpoint']}?{urlencode(query)}"
    reply = await connection.send(get(address, {"Cookie": provider.cookie}), 303)
    found = _CODE.search(reply.header(b"location"))
    if found is None:
        raise LookupError(f"no code, but {reply.header(b'location')!r}")
    form = {
        "grant_type": "authorization_code",
        "code": found[1].decode(),
        "redirect_uri": CALLBACK,
        "code_verifier": verifier,
    }
    reply = await connection.send(post(provider.paths["token_endpoint"], form, client.headers), 200)
    answer: dict[str, str] = json.loads(reply.body)
    return answer


def code_flow(provider: Provider) -> Prepare:
    """Authorization with a session and a consent, then the code for tokens: two requests count as one flow."""

    async def operation(connection: Connection) -> None:
        await _flow(connection, provider, provider.web, "openid profile")

    return _ready(operation)


def refresh(provider: Provider) -> Prepare:
    """A refresh that rotates: each connection has a family of its own."""

    async def prepare(connection: Connection) -> Operation:
        token = (await _flow(connection, provider, provider.offline, "openid profile offline_access"))["refresh_token"]
        headers, path = provider.offline.headers, provider.paths["token_endpoint"]

        async def operation(connection: Connection) -> None:
            nonlocal token
            request = post(path, {"grant_type": "refresh_token", "refresh_token": token}, headers)
            token = json.loads((await connection.send(request, 200)).body)["refresh_token"]

        return operation

    return prepare


def client_credentials(provider: Provider) -> Prepare:
    """A token for the platform itself."""
    if provider.machine is None:
        raise LookupError("no client may do this")
    request = post(
        provider.paths["token_endpoint"],
        {"grant_type": "client_credentials"},
        provider.machine.headers,
    )
    return _ready(_same(request))


def introspection(provider: Provider) -> Prepare:
    """The platform asks about people's access tokens."""

    async def prepare(connection: Connection) -> Operation:
        tokens = [await _access_token(connection, provider) for _ in range(TOKENS)]
        path, headers = provider.paths["introspection_endpoint"], provider.web.headers
        requests = itertools.cycle([post(path, {"token": token}, headers) for token in tokens])

        async def operation(connection: Connection) -> None:
            reply = await connection.send(next(requests), 200)
            if b'"active":true' not in reply.body:
                raise LookupError(f"not active: {reply.body!r}")

        return operation

    return prepare


def userinfo(provider: Provider) -> Prepare:
    """The platform asks who a person is."""

    async def prepare(connection: Connection) -> Operation:
        tokens = [await _access_token(connection, provider) for _ in range(TOKENS)]
        path = provider.paths["userinfo_endpoint"]
        requests = itertools.cycle([get(path, {"Authorization": f"Bearer {token}"}) for token in tokens])

        async def operation(connection: Connection) -> None:
            await connection.send(next(requests), 200)

        return operation

    return prepare


def discovery(provider: Provider) -> Prepare:
    """The provider's metadata."""
    return _ready(_same(get(provider.paths["configuration"], {})))


def jwks(provider: Provider) -> Prepare:
    """The provider's keys."""
    return _ready(_same(get(provider.paths["jwks_uri"], {})))


CELLS: Final = MappingProxyType(
    {
        "client_credentials": client_credentials,
        "introspection": introspection,
        "refresh": refresh,
        "code flow": code_flow,
        "userinfo": userinfo,
        "discovery": discovery,
        "JWKS": jwks,
    }
)


async def _access_token(connection: Connection, provider: Provider) -> str:
    return (await _flow(connection, provider, provider.web, "openid profile"))["access_token"]


def _same(request: bytes) -> Operation:
    async def operation(connection: Connection) -> None:
        await connection.send(request, 200)

    return operation


def _ready(operation: Operation) -> Prepare:
    async def prepare(_connection: Connection) -> Operation:
        return operation

    return prepare
