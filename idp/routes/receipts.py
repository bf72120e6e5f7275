"""The own consents: what is allowed now and withdrawn with one button, all receipts, receipts to take away."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from idp.consent import export, store
from idp.consent.giving import withdraw_consent
from idp.consent.showing import details_of, platforms_of
from idp.routes.consents import child_in
from idp.routes.developer import ClientId
from idp.routes.directory_pages import PageNumber
from idp.routes.forms import go, show
from idp.routes.services import idp_of
from kernel.access import CurrentActor, allow
from kernel.csrf import CSRF

router = APIRouter(include_in_schema=False)
PAGE: Final = "/account/consents"
_CSV: Final = "text/csv; charset=utf-8"
_JSON: Final = "application/json"


@router.get(PAGE, dependencies=[allow("signed-in")])
async def consents_page(request: Request, actor: CurrentActor, page: PageNumber = 1) -> Response:
    """Show which platforms are allowed what now, and a page of the receipts, ended ones too."""
    idp = idp_of(request)
    now = idp.now()
    with idp.database.read() as session:
        child = child_in(request, session, actor.person_id)
        platforms = platforms_of(session, actor.person_id, child=child, now=now)
        receipts, more = store.receipts_page(session, actor.person_id, page)
    values = {
        "platforms": platforms,
        "receipts": receipts,
        "details_of": details_of,
        "child": child,
        "now": now,
        "page": page,
        "more": more,
    }
    return show(request, "consents.html", values)


@router.get(f"{PAGE}/receipts.json", dependencies=[allow("signed-in")])
async def receipts_as_json(request: Request, actor: CurrentActor) -> Response:
    """Give the own receipts to take away, as JSON."""
    with idp_of(request).database.read() as session:
        return _file(export.as_json(store.receipts(session, actor.person_id)), _JSON, "receipts.json")


@router.get(f"{PAGE}/receipts.csv", dependencies=[allow("signed-in")])
async def receipts_as_csv(request: Request, actor: CurrentActor) -> Response:
    """Give the own receipts to take away, as a table."""
    with idp_of(request).database.read() as session:
        return _file(export.as_csv(store.receipts(session, actor.person_id)), _CSV, "receipts.csv")


@router.post("/account/platforms/{client_id}/withdraw", dependencies=[allow("signed-in"), CSRF])
async def withdraw(request: Request, actor: CurrentActor, client_id: ClientId) -> Response:
    """Withdraw what a platform is allowed, and its tokens. The holder may at any age."""
    idp = idp_of(request)
    with idp.database.write() as session:
        withdraw_consent(session, actor.person_id, client_id, idp.now())
    return go(PAGE)


def _file(text: str, media_type: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(text, media_type=media_type, headers=headers)
