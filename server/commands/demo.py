"""`xinji demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from server.demo.run import run_demo
from server.settings import DEFAULT_PORT, Settings

app = typer.Typer(pretty_exceptions_enable=False)


@app.command()
def demo(
    exit_: Annotated[bool, typer.Option("--exit", help="Do all steps, then end; status 0 if each held")] = False,
    report: Annotated[Path | None, typer.Option(help="Write what was done as JSON")] = None,
    port: Annotated[int, typer.Option(help="Port of a new data folder's address")] = DEFAULT_PORT,
) -> None:
    """Do the whole main job over HTTP against itself, then go on serving."""
    held = run_demo(Settings(), port=port, report_path=report, stay=not exit_, console=Console())
    raise typer.Exit(0 if held else 1)
