"""RP-initiated logout: a platform asks, the person confirms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from idp.oauth.authorization.response import form_target
from idp.oauth.logout.request import PARAMETERS, LogoutRequest, read_logout_request
from idp.routes import cookies
from idp.routes.forms import HOME, go
from idp.routes.services import idp_of
from idp.routes.signin import end_browser_session
from kernel.access import actor_or_none, allow
from kernel.csrf import CSRF
from kernel.pages import pages_of

router = APIRouter(include_in_schema=False)
Decision = Annotated[str, Form(max_length=16)]


@router.get("/oauth/logout", dependencies=[allow("anyone")])
async def logout(request: Request) -> Response:
    """Ask the person before signing out (RP-Initiated Logout §2); nobody signed in: go on at once."""
    return _ask(request, request.query_params)


@router.post("/oauth/logout", dependencies=[allow("anyone")])
async def logout_by_form(request: Request) -> Response:
    """Take the same parameters from the platform's form (§2). Changes nothing by itself."""
    form = await request.form()
    return _ask(request, {name: value for name, value in form.items() if isinstance(value, str)})


@router.post("/oauth/logout/confirm", dependencies=[allow("anyone"), CSRF])
async def confirm_logout(request: Request, decision: Decision = "") -> Response:
    """Sign out here, and send the person where the platform registered."""
    form = await request.form()
    asked = _read(request, {name: value for name, value in form.items() if isinstance(value, str)})
    if decision != "logout":
        return go(HOME)
    end_browser_session(request)
    response = _after(asked)
    cookies.drop(request, response, cookies.SESSION)
    return response


def _ask(request: Request, values: Mapping[str, str]) -> Response:
    asked = _read(request, values)
    if actor_or_none(request) is None:
        return _after(asked)
    kept = {name: values[name] for name in PARAMETERS if values.get(name)}
    targets = (form_target(asked.redirect_uri),) if asked.redirect_uri else ()
    context = {"client": asked.client, "kept": kept}
    return pages_of(request).render(request, "idp/logout.html", context, form_action=targets)


def _read(request: Request, values: Mapping[str, str]) -> LogoutRequest:
    idp = idp_of(request)
    return read_logout_request(values, issuer=idp.issuer, clients=idp.clients, keys=idp.keys)


def _after(asked: LogoutRequest) -> Response:
    return RedirectResponse(asked.redirect_uri or "/signout", status_code=303)
