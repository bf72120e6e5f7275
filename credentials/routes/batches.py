"""A registrar's batches: bring a file, see the dry run, approve, watch, fetch the receipts."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Annotated
from uuid import UUID

import anyio
from fastapi import APIRouter, Form, Query, Request
from starlette.datastructures import UploadFile
from starlette.responses import RedirectResponse, Response, StreamingResponse

from credentials import batch_store, dry_run, issuance, receipts
from credentials.dry_run import WrongRow
from credentials.errors import EmptySheetError, SheetError, SheetTooLargeError
from credentials.graduates import COLUMNS, OPTIONAL
from credentials.models import Batch
from credentials.routes import shown
from credentials.routes.bodies import at_most
from credentials.routes.files import attachment, receipts_file
from credentials.routes.problems import status_of
from credentials.routes.services import CredentialServices, Services
from credentials.sheet import MAX_BYTES, MAX_ROWS, write_csv
from kernel.access import CurrentActor, allow
from kernel.csrf import CSRF
from kernel.errors import XinjiError
from kernel.pages import Pages, language_of, pages_of

router = APIRouter(prefix="/registrar/batches", dependencies=[allow("registrar")])
_SMALL = 32 << 10
_SHOWN = 50


@router.get("")
async def batches(request: Request, by: Services, actor: CurrentActor, before: UUID | None = None) -> Response:
    """List the school's batches, the newest first."""
    with by.database.read() as session:
        found = batch_store.batches_of_school(
            session, actor.organisation("registrar"), before=before, limit=batch_store.PAGE + 1
        )
    now = by.clock.now()
    rows = [(batch, shown.progress(batch, now)) for batch in found[: batch_store.PAGE]]
    last = rows[-1][0].id if len(found) > batch_store.PAGE else None
    return pages_of(request).render(request, "credentials/batches.html", {"rows": rows, "next_before": last})


@router.get("/new")
async def new(request: Request, by: Services, actor: CurrentActor) -> Response:
    """Show the form that takes a file."""
    dry_run.issuing_school(by, actor.organisation("registrar"))
    return _new(request)


@router.get("/template.csv")
async def template(actor: CurrentActor) -> Response:
    """Hand out an empty table with the right headings and one example."""
    number = f"{actor.organisation('registrar')[5:]}1202605000001"
    example = (
        *("20220001", "张三", number, "本科", "计算机科学与技术", "普通全日制"),
        *("4", "2022-09-01", "2026-06-30", "毕业", "李四", "2026-06-30"),
    )
    content = "".join(write_csv(tuple(names[0] for names in COLUMNS.values()), iter([example])))
    return Response(content, media_type="text/csv; charset=utf-8", headers=attachment("graduates-template.csv"))


@router.post("", dependencies=[at_most(MAX_BYTES), CSRF])
async def check(request: Request, by: Services, actor: CurrentActor) -> Response:
    """Check a file and show the dry run's result."""
    form = await request.form()
    file = form.get("file")
    try:
        if not isinstance(file, UploadFile) or not file.filename:
            raise EmptySheetError("no file was chosen")
        content = await file.read(MAX_BYTES + 1)
        work = partial(dry_run.check_file, by, content, file_name=file.filename, actor=actor)
        batch_id = await anyio.to_thread.run_sync(work)
    except (SheetError, SheetTooLargeError) as error:
        return _new(request, error=error)
    return RedirectResponse(f"/registrar/batches/{batch_id}", status_code=303)


