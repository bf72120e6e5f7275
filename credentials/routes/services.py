"""What the routes of this folder need, kept on `app.state.credentials` by the composition root."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from credentials.ports import CredentialServices

__all__ = ["CredentialServices", "Services", "address_of", "services_of"]


def services_of(request: Request) -> CredentialServices:
    """Return the application's credential services."""
    services: CredentialServices = request.app.state.credentials
    return services


def address_of(request: Request) -> str:
    """Return the address that this request came from, as far as the server in front of us tells."""
    return request.client.host if request.client else "unknown"


async def _services(request: Request) -> CredentialServices:
    return services_of(request)


Services = Annotated[CredentialServices, Depends(_services)]
