"""The log's own worker: sequences, integrates, publishes, as fast as there is something to do."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from kernel.clock import SystemClock
from kernel.db import Database
from ledger.formats.checkpoint import Organisation, WitnessPolicy
from ledger.formats.vkey import parse_vkey
from ledger.publication import cycle as publication_cycle
from ledger.publication import integration, publishing, sequencer
from ledger.storage.folder import Folder
from ledger.storage.tiles import Tiles
from ledger.witnessing import HttpWitness
from tests.faults.stages import Board
from tests.integration.ledger.world import make_world


def main(board: Board, *, url: str, folder: str, witness: dict[str, Any]) -> None:
    """Run until killed. `witness`: its organisation, url and vkeys."""
    show_log(board)
    board.watch(Session, "commit", "committing")
    world = make_world(Database(url, busy_timeout_ms=5_000), Path(folder), SystemClock(), organisations=(), quorum=0)
    own = Organisation(witness["organisation"], tuple(parse_vkey(key) for key in witness["vkeys"]))
    asked = HttpWitness(witness["organisation"], witness["url"])
    log = replace(world.log, witnesses=(asked,), policy=WitnessPolicy(1, (own,)))
    board.tell_ready()
    while True:
        if not publication_cycle.run_once(log):
            time.sleep(0.002)


def show_log(board: Board) -> None:
    """Show the log's stages."""
    board.watch(sequencer, "_sequence", "giving indices")
    board.watch(integration, "run_once", "integrating")
    board.watch(Tiles, "extend", "making tiles")
    board.watch(Tiles, "prune", "removing partial tiles")
    board.watch(publishing, "_signed", "signing a checkpoint")
    board.watch(HttpWitness, "add_checkpoint", "asking a witness")
    board.watch(publishing, "_publish", "publishing in the database")
    board.watch(Folder, "write_new", "writing tiles")
    board.watch(os, "fsync", "syncing a file")
