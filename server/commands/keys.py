"""`xinji keys`: the keys that sign ID tokens. Everything else of them happens by schedule."""

from __future__ import annotations

from typing import Annotated

import typer

from crypto.keyring import ACTIVE, DESTROYED, NEXT, OIDC, RETIRED, KeyRecord
from idp.oauth import key_rotation
from idp.oauth.keys import ALGS, JWKS_AGE, OWNER
from server.parts import Parts, build_parts
from server.settings import Settings

app = typer.Typer(pretty_exceptions_enable=False)
Algs = Annotated[list[str] | None, typer.Option("--alg", help=f"{', '.join(ALGS)}; repeatable; all unless given")]


@app.callback()
def keys() -> None:
    """List, rotate and withdraw the keys that sign ID tokens."""


@app.command(name="list")
def list_keys() -> None:
    """List the keys: algorithm, state, since when, what comes next, and the key's name (kid)."""
    for record in build_parts(Settings()).idp.keys.ring.records(OIDC, OWNER):
        typer.echo(
            f"{record.alg:<12} {record.state:<9} {record.since:%Y-%m-%d %H:%M}Z  {_then(record):<28} {record.key_id}"
        )


@app.command()
def rotate(
    alg: Algs = None,
    now: Annotated[bool, typer.Option("--now", help="Sign at once, unannounced")] = False,
) -> None:
    """Publish a next key, which signs a day later; with --now a new key signs at once."""
    parts = build_parts(Settings())
    algs = _known(alg)
    step = key_rotation.rotate_now if now else key_rotation.publish_next
    done = step(parts.idp.keys.ring, algs, parts.database, parts.clock)
    if now:
        typer.echo(f"{done} rotated; who keeps the old key set may refuse signatures for {JWKS_AGE // 60} minutes")
    else:
        typer.echo(f"{done} published; each signs in {key_rotation.AHEAD.total_seconds() / 3600:.0f} hours")


@app.command()
def retire(
    key_id: Annotated[str, typer.Argument(help="The key's name (kid), see `xinji keys list`")],
    compromised: Annotated[
        bool, typer.Option("--compromised", help="Take it out of the published set at once and destroy it")
    ] = False,
) -> None:
    """Stop signing with a key; its successor signs at once."""
    parts: Parts = build_parts(Settings())
    key_rotation.withdraw(
        parts.idp.keys.ring, key_id, compromised=compromised, database=parts.database, clock=parts.clock
    )
    typer.echo("destroyed, and not published any more" if compromised else "retired; published for 30 days more")


def _known(algs: list[str] | None) -> list[str]:
    for alg in algs or []:
        if alg not in ALGS:
            raise typer.BadParameter(f"one of {', '.join(ALGS)}", param_hint="--alg")
    return algs or list(ALGS)


def _then(record: KeyRecord) -> str:
    if record.state == NEXT:
        return f"signs from {key_rotation.signs_from(record):%Y-%m-%d %H:%M}Z"
    if record.state == ACTIVE:
        return f"signs until {record.since + key_rotation.SIGNS:%Y-%m-%d %H:%M}Z"
    if record.state == RETIRED:
        return f"published until {record.since + key_rotation.KEPT:%Y-%m-%d}"
    assert record.state == DESTROYED  # noqa: S101 - there is no other state
    return ""
