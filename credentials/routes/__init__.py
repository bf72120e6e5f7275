"""The routes of credentials: pages of holders and registrars, and the public files and look-ups.

The verifier's pages under /v are `credentials.routes.verify`.
"""

from __future__ import annotations

from fastapi import APIRouter
from starlette.routing import BaseRoute

from credentials.routes import batches, holder, issued, platform_api, public, shares


def routers() -> list[APIRouter]:
    """Return the routers of pages. Shares come first: `/credentials/{id}/share` is theirs."""
    return [shares.router, holder.router, batches.router, issued.router]


def routes() -> list[BaseRoute]:
    """Return the lean routes: status lists, trust file, issuer metadata, share look-up, reading by token."""
    return [*public.routes(), *platform_api.routes()]
