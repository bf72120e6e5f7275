"""A sign that the database cannot hold is the caller's mistake, not ours."""

from __future__ import annotations

import pytest
from fastapi import FastAPI, Request
from sqlalchemy import text
from starlette.responses import JSONResponse, Response
from starlette.testclient import TestClient

from kernel import problems
from kernel.db import Database, database_of


@pytest.mark.postgresql
def test_a_nul_sign_is_refused_as_input(postgresql_url: str) -> None:
    app = FastAPI(openapi_url=None)
    app.state.database = database = Database(postgresql_url)
    problems.install(app, {})

    @app.get("/find")
    async def find(request: Request) -> Response:
        with database_of(request).read() as session:
            found = session.execute(text("SELECT CAST(:name AS text)"), {"name": request.query_params["name"]}).scalar()
        return JSONResponse(found)

    client = TestClient(app, raise_server_exceptions=False)
    assert client.get("/find", params={"name": "李雷"}).json() == "李雷"
    answer = client.get("/find", params={"name": "a\x00b"})
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:xinji:problem:invalid_input")
    database.dispose()
