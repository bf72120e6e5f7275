"""Approvals.sol: k of n members, before it expires, once; the panel changes only by itself."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.chain.artifact import ARTIFACTS
from ledger.chain.base import APPROVALS, CHECKPOINTS, REGISTRY, STATUS, ContractName, TreeAlg, log_id_of
from tests.integration.ledger.chain_world import LIFETIME, ChainWorld, MemoryGround

LOG = log_id_of("localhost:8000/log")


def open_log(world: ChainWorld) -> bytes:
    return world.propose(CHECKPOINTS, "openLog", LOG, int(TreeAlg.SM3), world.submitter.address)


def is_open(world: ChainWorld) -> bool:
    return bool(world.ask(CHECKPOINTS, "latest", LOG)[0])


def test_one_member_is_not_enough_and_two_are(contracts: ChainWorld) -> None:
    proposal = open_log(contracts)
    assert contracts.ask(APPROVALS, "approvalsOf", proposal) == 1
    assert contracts.refusal(contracts.members[0], APPROVALS, "execute", proposal) == "NotEnoughApprovals"
    assert contracts.refusal(contracts.members[0], APPROVALS, "approve", proposal) == "AlreadyApproved"
    contracts.do(contracts.members[2], APPROVALS, "approve", proposal)
    assert contracts.ask(APPROVALS, "hasApproved", proposal, contracts.members[2].address) is True
    assert not is_open(contracts)
    contracts.do(contracts.members[1], APPROVALS, "execute", proposal)
    assert is_open(contracts)
    for function in ("execute", "approve"):
        assert contracts.refusal(contracts.members[1], APPROVALS, function, proposal) == "AlreadyExecuted"


def test_strangers_neither_propose_nor_approve_nor_execute(contracts: ChainWorld) -> None:
    proposal = open_log(contracts)
    contracts.do(contracts.members[1], APPROVALS, "approve", proposal)
    for stranger in (contracts.stranger, contracts.submitter, contracts.registrar, contracts.endorsers[0]):
        for function in ("approve", "execute"):
            assert contracts.refusal(stranger, APPROVALS, function, proposal) == "NotAMember"
        target = contracts.address(CHECKPOINTS)
        assert contracts.refusal(stranger, APPROVALS, "propose", target, b"", bytes(32)) == "NotAMember"


def test_a_proposal_lapses(contracts: ChainWorld) -> None:
    proposal = open_log(contracts)
    contracts.do(contracts.members[1], APPROVALS, "approve", proposal)
    contracts.ground.pass_blocks(LIFETIME)
    assert contracts.refusal(contracts.members[0], APPROVALS, "execute", proposal) == "ProposalLapsed"
    assert contracts.refusal(contracts.members[2], APPROVALS, "approve", proposal) == "ProposalLapsed"
    assert not is_open(contracts)


def test_the_last_block_of_a_proposal_s_life(contracts: ChainWorld) -> None:
    proposal = open_log(contracts)
    expires_at = contracts.ask(APPROVALS, "proposal", proposal)[1]
    contracts.do(contracts.members[1], APPROVALS, "approve", proposal)
    contracts.ground.pass_blocks(expires_at - contracts.web3.eth.block_number - 1)
    contracts.do(contracts.members[0], APPROVALS, "execute", proposal)
    assert contracts.web3.eth.block_number == expires_at
    assert is_open(contracts)


def test_the_same_call_is_proposed_again_only_with_another_salt(contracts: ChainWorld) -> None:
    target, salt = contracts.address(CHECKPOINTS), bytes(32)
    contracts.do(contracts.members[0], APPROVALS, "propose", target, b"\x01", salt)
    for member in contracts.members[:2]:
        assert contracts.refusal(member, APPROVALS, "propose", target, b"\x01", salt) == "ProposalExists"
    contracts.do(contracts.members[1], APPROVALS, "propose", target, b"\x01", salt[:-1] + b"\x01")


def test_what_a_call_refuses_is_handed_on_and_stays_open(contracts: ChainWorld) -> None:
    proposal = contracts.propose(CHECKPOINTS, "unpause")
    contracts.do(contracts.members[1], APPROVALS, "approve", proposal)
    assert contracts.refusal(contracts.members[0], APPROVALS, "execute", proposal) == "ExpectedPause"
    assert contracts.ask(APPROVALS, "isExecuted", proposal) is False
    contracts.do(contracts.members[0], CHECKPOINTS, "pause")
    contracts.do(contracts.members[0], APPROVALS, "execute", proposal)


def test_a_call_of_nothing(contracts: ChainWorld) -> None:
    member = contracts.members[0]
    nobody = contracts.stranger.address
    assert contracts.refusal(member, APPROVALS, "propose", nobody, b"", bytes(32)) == "NoSuchTarget"
    assert contracts.refusal(member, APPROVALS, "approve", bytes(32)) == "NoSuchProposal"
    assert contracts.refusal(member, APPROVALS, "execute", bytes(32)) == "NoSuchProposal"
    target = contracts.address(CHECKPOINTS)
    contracts.do(member, APPROVALS, "propose", target, b"\xff\xff\xff\xff", bytes(32))
    proposal = bytes(contracts.ask(APPROVALS, "proposalId", target, b"\xff\xff\xff\xff", bytes(32)))
    contracts.do(contracts.members[1], APPROVALS, "approve", proposal)
    assert contracts.refusal(member, APPROVALS, "execute", proposal) == "CallFailed"


def test_a_lost_member_is_replaced_and_all_that_was_open_is_void(contracts: ChainWorld) -> None:
    lost, second, third = contracts.members
    before = open_log(contracts)
    contracts.do(second, APPROVALS, "approve", before)
    panel = [contracts.stranger.address, second.address, third.address]
    contracts.decide(APPROVALS, "changePanel", panel, 2)
    assert contracts.ask(APPROVALS, "members") == panel
    assert contracts.ask(APPROVALS, "panel") == 2
    assert contracts.refusal(lost, APPROVALS, "execute", before) == "NotAMember"
    assert contracts.refusal(second, APPROVALS, "execute", before) == "ProposalLapsed"
    assert contracts.refusal(contracts.stranger, APPROVALS, "approve", before) == "ProposalLapsed"
    assert contracts.refusal(lost, CHECKPOINTS, "pause") == "NotAMember"
    contracts.do(contracts.stranger, CHECKPOINTS, "pause")


def test_nobody_but_the_panel_changes_the_panel(contracts: ChainWorld) -> None:
    for somebody in (contracts.stranger, contracts.members[0]):
        refusal = contracts.refusal(somebody, APPROVALS, "changePanel", [somebody.address], 1)
        assert refusal == "OnlyByApproval"


@pytest.mark.parametrize(
    ("members", "threshold"),
    [([0, 1, 2], 1), ([0, 1], 1), ([0, 1], 3), ([0, 1, 2, 3], 2), ([], 0), ([0], 0), ([0, 0, 1], 2)],
)
def test_a_majority_is_always_needed_and_each_member_counts_once(
    contracts: ChainWorld, members: list[int], threshold: int
) -> None:
    accounts = [*contracts.members, contracts.stranger]
    addresses = [accounts[number].address for number in members]
    assert contracts.refused_decision(APPROVALS, "changePanel", addresses, threshold) == "BadPanel"


def test_bad_panels_are_not_deployed(contracts: ChainWorld) -> None:
    own, nobody = contracts.stranger.address, "0x" + "00" * 20
    bad: list[tuple[list[str], int, int]] = [([], 0, 5), ([own], 1, 0), ([nobody], 1, 5), ([own, own], 2, 5)]
    for arguments in bad:
        artifact = ARTIFACTS[APPROVALS]
        factory = contracts.web3.eth.contract(abi=artifact.abi, bytecode=artifact.bytecode)
        assert contracts.send(factory.constructor(*arguments), contracts.stranger, gas=5_000_000)["status"] == 0


def test_contracts_without_a_panel_are_not_deployed(contracts: ChainWorld, ground: MemoryGround) -> None:
    nobody = contracts.stranger.address
    others: list[tuple[ContractName, tuple[Any, ...]]] = [
        (CHECKPOINTS, ([], 0)),
        (REGISTRY, (1, 1)),
        (STATUS, (contracts.address(REGISTRY),)),
    ]
    for name, rest in others:
        artifact = ARTIFACTS[name]
        factory = ground.web3.eth.contract(abi=artifact.abi, bytecode=artifact.bytecode)
        assert contracts.send(factory.constructor(nobody, *rest), contracts.stranger, gas=5_000_000)["status"] == 0
