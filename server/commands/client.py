"""`xinji client`: platforms that sign people in here."""

from __future__ import annotations

from typing import Annotated

import typer

from idp.oauth.clients.metadata import SIGNING_ALGS, ClientMetadata
from idp.oauth.clients.registration import ClientRegistration, register_client
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
    alg: Annotated[str, typer.Option(help=f"ID token signature: {', '.join(SIGNING_ALGS)}")] = "ES256",
    post_logout_redirect_uri: Annotated[list[str] | None, typer.Option()] = None,
) -> None:
    """Register a platform and print its credentials, the only time its secret is seen."""
    parts = build_parts(Settings())
    registration = ClientRegistration(
        name=name,
        owner=owner,
        metadata=ClientMetadata(
            redirect_uris=tuple(redirect_uri),
            post_logout_redirect_uris=tuple(post_logout_redirect_uri or ()),
            scope=scope,
            id_token_signed_response_alg=alg,
        ),
    )
    with parts.database.write() as session:
        made = register_client(session, registration, keyed=parts.idp.keyed, now=parts.clock.now())
    typer.echo(f"client_id={made.client_id}\nclient_secret={made.client_secret}")
