"""Routes of the identity provider: pages by FastAPI, machine endpoints by Starlette."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.routing import BaseRoute

from idp.routes import (
    account,
    activation,
    authorize,
    children,
    developer,
    developer_filing,
    developer_tokens,
    device,
    guardians,
    logout,
    machines,
    platform_review,
    receipts,
    registration,
    signin,
    signout,
)


def routers() -> list[APIRouter]:
    """Return the routers of the pages."""
    return [
        authorize.router,  # First: it takes the load, and routes are tried one after the other.
        signin.router,
        signout.router,
        activation.router,
        account.router,
        receipts.router,
        children.router,
        guardians.router,
        device.router,
        logout.router,
        developer.router,
        developer_filing.router,
        developer_tokens.router,
        platform_review.router,  # Before the officer's: its address begins as theirs do.
    ]


def routes() -> list[BaseRoute]:
    """Return the lean routes of the machine endpoints."""
    return [*machines.ROUTES, *registration.ROUTES]
