"""Create the contracts, in order, and carry decisions through the panel. Any crash may interrupt it.

A deployment is written down first. The addresses follow from the deployer's nonces, so going
on means to look at each address and to create what is missing there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address
from web3 import Web3

from crypto.hashes import sha256
from ledger.chain import interpreter as _interpreter  # noqa: F401 - see there
from ledger.chain.artifact import CONTRACTS
from ledger.chain.base import APPROVALS, REGISTRY, Call, ContractName, Receipt, SignedTransaction
from ledger.chain.deployments import Deployment, DeploymentsFile, Panel
from ledger.chain.errors import ChainMismatchError, TransactionRefusedError
from ledger.chain.sending import Contracts, Fees, created_address

MOST_ROUNDS: Final = 100
"""How often one decision may be proposed again, after proposals of it lapsed."""
NEVER: Final = 2**64 - 1
PROVINCE_LEVEL: Final = 2


@dataclass(frozen=True, slots=True)
class Desk:
    """Where transactions are handed in. `deliver` returns the receipt once its block is final."""

    web3: Web3
    account: LocalAccount
    chain_id: int
    fees: Fees
    deliver: Callable[[SignedTransaction], Receipt]

    def contracts(self, deployment: Deployment) -> Contracts:
        """Return the contracts of a deployment."""
        addresses = {name: to_checksum_address(address) for name, address in deployment.addresses.items()}
        return Contracts(self.web3, addresses, chain_id=self.chain_id, fees=self.fees)


def deploy_contracts(desk: Desk, file: DeploymentsFile, panel: Panel) -> Deployment:
    """Return the deployment whose code is what we compiled, making it unless it is the current one.

    Raises:
        ChainMismatchError: The file tells of another chain.
        TransactionRefusedError: The chain refused a creation.
    """
    last = file.last
    if last is not None and last.chain_id != desk.chain_id:
        raise ChainMismatchError(f"{file.path.name} tells of chain {last.chain_id}, and this is {desk.chain_id}")
    if last is not None and last.complete and _is_ours(desk, last):
        return last
    contracts = desk.contracts(_planned(desk, file, 0, panel))
    nonce = contracts.nonce_of(desk.account.address)
    if last is None or last.complete:
        file.begin(_planned(desk, file, nonce, panel))
    elif last.deployer != desk.account.address or not _can_go_on(desk, last):
        file.drop_last()
        file.begin(_planned(desk, file, nonce, panel))
    return _create(desk, file)


def _planned(desk: Desk, file: DeploymentsFile, nonce: int, panel: Panel) -> Deployment:
    sender = desk.account.address
    addresses: dict[ContractName, str] = {
        name: created_address(sender, nonce + place) for place, name in enumerate(CONTRACTS)
    }
    version = 1 + (0 if file.last is None else file.last.version)
    return Deployment(version, desk.chain_id, sender, nonce, addresses, panel)


def _create(desk: Desk, file: DeploymentsFile) -> Deployment:
    deployment = file.all[-1]
    contracts, panel = desk.contracts(deployment), deployment.panel
    if panel is None:
        raise AssertionError("a deployment of ours has its panel")
    at = contracts.addresses
    arguments: dict[ContractName, list[object]] = {
        "Approvals": [list(panel.members), panel.threshold, panel.lifetime],
        "CheckpointAnchor": [at["Approvals"], list(panel.endorsers), panel.endorser_threshold],
        "IssuerRegistry": [at["Approvals"], panel.ticks_per_second, panel.rotation_delay],
        "StatusAnchor": [at["Approvals"], at["IssuerRegistry"]],
    }
    for place, name in enumerate(CONTRACTS):
        if contracts.is_deployed(name):
            continue
        nonce = deployment.first_nonce + place
        receipt = desk.deliver(contracts.sign_creation(desk.account, name, arguments[name], nonce=nonce))
        if not receipt.succeeded or not contracts.is_deployed(name):
            raise TransactionRefusedError(f"the creation of {name} failed: its panel does not fit, or the gas")
    hashes: dict[ContractName, str] = {}
    for name in CONTRACTS:
        code_hash = contracts.code_hash(at[name])
        if code_hash is None:
            raise AssertionError("it was there a moment ago")
        hashes[name] = f"0x{code_hash.hex()}"
    return file.finish(hashes)


def _can_go_on(desk: Desk, started: Deployment) -> bool:
    """Whether every creation that is still missing can have its nonce."""
    contracts = desk.contracts(started)
    nonce = contracts.nonce_of(desk.account.address)
    for place, name in enumerate(CONTRACTS):
        stands = contracts.code_hash(contracts.addresses[name]) is not None
        if stands != (started.first_nonce + place < nonce):
            return False
    return True


def _is_ours(desk: Desk, deployment: Deployment) -> bool:
    if set(deployment.addresses) != set(CONTRACTS):
        return False
    contracts = desk.contracts(deployment)
    try:
        return all(contracts.is_deployed(name) for name in CONTRACTS)
    except ChainMismatchError:
        return False  # Of an earlier version: it stays, and a new one comes beside it.


def decide(desk: Desk, contracts: Contracts, call: Call) -> bytes | None:
    """Propose a call to the panel, or approve what was proposed, and make it if enough have approved.

    Returns None once it is made, and the proposal's id while other members must still approve.

    Raises:
        TransactionRefusedError: The call fails.
    """
    target, data = contracts.address_of(call.contract), contracts.encode(call)
    proposal = _open_proposal(contracts, target, data)
    if proposal is None:
        salt = _free_salt(contracts, target, data)
        carry_out(desk, contracts, Call(APPROVALS, "propose", (target, data, salt)))
        proposal = bytes(contracts.ask(APPROVALS, "proposalId", target, data, salt))
    elif not contracts.ask(APPROVALS, "hasApproved", proposal, desk.account.address):
        carry_out(desk, contracts, Call(APPROVALS, "approve", (proposal,)))
    if contracts.ask(APPROVALS, "approvalsOf", proposal) < contracts.ask(APPROVALS, "threshold"):
        return proposal
    carry_out(desk, contracts, Call(APPROVALS, "execute", (proposal,)))
    return None


def _salts(contracts: Contracts, target: str, data: str) -> list[tuple[bytes, bytes, bool, bool]]:
    """Return (salt, id, exists, open) round by round, up to the first that does not exist."""
    found = []
    head = contracts.block_number()
    for number in range(MOST_ROUNDS):
        salt = sha256(b"xinji/proposal/1" + number.to_bytes(4, "big"))
        proposal = bytes(contracts.ask(APPROVALS, "proposalId", target, data, salt))
        known, expires_at, panel, _ = contracts.ask(APPROVALS, "proposal", proposal)
        exists = int(known, 16) != 0
        lapsed = head >= expires_at or panel != contracts.ask(APPROVALS, "panel")
        done = exists and contracts.ask(APPROVALS, "isExecuted", proposal)
        found.append((salt, proposal, exists, exists and not lapsed and not done))
        if not exists:
            return found
    raise TransactionRefusedError("this was proposed too often without being decided")


def _open_proposal(contracts: Contracts, target: str, data: str) -> bytes | None:
    return next((proposal for _, proposal, _, is_open in _salts(contracts, target, data) if is_open), None)


def _free_salt(contracts: Contracts, target: str, data: str) -> bytes:
    return next(salt for salt, _, exists, _ in _salts(contracts, target, data) if not exists)


def carry_out(desk: Desk, contracts: Contracts, call: Call) -> None:
    """Send a call with the desk's key, and wait until it is final.

    Raises:
        TransactionRefusedError: It failed.
    """
    nonce = contracts.nonce_of(desk.account.address)
    receipt = desk.deliver(contracts.sign(desk.account, call, nonce=nonce))
    if not receipt.succeeded:
        raise TransactionRefusedError(f"the panel's {call.function} failed", function=call.function)


def province_call(contracts: Contracts, code: str, key_digest: bytes, *, controller: str) -> Call | None:
    """Return the panel's call that brings a province, or its new keys, into the registry; None if it is there.

    A province's accreditation is the panel's decision itself: its digest is that of its keys.
    """
    name = code.encode()
    number, version = contracts.ask(REGISTRY, "versionAt", name, contracts.ask(REGISTRY, "chainTime"))
    if number and bytes(version[3]) == key_digest:
        return None
    if contracts.ask(REGISTRY, "issuerOf", name)[3] == 0:
        root = contracts.ask(REGISTRY, "ROOT")
        issuer = (name, root, PROVINCE_LEVEL, controller, key_digest, key_digest, 0, NEVER)
        return Call(REGISTRY, "addIssuer", (issuer,))
    return Call(REGISTRY, "renew", (name, key_digest, key_digest, 0, NEVER))
