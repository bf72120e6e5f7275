"""The pages of roster imports: upload, progress, dry run, confirmation, wrong rows, activation codes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

import anyio.to_thread
from fastapi import APIRouter, Depends, Form, Request
from starlette.datastructures import FormData, UploadFile
from starlette.responses import Response, StreamingResponse

from idp.directory.errors import DirectoryError, InputError
from idp.directory.models import Organisation
from idp.directory.roster import confirmation, uploading
from idp.directory.roster import store as rosters
from idp.directory.roster.code_sheet import make_codes
from idp.directory.roster.columns import COLUMNS, TITLES
from idp.directory.roster.errors import FileEmptyError, FileTooLargeError
from idp.directory.roster.findings import Finding, findings
from idp.directory.roster.limits import MAX_BYTES, MAX_ROWS
from idp.directory.roster.models import RosterImport
from idp.directory.roster.work import progress
from idp.directory.spreadsheet_csv import csv_lines
from idp.routes.directory_pages import PageNumber, directory_of, own_organisation, see, sentence, show
from kernel.access import CurrentActor, allow
from kernel.csrf import CSRF
from kernel.db import database_of
from kernel.pages import language_of, pages_of

router = APIRouter(prefix="/registrar/imports", include_in_schema=False)

FORM_OVERHEAD = 64 * 1024
SHOWN_FINDINGS = 20
REFRESH_SECONDS = "2"


async def _bounded(request: Request) -> None:
    """Refuse a body that is too large by its announced length, before a byte of it is read.

    Raises:
        FileTooLargeError: It announces too much, or no length at all.
    """
    length = request.headers.get("content-length", "")
    if not length.isdigit() or int(length) > MAX_BYTES + FORM_OVERHEAD:
        raise FileTooLargeError("the file is too large", limit=MAX_BYTES // 2**20)


@router.get("", dependencies=[allow("registrar")])
async def imports(request: Request, actor: CurrentActor, page: PageNumber = 1) -> Response:
    """Show the form for a file, and the school's imports."""
    school = own_organisation(request, actor, "registrar")
    return show(request, "registrar/imports.html", _list(request, school, page))


@router.get("/template.csv", dependencies=[allow("registrar")])
async def template() -> Response:
    """Give an empty roster with all headings."""
    return _csv("".join(csv_lines([column.title for column in COLUMNS], [])), "名册模板.csv")


@router.post("", dependencies=[allow("registrar"), Depends(_bounded), CSRF])
async def upload(request: Request, actor: CurrentActor) -> Response:
    """Take a file in. The form is read by hand: a declared parameter would be read before anybody is checked."""
    school = own_organisation(request, actor, "registrar")
    try:
        name, content = await _file(await request.form())
        import_id = await anyio.to_thread.run_sync(
            lambda: uploading.accept(
                database_of(request),
                content,
                file_name=name,
                school_id=school.id,
                actor=actor.person_id,
                by=directory_of(request),
            )
        )
    except InputError as error:
        return show(request, "registrar/imports.html", _list(request, school, 1), error=error)
    return see(f"/registrar/imports/{import_id}")


@router.get("/{import_id}", dependencies=[allow("registrar")])
async def one_import(request: Request, actor: CurrentActor, import_id: UUID) -> Response:
    """Show an import: its progress, its dry run, or its result."""
    school = own_organisation(request, actor, "registrar")
    return _page(request, school, _import(request, school, import_id))


@router.get("/{import_id}/wrong.csv", dependencies=[allow("registrar")])
async def wrong_rows(request: Request, actor: CurrentActor, import_id: UUID) -> Response:
    """Give all wrong rows with line, column and reason."""
    school = own_organisation(request, actor, "registrar")
    job = _import(request, school, import_id)
    pages, language = pages_of(request), language_of(request)
    header = [pages.translate(language, title) for title in ("行号", "列", "原因", "代码")]
    found = findings(database_of(request), job, by=directory_of(request))
    rows = ([line["line"], line["column"], line["reason"], line["code"]] for line in _spoken(request, found))
    return _stream(csv_lines(header, rows), "问题行.csv")


