"""`xinji witness`: for another organisation's machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from kernel.clock import SystemClock
from ledger.errors import InvalidNoteError, MirrorSourceError, WitnessStateError
from ledger.formats.checkpoint import parse_checkpoint
from ledger.formats.note import MAX_SIZE, parse_note
from ledger.formats.vkey import VerifierKey, parse_vkey
from ledger.storage.tiles import CHECKPOINT
from ledger.upkeep.reading import HttpSource, wanted
from ledger.witness.app import witness_app
from ledger.witness.cosigning import Cosigner, TrustedLog
from ledger.witness.keys import create_witness

app = typer.Typer(pretty_exceptions_enable=False)


@app.command()
def witness(  # noqa: PLR0913 - options
    folder: Annotated[Path, typer.Option(help="The witness's own folder: keys and state")],
    name: Annotated[str, typer.Option(help="The witness's name, such as witness.example.org/w1")],
    log: Annotated[list[str] | None, typer.Option(help="A log's vkey; repeat for each of its keys")] = None,
    tree_hash: Annotated[str, typer.Option(help="The logs' tree hash: sm3 or sha-256")] = "sm3",
    port: Annotated[int, typer.Option()] = 8010,
    host: Annotated[str, typer.Option()] = "127.0.0.1",
    published: Annotated[
        list[str] | None,
        typer.Option(help="Where a log's files are; at the start it is seen whether this witness forgot any of them"),
    ] = None,
    keys_only: Annotated[bool, typer.Option("--keys-only", help="Make the keys, print them and end")] = False,
) -> None:
    """Run a witness: another organisation's process, with keys and a folder of its own."""
    clock = SystemClock()
    keys = create_witness(folder, name, clock)
    if keys_only:
        for key in keys:
            typer.echo(str(key))
        return
    trusted: dict[str, list[VerifierKey]] = {}
    for key in map(parse_vkey, log or []):
        trusted.setdefault(key.name, []).append(key)
    logs = [TrustedLog(origin, tree_hash, tuple(log_keys)) for origin, log_keys in trusted.items()]
    application = witness_app(folder, name, logs, clock)
    try:
        for url in published or []:
            _compare(application.state.cosigner, url)
    except WitnessStateError:
        application.state.witness_state.close()
        raise
    uvicorn.run(application, host=host, port=port, log_level="warning", access_log=False, server_header=False)


def _compare(cosigner: Cosigner, url: str) -> None:
    """Compare what a log has published with what this witness remembers; a log that is down is passed over."""
    source = HttpSource(url)
    try:
        note = wanted(source, CHECKPOINT, MAX_SIZE).decode()
        cosigner.check_published(parse_checkpoint(parse_note(note).text).origin, note)
    except (MirrorSourceError, InvalidNoteError, UnicodeDecodeError) as error:
        typer.echo(f"xinji: not compared with {url}: {error}", err=True)
    finally:
        source.close()
