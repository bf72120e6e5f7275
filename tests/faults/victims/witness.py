"""A witness as a process of its own: what `xinji witness` runs, over HTTP."""

from __future__ import annotations

from pathlib import Path

import uvicorn

from kernel.clock import SystemClock
from ledger.formats.vkey import parse_vkey
from ledger.witness.app import witness_app
from ledger.witness.cosigning import Cosigner, TrustedLog
from ledger.witness.state import WitnessState
from tests.faults.stages import Board


def main(board: Board, *, folder: str, name: str, logs: dict[str, list[str]], port: int) -> None:
    """Serve until killed. `logs`: the vkeys of each origin."""
    board.watch(Cosigner, "_check_growth", "checking growth")
    board.watch(WitnessState, "remember", "remembering a head")
    board.watch(Cosigner, "_cosign", "cosigning")
    trusted = [TrustedLog(origin, "sm3", tuple(map(parse_vkey, keys))) for origin, keys in logs.items()]
    application = witness_app(Path(folder), name, trusted, SystemClock())
    config = uvicorn.Config(application, host="127.0.0.1", port=port, log_level="warning", access_log=False)
    server = _Server(config)
    server.board = board
    server.run()


class _Server(uvicorn.Server):
    board: Board

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        await super().startup(sockets)  # type: ignore[arg-type]
        self.board.tell_ready()
