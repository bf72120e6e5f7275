"""The witness as an HTTP service of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Final

import anyio.to_thread
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from kernel.access import open_to
from kernel.clock import Clock
from ledger.witness.cosigning import Cosigner, TrustedLog
from ledger.witness.keys import key_ring, open_state

MAX_BODY: Final = 131_072


def witness_app(
    folder: Path, name: str, logs: Sequence[TrustedLog], clock: Clock, *, kek_folder: Path | None = None
) -> Starlette:
    """Return the ASGI application of the witness that `create_witness` made in `folder`.

    The folder belongs to this process until the application shuts down.

    Raises:
        WitnessStateError: There is no witness there, or another process runs it.
    """
    state = open_state(folder)
    cosigner = Cosigner(state, key_ring(folder, clock, kek_folder=kek_folder), name, logs, clock)

    @open_to("anyone")
    async def keys(_request: Request) -> Response:
        """Show the verifier keys, one a line."""
        return PlainTextResponse("".join(f"{key}\n" for key in cosigner.keys))

    @open_to("anyone")
    async def add_checkpoint(request: Request) -> Response:
        """Cosign a checkpoint, or say why not (C2SP tlog-witness)."""
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                return PlainTextResponse("the request is too large\n", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        answer = await anyio.to_thread.run_sync(cosigner.add_checkpoint, body)
        # Set as a header: as a media type Starlette would add a charset, which tlog-witness does not have.
        return Response(answer.body, answer.status, headers={"Content-Type": answer.media_type})

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        state.close()

    routes = [Route("/", keys, methods=["GET"]), Route("/add-checkpoint", add_checkpoint, methods=["POST"])]
    app = Starlette(routes=routes, lifespan=lifespan)
    app.state.cosigner = cosigner
    app.state.witness_state = state
    return app