@router.post("/{import_id}/confirm", dependencies=[allow("registrar"), CSRF])
async def confirm(
    request: Request, actor: CurrentActor, import_id: UUID, only_good: Annotated[bool, Form()] = False
) -> Response:
    """Write what the dry run found."""
    school = own_organisation(request, actor, "registrar")
    try:
        with database_of(request).write() as session:
            confirmation.confirm(
                session,
                import_id,
                school_id=school.id,
                only_good=only_good,
                actor=actor.person_id,
                now=directory_of(request).clock.now(),
            )
    except DirectoryError as error:
        return _page(request, school, _import(request, school, import_id), error=error)
    return see(f"/registrar/imports/{import_id}")


@router.post("/{import_id}/cancel", dependencies=[allow("registrar"), CSRF])
async def cancel(request: Request, actor: CurrentActor, import_id: UUID) -> Response:
    """Drop an import."""
    school = own_organisation(request, actor, "registrar")
    try:
        with database_of(request).write() as session:
            now = directory_of(request).clock.now()
            confirmation.cancel(session, import_id, school_id=school.id, actor=actor.person_id, now=now)
    except DirectoryError as error:
        return _page(request, school, _import(request, school, import_id), error=error)
    return see("/registrar/imports")


@router.post("/{import_id}/codes", dependencies=[allow("registrar"), CSRF])
async def codes(request: Request, actor: CurrentActor, import_id: UUID) -> Response:
    """Make activation codes for the people of a finished import: the answer is the only copy."""
    school = own_organisation(request, actor, "registrar")
    job = _import(request, school, import_id)
    database, by = database_of(request), directory_of(request)
    try:
        sheet = await anyio.to_thread.run_sync(lambda: make_codes(database, job, actor=actor.person_id, by=by))
    except DirectoryError as error:
        return _page(request, school, job, error=error)
    pages, language = pages_of(request), language_of(request)
    header = [pages.translate(language, title) for title in ("学号", "姓名", "EID", "激活码")]
    none = pages.translate(language, "无需激活码（已有账号）")
    lines = csv_lines(header, ([row.number, row.name, row.eid, row.code or none] for row in sheet))
    return _csv("".join(lines), "激活码.csv")


async def _file(form: FormData) -> tuple[str, bytes]:
    file = form.get("file")
    if not isinstance(file, UploadFile) or not file.filename:
        raise FileEmptyError("no file was chosen")
    return file.filename, await file.read()


def _import(request: Request, school: Organisation, import_id: UUID) -> RosterImport:
    with database_of(request).read() as session:
        return confirmation.import_at(session, import_id, school_id=school.id)


def _list(request: Request, school: Organisation, page: int) -> dict[str, Any]:
    with database_of(request).read() as session:
        jobs, more = rosters.imports_page(session, school.id, page)
    return {
        "school": school,
        "imports": jobs,
        "columns": COLUMNS,
        "max_rows": MAX_ROWS,
        "max_megabytes": MAX_BYTES // 2**20,
        "page": page,
        "more": more,
    }


def _page(
    request: Request, school: Organisation, job: RosterImport, *, error: DirectoryError | None = None
) -> Response:
    shown: list[dict[str, Any]] = []
    if job.wrong and job.state in ("checked", "done"):
        found = findings(database_of(request), job, by=directory_of(request))
        shown = list(_spoken(request, islice(found, SHOWN_FINDINGS)))
    problem = sentence(request, job.problem["code"], job.problem["params"]) if job.problem else ""
    values = {
        "school": school,
        "job": job,
        "progress": progress(job),
        "titles": [TITLES[key] for key in job.columns],
        "findings": shown,
        "problem": problem,
        "working": job.state in rosters.AT_WORK,
    }
    response = show(request, "registrar/import.html", values, error=error)
    if values["working"]:
        response.headers["Refresh"] = REFRESH_SECONDS  # Progress without JavaScript.
    return response


def _spoken(request: Request, found: Iterator[Finding]) -> Iterator[dict[str, Any]]:
    """Say findings in the reader's language."""
    pages, language = pages_of(request), language_of(request)
    for line, fault in found:
        title = pages.translate(language, TITLES.get(fault.column, "整行"))
        reason = sentence(request, fault.code, fault.params)
        yield {"line": line, "column": title, "reason": reason, "code": fault.code}


def _csv(text: str, name: str) -> Response:
    return _stream(iter([text]), name)


def _stream(lines: Iterator[str], name: str) -> Response:
    """Answer with a file to download that nobody on the way keeps."""
    headers = {
        "Content-Disposition": f"attachment; filename=\"xinji.csv\"; filename*=UTF-8''{quote(name)}",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)
