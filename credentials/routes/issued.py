"""A registrar's view of what the school has issued: find one, look at it, change its status."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated
from uuid import UUID

import anyio
from fastapi import APIRouter, Form, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from credentials import correction, error_reports, receipts, revocation, store
from credentials.errors import InvalidCorrectionError, NothingToCorrectError
from credentials.graduates import Problem, title_of
from credentials.indices import number_index
from credentials.models import Credential
from credentials.reasons import possible_from, reasons_to
from credentials.routes import shown
from credentials.routes.bodies import at_most
from credentials.routes.files import receipts_file
from credentials.routes.problems import status_of
from credentials.routes.services import CredentialServices, Services
from credentials.status_list import Status
from credentials.types.diploma import DIPLOMA
from kernel.access import Actor, CurrentActor, allow
from kernel.csrf import CSRF
from kernel.errors import XinjiError
from kernel.pages import Pages, language_of, pages_of

router = APIRouter(prefix="/registrar/credentials", dependencies=[allow("registrar")])
_SMALL = 32 << 10


@router.get("")
async def issued(request: Request, by: Services, actor: CurrentActor, before: UUID | None = None) -> Response:
    """List what the school has issued, the newest first."""
    code = actor.organisation("registrar")
    with by.database.read() as session:
        found = store.credentials_of_school(session, code, before=before, limit=store.PAGE + 1)
        cards = shown.cards(session, found[: store.PAGE], by=by, language=language_of(request))
        reports = store.open_reports(session, code)
        count = store.count_credentials(session, code)
    values = {
        "cards": cards,
        "count": count,
        "reported": {report.credential_id for report in reports},
        "next_before": cards[-1].id if len(found) > store.PAGE else None,
        "wanted": None,
    }
    return pages_of(request).render(request, "credentials/issued.html", values)


@router.post("/search", dependencies=[at_most(_SMALL), CSRF])
async def search(
    request: Request, by: Services, actor: CurrentActor, wanted: Annotated[str, Form(max_length=40)] = ""
) -> Response:
    """Find by certificate number or student number; a POST, because neither belongs into an address."""
    code = actor.organisation("registrar")
    with by.database.read() as session:
        found = _find(session, by, code, wanted.strip())
        cards = shown.cards(session, found, by=by, language=language_of(request))
    values = {"cards": cards, "count": len(cards), "reported": set(), "next_before": None, "wanted": wanted.strip()}
    return pages_of(request).render(request, "credentials/issued.html", values)


@router.get("/receipts.csv")
async def receipts_csv(by: Services, actor: CurrentActor) -> Response:
    """Hand out the log receipts of all that the school has issued."""
    code = actor.organisation("registrar")
    return receipts_file(receipts.of_school(by, code), f"{code}-receipts.csv")


@router.get("/{credential_id}")
async def one(request: Request, credential_id: UUID, by: Services, actor: CurrentActor) -> Response:
    """Show one credential with its history, and the forms that change its status."""
    return _page(request, by, credential_id, actor)


def _page(
    request: Request,
    by: CredentialServices,
    credential_id: UUID,
    actor: Actor,
    *,
    error: XinjiError | None = None,
    typed: Mapping[str, str] | None = None,
) -> Response:
    pages, language = pages_of(request), language_of(request)
    with by.database.read() as session:
        credential = revocation.own_credential(session, credential_id, actor)
        (card,) = shown.cards(session, [credential], by=by, language=language)
        statements = store.statements_of(session, credential_id)
        key = store.holder_keys(session, [credential.person_id]).get(credential.person_id)
        reports = [
            (report, error_reports.open_text(by, report, key=key, person_id=credential.person_id) if key else "")
            for report in store.reports_of(session, credential_id)
        ]
    values = {
        "card": card,
        "batch_id": credential.batch_id,
        "row": credential.row,
        "commitment": credential.commitment.hex(),
        "history": [(statement, shown.reason_text(statement, language)) for statement in statements],
        "choices": [(int(to), to.name.lower(), reasons_to(to)) for to in possible_from(credential.status)],
        "reports": reports,
        "editable": _editable(card, typed) if credential.status in (Status.VALID, Status.SUSPENDED) else [],
        "refusal": None if error is None else {"code": error.code, "text": _refused(pages, language, error)},
    }
    status = 200 if error is None else status_of(error)
    return pages.render(request, "credentials/issued_one.html", values, status_code=status)


@router.post("/{credential_id}/status", dependencies=[at_most(_SMALL), CSRF])
async def change_status(
    credential_id: UUID,
    by: Services,
    actor: CurrentActor,
    to: Annotated[Status, Form()],
    reason: Annotated[str, Form(max_length=40)],
) -> Response:
    """Revoke, suspend or reinstate, with a reason."""
    work = partial(revocation.change_status, by, credential_id, to=to, reason_code=reason, actor=actor)
    await anyio.to_thread.run_sync(work)
    return RedirectResponse(f"/registrar/credentials/{credential_id}", status_code=303)


@router.post("/{credential_id}/correct", dependencies=[at_most(_SMALL), CSRF])
async def correct(request: Request, credential_id: UUID, by: Services, actor: CurrentActor) -> Response:
    """Issue a corrected credential that supersedes this one."""
    form = await request.form()
    changes = {name: str(form[name]) for name in correction.EDITABLE if name in form}
    try:
        fresh = await anyio.to_thread.run_sync(partial(correction.correct, by, credential_id, changes, actor=actor))
    except (InvalidCorrectionError, NothingToCorrectError) as error:
        return _page(request, by, credential_id, actor, error=error, typed=changes)
    return RedirectResponse(f"/registrar/credentials/{fresh}", status_code=303)


def _editable(card: shown.Card, typed: Mapping[str, str] | None) -> list[tuple[str, str, str]]:
    """Return name, column and text of the fields that a correction may change."""
    texts = {name: str(card.claims.get(name, "")) for name in correction.EDITABLE} | dict(typed or {})
    return [(name, title_of(name), texts[name]) for name in correction.EDITABLE]


def _refused(pages: Pages, language: str, error: XinjiError) -> str:
    if not isinstance(error, InvalidCorrectionError):
        return pages.describe(language, error)
    problems = [problem for problem in error.problems if isinstance(problem, Problem)]
    return "；".join(shown.sentence(pages, language, problem) for problem in problems)


def _find(session: Session, by: CredentialServices, code: str, wanted: str) -> list[Credential]:
    if not wanted:
        return []
    number = number_index(by.blind, DIPLOMA.vct, code, wanted)
    found = store.credentials_of_school(session, code, number_index=number)
    if found:
        return found
    person = by.directory.graduates(code, {wanted}).get(wanted)
    return [] if person is None else store.credentials_of_school(session, code, person_id=person.person_id)
