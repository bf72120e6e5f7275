"""A resource under our roof lets in tokens that count there, and learns what was granted with them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from server.adapters import token_gate
from tests.integration.idp.conftest import World

PATH = "/api/credentials"
DIPLOMA = "urn:xinji:credential:diploma:1"
DETAIL = {"type": "xinji_credential", "credential_types": [DIPLOMA], "actions": ["read"], "issuers": ["4141010459"]}


async def echo(request: Request) -> Response:
    """Answer what the gate says: stands for the credentials' handlers."""
    found = await token_gate(request, PATH)
    if isinstance(found, Response):
        return found
    readable = [[sorted(part.types), sorted(part.issuers)] for part in found.readable]
    return JSONResponse({"person": str(found.person_id), "client": found.client_id, "readable": readable})


@pytest.fixture
def world(small_world: World) -> World:
    small_world.app.router.routes.append(Route(PATH, echo, methods=["GET"]))
    return small_world


def granted(world: World, **changes: str) -> tuple[Any, str, Any]:
    """Return the person, the platform's client_id and the tokens of a sign-in with authorization details."""
    human = world.person()
    browser = world.activate(human, factor=False)
    platform = world.platform(authorization_details_types=["xinji_credential", "xinji_data_sharing"])
    code = world.code(platform, browser, **{"authorization_details": json.dumps([DETAIL]), **changes})
    return human, platform.client_id, world.redeem(platform, code).json()


def ask(world: World, token: str) -> Any:
    return world.browser().http.get(PATH, headers={"authorization": f"Bearer {token}"})


def test_the_gate_tells_whose_credentials_may_be_read(world: World) -> None:
    human, client_id, tokens = granted(world)
    assert tokens["authorization_details"] == [DETAIL]
    assert ask(world, tokens["access_token"]).json() == {
        "person": str(human.id),
        "client": client_id,
        "readable": [[[DIPLOMA], ["4141010459"]]],
    }


def test_a_token_without_such_details_reads_nothing(world: World) -> None:
    human = world.person()
    platform = world.platform()
    code = world.code(platform, world.activate(human, factor=False))
    assert ask(world, world.redeem(platform, code).json()["access_token"]).json()["readable"] == []


@pytest.mark.parametrize("token", ["", "nonsense", "xat_unknown", "x.y.z"])
def test_what_is_no_token_of_ours_is_refused(world: World, token: str) -> None:
    answer = ask(world, token)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith(("Bearer", "DPoP"))


def test_refresh_and_id_tokens_are_no_access_tokens(world: World) -> None:
    _, _, tokens = granted(world, scope="openid offline_access", prompt="consent")
    for kind in ("refresh_token", "id_token"):
        assert ask(world, tokens[kind]).status_code == 401


def test_a_token_for_another_resource_is_refused(world: World) -> None:
    human = world.person()
    platform = world.platform(xinji_resources=["https://elsewhere.example.edu.cn/api"])
    browser = world.activate(human, factor=False)
    code = world.code(platform, browser, resource="https://elsewhere.example.edu.cn/api")
    assert ask(world, world.redeem(platform, code).json()["access_token"]).status_code == 401


def test_withdrawn_consent_ends_reading(world: World) -> None:
    human = world.person()
    browser = world.activate(human, factor=False)
    platform = world.platform(authorization_details_types=["xinji_credential"])
    code = world.code(platform, browser, authorization_details=json.dumps([DETAIL]))
    token = world.redeem(platform, code).json()["access_token"]
    assert ask(world, token).status_code == 200
    browser.get("/account/consents")
    withdraw = next(form for form in browser.forms() if form.action.endswith("/withdraw"))
    browser.post(withdraw.action, withdraw.fields)
    assert ask(world, token).status_code == 401
