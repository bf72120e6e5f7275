"""The log's files, as C2SP tlog-tiles has them served. A web server in front may serve the folder itself."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kernel.access import open_to
from kernel.db import database_of
from ledger import store
from ledger.errors import EntryNotFoundError
from ledger.routes.commitments import parse_commitment
from ledger.routes.services import explorer_of
from ledger.tile import parse_tile

# Public data: pages of other organisations check it too, from their own origins.
OPEN: Final = {"Access-Control-Allow-Origin": "*"}
FOR_EVER: Final = {**OPEN, "Cache-Control": "public, max-age=31536000, immutable"}
FRESH: Final = {**OPEN, "Cache-Control": "no-cache"}


@open_to("anyone")
async def checkpoint(request: Request) -> Response:
    """Return the published checkpoint."""
    note = explorer_of(request).log.tiles.read_checkpoint()
    if note is None:
        return _missing("the log has published nothing yet")
    return Response(note, media_type="text/plain", headers=FRESH)


@open_to("anyone")
async def tile(request: Request) -> Response:
    """Return a tile or an entry bundle."""
    try:
        data = explorer_of(request).log.tiles.read(parse_tile(request.path_params["path"]))
    except EntryNotFoundError as error:
        return _missing(str(error))
    return Response(data, media_type="application/octet-stream", headers=FOR_EVER)


@open_to("anyone")
async def evidence(request: Request) -> Response:
    """Return the public preimage of an entry of types 3 to 6."""
    commitment = parse_commitment(request.path_params["commitment"])
    content = None
    if commitment is not None:
        with database_of(request).read() as session:
            content = store.evidence(session, commitment)
    if content is None:
        return _missing("the log holds no evidence for this commitment")
    return JSONResponse(content, headers=FOR_EVER)


def _missing(detail: str) -> Response:
    # It may come to be: nobody is to remember that it was not there.
    return Response(detail + "\n", HTTPStatus.NOT_FOUND, media_type="text/plain", headers=FRESH)
