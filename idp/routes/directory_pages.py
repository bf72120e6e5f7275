"""What the registrar's and the officer's pages share: whose organisation, refusals in words, numbered pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Query, Request
from starlette.responses import RedirectResponse, Response

from idp.directory.models import Organisation
from idp.directory.power import known_organisation
from idp.directory.services import DirectoryServices
from idp.routes.problems import status_of
from kernel.access import Actor
from kernel.db import database_of
from kernel.errors import XinjiError
from kernel.pages import language_of, pages_of

PageNumber = Annotated[int, Query(ge=1, le=10_000)]
Search = Annotated[str, Query(max_length=60)]


def directory_of(request: Request) -> DirectoryServices:
    """Return the application's directory."""
    services: DirectoryServices = request.app.state.directory
    return services


def own_organisation(request: Request, actor: Actor, role: str) -> Organisation:
    """Return the organisation where the actor has `role`.

    Raises:
        NotAllowedError: Nowhere.
        OrganisationUnknownError: It has another code by now: signing in again helps.
    """
    with database_of(request).read() as session:
        return known_organisation(session, actor.organisation(role))


def show(
    request: Request, template: str, values: Mapping[str, Any] | None = None, *, error: XinjiError | None = None
) -> Response:
    """Render a page, with a refusal in words where there is one."""
    refusal = None
    if error is not None:
        refusal = {"code": error.code, "text": pages_of(request).describe(language_of(request), error)}
    context = {"refusal": refusal, **(values or {})}
    status = 200 if error is None else status_of(error)
    return pages_of(request).render(request, f"idp/{template}", context, status_code=status)


def sentence(request: Request, code: str, params: Mapping[str, str | int]) -> str:
    """Return the sentence of an error that was kept as code and params."""
    key = f"error.{code}"
    text = pages_of(request).translate(language_of(request), key)
    return text % params if params and text != key else text


def see(path: str) -> Response:
    """Redirect to a page of ours after a form."""
    return RedirectResponse(path, status_code=303)
