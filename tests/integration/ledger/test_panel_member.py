"""Members of the panel, each with its own key at its own node: propose, read, approve, carry out, pause."""

from __future__ import annotations

import re
import shutil
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_tester.exceptions import TransactionFailed
from eth_typing import ChecksumAddress
from typer.testing import CliRunner, Result
from web3.types import RPCEndpoint, RPCResponse

from ledger.chain import consortium, proposals
from ledger.chain.base import APPROVALS, CHECKPOINTS, NO_ROOT, REGISTRY, STATUS, Call, TreeAlg, log_id_of
from ledger.chain.deploying import carry_out, decide
from ledger.chain.deployments import Deployment, DeploymentsFile, Panel
from ledger.chain.errors import NotAMemberError, TransactionRefusedError, UnknownProposalError
from ledger.chain.member import PanelMember
from ledger.chain.rpc import PROFILES
from ledger.chain.sending import created_address
from server.commands.ledger import app
from tests.integration.ledger.chain_world import CHAIN_ID, ChainWorld, MemoryGround
from tests.integration.ledger.test_chain_rpc import PROFILE, Node

ORIGIN = "localhost:8000/log"
LOG = log_id_of(ORIGIN)
ROOT = bytes([7]) * 32
EVIDENCE = bytes([9]) * 32
PROVINCE = "0000410000"
LIFETIME = 25
ONCE = replace(PROFILE, confirmations=1)


class HonestNode(Node):
    """Says of a call that fails what nodes say: the contract's error as data."""

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        try:
            return super().make_request(method, params)
        except TransactionFailed as error:
            raw = re.search(r"b(?:'|\")(.*)(?:'|\")", str(error))
            data = raw[1].encode().decode("unicode_escape").encode("latin-1") if raw else b""
            reverted: Any = {"code": 3, "message": "execution reverted", "data": f"0x{data.hex()}"}
            return {"jsonrpc": "2.0", "id": 1, "error": reverted}


