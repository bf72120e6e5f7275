"""Pages with a form: shown again with the refusal beside it, in words, at the refusal's status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from idp.directory.eid import parse_eid
from idp.directory.errors import InputError
from idp.next_path import local_path
from idp.oauth.authorization.opening import glance
from idp.oauth.authorization.request import AuthorizationRequest
from idp.oauth.authorization.wishes import hinted_language, hinted_login
from idp.oauth.clients.registered import RegisteredClient
from idp.oauth.uris import form_target
from idp.routes.problems import status_of
from idp.routes.services import idp_of
from kernel.errors import XinjiError
from kernel.pages import language_of, pages_of, speak

HOME = "/account"


def show(
    request: Request,
    template: str,
    values: Mapping[str, Any] | None = None,
    *,
    error: XinjiError | None = None,
    next_: str = HOME,
) -> Response:
    """Render a form's page. `next_` is where the form leads in the end: the platform's name, `form-action`."""
    pages = pages_of(request)
    platform, targets = _platform(request, next_)
    refusal = None
    if error is not None:
        refusal = {"code": error.code, "text": pages.describe(language_of(request), error)}
    context = {"refusal": refusal, "next": next_, "platform": platform, **(values or {})}
    return pages.render(
        request,
        f"idp/{template}",
        context,
        status_code=200 if error is None else status_of(error),
        form_action=targets,
    )


def go(path: str, *, next_: str | None = None) -> Response:
    """Redirect to a path of ours, handing on where to go after."""
    if next_ is not None and next_ != HOME:
        path += f"{'&' if '?' in path else '?'}next={quote(next_, safe='')}"
    return RedirectResponse(path, status_code=303)


def wished(request: Request, form_value: str | None = None) -> str:
    """Return where the person wanted to go: only ever a local path."""
    return local_path(form_value or request.query_params.get("next"), otherwise=HOME)


def hinted_eid(request: Request, next_: str) -> str:
    """Return the person number that the platform's `login_hint` is, if it is one; it is not looked up."""
    asked = _asked(request, next_)
    try:
        return parse_eid(hinted_login(asked.values)) if asked else ""
    except InputError:
        return ""


def _platform(request: Request, next_: str) -> tuple[RegisteredClient | None, tuple[str, ...]]:
    """Return the platform that sent the person here, and what its forms may redirect to."""
    asked = _asked(request, next_)
    if asked is None:
        return None, ()
    speak(request, hinted_language(asked.values))
    return asked.client, (form_target(asked.redirect_uri),)


def _asked(request: Request, next_: str) -> AuthorizationRequest | None:
    """Return the platform's request that the person goes on to, if that is where the way leads."""
    parts = urlsplit(next_)
    if parts.path != "/oauth/authorize":
        return None
    idp = idp_of(request)
    return glance(parse_qsl(parts.query), clients=idp.clients, by=idp.issuing)
