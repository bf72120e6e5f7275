"""`xinji witness`: for another organisation's machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from kernel.clock import SystemClock
from ledger.vkey import VerifierKey, parse_vkey
from ledger.witness.app import witness_app
from ledger.witness.cosigning import TrustedLog
from ledger.witness.keys import create_witness

app = typer.Typer(pretty_exceptions_enable=False)


@app.command()
def witness(
    folder: Annotated[Path, typer.Option(help="The witness's own folder: keys and state")],
    name: Annotated[str, typer.Option(help="The witness's name, such as witness.example.org/w1")],
    log: Annotated[list[str] | None, typer.Option(help="A log's vkey; repeat for each of its keys")] = None,
    tree_hash: Annotated[str, typer.Option(help="The logs' tree hash: sm3 or sha-256")] = "sm3",
    port: Annotated[int, typer.Option()] = 8010,
    host: Annotated[str, typer.Option()] = "127.0.0.1",
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
    uvicorn.run(application, host=host, port=port, log_level="warning", access_log=False, server_header=False)
