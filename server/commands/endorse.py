"""`xinji ledger endorse`: another organisation compares an anchor with its own copy of the log, and endorses it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crypto.hashes import HASHES
from ledger.chain.base import log_id_of
from ledger.chain.deployments import DeploymentsFile
from ledger.chain.endorser import Endorser
from ledger.chain.keys import read_key
from ledger.chain.rpc import PROFILES
from ledger.errors import OtherHistoryError
from ledger.formats.checkpoint import parse_checkpoint
from ledger.formats.merkle import TreeHead
from ledger.formats.note import parse_note
from ledger.storage.tiles import TileFolder
from ledger.upkeep.endorsing import check_anchor
from server.commands.panel import BESU, CANNOT, DEPLOYMENTS, ChainId, File, Key, ProfileName, Rpc

app = typer.Typer(pretty_exceptions_enable=False)


@app.command()
def endorse(  # noqa: PLR0913 - options
    copy: Annotated[Path, typer.Argument(help="Your copy of the log, as `xinji log mirror` keeps it", exists=True)],
    rpc: Rpc,
    chain_id: ChainId,
    key: Key,
    profile: ProfileName = BESU,
    file: File = DEPLOYMENTS,
    size: Annotated[int, typer.Option(min=0, help="Which anchor; 0: the latest")] = 0,
    tree_hash: Annotated[str, typer.Option(help=f"The log's tree hash: {', '.join(HASHES)}")] = "sm3",
) -> None:
    """Endorse an anchor whose tree, and the one before it, are the beginning of your own copy; status 1 where not.

    Run `xinji log mirror` first: it checks every leaf. Run both by a timer, and nobody has to watch.
    """
    if profile not in PROFILES:
        raise typer.BadParameter(f"--profile is one of {', '.join(PROFILES)}")
    if tree_hash not in HASHES:
        raise typer.BadParameter(f"--tree-hash is one of {', '.join(HASHES)}")
    tiles = TileFolder(copy, tree_hash)
    note = tiles.read_checkpoint()
    if note is None:
        raise typer.BadParameter(f"{copy} holds no copy of a log: `xinji log mirror` makes one")
    copied = parse_checkpoint(parse_note(note.encode()).text)
    log_id, deployment = log_id_of(copied.origin), DeploymentsFile(file).current
    endorser = Endorser(rpc, PROFILES[profile], chain_id=chain_id, key=read_key(key))
    anchored = endorser.anchored(deployment, log_id, size)
    head, before = TreeHead(anchored.size, anchored.root), TreeHead(anchored.previous_size, anchored.previous_root)
    try:
        check_anchor(tiles, copied.head, anchored=head, before=before)
    except OtherHistoryError as error:
        typer.echo(f"xinji: {error}", err=True)
        raise typer.Exit(CANNOT) from error
    done = "endorsed" if endorser.endorse(deployment, log_id, anchored) else "endorsed before"
    confirmed = endorser.is_confirmed(deployment, log_id, anchored.size)
    typer.echo(f"{copied.origin} at {anchored.size}: {done}; {'confirmed' if confirmed else 'waits for others'}")
