"""How an authorization endpoint's answer leaves: as a redirect, or as a form that posts itself.

The form's page works without JavaScript too: our policy forbids inline script, so a file does
what the button does (Form Post Response Mode §2).
"""

from __future__ import annotations

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from idp.oauth.authorization.request import AuthorizationRequest
from idp.oauth.authorization.response import AuthorizationAnswer, answer_to, error_params
from idp.oauth.authorization.response_modes import Way
from idp.oauth.errors import AuthorizationError
from idp.oauth.uris import Params, form_target
from idp.routes.services import idp_of
from kernel.pages import pages_of

NO_STORE = {"Cache-Control": "no-store"}


def send(request: Request, asked: AuthorizationRequest, params: Params) -> Response:
    """Answer the platform with `params`, `state` and `iss`, the way it asked for."""
    idp = idp_of(request)
    answer = answer_to(asked, params, issuer=idp.issuer, keys=idp.keys, now=idp.now())
    if answer.way is Way.FORM_POST:
        return _form(request, asked, answer)
    # 303: a browser that sent a form here must not send it on to the platform (RFC 9700 §4.12).
    return RedirectResponse(answer.location, status_code=303, headers=NO_STORE)


def refuse(request: Request, asked: AuthorizationRequest, error: AuthorizationError) -> Response:
    """Send a refusal to the platform, the way it asked for (OIDC Core §3.1.2.6)."""
    return send(request, asked, error_params(error))


def _form(request: Request, asked: AuthorizationRequest, answer: AuthorizationAnswer) -> Response:
    values = {"client": asked.client, "target": answer.uri, "params": answer.params}
    return pages_of(request).render(request, "idp/form_post.html", values, form_action=(form_target(answer.uri),))