class Organisations:
    """Three members of whom two decide, each with a key file; a log is open and a province in the registry."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ground = MemoryGround(folder)
        self.file = folder / "deployments.json"
        self.members = [self.member(number) for number in range(3)]
        self.submitter, self.registrar = self.ground.accounts[3], self.ground.accounts[4]

    @property
    def deployment(self) -> Deployment:
        return DeploymentsFile(self.file).current

    def begin(self) -> None:
        """Deploy and decide what everything below starts from."""
        self._fund(created_address(self.ground.accounts[0].address, 0))
        addresses = tuple(self.ground.accounts[number].address for number in range(3))
        self.members[0].deploy(DeploymentsFile(self.file), Panel(members=addresses, threshold=2, lifetime=LIFETIME))
        for member in self.members[:2]:
            member.open_log(self.deployment, LOG, TreeAlg.SM3, self.submitter.address)
            member.add_province(self.deployment, PROVINCE, ROOT, self.registrar.address)

    def _fund(self, approvals: ChecksumAddress) -> None:
        """Give the panel's contract money before it is made: eth-tester asks who calls to pay, nodes do not."""
        payer = self.ground.accounts[13]
        fields: Any = {"to": approvals, "value": 10**20, "nonce": 0, "gas": 21_000, "chainId": CHAIN_ID}
        self.ground.web3.eth.send_raw_transaction(
            payer.sign_transaction({**fields, **self.ground.fees()}).raw_transaction
        )

    def member(self, number: int) -> PanelMember:
        return PanelMember(
            HonestNode(self.ground), ONCE, chain_id=CHAIN_ID, key=bytes(self.ground.accounts[number].key)
        )

    def key(self, number: int) -> Path:
        path = self.folder / f"{number}.key"
        path.write_text(bytes(self.ground.accounts[number].key).hex(), "ascii")
        path.chmod(stat.S_IRUSR | stat.S_IWUSR)
        return path

    def ask(self, contract: Any, function: str, *arguments: Any) -> Any:
        return self.members[0]._desk.contracts(self.deployment).ask(contract, function, *arguments)

    def anchor(self, size: int, *, submitter: int = 3) -> None:
        head = self.ask(CHECKPOINTS, "latest", LOG)
        call = Call(CHECKPOINTS, "anchor", (LOG, size, ROOT, head[1], bytes(head[2])))
        contracts = self.members[0]._desk.contracts(self.deployment)
        account = self.ground.accounts[submitter]
        signed = contracts.sign(account, call, nonce=contracts.nonce_of(account.address))
        self.ground.web3.eth.send_raw_transaction(signed.raw)


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chain with all of that, as a folder to copy."""
    folder = tmp_path_factory.mktemp("organisations")
    made = Organisations(folder)
    made.begin()
    made.ground.close()
    return folder


@pytest.fixture
def organisations(begun: Path, tmp_path: Path) -> Iterator[Organisations]:
    shutil.copytree(begun, tmp_path, dirs_exist_ok=True)
    found = Organisations(tmp_path)
    yield found
    found.ground.close()


def test_a_revocation_takes_two_of_three_and_is_for_good(organisations: Organisations) -> None:
    first, second, third = organisations.members
    waiting = first.revoke(organisations.deployment, PROVINCE, EVIDENCE)
    assert waiting is not None
    assert first.revoke(organisations.deployment, PROVINCE, EVIDENCE) == waiting  # Nothing twice.
    assert organisations.ask(REGISTRY, "issuerOf", PROVINCE.encode())[3] == 1
    assert second.revoke(organisations.deployment, PROVINCE, EVIDENCE) is None
    assert organisations.ask(REGISTRY, "issuerOf", PROVINCE.encode())[3] == 3
    assert third.revoke(organisations.deployment, PROVINCE, EVIDENCE) is None
    assert bytes(organisations.ask(REGISTRY, "journalAt", 2)[2]) == EVIDENCE


def test_another_word_is_another_proposal(organisations: Organisations) -> None:
    first, second, _ = organisations.members
    assert first.revoke(organisations.deployment, PROVINCE, EVIDENCE) is not None
    assert second.revoke(organisations.deployment, PROVINCE, bytes([8]) * 32) is not None  # Two ones, not one with two.
    assert organisations.ask(REGISTRY, "issuerOf", PROVINCE.encode())[3] == 1
    assert len(first.proposals(organisations.deployment)) == 2


def test_propose_read_approve_carry_out_on_different_machines(organisations: Organisations) -> None:
    first, second, third = organisations.members
    waiting = first.revoke(organisations.deployment, PROVINCE, EVIDENCE)
    assert waiting is not None
    (read,) = second.proposals(organisations.deployment)
    accounts = organisations.ground.accounts
    assert (read.id, read.state, read.threshold) == (waiting, "open", 2)
    assert read.call == Call(REGISTRY, "revoke", (PROVINCE.encode(), EVIDENCE))
    assert read.approved_by == (accounts[0].address,)
    with pytest.raises(TransactionRefusedError, match=r"NotEnoughApprovals.*other members must approve it first"):
        second.execute(organisations.deployment, waiting)
    approved = second.approve(organisations.deployment, waiting)
    assert (approved.state, approved.approved_by) == ("ready", (accounts[0].address, accounts[1].address))
    assert second.approve(organisations.deployment, waiting).approved_by == approved.approved_by
    assert organisations.ask(REGISTRY, "issuerOf", PROVINCE.encode())[3] == 1  # Approving carries nothing out.
    assert third.execute(organisations.deployment, waiting).state == "executed"
    assert organisations.ask(REGISTRY, "issuerOf", PROVINCE.encode())[3] == 3
    assert third.execute(organisations.deployment, waiting).state == "executed"
    assert third.proposals(organisations.deployment) == []
    with pytest.raises(TransactionRefusedError, match="AlreadyExecuted"):
        third.approve(organisations.deployment, waiting)


def test_a_proposal_lapses_and_with_a_new_panel_is_void(organisations: Organisations) -> None:
    first, second, _ = organisations.members
    waiting = first.revoke(organisations.deployment, PROVINCE, EVIDENCE)
    assert waiting is not None
    left = first.proposal(organisations.deployment, waiting).blocks_left
    assert left == LIFETIME
    organisations.ground.pass_blocks(left - 1)
    assert first.proposal(organisations.deployment, waiting).blocks_left == 1  # The next block is its last.
    organisations.ground.pass_blocks(1)
    assert first.proposal(organisations.deployment, waiting).state == "lapsed"
    assert first.proposals(organisations.deployment) == []
    before = organisations.ground.web3.eth.block_number
    for attempt in (second.approve, second.execute):
        with pytest.raises(TransactionRefusedError, match="lapsed"):
            attempt(organisations.deployment, waiting)
    assert organisations.ground.web3.eth.block_number == before
    again = first.revoke(organisations.deployment, PROVINCE, EVIDENCE)
    assert again not in (None, waiting)
    addresses = [organisations.ground.accounts[number].address for number in (0, 1)]
    panel = Call(APPROVALS, "changePanel", (addresses, 2))
    contracts = first._desk.contracts(organisations.deployment)
    assert decide(first._desk, contracts, panel) is not None
    assert decide(second._desk, second._desk.contracts(organisations.deployment), panel) is None
    assert again is not None
    assert first.proposal(organisations.deployment, again).state == "lapsed"


def test_an_epoch_after_a_stolen_key(organisations: Organisations) -> None:
    first, second, _ = organisations.members
    organisations.anchor(5)
    organisations.anchor(9)  # The thief's.
    new = organisations.ground.accounts[6].address
    wanted = (organisations.deployment, LOG, 5, new)
    assert first.open_epoch(*wanted) is not None
    assert second.open_epoch(*wanted) is None
    assert second.open_epoch(*wanted) is None
    assert organisations.ask(CHECKPOINTS, "latest", LOG)[1] == 5
    assert organisations.ask(CHECKPOINTS, "stateOf", LOG)[0] == new
    organisations.anchor(7, submitter=6)
    assert organisations.ask(CHECKPOINTS, "latest", LOG)[1] == 7
    for size, says in ((6, "no anchor of exactly this size"), (9, "UnknownAnchor")):
        with pytest.raises(TransactionRefusedError, match=says):
            first.open_epoch(organisations.deployment, LOG, size, organisations.submitter.address)
    with pytest.raises(TransactionRefusedError, match="does not know this log"):
        first.open_epoch(organisations.deployment, log_id_of("other/log"), 0, new)
    assert first.proposals(organisations.deployment) == []


def test_one_member_pauses_and_two_let_it_go_on(organisations: Organisations) -> None:
    first, second, third = organisations.members
    everything = [CHECKPOINTS, REGISTRY, STATUS]
    assert third.pause(organisations.deployment) == everything
    assert third.pause(organisations.deployment) == []
    assert organisations.ask(CHECKPOINTS, "latest", LOG) == [2, 0, NO_ROOT, 0]  # Reads go on.
    with pytest.raises(TransactionRefusedError, match="the contract is paused"):
        first.revoke(organisations.deployment, PROVINCE, EVIDENCE)
    assert first.unpause(organisations.deployment, REGISTRY) is not None
    assert third.unpause(organisations.deployment, REGISTRY) is None
    assert second.unpause(organisations.deployment, REGISTRY) is None  # It is not paused.
    assert [organisations.ask(name, "paused") for name in everything] == [True, False, True]
    # And again: the first decision was carried out, this is another.
    assert second.pause(organisations.deployment, [REGISTRY]) == [REGISTRY]
    assert first.unpause(organisations.deployment, REGISTRY) is not None
    assert second.unpause(organisations.deployment, REGISTRY) is None


def test_a_stranger_decides_nothing(organisations: Organisations) -> None:
    stranger = organisations.member(9)
    waiting = organisations.members[0].revoke(organisations.deployment, PROVINCE, EVIDENCE)
    assert waiting is not None
    before = organisations.ground.web3.eth.block_number
    for attempt in (
        lambda: stranger.revoke(organisations.deployment, PROVINCE, EVIDENCE),
        lambda: stranger.pause(organisations.deployment),
        lambda: stranger.approve(organisations.deployment, waiting),
        lambda: stranger.execute(organisations.deployment, waiting),
        lambda: stranger.open_epoch(organisations.deployment, LOG, 0, organisations.registrar.address),
    ):
        with pytest.raises(NotAMemberError, match=organisations.ground.accounts[0].address):
            attempt()
    assert organisations.ground.web3.eth.block_number == before  # Nothing was sent.
    with pytest.raises(UnknownProposalError):
        organisations.members[0].approve(organisations.deployment, bytes(32))


def test_what_is_none_of_our_contracts_is_shown_as_it_is(organisations: Organisations) -> None:
    """A member may propose a call of anything; who approves must see that it is not ours."""
    first = organisations.members[0]
    contracts = first._desk.contracts(organisations.deployment)
    other = ChainWorld(organisations.ground).address(STATUS)
    ours = organisations.deployment.addresses[STATUS]
    for target, data in ((other, b"\x01\x02"), (ours, b"\xff" * 4), (ours, b"")):
        call = Call(APPROVALS, "propose", (target, data, bytes(32)))
        carry_out(first._desk, contracts, call)
        proposal = bytes(contracts.ask(APPROVALS, "proposalId", target, data, bytes(32)))
        found = first.proposal(organisations.deployment, proposal)
        assert (found.target, found.data, found.call) == (target, data, None)


def test_proposals_are_looked_for_in_bounded_ranges(
    organisations: Organisations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proposals, "LOGS_AT_ONCE", 3)
    first = organisations.members[0]
    wanted = []
    for number in range(3):
        waiting = first.revoke(organisations.deployment, PROVINCE, bytes([20 + number]) * 32)
        assert waiting is not None
        wanted.append(waiting)
        organisations.ground.pass_blocks(2)
    assert [found.id for found in first.proposals(organisations.deployment)] == wanted


# The commands


@pytest.fixture
def xinji(organisations: Organisations, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run `xinji ledger …` as a member: its number, then the command's words."""
    monkeypatch.setitem(PROFILES, "tests", ONCE)
    monkeypatch.setattr(consortium, "http_provider", lambda _: HonestNode(organisations.ground))

    def run(number: int, *words: str, profile: str = "tests") -> Result:
        options = ["--rpc", "http://127.0.0.1:1", "--chain-id", str(CHAIN_ID), "--profile", profile]
        options += ["--key", str(organisations.key(number)), "--file", str(organisations.file)]
        return CliRunner().invoke(app, [*words, *options])

    return run


