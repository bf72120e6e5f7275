"""`xinji serve`."""

from __future__ import annotations

from typing import Annotated, get_args

import typer

from server.app import Role
from server.check import findings
from server.serving import serve as serve_role
from server.serving import serve_on
from server.settings import DEFAULT_PORT, Settings, load_installation

app = typer.Typer(pretty_exceptions_enable=False)


@app.command()
def serve(
    port: Annotated[int, typer.Option(help="Port; only the OIDC issuer follows it, on loopback")] = DEFAULT_PORT,
    host: Annotated[str | None, typer.Option(help="Address; both loopback addresses unless given")] = None,
    role: Annotated[str, typer.Option(help="all, idp, issuer, verifier, log")] = "all",
    workers: Annotated[
        int, typer.Option(min=1, max=64, help="Web processes: one a core with PostgreSQL; SQLite has one writer")
    ] = 1,
    listener: Annotated[list[int] | None, typer.Option(hidden=True)] = None,
) -> None:
    """Serve what is in the data folder."""
    settings = Settings()
    if settings.production and (found := findings(settings, load_installation(settings))):
        for finding in found:
            typer.echo(f"xinji: {finding.setting}: {finding.why}; {finding.remedy}", err=True)
        raise typer.Exit(2)
    roles: dict[str, Role] = {name: name for name in get_args(Role)}
    if role not in roles:
        raise typer.BadParameter(f"one of {', '.join(roles)}", param_hint="--role")
    if listener:
        serve_on(settings, listener, port=port, role=roles[role])
    else:
        serve_role(settings, host=host, port=port, role=roles[role], processes=workers)
