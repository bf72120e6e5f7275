"""`xinji check`."""

from __future__ import annotations

import typer
from rich.console import Console
from rich.table import Table

from server.check import findings
from server.settings import Settings, load_installation

app = typer.Typer(pretty_exceptions_enable=False)


@app.command()
def check() -> None:
    """List every insecure setting; status 1 where there is any."""
    settings = Settings()
    found = findings(settings, load_installation(settings))
    table = Table("设置 setting", "为什么 why", "怎么办 remedy")
    for finding in found:
        table.add_row(*finding)
    Console().print(table if found else "没有发现不安全的设置。 No insecure setting.")
    raise typer.Exit(1 if found else 0)
