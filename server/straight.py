"""Requests of machine endpoints go straight to their handlers: neither the router nor FastAPI's wrappers are asked.

Only a lean route with a fixed path is found here, by one look-up. Whatever else there is, and
every error, goes the usual way, so that both ways answer alike.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

Handler = Callable[[Request], Awaitable[Response]]
_ERROR: Final = "xinji.error"


class Straight:
    """Wraps an application; `handlers` are its exception handlers."""

    def __init__(self, app: ASGIApp, *, routes: Sequence[BaseRoute], handlers: Mapping[Any, Any]) -> None:
        """Know the handlers of `routes`; where two have one path, the first counts, as it does for a router."""
        self._app = app
        self._table: dict[tuple[str, str], Handler] = {}
        for route in routes:
            if isinstance(route, Route) and not route.param_convertors and inspect.iscoroutinefunction(route.endpoint):
                for method in route.methods or ():
                    self._table.setdefault((method, route.path), route.endpoint)
        known = {kind: do for kind, do in handlers.items() if kind not in (HTTPStatus.INTERNAL_SERVER_ERROR, Exception)}
        self._errors = ExceptionMiddleware(_raise, known)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand the request on."""
        known = scope["type"] == "http" and not scope.get("root_path")
        handler = self._table.get((scope["method"], scope["path"])) if known else None
        if handler is None:
            await self._app(scope, receive, send)
            return
        try:
            response = await handler(Request(scope, receive, send))
        except Exception as error:  # noqa: BLE001 - the application's handlers decide, as everywhere
            scope[_ERROR] = error
            await self._errors(scope, receive, send)
            return
        await response(scope, receive, send)


async def _raise(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - an application
    raise scope[_ERROR]
