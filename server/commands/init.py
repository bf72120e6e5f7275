"""`xinji init`."""

from __future__ import annotations

from typing import Annotated

import typer

from server import setup
from server.settings import Installation, Settings, Witness

app = typer.Typer(pretty_exceptions_enable=False)


@app.command()
def init(
    officer_name: Annotated[str, typer.Option(help="The province's first officer: name")],
    officer_document: Annotated[str, typer.Option(help="… and identity card number")],
    base_url: Annotated[str, typer.Option(help="Public address, fixed for good")] = "http://localhost:8000",
    province: Annotated[str, typer.Option(help="6-digit code (GB/T 2260)")] = "410000",
    province_name: Annotated[str, typer.Option(help="Its authority's name")] = "河南省教育厅",
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
    typer.echo(f"{officer.name}: EID {officer.eid}, activation code {officer.code} (shown this once)")


def _witness(text: str) -> Witness:
    organisation, _, rest = text.partition("|")
    url, _, keys = rest.partition("|")
    if not keys:
        raise typer.BadParameter("organisation|url|vkey", param_hint="--witness")
    return Witness(organisation=organisation, url=url, vkeys=keys.split("|"))
