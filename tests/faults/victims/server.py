"""`xinji serve`, whole: web, workers, chain, and the signer as its child."""

from __future__ import annotations

import socket
import sys

import uvicorn
from sqlalchemy.orm import Session

import server.cli
import server.commands.serve
from credentials import issuing, status_publishing
from server import workers
from tests.faults.stages import Board
from tests.faults.victims.chain import show_chain
from tests.faults.victims.publisher import show_log


def main(board: Board, *, port: int) -> None:
    """Run the command until killed; its data folder is `XINJI_DATA_DIR`."""
    show_log(board)
    show_chain(board)
    board.watch(issuing, "_issue", "issuing a batch")
    board.watch(issuing, "sign_documents", "signing credentials")
    board.watch(issuing, "_store", "storing credentials")
    board.watch(status_publishing, "_publish", "publishing status lists")
    board.watch(workers, "chain_events", "chaining the audit trail")
    board.watch(Session, "commit", "committing")
    started = uvicorn.Server.startup

    async def startup(self: uvicorn.Server, sockets: list[socket.socket] | None = None) -> None:
        await started(self, sockets)
        board.tell_ready()

    uvicorn.Server.startup = startup  # type: ignore[method-assign]
    sys.argv = ["xinji", "serve", "--host", "127.0.0.1", "--port", str(port)]
    server.cli.main()