@router.get("/{batch_id}")
async def one(
    request: Request,
    batch_id: UUID,
    by: Services,
    actor: CurrentActor,
    after: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
) -> Response:
    """Show a batch: the dry run's result, or how far issuing is."""
    pages, language = pages_of(request), language_of(request)
    with by.database.read() as session:
        batch = issuance.own_batch(session, batch_id, actor)
        wrong = dry_run.wrong_rows(session, batch, by=by, after=after, limit=_SHOWN + 1)
        good = batch_store.rows_in_state(session, batch_id, "good", limit=3) if batch.state == "checked" else []
        samples = [dry_run.claims_of(by, batch, row) for row in good]
    values = {
        "batch": batch,
        "progress": shown.progress(batch, by.clock.now()),
        "wrong": [(row, _reasons(pages, language, row)) for row in wrong[:_SHOWN]],
        "next_after": wrong[_SHOWN - 1].row if len(wrong) > _SHOWN else None,
        "samples": samples,
        "trouble": shown.trouble(pages, language, batch.trouble) if batch.trouble else None,
    }
    return pages.render(request, "credentials/batch.html", values)


@router.get("/{batch_id}/wrong.csv")
async def wrong_csv(request: Request, batch_id: UUID, by: Services, actor: CurrentActor) -> Response:
    """Hand out the wrong rows with their reasons, ready to be corrected and brought again."""
    with by.database.read() as session:
        batch = issuance.own_batch(session, batch_id, actor)
    pages, language = pages_of(request), language_of(request)
    titles = (pages.translate(language, "行号"), pages.translate(language, "原因"))
    columns = tuple(COLUMNS)
    headings = (titles[0], titles[1], *(COLUMNS[column][0] for column in columns))
    rows = (
        (str(row.row), "；".join(_reasons(pages, language, row)), *(row.cells.get(column, "") for column in columns))
        for row in _all_wrong(by, batch)
    )
    return StreamingResponse(
        write_csv(headings, rows), media_type="text/csv; charset=utf-8", headers=attachment(f"{batch_id}-wrong.csv")
    )


@router.get("/{batch_id}/receipts.csv")
async def receipts_csv(batch_id: UUID, by: Services, actor: CurrentActor) -> Response:
    """Hand out the log receipts of what the batch issued."""
    with by.database.read() as session:
        issuance.own_batch(session, batch_id, actor)
    return receipts_file(receipts.of_batch(by, batch_id), f"{batch_id}-receipts.csv")


@router.post("/{batch_id}/approve", dependencies=[at_most(_SMALL), CSRF])
async def approve(
    batch_id: UUID, by: Services, actor: CurrentActor, leave_out_wrong: Annotated[str, Form(max_length=8)] = ""
) -> Response:
    """Approve the good rows; the worker issues them."""
    work = partial(issuance.approve_batch, by, batch_id, actor=actor, leave_out_wrong=leave_out_wrong == "yes")
    await anyio.to_thread.run_sync(work)
    return RedirectResponse(f"/registrar/batches/{batch_id}", status_code=303)


@router.post("/{batch_id}/discard", dependencies=[at_most(_SMALL), CSRF])
async def discard(batch_id: UUID, by: Services, actor: CurrentActor) -> Response:
    """Throw a checked batch away."""
    issuance.discard_batch(by, batch_id, actor=actor)
    return RedirectResponse("/registrar/batches", status_code=303)


def _new(request: Request, *, error: XinjiError | None = None) -> Response:
    pages, language = pages_of(request), language_of(request)
    values = {
        "columns": [names[0] for column, names in COLUMNS.items() if column not in OPTIONAL],
        "optional": [COLUMNS[column][0] for column in COLUMNS if column in OPTIONAL],
        "max_rows": MAX_ROWS,
        "max_mb": MAX_BYTES >> 20,
        "refusal": None if error is None else {"code": error.code, "text": pages.describe(language, error)},
    }
    status = 200 if error is None else status_of(error)
    return pages.render(request, "credentials/batch_new.html", values, status_code=status)


def _all_wrong(by: CredentialServices, batch: Batch) -> Iterator[WrongRow]:
    after = 0
    while True:
        with by.database.read() as session:
            page = dry_run.wrong_rows(session, batch, by=by, after=after, limit=500)
        yield from page
        if not page:
            return
        after = page[-1].row


def _reasons(pages: Pages, language: str, row: WrongRow) -> list[str]:
    return [shown.sentence(pages, language, problem) for problem in row.problems]
