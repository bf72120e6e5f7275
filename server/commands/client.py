"""`xinji client`: platforms that sign people in here."""

from __future__ import annotations

from typing import Annotated

import typer

from idp.oauth.clients import ClientRegistration, register_client
from server.parts import build_parts
from server.settings import Settings

app = typer.Typer(pretty_exceptions_enable=False)


@app.callback()
def client() -> None:
    """Register platforms that sign people in here."""


@app.command()
def add(
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
