"""A holder's own credentials: cards, one certificate, the bundle file, the report of a wrong entry."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from credentials import bundles, error_reports, share_store, sharing, store
from credentials.routes import shown
from credentials.routes.bodies import at_most
from credentials.routes.services import Services
from kernel.access import CurrentActor, allow
from kernel.csrf import CSRF
from kernel.pages import language_of, pages_of

router = APIRouter(prefix="/credentials", dependencies=[allow("signed-in")])
_SMALL = 32 << 10


@router.get("")
async def mine(
    request: Request, by: Services, actor: CurrentActor, page: Annotated[int, Query(ge=1, le=1000)] = 1
) -> Response:
    """Show the actor's credentials as cards."""
    with by.database.read() as session:
        offset = (page - 1) * store.PAGE
        found = store.credentials_of_person(session, actor.person_id, limit=store.PAGE + 1, offset=offset)
        cards = shown.cards(session, found[: store.PAGE], by=by, language=language_of(request))
        shares = share_store.shares_of_person(session, actor.person_id)
        looks = share_store.count_lookups(session, [share.id for share in shares])
    now = by.clock.now()
    looked = {card.id: [looks[s.id] for s in shares if s.credential_id == card.id and s.id in looks] for card in cards}
    values = {
        "cards": cards,
        "looked": {
            id_: (sum(count for count, _ in all_), max(at for _, at in all_)) for id_, all_ in looked.items() if all_
        },
        "page": page,
        "more": len(found) > store.PAGE,
        "now": now,
    }
    return pages_of(request).render(request, "credentials/mine.html", values)


@router.get("/{credential_id}")
async def one(request: Request, credential_id: UUID, by: Services, actor: CurrentActor) -> Response:
    """Show one credential as a certificate."""
    language, now = language_of(request), by.clock.now()
    with by.database.read() as session:
        credential = sharing.own(session, credential_id, actor)
        (card,) = shown.cards(session, [credential], by=by, language=language)
        shares = share_store.shares_of_person(session, actor.person_id, credential_id=credential_id)
        looks = share_store.count_lookups(session, [share.id for share in shares])
        statements = store.statements_of(session, credential_id)
        reports = store.reports_of(session, credential_id)
    values = {
        "card": card,
        "shares": [(share, shown.share_state(share, now), looks.get(share.id)) for share in shares],
        "reason": shown.reason_text(statements[0], language) if statements and credential.status else None,
        "changed_at": statements[0].at if statements and credential.status else None,
        "reports": reports,
        "host": shown.verifier_host(by),
    }
    return pages_of(request).render(request, "credentials/credential.html", values)


@router.get("/{credential_id}/bundle")
async def bundle(credential_id: UUID, by: Services, actor: CurrentActor) -> Response:
    """Hand the holder the whole bundle as a file, for `xinji-verify` and for keeping."""
    with by.database.read() as session:
        credential = sharing.own(session, credential_id, actor)
        disclosures = bundles.disclosures_of(session, credential, by=by)
        assembled = bundles.assemble(session, credential, disclosures, by=by)
    headers = {
        "Content-Disposition": f'attachment; filename="{credential_id}.xinji.json"',
        "Cache-Control": "no-store",
    }
    return Response(bundles.encode(assembled.bundle), media_type="application/json", headers=headers)


@router.get("/{credential_id}/report")
async def report_form(request: Request, credential_id: UUID, by: Services, actor: CurrentActor) -> Response:
    """Show the form to report a wrong entry."""
    with by.database.read() as session:
        credential = sharing.own(session, credential_id, actor)
        (card,) = shown.cards(session, [credential], by=by, language=language_of(request))
    return pages_of(request).render(request, "credentials/report.html", {"card": card})


@router.post("/{credential_id}/report", dependencies=[at_most(_SMALL), CSRF])
async def report(
    credential_id: UUID,
    by: Services,
    actor: CurrentActor,
    field: Annotated[str, Form(max_length=40)],
    text: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """Tell the school that a field is wrong."""
    error_reports.report(by, credential_id, field=field, text=text, actor=actor)
    return RedirectResponse(f"/credentials/{credential_id}", status_code=303)
