"""Default deny: every route declares who may call it, and every browser form carries its token."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Mount, Route

from kernel.access import Allow
from kernel.csrf import CSRF
from server.app import create_app
from server.parts import build_parts
from server.settings import Installation, Settings
from server.setup import prepare

WRITING = {"POST", "PUT", "PATCH", "DELETE"}
OF_SCHOOLS = ("/officer", "/ledger/issuers")  # The public codes of schools and authorities stand there.
# Programs call these with credentials of their own in the request, never with a browser's cookie.
WITHOUT_CSRF: dict[str, str] = {
    "/oauth/authorize": "a platform's request by POST (OIDC Core 3.1.2.1); it only shows pages",
    "/oauth/logout": "a platform's request by POST (RP-Initiated Logout 2); it asks before it signs out",
}


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> list[BaseRoute]:
    settings = Settings(data_dir=tmp_path_factory.mktemp("routes") / "data", keys_dir=None, database_url=None)
    prepare(settings, Installation(base_url="http://localhost:8000"))
    return list(flat(create_app(build_parts(settings)).router.routes))


def flat(routes: list[BaseRoute]) -> Iterator[BaseRoute]:
    for route in routes:
        included = getattr(route, "original_router", None)  # How FastAPI keeps an included router.
        if included is not None:
            yield from flat(included.routes)
        else:
            yield route


def test_there_are_routes(routes: list[BaseRoute]) -> None:
    assert len([route for route in routes if isinstance(route, APIRoute)]) > 40
    assert len([route for route in routes if isinstance(route, Route) and not isinstance(route, APIRoute)]) > 8


def test_every_route_declares_who_may_call_it(routes: list[BaseRoute]) -> None:
    assert [route for route in routes if not declared(route)] == []


def declared(route: BaseRoute) -> bool:
    if isinstance(route, APIRoute):
        return any(isinstance(dependency.dependency, Allow) for dependency in route.dependencies)
    if isinstance(route, Mount):
        return hasattr(route.app, "xinji_access")
    return hasattr(getattr(route, "endpoint", None), "xinji_access")


def test_every_form_of_a_page_is_guarded(routes: list[BaseRoute]) -> None:
    unguarded = [
        route.path
        for route in routes
        if isinstance(route, APIRoute)
        and WRITING & (route.methods or set())
        and not any(dependency.dependency is CSRF.dependency for dependency in route.dependencies)
        and route.path not in WITHOUT_CSRF
    ]
    assert unguarded == []


def test_no_route_takes_a_code_or_a_number_in_its_address(routes: list[BaseRoute]) -> None:
    """Addresses are logged by proxies: identifiers of rows may stand there, people's numbers and codes may not."""
    names = [
        (route.path, name)
        for route in routes
        if isinstance(route, APIRoute)
        for name in route.param_convertors
        if name in {"eid", "code", "number", "student_no", "document"} and not route.path.startswith(OF_SCHOOLS)
    ]
    assert names == []