def test_the_commands_of_three_organisations(xinji: Any, organisations: Organisations) -> None:
    assert xinji(0, "proposals").output == "0 waiting\n"
    proposed = xinji(0, "revoke", "410000", EVIDENCE.hex())
    assert proposed.exit_code == 3
    identifier = proposed.output.split()[0]
    assert "waits for 1 more" in proposed.output
    assert f"IssuerRegistry.revoke({PROVINCE}, 0x{EVIDENCE.hex()})" in proposed.output
    assert f"approved by 1 of 2: {organisations.ground.accounts[0].address}" in proposed.output
    assert xinji(1, "proposals").output == proposed.output + "1 waiting\n"
    refused = xinji(1, "execute", identifier)
    assert "NotEnoughApprovals" in str(refused.exception)
    approved = xinji(1, "approve", identifier)
    assert (approved.exit_code, "enough have approved" in approved.output) == (3, True)
    withdrawn = xinji(1, "withdraw", identifier)
    assert withdrawn.exit_code == 1
    assert "takes no approval back" in withdrawn.output
    assert "xinji ledger pause" in withdrawn.output
    done = xinji(2, "execute", identifier)
    assert (done.exit_code, "carried out" in done.output) == (0, True)
    again = xinji(2, "revoke", "410000", EVIDENCE.hex())
    assert (again.exit_code, again.output) == (0, "done: 410000 is revoked\n")
    over = xinji(1, "withdraw", identifier)
    assert (over.exit_code, "xinji ledger pause" in over.output) == (1, False)


