"""The composition root's upper half: routes on parts, one ASGI application per role."""

from __future__ import annotations

from typing import Final, Literal

from fastapi import APIRouter, FastAPI
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles

import credentials.routes
import credentials.routes.problems
import credentials.routes.verify
import idp.routes
import idp.routes.officer
import idp.routes.problems
import idp.routes.registrar
import ledger.routes
import ledger.routes.problems
from credentials.sheet import MAX_BYTES as LARGEST_SHEET
from idp.directory.roster.limits import MAX_BYTES as LARGEST_ROSTER
from idp.routes.signed_in import actor_of
from kernel import problems
from kernel.access import open_to
from ledger.routes.services import ExplorerServices
from server import home
from server.adapters import token_gate
from server.bodies import SMALL, BoundedBodies
from server.client_certificates import ClientCertificates
from server.headers import SecurityHeaders
from server.parts import ROOT, Parts
from server.straight import Straight

Role = Literal["all", "idp", "issuer", "verifier", "log"]

UPLOADS: Final = {
    "/registrar/imports": LARGEST_ROSTER + SMALL,
    "/registrar/batches": LARGEST_SHEET + SMALL,
}
STATIC: Final = (("credentials", "credentials/static"), ("idp", "idp/static"), ("", "kernel/static"))


def create_app(parts: Parts, *, role: Role = "all") -> FastAPI:
    """Return the application with the routes of `role`."""
    settings = parts.settings
    app = FastAPI(
        title="信籍 Xinji",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # It would ask the environment at each request.
        redirect_slashes=False,  # Such a redirect goes to whatever host the request named.
    )
    app.state.database = parts.database
    app.state.csrf = parts.csrf
    app.state.pages = parts.pages
    app.state.clock = parts.clock
    app.state.actor_of = actor_of
    app.state.idp = parts.idp
    app.state.directory = parts.directory
    app.state.credentials = parts.credentials
    app.state.ledger = ExplorerServices(parts.log)
    app.state.token_gate = token_gate
    app.state.parts = parts
    problems.install(
        app,
        {
            **ledger.routes.problems.STATUS_OF,
            **idp.routes.problems.STATUS_OF,
            **credentials.routes.problems.STATUS_OF,
        },
    )
    lean = _lean_routes(role)
    app.add_middleware(Straight, routes=lean, handlers=app.exception_handlers)  # The innermost: all others hold.
    app.add_middleware(BoundedBodies, uploads=UPLOADS)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(
        ClientCertificates,
        proxy_key=settings.proxy_key.get_secret_value() if settings.proxy_key else None,
        proxy_socket=str(settings.proxy_socket) if settings.proxy_socket else None,
    )
    app.router.routes.extend(lean)  # First: routes are tried one after the other.
    for router in _routers(role):
        app.include_router(router)
    app.router.routes.extend(_static())
    return app


def _routers(role: Role) -> list[APIRouter]:
    of_role: dict[Role, list[APIRouter]] = {
        "idp": [*idp.routes.routers(), *idp.routes.registrar.routers(), *idp.routes.officer.routers()],
        "issuer": credentials.routes.routers(),
        "verifier": [credentials.routes.verify.router],
        "log": ledger.routes.routers(),
    }
    chosen = [router for routers in of_role.values() for router in routers] if role == "all" else of_role[role]
    return [home.router, *chosen]


def _lean_routes(role: Role) -> list[BaseRoute]:
    of_role: dict[Role, list[BaseRoute]] = {
        "idp": idp.routes.routes(),
        "issuer": credentials.routes.routes(),
        "verifier": credentials.routes.routes(),  # The same look-ups and lists, on hosts of their own.
        "log": ledger.routes.routes(),
    }
    of_role["all"] = [*of_role["idp"], *of_role["issuer"], *of_role["log"]]
    return of_role[role]


def _static() -> list[BaseRoute]:
    mounts: list[BaseRoute] = []
    for name, folder in STATIC:
        files = StaticFiles(directory=ROOT / folder)
        mounts.append(Mount(f"/static/{name}".rstrip("/"), app=open_to("anyone")(files), name=f"static-{name}"))
    return mounts
