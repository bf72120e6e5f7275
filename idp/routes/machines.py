"""Machine endpoints as lean Starlette handlers: token, userinfo, revocation, introspection, keys, discovery.

No FastAPI, no ORM, no templates: these take the load (design §2).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from idp.oauth.endpoints.userinfo import bearer_token, userinfo
from idp.oauth.errors import InsufficientScopeError, InvalidTokenError
from idp.oauth.fetching import off_loop
from idp.oauth.keys import JWKS_AGE
from idp.oauth.metadata import provider_metadata
from idp.oauth.requests import CERTIFICATE, MAX_BODY, Call, form_or_nothing
from idp.oauth.server import Answer
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
async def user_info(request: Request) -> Response:
    """Return the claims that an access token releases (OIDC Core §5.3)."""
    idp = idp_of(request)
    body = await _body(request) if request.method == "POST" else b""
    try:
        bearer = bearer_token(request.headers, form_or_nothing(request.headers.get("content-type", ""), body))
        claims = userinfo(bearer, subject_of=idp.subject, by=idp.issuing)
    except InvalidTokenError as error:
        return _challenge(401, error)
    except InsufficientScopeError as error:
        return _challenge(403, error)
    return JSONResponse(claims, headers={"Cache-Control": "no-store"})


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


ROUTES: list[BaseRoute] = [
    Route("/oauth/token", token, methods=["POST"]),
    Route("/oauth/revoke", revoke, methods=["POST"]),
    Route("/oauth/introspect", introspect, methods=["POST"]),
    Route("/oauth/device", device_authorization, methods=["POST"]),
    Route("/oauth/userinfo", user_info, methods=["GET", "POST"]),
    Route("/oauth/jwks.json", jwks, methods=["GET"]),
    Route("/jwks-gm.json", gm_jwks, methods=["GET"]),
    Route("/.well-known/openid-configuration", configuration, methods=["GET"]),
]


async def _answered(request: Request, work: Callable[[Call], Answer]) -> Response:
    call = await _call(request)
    return _json(await off_loop(lambda: work(call)))


async def _call(request: Request) -> Call:
    certificate = request.scope.get(CERTIFICATE)  # Only a trusted listener puts it there.
    return Call(request.method, request.url.path, request.headers, await _body(request), certificate)


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise TooLargeError("the body is too large")
    return bytes(body)


def _json(answer: Answer) -> Response:
    return JSONResponse(answer.body, status_code=answer.status, headers=answer.headers)


def _public(content: dict[str, Any]) -> Response:
    return JSONResponse(content, headers={"Cache-Control": f"public, max-age={JWKS_AGE}"})


def _challenge(status: int, error: InvalidTokenError | InsufficientScopeError) -> Response:
    challenge = f'Bearer error="{error.code}", error_description="{error}"'
    body = {"error": error.code, "error_description": str(error)}
    return JSONResponse(body, status, headers={"WWW-Authenticate": challenge, "Cache-Control": "no-store"})
