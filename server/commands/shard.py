"""`xinji log shard`: the log's shards by year. `docs/new-year.md` says what an operator does in December."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Final

import typer

from crypto.errors import SignerUnavailableError
from crypto.keyring import KeyRing
from crypto.signer_client import SignerClient
from kernel.pages import ZONE
from server.parts import build_parts, key_folder, socket_path, trust_path
from server.serving import signer_child
from server.settings import Settings
from server.shards import YearChange, coming_year, known_shards, new_year, publish_logs

app = typer.Typer(pretty_exceptions_enable=False, help="The log's shards by year.")
LEFT: Final = 1


@app.command(name="list")
def list_shards() -> None:
    """List the shards: state, entries, published, from when on, and origin."""
    typer.echo(f"{'state':<9} {'entries':>12} {'published':>12} {'opens':<10} log")
    for shard in known_shards(build_parts(Settings()).log):
        opens = "" if shard.opens_at is None else f"{shard.opens_at.astimezone(ZONE):%Y-%m-%d}"
        typer.echo(f"{shard.state:<9} {shard.sequenced_size:>12} {shard.published_size:>12} {opens:<10} {shard.origin}")


@app.command(name="new-year")
def change_years(
    year: Annotated[int | None, typer.Option(help="The new shard's; the coming one from July on")] = None,
    now: Annotated[bool, typer.Option("--now", help="Open it at once, unannounced: for trials only")] = False,
    destroy_keys: Annotated[
        bool, typer.Option("--destroy-keys", help="Destroy the frozen shard's private keys without asking")
    ] = False,
) -> None:
    """Announce the next year's shard, switch to it when it is time, freeze the old one.

    Call it again until it ends with status 0; ended anywhere, it goes on from there.
    """
    settings = Settings()
    parts = build_parts(settings)
    with _signer(settings):
        by = YearChange(
            parts.log,
            KeyRing(settings.data_dir / "signer" / "keys", key_folder(settings).load_or_create("signing"), parts.clock),
            lambda: publish_logs(trust_path(settings), parts.installation, parts.log),
            typer.echo,
        )
        done = new_year(
            by,
            year or coming_year(parts.clock.now()),
            early=now,
            destroy_keys=(lambda _: True) if destroy_keys else _confirmed,
        )
    if not done:
        raise typer.Exit(LEFT)
    typer.echo("没有要做的了。 Nothing is left to do.")


def _confirmed(origin: str) -> bool:
    typer.echo(f"The log {origin} has ended. Without its private keys nobody can ever sign a larger tree of it.")
    return str(typer.prompt("Type its origin to destroy them, anything else to keep them", default="")) == origin


@contextmanager
def _signer(settings: Settings) -> Iterator[None]:
    """Use the signer of the server that runs, or else one of our own meanwhile."""
    with SignerClient(socket_path(settings), timeout=5) as client:
        try:
            client.ping()
        except SignerUnavailableError:
            pass
        else:
            yield
            return
    with signer_child(settings):
        yield
