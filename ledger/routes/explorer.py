"""The page that shows the log, and a proof as a file."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from kernel.access import allow
from kernel.db import database_of
from kernel.pages import pages_of
from ledger.bundles import proof_of
from ledger.errors import EntryNotFoundError
from ledger.explorer import HEIGHT, WIDTH, look_up, overview
from ledger.routes.commitments import parse_commitment
from ledger.routes.services import explorer_of

router = APIRouter(include_in_schema=False)


@router.get("/ledger", dependencies=[allow("anyone")])
async def ledger_page(
    request: Request,
    commitment: Annotated[str, Query(max_length=200)] = "",
    below: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
) -> Response:
    """Show the log's growth, its latest checkpoints and, if asked, one entry."""
    services = explorer_of(request)
    asked = commitment.strip()
    wanted = parse_commitment(asked)
    with database_of(request).read() as session:
        log = overview(session, services.log, below=below)
        found = None if wanted is None else look_up(session, services.log, wanted)
    labels = [services.engine_label, *(one.anchor.label for one in log.checkpoints if one.anchor)]
    values = {
        "log": log,
        "asked": asked,
        "malformed": bool(asked) and wanted is None,
        "found": found,
        "engine": next(filter(None, labels), None),
        "box": (WIDTH, HEIGHT),
    }
    status = HTTPStatus.NOT_FOUND if asked and found is None else HTTPStatus.OK
    return pages_of(request).render(request, "ledger/ledger.html", values, status_code=status)


@router.get("/ledger/proofs/{commitment}", dependencies=[allow("anyone")])
async def proof_file(request: Request, commitment: str) -> Response:
    """Return an entry's proof as a `.tlog-proof` file (C2SP tlog-proof)."""
    wanted = parse_commitment(commitment)
    with database_of(request).read() as session:
        proof = None if wanted is None else proof_of(session, explorer_of(request).log.tiles, wanted)
    if proof is None:
        raise EntryNotFoundError("the log has published no such entry")
    disposition = {"Content-Disposition": f'attachment; filename="{commitment}.tlog-proof"'}
    return Response(str(proof), media_type="text/plain", headers=disposition)
