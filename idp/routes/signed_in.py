"""Who is signed in on a request, for `kernel.access`; and signing a browser in or out."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID

from fastapi import Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from idp import sessions, store
from idp.authn.devices import remember_person
from idp.browser_name import browser_name
from idp.directory import lookup
from idp.oauth.authorization.steps import SignedIn
from idp.people import is_staff
from idp.routes import cookies
from idp.routes.services import idp_of
from kernel import audit
from kernel.access import Actor, Role
from kernel.errors import BusyError


def actor_of(request: Request) -> Actor | None:
    """Return who is signed in in this browser, and note that it was seen. Wired as `app.state.actor_of`."""
    token = cookies.read(request, cookies.SESSION)
    if not token:
        return None
    idp = idp_of(request)
    now = idp.now()
    with idp.database.read_core() as connection:
        row = sessions.find_session(connection, token, keyed=idp.keyed, now=now)
        if row is None:
            return None
        found = lookup.person_with_places(connection, idp.directory.vault, row.person_id, idp.today())
    if found is None:
        return None
    person, places = found
    roles = [Role(held.role, held.organisation_code) for held in places]
    if sessions.is_idle(row, now, staff=is_staff(roles)):
        return None
    request.state.person = person  # For who asks about them within this request.
    if now - row.last_seen_at >= sessions.TOUCH:
        # A busy database must not keep anybody out: the next request notes it.
        with suppress(BusyError), idp.database.write() as session:
            store.touch_session(session, row.id, now)
    return Actor(
        person_id=row.person_id,
        session_id=str(row.id),
        name=person.name,
        eid=person.eid,
        roles=tuple(roles),
        amr=tuple(row.amr.split()),
        auth_time=row.auth_time,
    )


def signed_in_as(actor: Actor | None) -> SignedIn | None:
    """Return the actor as the authorization endpoint wants it."""
    if actor is None:
        return None
    return SignedIn(actor.person_id, UUID(actor.session_id), actor.auth_time, actor.amr)


def browser_of(request: Request) -> sessions.Browser:
    """Return what is known of the browser."""
    return sessions.Browser(browser_name(request.headers.get("user-agent", "")), address_of(request))


def address_of(request: Request) -> str:
    """Return the caller's address; a proxy's own is replaced by the server before it comes here."""
    return request.client.host if request.client else ""


def open_browser_session(session: Session, request: Request, person_id: UUID, methods: Sequence[str]) -> str:
    """Sign the person in, in `session`'s transaction; somebody else who was signed in here is signed out."""
    idp = idp_of(request)
    now = idp.now()
    before = cookies.read(request, cookies.SESSION)
    old = store.session_by_token(session, sessions.token_hash(idp.keyed, before)) if before else None
    if old is not None and old.person_id == person_id and now < old.expires_at:
        row, token = old, sessions.reopen(session, old, methods, keyed=idp.keyed, now=now)
    else:
        if old is not None:
            sessions.end_session(session, old.id, old.person_id, now)
        row, token = sessions.open_session(session, person_id, methods, browser_of(request), keyed=idp.keyed, now=now)
    audit.record(
        session,
        at=now,
        action="signin",
        actor=person_id,
        subject=person_id,
        origin=row.origin,
        amr=row.amr,
    )
    return token


def go_on_signed_in(request: Request, person_id: UUID, token: str, where: str) -> Response:
    """Answer a finished sign-in: the new session's cookie, a device that is known from now on, and the way on."""
    idp = idp_of(request)
    response = RedirectResponse(where, status_code=303)
    cookies.write(request, response, cookies.SESSION, token)
    device = remember_person(idp.keyed, cookies.read(request, cookies.DEVICE), person_id)
    cookies.write(request, response, cookies.DEVICE, device, max_age=cookies.DEVICE_AGE)
    cookies.drop(request, response, cookies.PENDING)
    return response
