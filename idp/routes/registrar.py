"""The registrar's pages: dashboard, roster, single activation codes, rows that the county looks at."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, NamedTuple
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from idp.directory import activation, store
from idp.directory.activation import VOID_WITHIN
from idp.directory.errors import DirectoryError
from idp.directory.models import ActivationCode, Affiliation, Organisation, Person
from idp.directory.profiles import open_profile
from idp.directory.roster import store as rosters
from idp.routes import registrar_imports
from idp.routes.directory_pages import PageNumber, Search, directory_of, own_organisation, see, show
from kernel.access import CurrentActor, allow
from kernel.csrf import CSRF
from kernel.db import database_of
from kernel.pages import ZONE

router = APIRouter(prefix="/registrar", include_in_schema=False)

LATEST = 5


class RosterLine(NamedTuple):
    """A person of the roster as the page shows it."""

    affiliation: Affiliation
    name: str
    eid: str
    state: str
    activated_at: datetime | None
    voidable: bool


def routers() -> list[APIRouter]:
    """Return the routers of the registrar's pages."""
    return [router, registrar_imports.router]


@router.get("", dependencies=[allow("registrar")])
async def dashboard(request: Request, actor: CurrentActor) -> Response:
    """Show the school, its numbers, the latest imports and the ways on."""
    school = own_organisation(request, actor, "registrar")
    with database_of(request).read() as session:
        imports, _ = rosters.imports_page(session, school.id, 1)
        reviews = store.open_reviews(session, school.path)
    return show(
        request, "registrar/dashboard.html", {"school": school, "imports": imports[:LATEST], "reviews": reviews}
    )


@router.get("/roster", dependencies=[allow("registrar")])
async def roster(request: Request, actor: CurrentActor, q: Search = "", page: PageNumber = 1) -> Response:
    """Show a page of the school's students, found by the beginning of the student number."""
    school = own_organisation(request, actor, "registrar")
    return show(request, "registrar/roster.html", _roster(request, school, q, page))


@router.post("/roster/{affiliation_id}/activation-code", dependencies=[allow("registrar"), CSRF])
async def give_code(request: Request, actor: CurrentActor, affiliation_id: UUID) -> Response:
    """Give one person a new activation code and show it once."""
    school = own_organisation(request, actor, "registrar")
    by = directory_of(request)
    try:
        with database_of(request).write() as session:
            given = activation.give_code(
                session, affiliation_id, organisation_id=school.id, actor=actor.person_id, by=by
            )
            person = session.get_one(Person, given.person_id)
            name = open_profile(by.vault, person.wrapped_key, person.id, person.profile).name
    except DirectoryError as error:
        return show(request, "registrar/roster.html", _roster(request, school, "", 1), error=error)
    return show(
        request,
        "registrar/code.html",
        {"name": name, "eid": person.eid, "activation_code": given.code, "back": "/registrar/roster"},
    )


@router.post("/roster/{affiliation_id}/void-code", dependencies=[allow("registrar"), CSRF])
async def void_code(
    request: Request, actor: CurrentActor, affiliation_id: UUID, q: Annotated[str, Form(max_length=60)] = ""
) -> Response:
    """Make a code void that got into wrong hands before it was used."""
    school = own_organisation(request, actor, "registrar")
    with database_of(request).write() as session:
        now = directory_of(request).clock.now()
        activation.void_code(session, affiliation_id, organisation_id=school.id, actor=actor.person_id, now=now)
    return see(f"/registrar/roster?q={quote(q)}")


@router.post("/roster/{affiliation_id}/void-activation", dependencies=[allow("registrar"), CSRF])
async def void_activation(request: Request, actor: CurrentActor, affiliation_id: UUID) -> Response:
    """Undo an activation by the wrong person, within 72 hours."""
    school = own_organisation(request, actor, "registrar")
    try:
        with database_of(request).write() as session:
            activation.void_activation(
                session,
                affiliation_id,
                organisation_id=school.id,
                actor=actor.person_id,
                by=directory_of(request),
            )
    except DirectoryError as error:
        return show(request, "registrar/roster.html", _roster(request, school, "", 1), error=error)
    return see("/registrar/roster")


@router.get("/reviews", dependencies=[allow("registrar")])
async def reviews(request: Request, actor: CurrentActor, page: PageNumber = 1) -> Response:
    """Show which rows wait for the county, and what it answered."""
    school = own_organisation(request, actor, "registrar")
    with database_of(request).read() as session:
        cases, more = store.reviews_of(session, school.id, page)
    return show(request, "registrar/reviews.html", {"school": school, "cases": cases, "page": page, "more": more})


def _roster(request: Request, school: Organisation, search: str, page: int) -> dict[str, object]:
    by = directory_of(request)
    now = by.clock.now()
    with database_of(request).read() as session:
        rows, more = store.roster_page(session, school.id, search.strip().upper(), page)
        people = [person.id for _, person in rows]
        codes = store.activation_codes(session, people)
        homes = store.first_homes(session, people, now.astimezone(ZONE).date())
    lines = []
    for affiliation, person in rows:
        ours = homes.get(person.id) == school.id
        recent = person.activated_at is not None and now - person.activated_at <= VOID_WITHIN
        lines.append(
            RosterLine(
                affiliation,
                open_profile(by.vault, person.wrapped_key, person.id, person.profile).name,
                person.eid,
                _state(person, codes.get(person.id), ours=ours),
                activated_at=person.activated_at if ours and recent else None,
                voidable=ours and recent and by.revoke_access is not None,
            )
        )
    return {"school": school, "lines": lines, "q": search, "page": page, "more": more}


def _state(person: Person, code: ActivationCode | None, *, ours: bool) -> str:
    """Return what the school may know: active, code given, none given, or an account that begins elsewhere."""
    if person.activated_at is not None or not ours:
        return "account"
    return "none" if code is None else "code"
