"""Credentials for platforms that the holder let read them, by access token: lean handlers, JSON.

`app.state.token_gate` lets in who presents one; it is wired by the composition root.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from credentials import platform_access
from credentials.errors import CredentialNotFoundError
from credentials.models import Credential
from credentials.platform_access import Reading
from credentials.routes.services import services_of
from credentials.status_list import Status
from kernel import audit
from kernel.access import open_to

PATH: Final = "/api/credentials"
"""The resource (RFC 8707) is this path of the issuer."""

TokenGate = Callable[[Request, str], Awaitable[Reading | Response]]


@open_to("client")
async def credentials(request: Request) -> Response:
    """List the holder's credentials that the token lets read: what they are, not what they say."""
    reading = await _reading(request)
    if isinstance(reading, Response):
        return reading
    with services_of(request).database.read() as session:
        found = [_described(one) for one in platform_access.listed(session, reading)]
    return _json({"credentials": found}, reading)


@open_to("client")
async def credential(request: Request) -> Response:
    """Hand out the bundle of one of them: it verifies without asking us."""
    reading = await _reading(request)
    if isinstance(reading, Response):
        return reading
    by = services_of(request)
    try:
        wanted = UUID(request.path_params["credential_id"])
    except ValueError as error:
        raise CredentialNotFoundError("the token does not let read such a credential") from error
    with by.database.read() as session:
        bundle = platform_access.bundle_for(session, wanted, reading, by=by)
    with by.database.write() as session:
        audit.record(
            session,
            at=by.clock.now(),
            action="credential.read",
            subject=reading.person_id,
            client=reading.client_id,
            credential=str(wanted),
        )
    return _json(bundle, reading)


def routes() -> list[BaseRoute]:
    """Return the lean routes."""
    return [Route(PATH, credentials, methods=["GET"]), Route(f"{PATH}/{{credential_id}}", credential, methods=["GET"])]


async def _reading(request: Request) -> Reading | Response:
    gate: TokenGate = request.app.state.token_gate
    return await gate(request, PATH)


def _described(row: Credential) -> dict[str, str]:
    return {
        "id": str(row.id),
        "type": row.vct,
        "issuer": row.issuer_code,
        "status": Status(row.status).name.lower(),
    }


def _json(content: object, reading: Reading) -> Response:
    return JSONResponse(content, headers={**reading.headers, "Cache-Control": "no-store"})
