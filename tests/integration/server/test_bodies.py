from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from fastapi import FastAPI, HTTPException
from starlette.requests import Request
from starlette.testclient import TestClient
from starlette.types import Message

from credentials.sheet import MAX_BYTES as LARGEST_SHEET
from idp.directory.roster.limits import MAX_BYTES as LARGEST_ROSTER
from server import setup
from server.app import UPLOADS, create_app
from server.bodies import SMALL, BoundedBodies
from server.parts import build_parts
from server.settings import Installation, Settings

MULTIPART = {"content-type": "multipart/form-data; boundary=x"}
FILE = b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    settings = Settings(data_dir=tmp_path_factory.mktemp("bodies") / "data")
    setup.prepare(settings, Installation(base_url="http://localhost:8000"))
    return create_app(build_parts(settings))


class Endless:
    """A body that never ends, and tells how much of it was taken."""

    def __init__(self) -> None:
        self.taken = 0

    def __iter__(self) -> Iterator[bytes]:
        yield FILE
        while self.taken < 10 * SMALL:
            self.taken += 32 * 1024
            yield b"a" * (32 * 1024)


@pytest.mark.parametrize("path", ["/signin", "/signout", "/activate", "/oauth/logout", "/oauth/authorize"])
def test_a_file_sent_to_a_form_is_refused_before_it_is_kept(app: FastAPI, path: str) -> None:
    client = TestClient(app)
    announced = client.post(path, content=FILE + b"a" * 2 * SMALL, headers=MULTIPART)
    assert announced.status_code == 413
    in_chunks = client.post(path, content=iter(Endless()), headers={**MULTIPART, "accept": "text/html"})
    assert in_chunks.status_code == 413
    assert "提交的内容超过了" in in_chunks.text


def test_the_routes_that_take_files_take_large_ones(app: FastAPI) -> None:
    assert UPLOADS["/registrar/imports"] > LARGEST_ROSTER
    assert UPLOADS["/registrar/batches"] > LARGEST_SHEET
    paths = {getattr(route, "path", "") for route in app.router.routes} | set(app.url_path_for("imports").split("\0"))
    assert "/registrar/imports" in paths


def test_a_path_with_a_slash_too_many_leads_to_no_foreign_host(app: FastAPI) -> None:
    answer = TestClient(app).get("/v/", headers={"host": "foreign.example"}, follow_redirects=False)
    assert answer.status_code == 404
    assert "location" not in answer.headers


async def _reads(scope: dict[str, object], receive: object, send: object) -> None:
    del send
    async for _ in Request(scope, receive).stream():  # type: ignore[arg-type]
        pass


def test_a_body_that_drips_is_given_up() -> None:
    taken = asyncio.run(_dripping(0.0))
    assert taken == 20
    with pytest.raises(HTTPException) as refused:
        asyncio.run(_dripping(0.2))
    assert refused.value.status_code == 408


async def _dripping(pause: float) -> int:
    pieces: list[bytes] = []

    async def receive() -> Message:
        await asyncio.sleep(pause)
        pieces.append(b"a")
        return {"type": "http.request", "body": b"a", "more_body": len(pieces) < 20}

    async def send(message: Message) -> None:
        del message

    bounded = BoundedBodies(_reads, uploads={}, patience=0.3)  # type: ignore[arg-type]
    await bounded({"type": "http", "method": "POST", "path": "/signin", "headers": []}, receive, send)
    return len(pieces)
