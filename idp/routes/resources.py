"""The gate of resources that another room serves under this roof: an access token comes in, a person goes on."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from idp.oauth.endpoints.resource import Admitted
from idp.routes.machines import call_of, json_of
from idp.routes.services import idp_of


async def admit(request: Request, path: str) -> Admitted | Response:
    """Return who presents an access token that counts at the resource `path` of the issuer, or the refusal."""
    idp = idp_of(request)
    found = idp.oauth.admit(await call_of(request), resource=f"{idp.issuer}{path}")
    return found if isinstance(found, Admitted) else json_of(found)
