"""Making a share, seeing who looked, withdrawing it."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from credentials import bundles, share_store, sharing
from credentials.errors import (
    InvalidExpiryError,
    InvalidPinError,
    NothingSelectedError,
    PinRequiredError,
)
from credentials.qr import qr_svg
from credentials.routes import shown
from credentials.routes.bodies import at_most
from credentials.routes.problems import status_of
from credentials.routes.services import CredentialServices, Services
from kernel.access import Actor, CurrentActor, allow
from kernel.csrf import CSRF
from kernel.errors import XinjiError
from kernel.ids import new_token
from kernel.pages import data_uri, language_of, pages_of

router = APIRouter(dependencies=[allow("signed-in")])
DAYS = (7, 30, 90, 180)
_SMALL = 32 << 10


@router.get("/credentials/{credential_id}/share")
async def share_form(request: Request, credential_id: UUID, by: Services, actor: CurrentActor) -> Response:
    """Show the form: which fields, how long, with a PIN or without."""
    return _form(request, by, credential_id, actor)


@router.post("/credentials/{credential_id}/share", dependencies=[at_most(_SMALL), CSRF])
async def share(request: Request, credential_id: UUID, by: Services, actor: CurrentActor) -> Response:
    """Make the share and show its code, this once."""
    form = await request.form()
    try:
        made = sharing.create_share(by, credential_id, _wish(form), actor=actor)
    except (NothingSelectedError, InvalidExpiryError, InvalidPinError, PinRequiredError) as error:
        return _form(request, by, credential_id, actor, form=form, error=error)
    link = by.addresses.share(made.code)
    values = {
        "made": made,
        "credential_id": credential_id,
        "link": link,
        "qr": data_uri("image/svg+xml", qr_svg(link)),
        "host": shown.verifier_host(by),
        "pin": bool(form.get("pin")),
    }
    return pages_of(request).render(request, "credentials/share_made.html", values)


@router.get("/shares")
async def shares(
    request: Request, by: Services, actor: CurrentActor, page: Annotated[int, Query(ge=1, le=1000)] = 1
) -> Response:
    """List the actor's shares, open and ended."""
    with by.database.read() as session:
        offset = (page - 1) * share_store.PAGE
        found = share_store.shares_of_person(session, actor.person_id, limit=share_store.PAGE + 1, offset=offset)
        looks = share_store.count_lookups(session, [one.id for one in found])
    now = by.clock.now()
    rows = [(one, shown.share_state(one, now), looks.get(one.id)) for one in found[: share_store.PAGE]]
    values = {"rows": rows, "page": page, "more": len(found) > share_store.PAGE}
    return pages_of(request).render(request, "credentials/shares.html", values)


@router.get("/shares/{share_id}")
async def one(request: Request, share_id: UUID, by: Services, actor: CurrentActor) -> Response:
    """Show one share and who looked at it, when."""
    with by.database.read() as session:
        share_ = sharing.own_share(session, share_id, actor)
        lookups = share_store.lookups_of(session, share_id)
        credential = sharing.own(session, share_.credential_id, actor)
        (card,) = shown.cards(session, [credential], by=by, language=language_of(request))
    fields = [line.title for line in card.lines if line.name in share_.fields]
    values = {
        "share": share_,
        "state": shown.share_state(share_, by.clock.now()),
        "lookups": lookups,
        "card": card,
        "fields": fields,
    }
    return pages_of(request).render(request, "credentials/share.html", values)


@router.post("/shares/{share_id}/withdraw", dependencies=[at_most(_SMALL), CSRF])
async def withdraw(share_id: UUID, by: Services, actor: CurrentActor) -> Response:
    """Withdraw one share."""
    sharing.withdraw(by, share_id, actor=actor)
    return RedirectResponse(f"/shares/{share_id}", status_code=303)


def _form(
    request: Request,
    by: CredentialServices,
    credential_id: UUID,
    actor: Actor,
    *,
    form: FormData | None = None,
    error: XinjiError | None = None,
) -> Response:
    pages, language = pages_of(request), language_of(request)
    with by.database.read() as session:
        credential = sharing.own(session, credential_id, actor)
        (card,) = shown.cards(session, [credential], by=by, language=language)
    names = {line.name for line in card.lines}
    values = {
        "card": card,
        "ticked": sharing.offered(names) if form is None else set(form.getlist("field")),
        "days": DAYS,
        "chosen": sharing.DEFAULT_DAYS if form is None else str(form.get("days", "")),
        "pin_required": sharing.needs_pin(card.claims.get("birthdate"), by.clock.now().date()),
        "form": new_token(18),
        "refusal": None if error is None else {"code": error.code, "text": pages.describe(language, error)},
        "ready_at": bundles.ready_at(credential, by),
    }
    status = 200 if error is None else status_of(error)
    return pages.render(request, "credentials/share_new.html", values, status_code=status)


def _wish(form: FormData) -> sharing.Wish:
    days = str(form.get("days", ""))
    fields = frozenset(str(value) for value in form.getlist("field"))
    return sharing.Wish(
        fields=fields,
        days=None if days == "until-withdrawn" else int(days) if days.isascii() and days.isdigit() else 0,
        pin=str(form.get("pin", "")).strip() or None,
        form=str(form.get("form", "")) or new_token(18),
    )
