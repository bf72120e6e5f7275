"""Signing out of this browser, and the page after: it tells platforms in frames, and names those it cannot tell."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from idp import sessions
from idp.oauth.clients.registered import RegisteredClient
from idp.oauth.logout.ending import LeftPlatform
from idp.oauth.uris import form_target
from idp.routes import cookies
from idp.routes.services import idp_of
from kernel import audit
from kernel.access import actor_or_none, allow
from kernel.csrf import CSRF
from kernel.pages import pages_of

router = APIRouter(include_in_schema=False)
PAGE = "/signout"
FRAMES = 20
"""As many platforms as are told in frames; a session is at more of them hardly ever."""


@router.get(PAGE, dependencies=[allow("anyone")])
async def sign_out_page(request: Request) -> Response:
    """Ask before signing out: a link in a foreign page must not do it."""
    values = {"done": actor_or_none(request) is None, "frames": (), "silent": (), "onward": None, "client": None}
    return pages_of(request).render(request, "idp/signout.html", values)


@router.post(PAGE, dependencies=[allow("anyone"), CSRF])
async def sign_out(request: Request) -> Response:
    """Sign this browser out."""
    return signed_out(request, end_browser_session(request))


def end_browser_session(request: Request) -> Sequence[LeftPlatform]:
    """End the session of this browser, if there is one; return the platforms that it was signed in at."""
    actor = actor_or_none(request)
    if actor is None:
        return ()
    idp = idp_of(request)
    now = idp.now()
    with idp.database.write() as session:
        left = sessions.end_session(session, UUID(actor.session_id), actor.person_id, now)
        audit.record(session, at=now, action="signout", actor=actor.person_id, subject=actor.person_id)
    request.state.actor = None
    return left or ()


def signed_out(
    request: Request, left: Sequence[LeftPlatform], *, onward: str | None = None, client: RegisteredClient | None = None
) -> Response:
    """Go on to `onward`, an address that `client` registered, or say that it is done.

    A page stands between where platforms are to be told in frames (Front-Channel Logout §3); it
    names those that learn nothing of it.
    """
    issuer = idp_of(request).issuer
    frames = [frame for platform in left if (frame := platform.frame(issuer))][:FRAMES]
    asking = client.client_id if client else ""  # It knows.
    silent = [platform for platform in left if not platform.hears and platform.client_id != asking]
    if frames or (silent and onward is None):
        values = {"done": True, "frames": frames, "silent": silent, "onward": onward, "client": client}
        sources = tuple(dict.fromkeys(form_target(frame) for frame in frames))
        response: Response = pages_of(request).render(request, "idp/signout.html", values, frame_src=sources)
    else:
        response = RedirectResponse(onward or PAGE, status_code=303)
    response.headers["Cache-Control"] = "no-store"
    cookies.drop(request, response, cookies.SESSION)
    return response