def test_the_commands_pause_and_go_on(xinji: Any, organisations: Organisations) -> None:
    paused = xinji(2, "pause", "--contract", "StatusAnchor")
    assert (paused.exit_code, paused.output) == (0, "StatusAnchor is paused\n")
    assert "StatusAnchor is paused already" in xinji(0, "pause").output
    waiting = xinji(0, "unpause")
    assert waiting.exit_code == 3
    assert waiting.output.count(".unpause()") == 3
    done = xinji(1, "unpause")
    assert (done.exit_code, done.output.count("done: ")) == (0, 3)
    new = organisations.ground.accounts[6].address
    assert xinji(0, "open-epoch", ORIGIN, "0", new).exit_code == 3
    assert xinji(1, "open-epoch", ORIGIN, "0", new).output == f"done: {ORIGIN} goes on from 0 with {new}\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["revoke", "410000", "12"], "64 hex digits"),
        (["approve", "zz"], "64 hex digits"),
        (["pause", "--contract", "Approvals"], "can be paused are"),
        (["revoke", "419900", EVIDENCE.hex()], "UnknownIssuer(code=0000419900): the registry holds no such code"),
        (["execute", "00" * 32], "nobody has proposed"),
    ],
)
def test_what_was_not_understood_is_said(xinji: Any, words: list[str], says: str) -> None:
    done = xinji(0, *words)
    assert done.exit_code
    assert says in " ".join(f"{done.output} {done.exception}".replace("│", " ").split())


def test_an_unknown_profile_and_an_open_key_file(xinji: Any, organisations: Organisations) -> None:
    assert "--profile is one of" in " ".join(xinji(0, "pause", profile="ethereum").output.split())
    organisations.key(0).chmod(0o644)
    key = organisations.folder / "0.key"
    done = CliRunner().invoke(app, ["pause", "--rpc", "x", "--chain-id", "1", "--key", str(key), "--profile", "tests"])
    assert "chmod 600" in str(done.exception)
