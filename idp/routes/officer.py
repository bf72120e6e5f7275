"""The officer's pages: the tree with its numbers, registering below, first registrars, open reviews."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Path, Request
from starlette.responses import Response

from idp.directory import registration, store
from idp.directory.appointment import Appointed, appoint, read_appointment
from idp.directory.code_tables import GENDERS
from idp.directory.errors import DirectoryError
from idp.directory.identity_document import NO_EVIDENCE, PASSPORT, TYPES
from idp.directory.models import Organisation
from idp.directory.places import level_of
from idp.directory.power import within_power
from idp.directory.profiles import open_profile
from idp.directory.reviews import return_to_school
from idp.directory.school_code import SCHOOL_TYPES
from idp.platforms.reach import subtree
from idp.platforms.store import waiting_below
from idp.routes.directory_pages import PageNumber, Search, directory_of, own_organisation, see, show
from kernel.access import Actor, CurrentActor, allow
from kernel.csrf import CSRF
from kernel.db import database_of

router = APIRouter(prefix="/officer", include_in_schema=False)

Code = Annotated[str, Path(pattern=r"^\d{6}(\d{4})?$")]
Text = Annotated[str, Form(max_length=200)]
STAFF_DOCUMENTS = {code: names[0] for code, names in TYPES.items() if code not in {*NO_EVIDENCE, PASSPORT}}


def routers() -> list[APIRouter]:
    """Return the routers of the officer's pages."""
    return [router]


@router.get("", dependencies=[allow("officer")])
async def start(actor: CurrentActor) -> Response:
    """Lead to the own authority."""
    return see(f"/officer/{actor.organisation('officer')}")


@router.get("/reviews", dependencies=[allow("officer")])
async def reviews(request: Request, actor: CurrentActor, page: PageNumber = 1) -> Response:
    """Show the rows of the subtree's imports that wait for people."""
    return show(request, "officer/reviews.html", _reviews(request, actor, page))


@router.post("/reviews/{case_id}/return", dependencies=[allow("officer"), CSRF])
async def return_review(request: Request, actor: CurrentActor, case_id: UUID, note: Text = "") -> Response:
    """Return a row to its school with a note."""
    try:
        with database_of(request).write() as session:
            return_to_school(
                session,
                case_id,
                officer_of=actor.organisation("officer"),
                note=note,
                actor=actor.person_id,
                now=directory_of(request).clock.now(),
            )
    except DirectoryError as error:
        return show(request, "officer/reviews.html", _reviews(request, actor, 1), error=error)
    return see("/officer/reviews")


@router.get("/{code}", dependencies=[allow("officer")])
async def organisation(
    request: Request, actor: CurrentActor, code: Code, q: Search = "", page: PageNumber = 1
) -> Response:
    """Show an authority with its numbers and branches, or a school with its registrars."""
    place = _within(request, actor, code)
    if place.kind == "school":
        return show(request, "officer/school.html", _school(request, actor, place))
    return show(request, "officer/authority.html", _authority(request, actor, place, q.strip(), page))


@router.get("/{code}/schools/new", dependencies=[allow("officer")])
async def new_school(request: Request, actor: CurrentActor, code: Code) -> Response:
    """Ask for a new school's code and names."""
    return _form(request, "school", _within(request, actor, code), {})


@router.post("/{code}/schools", dependencies=[allow("officer"), CSRF])
async def register_school(
    request: Request, actor: CurrentActor, code: Code, number: Text = "", name: Text = "", name_en: Text = ""
) -> Response:
    """Register a school under this authority."""
    typed = {"number": number, "name": name, "name_en": name_en}
    return _register(request, actor, code, typed, kind="school", register=registration.register_school)


@router.get("/{code}/authorities/new", dependencies=[allow("officer")])
async def new_authority(request: Request, actor: CurrentActor, code: Code) -> Response:
    """Ask for a new authority's code and names."""
    return _form(request, "authority", _within(request, actor, code), {})


@router.post("/{code}/authorities", dependencies=[allow("officer"), CSRF])
async def register_authority(
    request: Request, actor: CurrentActor, code: Code, number: Text = "", name: Text = "", name_en: Text = ""
) -> Response:
    """Register an authority under this one."""
    typed = {"number": number, "name": name, "name_en": name_en}
    return _register(request, actor, code, typed, kind="authority", register=registration.register_authority)


