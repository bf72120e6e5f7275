"""Routes of the identity provider: pages by FastAPI, machine endpoints by Starlette."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.routing import BaseRoute

from idp.routes import account, activation, authorize, device, logout, machines, signin, signout


def routers() -> list[APIRouter]:
    """Return the routers of the pages."""
    return [
        signin.router,
        signout.router,
        activation.router,
        account.router,
        authorize.router,
        device.router,
        logout.router,
    ]


def routes() -> list[BaseRoute]:
    """Return the lean routes of the machine endpoints."""
    return machines.ROUTES
