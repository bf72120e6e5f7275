"""The command `xinji`."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated, Final

import structlog
import typer
import uvicorn
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from idp.oauth.clients import ClientRegistration, register_client
from kernel.clock import SystemClock
from kernel.errors import XinjiError
from ledger.vkey import parse_vkey
from ledger.witness.app import witness_app
from ledger.witness.cosigning import TrustedLog
from ledger.witness.keys import create_witness
from server import serving, setup
from server.app import Role
from server.check import findings
from server.demo.run import run_demo
from server.parts import build_parts
from server.settings import Installation, Settings, Witness, load_installation

app = typer.Typer(help="信籍：教育可信身份与凭证。", no_args_is_help=True, pretty_exceptions_enable=False)
client_app = typer.Typer(help="Platforms that sign people in here.", no_args_is_help=True)
app.add_typer(client_app, name="client")
console = Console()
DEFAULT_PORT: Final = 8000


@app.command()
def init(
    officer_name: Annotated[str, typer.Option(help="The province's first officer: name")],
    officer_document: Annotated[str, typer.Option(help="…and identity card number")],
    base_url: Annotated[str, typer.Option(help="Public address, fixed for good")] = "http://localhost:8000",
    province: Annotated[str, typer.Option(help="6-digit code")] = "410000",
    province_name: Annotated[str, typer.Option()] = "河南省教育厅",
    witness: Annotated[list[str] | None, typer.Option(help="organisation|url|vkey[|vkey]; repeatable")] = None,
    quorum: Annotated[int, typer.Option(help="How many organisations must cosign")] = 0,
) -> None:
    """Make a data folder: keys, schema, the province and its first officer."""
    witnesses = [_witness(text) for text in witness or []]
    settings = Settings()
    wished = Installation(
        base_url=(settings.base_url or base_url).rstrip("/"),
        province=province,
        province_name=province_name,
        witnesses=witnesses,
        quorum=quorum or (1 if witnesses else 0),
    )
    setup.prepare(settings, wished)
    parts = setup.found(settings)
    officer = setup.first_officer(parts, setup.Officer(officer_name, officer_document))
    console.print(f"{officer.name}: EID {officer.eid}, activation code {officer.code} (shown this once)")


@app.command()
def serve(
    port: Annotated[int, typer.Option(help="Port; only the OIDC issuer follows it, on loopback")] = DEFAULT_PORT,
    host: Annotated[str | None, typer.Option(help="Address; both loopback addresses unless given")] = None,
    role: Annotated[str, typer.Option(help="all, idp, issuer, verifier, log")] = "all",
) -> None:
    """Serve what is in the data folder."""
    settings = Settings()
    _refuse_insecure_production(settings)
    if role not in Role.__args__:
        raise typer.BadParameter(f"one of {', '.join(Role.__args__)}", param_hint="--role")
    serving.serve(settings, host=host, port=port, role=role)  # type: ignore[arg-type]  # Checked above.


@app.command()
def witness(
    folder: Annotated[Path, typer.Option(help="The witness's own folder: keys and state")],
    name: Annotated[str, typer.Option(help="The witness's name, such as witness.example.org/w1")],
    log: Annotated[list[str] | None, typer.Option(help="A log's vkey; repeat for each of its keys")] = None,
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
    trusted: dict[str, list[str]] = {}
    for text in log or []:
        trusted.setdefault(parse_vkey(text).name, []).append(text)
    logs = [TrustedLog(origin, tuple(map(parse_vkey, texts))) for origin, texts in trusted.items()]
    application = witness_app(folder, name, logs, clock)
    uvicorn.run(application, host=host, port=port, log_level="warning", access_log=False, server_header=False)


@app.command()
def demo(
    exit_: Annotated[bool, typer.Option("--exit", help="Do all steps, then end; status 0 if each held")] = False,
    report: Annotated[Path | None, typer.Option(help="Write what was done as JSON")] = None,
    port: Annotated[int, typer.Option(help="Port of a new data folder's address")] = DEFAULT_PORT,
) -> None:
    """Do the whole main job over HTTP against itself, then go on serving."""
    held = run_demo(Settings(), port=port, report_path=report, stay=not exit_, console=console)
    raise typer.Exit(0 if held else 1)


@app.command()
def check() -> None:
    """List every insecure setting; status 1 where there is any."""
    settings = Settings()
    found = findings(settings, load_installation(settings))
    table = Table("设置", "为什么", "怎么办")
    for finding in found:
        table.add_row(*finding)
    console.print(table if found else "没有发现不安全的设置。")
    raise typer.Exit(1 if found else 0)


@client_app.command("add")
def add_client(
    name: Annotated[str, typer.Option(help="What people see on the sign-in page")],
    owner: Annotated[str, typer.Option(help="The organisation that answers for it")],
    redirect_uri: Annotated[list[str], typer.Option(help="Exact address; repeatable")],
    scope: Annotated[str, typer.Option()] = "openid profile",
    alg: Annotated[str, typer.Option(help="ID token signature: RS256, ES256, SGD_SM3_SM2")] = "ES256",
    post_logout_redirect_uri: Annotated[list[str] | None, typer.Option()] = None,
) -> None:
    """Register a platform and print its credentials, the only time its secret is seen."""
    parts = build_parts(Settings())
    registration = ClientRegistration(
        name=name,
        owner=owner,
        redirect_uris=redirect_uri,
        scope=scope,
        id_token_alg=alg,
        post_logout_redirect_uris=post_logout_redirect_uri or [],
    )
    with parts.database.write() as session:
        made = register_client(session, registration, keyed=parts.idp.keyed, now=parts.clock.now())
    typer.echo(f"client_id={made.client_id}\nclient_secret={made.client_secret}")


def main() -> None:
    """Run the command; what a person can put right is said in a sentence, without a traceback."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    try:
        app()
    except ValidationError as error:
        for problem in error.errors():
            typer.echo(f"xinji: {problem['msg']}", err=True)
        sys.exit(2)
    except (XinjiError, OSError) as error:
        typer.echo(f"xinji: {error}", err=True)
        sys.exit(2)


def _witness(text: str) -> Witness:
    parts = text.split("|")
    if len(parts) < 3:  # noqa: PLR2004 - organisation, address and at least one key
        raise typer.BadParameter("organisation|url|vkey", param_hint="--witness")
    return Witness(organisation=parts[0], url=parts[1], vkeys=parts[2:])


def _refuse_insecure_production(settings: Settings) -> None:
    if not settings.production:
        return
    found = findings(settings, load_installation(settings))
    if found:
        for finding in found:
            typer.echo(f"xinji: {finding.setting}: {finding.why}; {finding.remedy}", err=True)
        raise typer.Exit(2)
