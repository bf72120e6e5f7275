"""`xinji ledger revoke`, `pause`, `approve`, …: what a member of the panel does on its own machine with its own key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from ledger.chain.base import ContractName, log_id_of
from ledger.chain.deployments import Deployment, DeploymentsFile
from ledger.chain.keys import read_key
from ledger.chain.member import PAUSABLE, PanelMember
from ledger.chain.proposals import Proposal
from ledger.chain.rpc import PROFILES

app = typer.Typer(pretty_exceptions_enable=False)
WAITS: Final = 3
"""The status where other members must act before it is done."""
CANNOT: Final = 1
HASH_BYTES: Final = 32
CODE_LENGTH: Final = 10

Rpc = Annotated[str, typer.Option(help="The JSON-RPC of a node of your own")]
ChainId = Annotated[int, typer.Option(help="The chain's EIP-155 id")]
Key = Annotated[Path, typer.Option(help="File with your private key, 64 hex digits, readable by you alone")]
ProfileName = Annotated[str, typer.Option(help=", ".join(PROFILES))]
File = Annotated[Path, typer.Option(help="The deployments' file")]
Only = Annotated[list[str] | None, typer.Option("--contract", help=f"{', '.join(PAUSABLE)}; all unless given")]
ProposalId = Annotated[str, typer.Argument(help="The proposal's id, 64 hex digits")]
DEPLOYMENTS: Final = Path("deployments.json")
BESU: Final = "besu-qbft"


@app.command()
def revoke(
    code: Annotated[str, typer.Argument(help="6-digit or 10-digit code; S and 9 digits for a status service")],
    evidence: Annotated[str, typer.Argument(help="The commitment of the log entry that says so, 64 hex digits")],
    rpc: Rpc,
    chain_id: ChainId,
    key: Key,
    profile: ProfileName = BESU,
    file: File = DEPLOYMENTS,
) -> None:
    """Propose to the panel to revoke an issuer for good, or approve that; each member with its own key."""
    member, deployment = _member(rpc, profile, chain_id, key), DeploymentsFile(file).current
    waiting = member.revoke(deployment, code.rjust(CODE_LENGTH, "0"), _hash(evidence))
    _decided(member, deployment, f"{code} is revoked", waiting)


@app.command(name="open-epoch")
def open_epoch(  # noqa: PLR0913 - options
    origin: Annotated[str, typer.Argument(help="The log's origin line")],
    size: Annotated[int, typer.Argument(help="The size of the anchor to go on from; 0: from nothing", min=0)],
    submitter: Annotated[str, typer.Argument(help="The address that will anchor from now on")],
    rpc: Rpc,
    chain_id: ChainId,
    key: Key,
    profile: ProfileName = BESU,
    file: File = DEPLOYMENTS,
) -> None:
    """Propose or approve that a log goes on with another key, after the submitter's was lost or stolen.

    After a theft, SIZE is the last anchor that is still believed: larger ones then count no more.
    """
    member, deployment = _member(rpc, profile, chain_id, key), DeploymentsFile(file).current
    waiting = member.open_epoch(deployment, log_id_of(origin), size, submitter)
    _decided(member, deployment, f"{origin} goes on from {size} with {submitter}", waiting)


@app.command()
def pause(
    rpc: Rpc, chain_id: ChainId, key: Key, profile: ProfileName = BESU, file: File = DEPLOYMENTS, contract: Only = None
) -> None:
    """Stop all writes, at once: one member may, alone. Reads go on; `unpause` takes k of n."""
    which = _contracts(contract)
    paused = _member(rpc, profile, chain_id, key).pause(DeploymentsFile(file).current, which)
    for name in which:
        typer.echo(f"{name} is paused" + ("" if name in paused else " already"))


@app.command()
def unpause(
    rpc: Rpc, chain_id: ChainId, key: Key, profile: ProfileName = BESU, file: File = DEPLOYMENTS, contract: Only = None
) -> None:
    """Propose or approve that paused contracts go on: a proposal for each."""
    member, deployment = _member(rpc, profile, chain_id, key), DeploymentsFile(file).current
    found = [(name, member.unpause(deployment, name)) for name in _contracts(contract)]
    for name, waiting in found:
        _show_decision(member, deployment, f"{name} is not paused", waiting)
    if any(waiting is not None for _, waiting in found):
        raise typer.Exit(WAITS)


@app.command()
def proposals(rpc: Rpc, chain_id: ChainId, key: Key, profile: ProfileName = BESU, file: File = DEPLOYMENTS) -> None:
    """List what waits for approvals, in full, as your own node has it."""
    found = _member(rpc, profile, chain_id, key).proposals(DeploymentsFile(file).current)
    for proposal in found:
        _show(proposal)
    typer.echo(f"{len(found)} waiting")


@app.command()
def approve(
    proposal: ProposalId, rpc: Rpc, chain_id: ChainId, key: Key, profile: ProfileName = BESU, file: File = DEPLOYMENTS
) -> None:
    """Approve a proposal of another member. Read it first: `xinji ledger proposals`. It cannot be taken back."""
    found = _member(rpc, profile, chain_id, key).approve(DeploymentsFile(file).current, _hash(proposal))
    _show(found)
    if found.state != "executed":
        raise typer.Exit(WAITS)


@app.command()
def execute(
    proposal: ProposalId, rpc: Rpc, chain_id: ChainId, key: Key, profile: ProfileName = BESU, file: File = DEPLOYMENTS
) -> None:
    """Carry out a proposal that enough members have approved."""
    _show(_member(rpc, profile, chain_id, key).execute(DeploymentsFile(file).current, _hash(proposal)))


@app.command()
def withdraw(
    proposal: ProposalId, rpc: Rpc, chain_id: ChainId, key: Key, profile: ProfileName = BESU, file: File = DEPLOYMENTS
) -> None:
    """Say why an approval cannot be taken back, and what can still be done. Sends nothing."""
    found = _member(rpc, profile, chain_id, key).proposal(DeploymentsFile(file).current, _hash(proposal))
    _show(found)
    typer.echo("The contract takes no approval back: what was approved stays so until the proposal lapses.")
    if found.state in ("open", "ready"):
        typer.echo(
            f"It can be carried out for {found.blocks_left} more blocks. To prevent that: the others do not approve it;"
            " or `xinji ledger pause` (one member, at once: revocations and new epochs then fail);"
            " or a changed panel, which voids it."
        )
    raise typer.Exit(CANNOT)


def _member(rpc: str, profile: str, chain_id: int, key: Path) -> PanelMember:
    if profile not in PROFILES:
        raise typer.BadParameter(f"--profile is one of {', '.join(PROFILES)}")
    return PanelMember(rpc, PROFILES[profile], chain_id=chain_id, key=read_key(key))


def _contracts(names: list[str] | None) -> tuple[ContractName, ...]:
    if unknown := sorted(set(names or ()) - set(PAUSABLE)):
        raise typer.BadParameter(f"{', '.join(unknown)}: can be paused are {', '.join(PAUSABLE)}")
    return tuple(name for name in PAUSABLE if not names or name in names)


def _hash(text: str) -> bytes:
    try:
        found = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        found = b""
    if len(found) != HASH_BYTES:
        raise typer.BadParameter(f"{text}: 64 hex digits are expected")
    return found


def _decided(member: PanelMember, deployment: Deployment, done: str, waiting: bytes | None) -> None:
    _show_decision(member, deployment, done, waiting)
    if waiting is not None:
        raise typer.Exit(WAITS)


def _show_decision(member: PanelMember, deployment: Deployment, done: str, waiting: bytes | None) -> None:
    if waiting is None:
        typer.echo(f"done: {done}")
    else:
        _show(member.proposal(deployment, waiting))


def _show(proposal: Proposal) -> None:
    states = {
        "open": f"waits for {proposal.threshold - len(proposal.approved_by)} more",
        "ready": "enough have approved: `xinji ledger execute`",
        "executed": "carried out",
        "lapsed": "lapsed, or void since the panel changed",
    }
    typer.echo(f"0x{proposal.id.hex()}  {states[proposal.state]}")
    if proposal.call is None:
        typer.echo(f"  a call of {proposal.target}, which is none of our contracts: 0x{proposal.data.hex()}")
    else:
        arguments = ", ".join(_shown(argument) for argument in proposal.call.arguments)
        typer.echo(f"  {proposal.call.contract}.{proposal.call.function}({arguments})")
    typer.echo(f"  approved by {len(proposal.approved_by)} of {proposal.threshold}: {', '.join(proposal.approved_by)}")
    if proposal.blocks_left:
        typer.echo(f"  until block {proposal.expires_at}, {proposal.blocks_left} from now")


def _shown(argument: object) -> str:
    if isinstance(argument, bytes):
        text = argument.decode("ascii", "replace")
        return text if len(argument) == CODE_LENGTH and text.isalnum() else f"0x{argument.hex()}"
    if isinstance(argument, tuple | list):
        return f"({', '.join(_shown(each) for each in argument)})"
    return str(argument)
