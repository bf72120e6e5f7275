"""The files of all shards, as C2SP tlog-tiles has them served. A web server in front may serve the folder itself."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kernel.access import open_to
from kernel.db import database_of
from ledger import store
from ledger.errors import EntryNotFoundError
from ledger.formats.shard import FIRST, parse_name
from ledger.formats.tile import parse_tile
from ledger.routes.commitments import parse_commitment
from ledger.routes.services import explorer_of
from ledger.storage.tiles import Tiles

# Public data: pages of other organisations check it too, from their own origins.
OPEN: Final = {"Access-Control-Allow-Origin": "*"}
FOR_EVER: Final = {**OPEN, "Cache-Control": "public, max-age=31536000, immutable"}
FRESH: Final = {**OPEN, "Cache-Control": "no-cache"}


@open_to("anyone")
async def checkpoint(request: Request) -> Response:
    """Return a shard's published checkpoint."""
    files = _files(request)
    note = None if files is None else files.read_checkpoint()
    if note is None:
        return _missing("the log has published nothing yet")
    return Response(note, media_type="text/plain", headers=FRESH)


@open_to("anyone")
async def tile(request: Request) -> Response:
    """Return a tile or an entry bundle."""
    files = _files(request)
    if files is None:
        return _missing("there is no such log")
    try:
        data = files.read(parse_tile(request.path_params["path"]))
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


def _files(request: Request) -> Tiles | None:
    """Return the files of the first log, or of the year's shard that the path names."""
    tiles, year = explorer_of(request).log.tiles, request.path_params.get("year")
    shard = FIRST if year is None else parse_name(year)
    return None if shard is None else tiles.of(shard)


def _missing(detail: str) -> Response:
    # It may come to be: nobody is to remember that it was not there.
    return Response(detail + "\n", HTTPStatus.NOT_FOUND, media_type="text/plain", headers=FRESH)
