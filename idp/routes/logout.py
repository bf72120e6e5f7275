"""RP-initiated logout: a platform asks, the person confirms, unless the platform proves that it means this session."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from idp.errors import InvalidLogoutRequestError
from idp.oauth.authorization.wishes import hinted_language
from idp.oauth.logout.request import PARAMETERS, LogoutRequest, read_logout_request
from idp.oauth.uris import form_target
from idp.routes.forms import HOME, go
from idp.routes.services import idp_of
from idp.routes.signout import PAGE, end_browser_session, signed_out
from kernel.access import actor_or_none, allow
from kernel.csrf import CSRF
from kernel.pages import pages_of, speak

router = APIRouter(include_in_schema=False)
Decision = Annotated[str, Form(max_length=16)]
Pairs = list[tuple[str, str]]


@router.get("/oauth/logout", dependencies=[allow("anyone")])
async def logout(request: Request) -> Response:
    """Sign out, or ask the person first (RP-Initiated Logout §2); nobody signed in: go on at once."""
    values = _values(request.query_params.multi_items())
    asked = _read(request, values)
    actor = actor_or_none(request)
    if actor is None:
        return RedirectResponse(asked.redirect_uri or PAGE, status_code=303)
    if asked.comes_from(actor.session_id):
        return signed_out(request, end_browser_session(request), onward=asked.redirect_uri, client=asked.client)
    return _ask(request, asked, values)


@router.post("/oauth/logout", dependencies=[allow("anyone")])
async def logout_by_form(request: Request) -> Response:
    """Take the same parameters from the platform's form (§2). Changes nothing by itself.

    Browsers send our cookie with no form of another site (SameSite), so who is signed in is not
    known here: the person is asked, and the answer comes from our own page.
    """
    form = await request.form()
    values = _values([(name, value) for name, value in form.multi_items() if isinstance(value, str)])
    return _ask(request, _read(request, values), values)


@router.post("/oauth/logout/confirm", dependencies=[allow("anyone"), CSRF])
async def confirm_logout(request: Request, decision: Decision = "") -> Response:
    """Sign out here, and send the person where the platform registered."""
    form = await request.form()
    kept = [(name, value) for name, value in form.multi_items() if isinstance(value, str) and name in PARAMETERS]
    asked = _read(request, _values(kept))
    if decision != "logout":
        return go(HOME)
    return signed_out(request, end_browser_session(request), onward=asked.redirect_uri, client=asked.client)


def _ask(request: Request, asked: LogoutRequest, values: Mapping[str, str]) -> Response:
    kept = {name: values[name] for name in PARAMETERS if values.get(name)}
    targets = (form_target(asked.redirect_uri),) if asked.redirect_uri else ()
    context = {"client": asked.client, "kept": kept}
    return pages_of(request).render(request, "idp/logout.html", context, form_action=targets)


def _values(pairs: Pairs) -> dict[str, str]:
    """Return the parameters, each at most once.

    Raises:
        InvalidLogoutRequestError: One is repeated: which one counts would be a guess.
    """
    known = [(name, value) for name, value in pairs if name in PARAMETERS]
    values = dict(known)
    if len(values) != len(known):
        raise InvalidLogoutRequestError("a parameter of the sign-out request is repeated", reason="repeated")
    return values


def _read(request: Request, values: Mapping[str, str]) -> LogoutRequest:
    idp = idp_of(request)
    speak(request, hinted_language(values))
    return read_logout_request(values, issuer=idp.issuer, clients=idp.clients, keys=idp.keys)
