"""The officers' review of platforms: the queue, one platform, the decisions on it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from idp.directory import lookup
from idp.errors import InvalidClientMetadataError
from idp.oauth.clients.metadata import ClientMetadata
from idp.oauth.stores import clients
from idp.platforms import review, store
from idp.platforms.errors import PlatformError, ValidUntilError
from idp.platforms.fields import Typed
from idp.platforms.reach import check_within, subtree
from idp.platforms.review import Reviewer
from idp.platforms.states import FILTERS, REMINDED, WAITING
from idp.platforms.technical import profile_of
from idp.routes.developer import ClientId
from idp.routes.directory_pages import PageNumber, Search
from idp.routes.platform_pages import see, show_form, typed_in
from idp.routes.services import idp_of
from kernel.access import Actor, CurrentActor, allow
from kernel.csrf import CSRF
from kernel.errors import NotFoundError, XinjiError

router = APIRouter(prefix="/officer/platforms", include_in_schema=False)
State = Annotated[str, Query(pattern=f"^({'|'.join(FILTERS)})$")]
Reason = Annotated[str, Form(max_length=1_000)]
Choice = Annotated[str, Form(max_length=16)]


@router.get("", dependencies=[allow("officer")])
async def platforms(
    request: Request, actor: CurrentActor, state: State = WAITING, q: Search = "", page: PageNumber = 1
) -> Response:
    """List the platforms of the officer's part of the tree."""
    idp = idp_of(request)
    now = idp.now()
    with idp.database.read() as session:
        path = subtree(session, actor.organisation("officer"))
        rows, more = store.queue(session, path=path, state=state, search=q.strip(), page=page, now=now)
        waiting = store.waiting_below(session, path)
    values = {
        "rows": rows,
        "more": more,
        "page": page,
        "q": q.strip(),
        "state": state,
        "filters": FILTERS,
        "waiting": waiting,
        "province": path is None,
        "now": now,
        "soon": now + REMINDED,
    }
    return show_form(request, "platforms/queue.html", values, typed={})


@router.get("/{client_id}", dependencies=[allow("officer")])
async def platform(request: Request, actor: CurrentActor, client_id: ClientId) -> Response:
    """Show all that was filed about a platform, and what can be decided."""
    return _page(request, actor, client_id)


@router.post("/{client_id}/approve", dependencies=[allow("officer"), CSRF])
async def approve(request: Request, actor: CurrentActor, client_id: ClientId) -> Response:
    """Approve what was filed, or a part of it."""
    idp = idp_of(request)
    typed = await typed_in(request)
    try:
        with idp.database.write() as session:
            review.approve(
                session,
                client_id,
                _filing_id(typed),
                scopes=typed.get("scope", ()),
                valid_until=_day(typed, idp.today()),
                minors_confirmed="yes" in typed.get("minors_confirmed", ()),
                reviewer=_reviewer(actor),
                now=idp.now(),
            )
    except (PlatformError, InvalidClientMetadataError) as error:
        return _page(request, actor, client_id, typed=typed, error=error)
    idp.clients.forget(client_id)
    return see(f"/officer/platforms/{client_id}")


@router.post("/{client_id}/refuse", dependencies=[allow("officer"), CSRF])
async def refuse(request: Request, actor: CurrentActor, client_id: ClientId) -> Response:
    """Refuse what was filed, with a reason."""
    idp = idp_of(request)
    typed = await typed_in(request)
    try:
        with idp.database.write() as session:
            review.refuse(
                session,
                client_id,
                _filing_id(typed),
                reason=_text(typed, "reason"),
                reviewer=_reviewer(actor),
                now=idp.now(),
            )
    except PlatformError as error:
        return _page(request, actor, client_id, typed=typed, error=error)
    return see(f"/officer/platforms/{client_id}")


@router.post("/{client_id}/block", dependencies=[allow("officer"), CSRF])
async def block(
    request: Request, actor: CurrentActor, client_id: ClientId, block_reason: Reason = "", how: Choice = "block"
) -> Response:
    """Block a platform at once, or remove it for good."""
    idp = idp_of(request)
    try:
        with idp.database.write() as session:
            review.block(
                session,
                client_id,
                reason=block_reason,
                remove=how == "remove",
                reviewer=_reviewer(actor),
                now=idp.now(),
            )
    except PlatformError as error:
        typed = {"block_reason": [block_reason], "how": [how]}
        return _page(request, actor, client_id, typed=typed, error=error)
    idp.clients.forget(client_id)
    return see(f"/officer/platforms/{client_id}")


@router.post("/{client_id}/unblock", dependencies=[allow("officer"), CSRF])
async def unblock(request: Request, actor: CurrentActor, client_id: ClientId, block_reason: Reason = "") -> Response:
    """Serve a blocked platform again."""
    idp = idp_of(request)
    try:
        with idp.database.write() as session:
            review.unblock(session, client_id, reason=block_reason, reviewer=_reviewer(actor), now=idp.now())
    except PlatformError as error:
        return _page(request, actor, client_id, typed={"block_reason": [block_reason]}, error=error)
    idp.clients.forget(client_id)
    return see(f"/officer/platforms/{client_id}")


def _reviewer(actor: Actor) -> Reviewer:
    return Reviewer(actor.person_id, actor.organisation("officer"))


def _text(typed: Typed, name: str) -> str:
    return (typed.get(name) or ("",))[-1]


def _filing_id(typed: Typed) -> UUID:
    try:
        return UUID(_text(typed, "filing"))
    except ValueError as error:
        raise NotFoundError("there is no such filing") from error


def _day(typed: Typed, today: date) -> date:
    try:
        return date.fromisoformat(_text(typed, "valid_until").strip())
    except ValueError as error:
        raise ValidUntilError("this is no day", last=(today + review.LONGEST).isoformat()) from error


def _page(
    request: Request,
    actor: Actor,
    client_id: str,
    *,
    typed: Typed | None = None,
    error: XinjiError | None = None,
) -> Response:
    idp = idp_of(request)
    now, today = idp.now(), idp.today()
    with idp.database.read() as session:
        filing = check_within(session, store.latest(session, client_id), officer_of=actor.organisation("officer"))
        client = clients.client(session, client_id)
        if client is None:
            raise NotFoundError("there is no such platform")
        approved = store.in_force(session, client_id)
        decisions = store.decisions_of(session, client_id)
        names = _names(request, session, [decision.by for decision in decisions])
        filer = idp.subject(session, filing.filed_by)
    wished = ClientMetadata.model_validate(filing.wished)
    present = ClientMetadata.model_validate(client.registered) if approved else None
    values: dict[str, Any] = {
        "client": client,
        "filing": filing,
        "approved": approved if approved is not None and approved.id != filing.id else None,
        "decisions": decisions,
        "names": names,
        "filer": filer,
        "wished": wished,
        "present": present,
        "profile": profile_of(wished),
        "own": actor.person_id in (client.registered_by, filing.filed_by),
        "now": now,
        "soon": now + REMINDED,
        "first_day": today + timedelta(days=1),
        "last_day": today + review.LONGEST,
    }
    first: Typed = {"scope": wished.scope.split(), "valid_until": [(today + review.LONGEST).isoformat()]}
    return show_form(request, "platforms/platform.html", values, typed={**first, **(typed or {})}, error=error)


def _names(request: Request, session: Any, people: list[UUID]) -> dict[UUID, str]:
    vault = idp_of(request).directory.vault
    found = {person_id: lookup.person_by_id(session, vault, person_id) for person_id in set(people)}
    return {person_id: person.name for person_id, person in found.items() if person is not None}
