"""The log over HTTP: its files, its public evidence, and a page to look at it."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.routing import BaseRoute, Route

from ledger.routes import explorer, files


def routers() -> list[APIRouter]:
    """Return the pages."""
    return [explorer.router]


def routes() -> list[BaseRoute]:
    """Return the log's files: public, without a session, fit for any cache."""
    return [
        Route("/log/checkpoint", files.checkpoint, methods=["GET"]),
        Route("/log/tile/{path:path}", files.tile, methods=["GET"]),
        Route("/log/evidence/{commitment}", files.evidence, methods=["GET"]),
    ]
