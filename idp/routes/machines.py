"""Machine endpoints as lean Starlette handlers: token, userinfo, revocation, introspection, keys, discovery.

No FastAPI, no ORM, no templates: these take the load (design §2).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from idp.oauth.authorization.pushed import PushedAuthorization
from idp.oauth.fetching import off_loop, outside
from idp.oauth.keys import JWKS_AGE
from idp.oauth.metadata import provider_metadata
from idp.oauth.requests import CERTIFICATE, MAX_BODY, Call, headers_of
from idp.oauth.server import Answer
from idp.oauth.webfinger import issuer_link
from idp.routes.services import idp_of
from kernel.access import open_to
from kernel.errors import TooLargeError


@open_to("client")
async def token(request: Request) -> Response:
    """Answer a token request (RFC 6749 §3.2)."""
    return await _answered(request, idp_of(request).oauth.token)


@open_to("client")
async def revoke(request: Request) -> Response:
    """Revoke a token (RFC 7009)."""
    return await _answered(request, partial(idp_of(request).oauth.endpoint, "revocation"))


@open_to("client")
async def introspect(request: Request) -> Response:
    """Tell about a token (RFC 7662)."""
    return await _answered(request, partial(idp_of(request).oauth.endpoint, "introspection"))


@open_to("client")
async def device_authorization(request: Request) -> Response:
    """Give a device its codes (RFC 8628 §3.1)."""
    return await _answered(request, partial(idp_of(request).oauth.endpoint, "device_authorization"))


@open_to("client")
async def push(request: Request) -> Response:
    """Keep a platform's authorization request (RFC 9126)."""
    call = await call_of(request)
    work = partial(idp_of(request).oauth.endpoint, PushedAuthorization.ENDPOINT_NAME, call)
    # A request object may need keys from outside after the client's assertion was noted as spent.
    return json_of(await (outside if b"request=" in call.body else off_loop)(work))


@open_to("client")
async def user_info(request: Request) -> Response:
    """Return the claims that an access token releases (OIDC Core §5.3)."""
    return json_of(idp_of(request).oauth.userinfo(await call_of(request)))


@open_to("anyone")
async def jwks(request: Request) -> Response:
    """Return the keys that stock libraries read."""
    return _public(idp_of(request).keys.jwks(gm=False))


@open_to("anyone")
async def gm_jwks(request: Request) -> Response:
    """Return the SM2 keys."""
    return _public(idp_of(request).keys.jwks(gm=True))


@open_to("anyone")
async def configuration(request: Request) -> Response:
    """Return the provider's metadata (OIDC Discovery §4)."""
    return _public(provider_metadata(idp_of(request).issuer))


@open_to("anyone")
async def webfinger(request: Request) -> Response:
    """Tell which issuer signs people in here, without looking anybody up (RFC 7033, OIDC Discovery §2)."""
    query = request.query_params
    status, found = issuer_link(query.getlist("resource"), query.getlist("rel"), issuer=idp_of(request).issuer)
    # RFC 7033 §5: any page may ask.
    headers = {"Access-Control-Allow-Origin": "*"}
    return JSONResponse(found, status, headers=headers, media_type="application/jrd+json")


ROUTES: list[BaseRoute] = [
    Route("/oauth/token", token, methods=["POST"]),
    Route("/oauth/revoke", revoke, methods=["POST"]),
    Route("/oauth/introspect", introspect, methods=["POST"]),
    Route("/oauth/device", device_authorization, methods=["POST"]),
    Route("/oauth/par", push, methods=["POST"]),
    Route("/oauth/userinfo", user_info, methods=["GET", "POST"]),
    Route("/oauth/jwks.json", jwks, methods=["GET"]),
    Route("/jwks-gm.json", gm_jwks, methods=["GET"]),
    Route("/.well-known/openid-configuration", configuration, methods=["GET"]),
    Route("/.well-known/oauth-authorization-server", configuration, methods=["GET"]),
    Route("/.well-known/webfinger", webfinger, methods=["GET"]),
]


async def _answered(request: Request, work: Callable[[Call], Answer]) -> Response:
    call = await call_of(request)
    return json_of(await off_loop(lambda: work(call)))


async def call_of(request: Request) -> Call:
    """Return a request as the machine endpoints take it."""
    certificate = request.scope.get(CERTIFICATE)  # Only a trusted listener puts it there.
    headers = headers_of(request.scope["headers"])
    return Call(request.method, request.scope["path"], headers, await read_body(request), certificate)


async def read_body(request: Request) -> bytes:
    """Return the body of a call.

    Raises:
        TooLargeError: It is larger than any call of a machine endpoint.
    """
    body = b""
    while True:  # `request.stream()` does the same in three times the time.
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk: bytes = message.get("body", b"")
        body += chunk
        if len(body) > MAX_BODY:
            raise TooLargeError("the body is too large")
        if not message.get("more_body", False):
            return body


def json_of(answer: Answer) -> Response:
    """Return an answer as a response."""
    if isinstance(answer.body, str):  # A JWT; its type is among the headers.
        return Response(answer.body, answer.status, answer.headers)
    return JSONResponse(answer.body, status_code=answer.status, headers=answer.headers)


def _public(content: dict[str, Any]) -> Response:
    return JSONResponse(content, headers={"Cache-Control": f"public, max-age={JWKS_AGE}"})