@router.post("/{code}/staff", dependencies=[allow("officer"), CSRF])
async def appoint_staff(  # noqa: PLR0913 - the fields of the form
    request: Request,
    actor: CurrentActor,
    code: Code,
    name: Text = "",
    document_type: Text = "1",
    document_number: Text = "",
    birthdate: Text = "",
    gender: Text = "",
) -> Response:
    """Appoint a school's registrar, or an officer of an authority below; the code is shown once."""
    place = _within(request, actor, code)
    role = "registrar" if place.kind == "school" else "officer"
    typed = {"name": name, "document_type": document_type, "birthdate": birthdate, "gender": gender}
    by = directory_of(request)
    try:
        who = read_appointment(document_number=document_number, now=by.clock.now(), **typed)
        made = appoint(
            database_of(request),
            who,
            role=role,
            organisation=code,
            officer_of=actor.organisation("officer"),
            actor=actor.person_id,
            by=by,
        )
    except DirectoryError as error:
        typed["document_number"] = document_number
        if place.kind == "school":
            return show(request, "officer/school.html", _school(request, actor, place, typed), error=error)
        return show(request, "officer/authority.html", _authority(request, actor, place, "", 1, typed), error=error)
    return _appointed(request, place, made)


def _within(request: Request, actor: Actor, code: str) -> Organisation:
    with database_of(request).read() as session:
        return within_power(session, officer_of=actor.organisation("officer"), code=code)


def _register(
    request: Request,
    actor: Actor,
    code: str,
    typed: dict[str, str],
    *,
    kind: str,
    register: Callable[..., Organisation],
) -> Response:
    place = _within(request, actor, code)
    try:
        with database_of(request).write() as session:
            made = register(
                session,
                code=typed["number"],
                name=typed["name"],
                name_en=typed["name_en"],
                superior=code,
                officer_of=actor.organisation("officer"),
                actor=actor.person_id,
                now=directory_of(request).clock.now(),
            )
    except DirectoryError as error:
        return _form(request, kind, place, typed, error)
    return see(f"/officer/{made.code}")


def _form(
    request: Request, kind: str, place: Organisation, typed: dict[str, str], error: DirectoryError | None = None
) -> Response:
    values = {"kind": kind, "place": place, "typed": typed, "types": SCHOOL_TYPES, "level": level_of(place.code)}
    return show(request, "officer/register.html", values, error=error)


def _trail(request: Request, actor: Actor, place: Organisation) -> list[Organisation]:
    """Return the organisations from the officer's own down to `place`."""
    codes = place.path.rstrip("/").split("/")
    own = actor.organisation("officer")
    with database_of(request).read() as session:
        found = store.organisations_by_codes(session, codes[codes.index(own) :])
    return [found[code] for code in codes if code in found]


def _staff(request: Request, place: Organisation) -> list[dict[str, Any]]:
    by = directory_of(request)
    with database_of(request).read() as session:
        rows = store.staff_of(session, place.id)
    return [
        {
            "name": open_profile(by.vault, person.wrapped_key, person.id, person.profile).name,
            "eid": person.eid,
            "since": affiliation.since,
            "activated": person.activated_at is not None,
        }
        for affiliation, person in rows
    ]


def _authority(
    request: Request, actor: Actor, place: Organisation, q: str, page: int, typed: dict[str, str] | None = None
) -> dict[str, Any]:
    with database_of(request).read() as session:
        branches = store.branches(session, place.id)
        schools, people = store.subtree_numbers(session, place.path)
        listed, more = store.schools_page(session, path=place.path, direct=place.id, search=q, page=page)
        waiting = store.open_reviews(session, place.path)
        platforms_waiting = waiting_below(session, subtree(session, place.code))
    return {
        **_appointing(request, actor, place, typed),
        "branches": branches,
        "schools": schools,
        "people": people,
        "listed": listed,
        "more": more,
        "page": page,
        "q": q,
        "waiting": waiting,
        "platforms_waiting": platforms_waiting,
        "level": level_of(place.code),
        "own": place.code == actor.organisation("officer"),
    }


def _school(request: Request, actor: Actor, place: Organisation, typed: dict[str, str] | None = None) -> dict[str, Any]:
    return {**_appointing(request, actor, place, typed), "types": SCHOOL_TYPES}


def _appointing(request: Request, actor: Actor, place: Organisation, typed: dict[str, str] | None) -> dict[str, Any]:
    return {
        "place": place,
        "trail": _trail(request, actor, place),
        "staff": _staff(request, place),
        "typed": typed or {},
        "documents": STAFF_DOCUMENTS,
        "genders": GENDERS,
    }


def _appointed(request: Request, place: Organisation, made: Appointed) -> Response:
    values = {
        "name": made.name,
        "eid": made.eid,
        "activation_code": made.code,
        "back": f"/officer/{place.code}",
        "place": place,
    }
    return show(request, "officer/appointed.html", values)


def _reviews(request: Request, actor: Actor, page: int) -> dict[str, Any]:
    own = own_organisation(request, actor, "officer")
    with database_of(request).read() as session:
        cases, more = store.reviews_page(session, own.path, page)
    return {"place": own, "cases": cases, "page": page, "more": more}
