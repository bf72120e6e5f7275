"""The staff's pages on guardians: propose, confirm as a second person, list, end; make a guardian known here."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Path, Request
from starlette.responses import Response

from idp.consent.giving import end_of_guardianship
from idp.directory import guardianship
from idp.directory.appointment import appoint, read_appointment
from idp.directory.code_tables import GENDERS, GUARDIAN_RELATIONS
from idp.directory.errors import DirectoryError
from idp.directory.guardianship import Proposal
from idp.directory.identity_document import NO_EVIDENCE, PASSPORT, TYPES
from idp.directory.models import Organisation
from idp.directory.power import within_power
from idp.routes.directory_pages import PageNumber, own_organisation, see, show
from idp.routes.services import idp_of
from kernel.access import Actor, CurrentActor, allow
from kernel.csrf import CSRF
from kernel.db import database_of
from kernel.errors import NotFoundError, XinjiError

router = APIRouter(include_in_schema=False)
OWN = "/registrar/guardians"
Text = Annotated[str, Form(max_length=200)]
SchoolCode = Annotated[str, Path(pattern=r"^\d{10}$")]
DOCUMENTS = {code: names[0] for code, names in TYPES.items() if code not in {*NO_EVIDENCE, PASSPORT}}


@router.get(OWN, dependencies=[allow("registrar")])
async def guardians(request: Request, actor: CurrentActor, page: PageNumber = 1) -> Response:
    """Show the guardians of the school's children, and the forms to propose one."""
    return _list(request, actor, own_organisation(request, actor, "registrar"), OWN, page)


@router.post(OWN, dependencies=[allow("registrar"), CSRF])
async def propose(
    request: Request,
    actor: CurrentActor,
    child_eid: Text = "",
    guardian_eid: Text = "",
    guardian_name: Text = "",
    relation: Text = "",
) -> Response:
    """Propose a guardian for a child of the own school."""
    school = own_organisation(request, actor, "registrar")
    typed = Proposal(child_eid, guardian_eid, guardian_name, relation)
    try:
        guardianship.propose(
            database_of(request), typed, school_id=school.id, actor=actor.person_id, by=idp_of(request).directory
        )
    except DirectoryError as error:
        return _list(request, actor, school, OWN, 1, typed=typed, error=error)
    return see(OWN)


@router.get(f"{OWN}/new", dependencies=[allow("registrar")])
async def new_guardian(request: Request, actor: CurrentActor) -> Response:
    """Ask for the document of a guardian who has no number yet."""
    return _form(request, own_organisation(request, actor, "registrar"), {})


@router.post(f"{OWN}/new", dependencies=[allow("registrar"), CSRF])
async def register_guardian(
    request: Request,
    actor: CurrentActor,
    name: Text = "",
    document_type: Text = "",
    document_number: Text = "",
    birthdate: Text = "",
    gender: Text = "",
) -> Response:
    """Make a guardian known at the school: the number, and an activation code once. Acting for a child comes after."""
    school = own_organisation(request, actor, "registrar")
    by = idp_of(request).directory
    entered = {
        "name": name,
        "document_type": document_type,
        "document_number": document_number,
        "birthdate": birthdate,
        "gender": gender,
    }
    try:
        who = read_appointment(**entered, now=by.clock.now())
        made = appoint(
            database_of(request),
            who,
            role=guardianship.ROLE,
            organisation=school.code,
            officer_of=None,
            actor=actor.person_id,
            by=by,
        )
    except DirectoryError as error:
        return _form(request, school, entered, error)
    values = {"name": made.name, "eid": made.eid, "activation_code": made.code, "back": OWN}
    return show(request, "registrar/code.html", values)


@router.post(f"{OWN}/{{link_id}}/confirm", dependencies=[allow("registrar"), CSRF])
async def confirm(request: Request, actor: CurrentActor, link_id: UUID) -> Response:
    """Confirm what a colleague proposed."""
    return _confirm(request, actor, link_id, own_organisation(request, actor, "registrar"), OWN)


@router.post(f"{OWN}/{{link_id}}/end", dependencies=[allow("registrar"), CSRF])
async def end(request: Request, actor: CurrentActor, link_id: UUID) -> Response:
    """End a guardian's part, and what was allowed under it."""
    school = own_organisation(request, actor, "registrar")
    now = idp_of(request).directory.clock.now()
    with database_of(request).write() as session:
        guardianship.end(session, link_id, school_id=school.id, actor=actor.person_id, now=now)
        end_of_guardianship(session, link_id, by=actor.person_id, now=now)
    return see(OWN)


@router.get("/officer/{code}/guardians", dependencies=[allow("officer")])
async def guardians_of_school(
    request: Request, actor: CurrentActor, code: SchoolCode, page: PageNumber = 1
) -> Response:
    """Show an officer what a school proposed: where it has one registrar only, the second person sits above."""
    return _list(request, actor, _school(request, actor, code), f"/officer/{code}/guardians", page)


@router.post("/officer/{code}/guardians/{link_id}/confirm", dependencies=[allow("officer"), CSRF])
async def confirm_from_above(request: Request, actor: CurrentActor, code: SchoolCode, link_id: UUID) -> Response:
    """Confirm what a registrar of the own subtree proposed."""
    return _confirm(request, actor, link_id, _school(request, actor, code), f"/officer/{code}/guardians")


def _school(request: Request, actor: Actor, code: str) -> Organisation:
    with database_of(request).read() as session:
        school = within_power(session, officer_of=actor.organisation("officer"), code=code)
    if school.kind != "school":
        raise NotFoundError("there is no such school")
    return school


def _confirm(request: Request, actor: Actor, link_id: UUID, school: Organisation, path: str) -> Response:
    now = idp_of(request).directory.clock.now()
    try:
        with database_of(request).write() as session:
            guardianship.confirm(session, link_id, school_id=school.id, actor=actor.person_id, now=now)
    except DirectoryError as error:
        return _list(request, actor, school, path, 1, error=error)
    return see(path)


def _form(request: Request, school: Organisation, values: dict[str, str], error: XinjiError | None = None) -> Response:
    tables = {"documents": DOCUMENTS, "genders": GENDERS}
    return show(request, "registrar/guardian_new.html", {"school": school, "entered": values, **tables}, error=error)


def _list(
    request: Request,
    actor: Actor,
    school: Organisation,
    path: str,
    page: int,
    *,
    typed: Proposal | None = None,
    error: XinjiError | None = None,
) -> Response:
    by = idp_of(request).directory
    with database_of(request).read() as session:
        links, more = guardianship.school_page(session, school.id, page, now=by.clock.now(), vault=by.vault)
    values: dict[str, Any] = {
        "school": school,
        "links": links,
        "relations": GUARDIAN_RELATIONS,
        "typed": typed or Proposal("", "", "", ""),
        "path": path,
        "own": path == OWN,
        "me": actor.person_id,
        "page": page,
        "more": more,
    }
    return show(request, "registrar/guardians.html", values, error=error)
