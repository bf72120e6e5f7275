"""`xinji keys`: those that sign ID tokens, whose changes else happen by schedule, and the status service's."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from credentials import status_rotation
from credentials.status_rotation import Stage
from crypto.keyring import ACTIVE, DESTROYED, NEXT, OIDC, RETIRED, KeyRecord, KeyRing
from idp.oauth import key_rotation
from idp.oauth.keys import ALGS, JWKS_AGE, OWNER
from server.parts import Parts, build_parts, key_folder, signer_keys
from server.settings import Settings

app = typer.Typer(pretty_exceptions_enable=False)
_SAID: Final = {
    Stage.ANNOUNCED: "announced; `xinji serve` accredits the new keys; call this again for them to sign",
    Stage.WAITING: "the log has not published yet that the new keys are accredited; the old ones go on signing",
    Stage.ROTATED: "rotated; the next status lists are signed with the new keys",
}
Algs = Annotated[list[str] | None, typer.Option("--alg", help=f"{', '.join(ALGS)}; repeatable; all unless given")]


@app.callback()
def keys() -> None:
    """List, rotate and withdraw the keys that sign ID tokens; rotate those of the status service."""


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
def rotate_status(
    now: Annotated[bool, typer.Option("--now", help="Sign at once, before anybody has accredited the keys")] = False,
) -> None:
    """Give the status service new keys: call it again until it says that they sign."""
    settings = Settings()
    parts = build_parts(settings)
    ring = KeyRing(signer_keys(settings), key_folder(settings).load_or_create("signing"), parts.clock)
    typer.echo(_SAID[status_rotation.rotate(parts.credentials, ring, at_once=now)])


@app.command(context_settings={"ignore_unknown_options": True})  # One name in 64 begins with a hyphen.
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
