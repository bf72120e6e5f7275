"""The pages that show the log, an entry, an issuer and the chain; and a proof as a file."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime
from sqlalchemy.orm import Session
from starlette.responses import JSONResponse, RedirectResponse, Response

from crypto.encoding import b64
from kernel.access import allow
from kernel.db import database_of
from kernel.pages import pages_of
from ledger import shard_store
from ledger.accreditation_proof import accreditation_proof
from ledger.bundles import LogProof, proof_of
from ledger.errors import EntryNotFoundError
from ledger.explorer import store as explorer_store
from ledger.explorer.drawing import BOX_HEIGHT, BOX_WIDTH, CHART_HEIGHT, CHART_WIDTH, WIDTH
from ledger.explorer.issuer_history import history
from ledger.explorer.overview import chain_view, look_up, overview, proof_json
from ledger.formats.shard import FIRST, YEARS
from ledger.routes.commitments import parse_code, parse_commitment, parse_index
from ledger.routes.services import explorer_of

router = APIRouter(include_in_schema=False)
Below = Annotated[int | None, Query(ge=1, lt=2**63)]
Asked = Annotated[str, Query(max_length=200)]
Number = Annotated[int | None, Query(alias="shard", ge=FIRST, lt=YEARS.stop)]


@router.get("/ledger", dependencies=[allow("anyone")])
async def ledger_page(
    request: Request, commitment: Asked = "", code: Asked = "", below: Below = None, shard: Number = None
) -> Response:
    """Show the log's growth and its latest checkpoints; lead to what was asked for."""
    asked, issuer = commitment.strip(), parse_code(code.strip())
    if issuer is not None:
        return RedirectResponse(f"/ledger/issuers/{issuer}", HTTPStatus.SEE_OTHER)
    services = explorer_of(request)
    with database_of(request).read() as session:
        wanted = _wanted(session, asked, shard)
        if wanted is not None and explorer_store.is_submitted(session, wanted):
            return RedirectResponse(f"/ledger/entries/{wanted.hex()}", HTTPStatus.SEE_OTHER)
        log = overview(session, services.log, below=below, shard=shard)
    values = {
        "log": log,
        "asked": asked,
        "asked_code": code.strip(),
        "malformed": bool(asked) and parse_commitment(asked) is None and parse_index(asked) is None,
        "engine": services.engine_label or next((one.anchor.label for one in log.checkpoints if one.anchor), None),
        "chart": (CHART_WIDTH, CHART_HEIGHT),
    }
    status = HTTPStatus.NOT_FOUND if asked or code.strip() else HTTPStatus.OK
    return pages_of(request).render(request, "ledger/ledger.html", values, status_code=status)


@router.get("/ledger/entries/{commitment}", dependencies=[allow("anyone")])
async def entry_page(request: Request, commitment: str) -> Response:
    """Show how far an entry is and, once published, its path to the root."""
    services = explorer_of(request)
    wanted = parse_commitment(commitment)
    with database_of(request).read() as session:
        found = None if wanted is None else look_up(session, services.log, wanted)
    if found is None:
        raise EntryNotFoundError("the log holds no such entry")
    values = {"found": found, "b64": b64, "drawing": (WIDTH, BOX_WIDTH, BOX_HEIGHT)}
    return pages_of(request).render(request, "ledger/entry.html", values)


@router.get("/ledger/issuers/{code}", dependencies=[allow("anyone")])
async def issuer_page(request: Request, code: str, below: Below = None, shard: Number = None) -> Response:
    """Show who accredited an issuer, and what is logged in its name."""
    services, wanted = explorer_of(request), parse_code(code)
    if wanted is None:
        raise EntryNotFoundError("a code has 10 digits, an authority's 6")
    with database_of(request).read() as session:
        found = history(session, wanted, now=services.log.clock.now(), below=below, shard=shard)
    status = HTTPStatus.OK if found.is_known or below is not None else HTTPStatus.NOT_FOUND
    return pages_of(request).render(request, "ledger/issuer.html", {"found": found}, status_code=status)


@router.get("/ledger/issuers/{code}/proof", dependencies=[allow("anyone")])
async def accreditation_file(
    request: Request,
    code: str,
    at: AwareDatetime | None = None,
    key: Annotated[str | None, Query(max_length=100)] = None,
) -> Response:
    """Return what accredits a school, as a file to check offline: at a time, and for a key, if they are asked about."""
    services, wanted = explorer_of(request), parse_code(code)
    if wanted is None:
        raise EntryNotFoundError("a code has 10 digits")
    with database_of(request).read() as session:
        when = at or services.log.clock.now()
        content = accreditation_proof(session, services.log, wanted, at=when, key_id=key)
    return JSONResponse(content, headers=_as_file(f"{wanted}.accreditation.json"))


@router.get("/ledger/chain", dependencies=[allow("anyone")])
async def chain_page(request: Request, below: Below = None, shard: Number = None) -> Response:
    """Show the anchors, who endorsed them, our latest transactions, and what the engine is honestly called."""
    services = explorer_of(request)
    with database_of(request).read() as session:
        page = chain_view(session, below=below, shard=shard)
    engine = services.engine_label or next((one.anchor.label for one in page.anchors), None)
    values = {"page": page, "b64": b64, "engine": engine, "origin": services.log.of(page.shard).origin}
    return pages_of(request).render(request, "ledger/chain.html", values)


@router.get("/ledger/proofs/{name}", dependencies=[allow("anyone")])
async def proof_file(request: Request, name: str) -> Response:
    """Return an entry's proof as a `.tlog-proof` file (C2SP tlog-proof), or, as `<commitment>.json`, as JSON."""
    commitment, dot, kind = name.partition(".")
    wanted = parse_commitment(commitment)
    proof: LogProof | None = None
    services = explorer_of(request)
    with database_of(request).read() as session:
        if wanted is not None and kind == ("json" if dot else ""):
            proof = proof_of(session, services.log.tiles, wanted)
        content = proof_json(session, services.log, proof) if proof is not None and dot else None
    if proof is None:
        raise EntryNotFoundError("the log has published no such entry")
    if content is not None:
        return JSONResponse(content, headers=_as_file(f"{commitment}.json"))
    return Response(str(proof), media_type="text/plain", headers=_as_file(f"{commitment}.tlog-proof"))


def _wanted(session: Session, asked: str, shard: int | None) -> bytes | None:
    commitment = parse_commitment(asked)
    if commitment is not None:
        return commitment
    index = parse_index(asked)
    number = shard_store.open_shard(session) if shard is None else shard
    return None if index is None else explorer_store.commitment_at(session, index, shard=number)


def _as_file(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}
