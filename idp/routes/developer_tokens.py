"""Initial access tokens: a developer's own, and those of the province. Shown once."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from idp.errors import InvalidClientMetadataError
from idp.oauth.clients.dynamic import PATH
from idp.platforms import permits
from idp.platforms.errors import PlatformError
from idp.platforms.fields import Typed
from idp.routes.platform_pages import developer, see, show_form, typed_in
from idp.routes.services import idp_of
from kernel.access import Actor, CurrentActor, allow
from kernel.csrf import CSRF
from kernel.errors import XinjiError

router = APIRouter(include_in_schema=False)
OWN = "/developer/tokens"
PROVINCE = "/officer/platforms/tokens"
FIRST: Typed = {"uses": ["5"], "days": ["7"]}


@router.get(OWN, dependencies=[allow("signed-in")])
async def own_tokens(request: Request, actor: CurrentActor) -> Response:
    """List the own tokens, and offer another."""
    return _page(request, OWN, developer(actor).person_id, FIRST)


@router.post(OWN, dependencies=[allow("signed-in"), CSRF])
async def issue_own(request: Request, actor: CurrentActor) -> Response:
    """Make a token for the own trials, and show it once."""
    idp = idp_of(request)
    typed = await typed_in(request)
    person_id = developer(actor).person_id
    try:
        with idp.database.write() as session:
            token = permits.issue_own(session, typed, person_id=person_id, keyed=idp.keyed, now=idp.now())
    except (PlatformError, InvalidClientMetadataError) as error:
        return _page(request, OWN, person_id, typed, error=error)
    return _page(request, OWN, person_id, FIRST, token=token)


@router.post(f"{OWN}/{{token_id}}/end", dependencies=[allow("signed-in"), CSRF])
async def end_own(request: Request, actor: CurrentActor, token_id: UUID) -> Response:
    """End one of the own tokens."""
    idp = idp_of(request)
    person_id = developer(actor).person_id
    with idp.database.write() as session:
        permits.revoke(session, token_id, made_by=person_id, actor=person_id, now=idp.now())
    return see(OWN)


@router.get(PROVINCE, dependencies=[allow("officer")])
async def province_tokens(request: Request, actor: CurrentActor) -> Response:
    """List the province's tokens, and offer another."""
    _check_province(request, actor)
    return _page(request, PROVINCE, None, FIRST)


@router.post(PROVINCE, dependencies=[allow("officer"), CSRF])
async def issue_for(request: Request, actor: CurrentActor) -> Response:
    """Make a token for an owner's platforms, and show it once."""
    idp = idp_of(request)
    typed = await typed_in(request)
    _check_province(request, actor)
    try:
        with idp.database.write() as session:
            token = permits.issue_for(
                session,
                typed,
                person_id=actor.person_id,
                officer_of=actor.organisation("officer"),
                keyed=idp.keyed,
                now=idp.now(),
            )
    except (PlatformError, InvalidClientMetadataError) as error:
        return _page(request, PROVINCE, None, typed, error=error)
    return _page(request, PROVINCE, None, FIRST, token=token)


@router.post(f"{PROVINCE}/{{token_id}}/end", dependencies=[allow("officer"), CSRF])
async def end_province(request: Request, actor: CurrentActor, token_id: UUID) -> Response:
    """End one of the province's tokens."""
    idp = idp_of(request)
    _check_province(request, actor)
    with idp.database.write() as session:
        permits.revoke(session, token_id, made_by=None, actor=actor.person_id, now=idp.now())
    return see(PROVINCE)


def _check_province(request: Request, actor: Actor) -> None:
    with idp_of(request).database.read() as session:
        permits.check_province(session, actor.organisation("officer"))


def _page(
    request: Request,
    place: str,
    made_by: UUID | None,
    typed: Typed,
    *,
    token: str | None = None,
    error: XinjiError | None = None,
) -> Response:
    idp = idp_of(request)
    with idp.database.read() as session:
        rows = permits.permits(session, made_by, idp.now())
    values: dict[str, Any] = {
        "rows": rows,
        "place": place,
        "province": made_by is None,
        "token": token,
        "endpoint": idp.issuer + PATH,
    }
    return show_form(request, "developer/tokens.html", values, typed=typed, error=error)
