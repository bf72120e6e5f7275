"""Dynamic registration and its management as lean Starlette handlers (RFC 7591 §3, RFC 7592 §2)."""

from __future__ import annotations

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from idp.oauth.clients import dynamic
from idp.oauth.errors import InvalidTokenError, RegistrationError
from idp.oauth.fetching import off_loop
from idp.routes.machines import read_body
from idp.routes.services import idp_of
from kernel.access import open_to

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


@open_to("client")
async def register(request: Request) -> Response:
    """Register a platform with an initial access token (RFC 7591 §3.1)."""
    by = idp_of(request).registering
    kind, body = request.headers.get("content-type", ""), await read_body(request)
    try:
        token = _bearer(request)
        made = await off_loop(lambda: dynamic.register(token, kind, body, by=by))
    except (InvalidTokenError, RegistrationError) as error:
        return _refused(error)
    return JSONResponse(made, HTTPStatus.CREATED, headers=NO_STORE)


@open_to("client")
async def manage(request: Request) -> Response:
    """Read, replace or end a registration with its registration access token (RFC 7592 §2)."""
    by = idp_of(request).registering
    client_id = request.path_params["client_id"]
    kind, body = request.headers.get("content-type", ""), await read_body(request)
    try:
        token = _bearer(request)
        if request.method == "DELETE":
            dynamic.delete_registration(client_id, token, by=by)
            return Response(status_code=HTTPStatus.NO_CONTENT, headers=NO_STORE)
        if request.method == "PUT":
            work = lambda: dynamic.update_registration(client_id, token, kind, body, by=by)  # noqa: E731
            return JSONResponse(await off_loop(work), headers=NO_STORE)
        return JSONResponse(dynamic.read_registration(client_id, token, by=by), headers=NO_STORE)
    except (InvalidTokenError, RegistrationError) as error:
        return _refused(error)


ROUTES: list[BaseRoute] = [
    Route(dynamic.PATH, register, methods=["POST"]),
    Route(f"{dynamic.PATH}/{{client_id}}", manage, methods=["GET", "PUT", "DELETE"]),
]


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise InvalidTokenError("there must be a bearer token")
    return token.strip()


def _refused(error: InvalidTokenError | RegistrationError) -> Response:
    if isinstance(error, RegistrationError):  # RFC 7591 §3.2.2.
        body = {"error": error.error, "error_description": error.description}
        return JSONResponse(body, HTTPStatus.BAD_REQUEST, headers=NO_STORE)
    challenge = f'Bearer error="{error.code}", error_description="{error}"'
    body = {"error": error.code, "error_description": str(error)}
    return JSONResponse(body, HTTPStatus.UNAUTHORIZED, headers={**NO_STORE, "WWW-Authenticate": challenge})
