"""`xinji ledger`: the contracts on the chain, their versions, and whether they say what the log says."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated, Final

import typer

from ledger.chain.base import TreeAlg, log_id_of
from ledger.chain.consortium import Consortium
from ledger.chain.deployments import Deployment, DeploymentsFile, Panel
from ledger.chain.keys import read_key
from ledger.chain.rpc import PROFILES
from server.chain import OpenLogs, as_it_is, comparing, embedded_chain, our_province
from server.commands.endorse import app as endorse_commands
from server.commands.panel import app as panel_commands
from server.consortium import our_member
from server.devnet import run_devnet
from server.parts import build_parts
from server.serving import signer_child
from server.settings import ChainSettings, Settings

app = typer.Typer(pretty_exceptions_enable=False)
app.add_typer(endorse_commands)
app.add_typer(panel_commands)
DIFFERS: Final = 1

Rpc = Annotated[str, typer.Option(help="A node's JSON-RPC; the embedded chain unless given")]
Key = Annotated[Path | None, typer.Option(help="File with the private key that deploys, 64 hex digits")]
Members = Annotated[list[str] | None, typer.Option("--member", help="A member of the panel: an address; repeatable")]
Endorsers = Annotated[list[str] | None, typer.Option("--endorser", help="An address that endorses; repeatable")]


@app.callback()
def ledger() -> None:
    """Deploy the contracts, list their versions, and compare the chain with the log."""


@app.command()
def deploy(  # noqa: PLR0913 - options
    rpc: Rpc = "",
    profile: Annotated[str, typer.Option(help=", ".join(PROFILES))] = "besu-qbft",
    chain_id: Annotated[int, typer.Option(help="The chain's EIP-155 id")] = 0,
    key: Key = None,
    file: Annotated[Path, typer.Option(help="Where the deployments are written down")] = Path("deployments.json"),
    member: Members = None,
    threshold: Annotated[int, typer.Option(help="How many members decide; a majority")] = 1,
    endorser: Endorsers = None,
    endorsements: Annotated[int, typer.Option(help="How many endorsements confirm an anchor")] = 0,
    milliseconds: Annotated[bool, typer.Option("--milliseconds", help="The chain's clock counts milliseconds")] = False,
) -> None:
    """Deploy our contracts in their newest version, beside the earlier ones; what stands already is left alone.

    Without --rpc, on the installation's own chain; there it also brings our log and province before the panel.
    """
    panel = Panel(
        members=tuple(member or ()),
        threshold=threshold,
        endorsers=tuple(endorser or ()),
        endorser_threshold=endorsements,
        ticks_per_second=1_000 if milliseconds else 1,
    )
    if not rpc and ChainSettings().engine == "embedded":
        _deploy_embedded()
        return
    if not rpc:
        _deploy_here(key, panel if member else None)
        return
    if key is None or not member or profile not in PROFILES:
        raise typer.BadParameter("--rpc needs --profile, --chain-id, --key and at least one --member")
    consortium = Consortium(rpc, PROFILES[profile], chain_id=chain_id, key=_private_key(key))
    _show(consortium.deploy(DeploymentsFile(file), panel))


@app.command()
def deployments(
    file: Annotated[Path | None, typer.Option(help="The deployments' file; the embedded chain's unless given")] = None,
) -> None:
    """List the versions of the contracts, the oldest first. All of them stay readable."""
    for deployment in DeploymentsFile(file or _embedded_file()).all:
        _show(deployment)


@app.command(name="open-log")
def open_log(
    origin: Annotated[str, typer.Argument(help="The log's origin line")],
    submitter: Annotated[str, typer.Argument(help="The address that will anchor it")],
    rpc: Rpc,
    chain_id: Annotated[int, typer.Option(help="The chain's EIP-155 id")],
    key: Annotated[Path, typer.Option(help="File with a member's private key")],
    profile: Annotated[str, typer.Option(help=", ".join(PROFILES))] = "besu-qbft",
    file: Annotated[Path, typer.Option(help="The deployments' file")] = Path("deployments.json"),
) -> None:
    """Propose to the panel to open a log, or approve that; each member calls this with its own key."""
    consortium = Consortium(rpc, PROFILES[profile], chain_id=chain_id, key=_private_key(key))
    deployment = DeploymentsFile(file).current
    waiting = consortium.open_log(deployment, log_id_of(origin), TreeAlg.SM3, submitter)
    _say(waiting)


@app.command(name="add-province")
def add_province(  # noqa: PLR0913 - options
    code: Annotated[str, typer.Argument(help="6-digit code (GB/T 2260)")],
    key_digest: Annotated[str, typer.Argument(help="The digest of its keys, 64 hex digits")],
    controller: Annotated[str, typer.Argument(help="The address that will speak for it")],
    rpc: Rpc,
    chain_id: Annotated[int, typer.Option(help="The chain's EIP-155 id")],
    key: Annotated[Path, typer.Option(help="File with a member's private key")],
    profile: Annotated[str, typer.Option(help=", ".join(PROFILES))] = "besu-qbft",
    file: Annotated[Path, typer.Option(help="The deployments' file")] = Path("deployments.json"),
) -> None:
    """Propose to the panel to add a province or its new keys, or approve that; each member with its own key."""
    consortium = Consortium(rpc, PROFILES[profile], chain_id=chain_id, key=_private_key(key))
    digest = bytes.fromhex(key_digest.removeprefix("0x"))
    waiting = consortium.add_province(DeploymentsFile(file).current, code.rjust(10, "0"), digest, controller)
    _say(waiting)


@app.command()
def compare() -> None:
    """Compare all that the chain holds with the log; status 1 where they differ. The embedded one not while serving."""
    settings = Settings()
    parts = build_parts(settings)
    with signer_child(settings), closing(as_it_is(parts)) as chain:
        found = comparing(parts, chain).everything()
    for mismatch in found:
        typer.echo(f"{mismatch.difference:<20} {mismatch.contract:<16} {mismatch.code} {mismatch.commitment}")
    typer.echo(f"{len(found)} differences")
    if found:
        raise typer.Exit(DIFFERS)


@app.command()
def devnet(
    validators: Annotated[int, typer.Option(min=1, max=10, help="How many; 3f + 1 of them survive f that fail")] = 4,
    folder: Annotated[Path | None, typer.Option(help="Where its data stay; thrown away unless given")] = None,
    minutes: Annotated[float, typer.Option(help="The longest it runs")] = 480,
    megabytes: Annotated[int, typer.Option(help="The most its data may take")] = 4_000,
) -> None:
    """Run a real BFT network on 127.0.0.1 for trials: CometBFT with an EVM, from requirements-bft.lock."""
    run_devnet(folder, validators=validators, minutes=minutes, megabytes=megabytes, say=typer.echo)


def _deploy_embedded() -> None:
    parts = build_parts(Settings())
    with closing(embedded_chain(parts)) as chain:
        OpenLogs(parts, chain).run_once()
        for deployment in chain.deployments:
            _show(deployment)


def _deploy_here(key: Path | None, panel: Panel | None) -> None:
    settings = Settings()
    parts = build_parts(settings)
    with signer_child(settings):
        member = our_member(parts, None if key is None else read_key(key))
        if member is None:
            raise typer.BadParameter("--key, or XINJI_CHAIN_MEMBER_KEY, names the key of a member of the panel")
        _show(member.deploy(panel))
        for proposal in member.settle(*our_province(parts)):
            typer.echo(f"other members must approve  {proposal}")


def _embedded_file() -> Path:
    return Settings().data_dir / "chain" / "deployments.json"


def _show(deployment: Deployment) -> None:
    state = "" if deployment.complete else " (unfinished)"
    typer.echo(f"version {deployment.version} on chain {deployment.chain_id}{state}")
    for name, address in deployment.addresses.items():
        typer.echo(f"  {name:<17} {address}  {deployment.code_hashes.get(name, '')}")


def _say(waiting: bytes | None) -> None:
    typer.echo("done" if waiting is None else f"proposed; other members must approve: 0x{waiting.hex()}")


def _private_key(path: Path) -> bytes:
    return bytes.fromhex(path.read_text("ascii").strip().removeprefix("0x"))
