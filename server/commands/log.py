"""`xinji log`: its state, witnesses and shards; check and repair its files, or keep a copy of another's log."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Final

import structlog
import typer

from crypto.hashes import HASHES
from ledger.errors import ForkedLogError, LedgerError, MirrorSourceError
from ledger.formats.checkpoint import Organisation, WitnessPolicy
from ledger.formats.policy_text import parse_policy
from ledger.formats.shard import FIRST
from ledger.formats.vkey import VerifierKey, parse_vkey
from ledger.storage.tiles import TileFolder
from ledger.upkeep.fsck import findings
from ledger.upkeep.mirror import Mirror, run_once
from ledger.upkeep.reading import HttpSource
from ledger.upkeep.repair import repair as repair_log
from server.commands.shard import app as shard_commands
from server.log_state import log_state, policy_of, with_policy
from server.parts import Parts, build_parts, trust_path
from server.settings import Settings, load_installation, save_installation
from server.shards import known_shards
from server.trust import read_trust

app = typer.Typer(pretty_exceptions_enable=False)
app.add_typer(shard_commands, name="shard")
FOUND: Final = 1

logger = structlog.get_logger()


@app.callback()
def log() -> None:
    """See the log's state and its witnesses, check and repair its files, or keep a copy of another's log."""


@app.command()
def fsck(
    repair: Annotated[
        bool, typer.Option("--repair", help="Make damaged files again from the database's entries; keep the old ones")
    ] = False,
) -> None:
    """Compare every tile, entry and checkpoint of every shard; status 1 where anything does not fit."""
    parts = build_parts(Settings())
    shards = [shard.number for shard in known_shards(parts.log)] or [FIRST]
    count = 0
    for log in map(parts.log.of, shards):
        keys, place = _own_keys(parts, log.origin), f"{log.origin}: " if len(shards) > 1 else ""
        for done in repair_log(log, keys) if repair else ():
            typer.echo(f"repaired: {place}{done}")
        for finding in findings(log, keys):
            typer.echo(f"{place}{finding}")
            count += 1
    if count:
        typer.echo(f"{count} findings: the log must not be served or extended as it is", err=True)
        raise typer.Exit(FOUND)
    typer.echo("没有发现问题。 The log is whole.")


@app.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="Say it as JSON")] = False,
) -> None:
    """Say how far the log is and whether its witnesses answer; status 1 while a checkpoint waits for its quorum."""
    state = log_state(build_parts(Settings()))
    for line in [json.dumps(state.as_json(), ensure_ascii=False, indent=1)] if as_json else state.lines():
        typer.echo(line)
    if state.waiting is not None:
        raise typer.Exit(FOUND)


@app.command()
def policy(
    file: Annotated[
        Path | None, typer.Option("--set", help="Take the witnesses and the quorum from this file; then restart")
    ] = None,
) -> None:
    """Print the log's witness policy, or replace it (C2SP tlog-policy: k of n organisations)."""
    settings = Settings()
    installation = load_installation(settings)
    if file is not None:
        installation = with_policy(installation, parse_policy(file.read_bytes()))
        save_installation(settings, installation)
    typer.echo(str(policy_of(installation, _own_keys(build_parts(settings), None))), nl=False)


@app.command()
def mirror(
    from_: Annotated[str, typer.Option("--from", help="Where the log's files are: https://host/log")],
    to: Annotated[Path, typer.Option(help="The folder that keeps the copy; any web server can serve it")],
    vkey: Annotated[list[str], typer.Option(help="The log's verifier key; repeat for each of its keys")],
    tree_hash: Annotated[str, typer.Option(help=f"The log's tree hash: {', '.join(HASHES)}")] = "sm3",
    witness: Annotated[
        list[str] | None, typer.Option(help="organisation|vkey[|vkey]; repeatable: who must have cosigned")
    ] = None,
    quorum: Annotated[int, typer.Option(min=0, help="How many of the organisations must have cosigned")] = 0,
    every: Annotated[float, typer.Option(min=0, help="Look again every so many seconds; 0: once, and end")] = 0,
) -> None:
    """Keep a copy of a log, believing nothing; status 1 where the log has forked."""
    keys = tuple(map(parse_vkey, vkey))
    if len({key.name for key in keys}) != 1:
        raise typer.BadParameter("all keys of one log have its origin as their name", param_hint="--vkey")
    if tree_hash not in HASHES:
        raise typer.BadParameter(f"one of {', '.join(HASHES)}", param_hint="--tree-hash")
    source = HttpSource(from_)
    policy = WitnessPolicy(quorum, tuple(_organisation(text) for text in witness or []))
    copy = Mirror(source, TileFolder(to, tree_hash), keys[0].name, keys, policy)
    try:
        while True:
            _mirror_once(copy, patient=every > 0)
            if not every:
                return
            time.sleep(every)
    except ForkedLogError as error:
        typer.echo(f"xinji: {error}", err=True)
        raise typer.Exit(FOUND) from error
    finally:
        source.close()


def _mirror_once(copy: Mirror, *, patient: bool) -> None:
    """Take over what is new. A source that is down is waited for; one that is wrong is told of each time."""
    try:
        count = run_once(copy)
    except ForkedLogError:
        raise
    except LedgerError as error:
        if not patient:
            raise
        logger.warning("mirror_failed", code=error.code, detail=str(error), waits=isinstance(error, MirrorSourceError))
        return
    typer.echo(f"{count} entries taken over")


def _organisation(text: str) -> Organisation:
    name, *keys = text.split("|")
    if not keys:
        raise typer.BadParameter("organisation|vkey", param_hint="--witness")
    return Organisation(name, tuple(map(parse_vkey, keys)))


def _own_keys(parts: Parts, origin: str | None) -> tuple[VerifierKey, ...]:
    """Return the keys of a shard, or of all, from our own trust file: the signer need not run for a check."""
    trust = read_trust(trust_path(parts.settings)) or {"logs": []}
    return tuple(parse_vkey(key) for one in trust["logs"] if origin in (None, one["origin"]) for key in one["vkeys"])
