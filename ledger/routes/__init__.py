"""The log over HTTP: its files, its public evidence, and a page to look at it."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.routing import BaseRoute, Route

from ledger.routes import explorer, files


def routers() -> list[APIRouter]:
    """Return the pages."""
    return [explorer.router]


def routes() -> list[BaseRoute]:
    """Return the log's files and those of its later shards: public, without a session, fit for any cache."""
    return [
        Route(f"{log}{path}", handler, methods=["GET"])
        for log in ("/log", "/log/{year}")
        for path, handler in (
            ("/checkpoint", files.checkpoint),
            ("/tile/{path:path}", files.tile),
            ("/evidence/{commitment}", files.evidence),
        )
    ]
