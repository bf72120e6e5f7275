"""What goes straight to its handler answers as what goes by the router does, errors too."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI, HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.testclient import TestClient

from kernel import problems
from kernel.errors import NotFoundError
from server.straight import Straight


async def well(request: Request) -> Response:
    return JSONResponse({"query": request.url.query, "state": request.app.state.word})


async def refused(request: Request) -> Response:  # noqa: ARG001 - a handler
    raise NotFoundError("not here")


async def too_large(request: Request) -> Response:  # noqa: ARG001 - a handler
    raise HTTPException(413, "too large", headers={"X-Limit": "1"})


async def broken(request: Request) -> Response:  # noqa: ARG001 - a handler
    raise RuntimeError("secret detail")


async def first(request: Request) -> Response:  # noqa: ARG001 - a handler
    return Response("first")


ROUTES: list[BaseRoute] = [
    Route("/well", well, methods=["GET"]),
    Route("/posted", well, methods=["POST"]),
    Route("/refused", refused),
    Route("/large", too_large),
    Route("/broken", broken),
    Route("/twice", first),
    Route("/twice", well),
    Route("/of/{name}", well),
]


def client(*, straight: bool) -> TestClient:
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.state.word = "w"
    problems.install(app, {})
    if straight:
        app.add_middleware(Straight, routes=ROUTES, handlers=app.exception_handlers)
    app.router.routes.extend(ROUTES)
    return TestClient(app, raise_server_exceptions=False)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/well?a=1", 200),
        ("HEAD", "/well", 200),
        ("POST", "/well", 405),
        ("GET", "/posted", 405),
        ("POST", "/posted", 200),
        ("GET", "/refused", 404),
        ("GET", "/large", 413),
        ("GET", "/broken", 500),
        ("GET", "/twice", 200),
        ("GET", "/of/x", 200),
        ("GET", "/well/", None),
        ("GET", "/nothing", 404),
    ],
)
def test_both_ways_answer_alike(method: str, path: str, status: int | None) -> None:
    there, here = (_told(client(straight=straight).request(method, path)) for straight in (False, True))
    assert here == there
    assert status is None or here[0] == status
    assert "secret detail" not in str(here)


def _told(answer: Any) -> tuple[int, dict[str, str], str]:
    content = answer.text
    if answer.status_code == 500:  # Each has a request id of its own.
        content = answer.json()["type"]
    headers = {name: value for name, value in answer.headers.items() if name != "content-length" or content}
    return answer.status_code, headers, content
