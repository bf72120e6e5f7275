"""CheckpointAnchor.sol: one growing sequence, one submitter, epochs, endorsements, pause. Nothing is ever removed."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from eth_account.signers.local import LocalAccount
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from web3.logs import DISCARD

from ledger.chain.artifact import ARTIFACTS
from ledger.chain.base import CHECKPOINTS, NO_ROOT, TreeAlg, log_id_of
from tests.integration.ledger.chain_world import ChainWorld, MemoryGround

LOG = log_id_of("localhost:8000/log")
OTHER = log_id_of("localhost:8000/other")
ROOTS = [bytes([number]) * 32 for number in range(1, 10)]


@pytest.fixture(scope="module")
def opened(ground: MemoryGround) -> ChainWorld:
    """The contracts with the log open."""
    world = ChainWorld(ground)
    open_log(world, LOG)
    return world


@pytest.fixture
def world(ground: MemoryGround, opened: ChainWorld) -> Iterator[ChainWorld]:
    """Begin each test with the log as it was opened."""
    snapshot = ground.tester.take_snapshot()
    yield opened
    ground.tester.revert_to_snapshot(snapshot)


def open_log(world: ChainWorld, log: bytes, alg: TreeAlg = TreeAlg.SM3) -> None:
    world.decide(CHECKPOINTS, "openLog", log, int(alg), world.submitter.address)


def anchor(world: ChainWorld, size: int, root: bytes, sender: LocalAccount | None = None) -> Any:
    """Anchor after whatever was anchored last."""
    _, *head, _ = world.ask(CHECKPOINTS, "latest", LOG)
    return world.do(sender or world.submitter, CHECKPOINTS, "anchor", LOG, size, root, *head)


def test_anchors_form_one_growing_sequence(world: ChainWorld) -> None:
    receipt = world.do(world.submitter, CHECKPOINTS, "anchor", LOG, 5, ROOTS[0], 0, NO_ROOT)
    world.do(world.submitter, CHECKPOINTS, "anchor", LOG, 9, ROOTS[1], 5, ROOTS[0])
    assert world.ask(CHECKPOINTS, "latest", LOG) == [TreeAlg.SM3, 9, ROOTS[1], 2]
    root, previous, block, time, endorsements = world.ask(CHECKPOINTS, "anchorAt", LOG, 5)
    assert (root, previous, block, endorsements) == (ROOTS[0], 0, receipt["blockNumber"], 0)
    assert time > 1_780_000_000
    (event,) = world.contracts[CHECKPOINTS].events.Anchored().process_receipt(receipt)
    assert dict(event["args"]) == {
        "logId": LOG,
        "size": 5,
        "root": ROOTS[0],
        "previousSize": 0,
        "previousRoot": NO_ROOT,
    }
    assert world.ask(CHECKPOINTS, "anchorAt", LOG, 6)[0] == NO_ROOT


@pytest.mark.parametrize(
    ("size", "root", "previous_size", "previous_root", "error"),
    [
        (6, ROOTS[1], 0, NO_ROOT, "PreviousMismatch"),
        (6, ROOTS[1], 5, ROOTS[1], "PreviousMismatch"),
        (6, ROOTS[1], 4, ROOTS[0], "PreviousMismatch"),
        (5, ROOTS[1], 5, ROOTS[0], "SizeMustGrow"),
        (5, ROOTS[0], 5, ROOTS[0], "SizeMustGrow"),
        (4, ROOTS[1], 5, ROOTS[0], "SizeMustGrow"),
        (0, ROOTS[1], 5, ROOTS[0], "SizeMustGrow"),
        (5 + 2**24 + 1, ROOTS[1], 5, ROOTS[0], "GrowthTooLarge"),
        (2**64 - 1, ROOTS[1], 5, ROOTS[0], "GrowthTooLarge"),
        (6, NO_ROOT, 5, ROOTS[0], "EmptyRoot"),
    ],
)
def test_what_does_not_continue_the_sequence_is_refused(
    world: ChainWorld, size: int, root: bytes, previous_size: int, previous_root: bytes, error: str
) -> None:
    world.do(world.submitter, CHECKPOINTS, "anchor", LOG, 5, ROOTS[0], 0, NO_ROOT)
    assert world.refusal(world.submitter, CHECKPOINTS, "anchor", LOG, size, root, previous_size, previous_root) == error
    assert world.ask(CHECKPOINTS, "latest", LOG) == [TreeAlg.SM3, 5, ROOTS[0], 1]


def test_a_log_may_grow_by_two_to_the_twenty_fourth(world: ChainWorld) -> None:
    world.do(world.submitter, CHECKPOINTS, "anchor", LOG, 2**24, ROOTS[0], 0, NO_ROOT)
    assert world.ask(CHECKPOINTS, "latest", LOG)[1] == 2**24


def test_only_the_submitter_anchors(world: ChainWorld) -> None:
    for somebody in (world.members[0], world.registrar, world.stranger, world.endorsers[0]):
        assert world.refusal(somebody, CHECKPOINTS, "anchor", LOG, 5, ROOTS[0], 0, NO_ROOT) == "NotTheSubmitter"


def test_logs_are_opened_once_by_the_panel_and_stand_apart(world: ChainWorld) -> None:
    own = world.submitter.address
    for somebody in (world.submitter, world.members[0], world.stranger):
        assert world.refusal(somebody, CHECKPOINTS, "openLog", OTHER, 1, own) == "OnlyByApproval"
    assert world.refusal(world.submitter, CHECKPOINTS, "anchor", OTHER, 5, ROOTS[0], 0, NO_ROOT) == "UnknownLog"
    assert world.refused_decision(CHECKPOINTS, "openLog", LOG, int(TreeAlg.SHA256), own) == "LogExists"
    for unknown in (0, 3, 255):
        assert world.refused_decision(CHECKPOINTS, "openLog", OTHER, unknown, own) == "UnknownAlgorithm"
    assert world.refused_decision(CHECKPOINTS, "openLog", OTHER, 1, "0x" + "00" * 20) == "NoSubmitter"
    open_log(world, OTHER, TreeAlg.SHA256)
    anchor(world, 5, ROOTS[0])
    assert world.ask(CHECKPOINTS, "latest", OTHER) == [TreeAlg.SHA256, 0, NO_ROOT, 0]
    world.do(world.submitter, CHECKPOINTS, "anchor", OTHER, 3, ROOTS[1], 0, NO_ROOT)
    assert world.ask(CHECKPOINTS, "latest", LOG)[1:3] == [5, ROOTS[0]]


def test_k_endorsers_confirm_an_anchor(world: ChainWorld) -> None:
    anchor(world, 5, ROOTS[0])
    first, second, third = world.endorsers
    world.do(first, CHECKPOINTS, "endorse", LOG, 5, ROOTS[0])
    assert world.ask(CHECKPOINTS, "isConfirmed", LOG, 5) is False
    assert world.refusal(first, CHECKPOINTS, "endorse", LOG, 5, ROOTS[0]) == "AlreadyEndorsed"
    receipt = world.do(second, CHECKPOINTS, "endorse", LOG, 5, ROOTS[0])
    assert world.ask(CHECKPOINTS, "isConfirmed", LOG, 5) is True
    assert len(world.contracts[CHECKPOINTS].events.Confirmed().process_receipt(receipt, errors=DISCARD)) == 1
    world.do(third, CHECKPOINTS, "endorse", LOG, 5, ROOTS[0])
    assert world.ask(CHECKPOINTS, "anchorAt", LOG, 5)[4] == 3
    assert world.ask(CHECKPOINTS, "hasEndorsed", LOG, 5, third.address) is True
    assert world.ask(CHECKPOINTS, "isConfirmed", LOG, 6) is False
    assert world.ask(CHECKPOINTS, "stateOf", LOG) == [world.submitter.address, 1, 5]


def test_what_is_not_endorsed(world: ChainWorld) -> None:
    anchor(world, 5, ROOTS[0])
    endorser = world.endorsers[0]
    assert world.refusal(endorser, CHECKPOINTS, "endorse", LOG, 5, ROOTS[1]) == "RootMismatch"
    assert world.refusal(endorser, CHECKPOINTS, "endorse", LOG, 6, ROOTS[0]) == "UnknownAnchor"
    assert world.refusal(endorser, CHECKPOINTS, "endorse", LOG, 6, NO_ROOT) == "UnknownAnchor"
    assert world.refusal(endorser, CHECKPOINTS, "endorse", OTHER, 5, ROOTS[0]) == "UnknownLog"
    for somebody in (world.stranger, world.submitter, world.members[0]):
        assert world.refusal(somebody, CHECKPOINTS, "endorse", LOG, 5, ROOTS[0]) == "NotAnEndorser"


def test_whoever_anchors_never_endorses_it(world: ChainWorld) -> None:
    """Neither the submitter who joined the endorsers, nor the one of the epoch that the anchor is of."""
    anchor(world, 5, ROOTS[0])
    both = [world.submitter.address, world.endorsers[0].address]
    world.decide(CHECKPOINTS, "changeEndorsers", both, 1)
    assert world.refusal(world.submitter, CHECKPOINTS, "endorse", LOG, 5, ROOTS[0]) == "SubmitterCannotEndorse"
    world.decide(CHECKPOINTS, "openEpoch", LOG, 5, world.stranger.address)
    assert world.refusal(world.submitter, CHECKPOINTS, "endorse", LOG, 5, ROOTS[0]) == "SubmitterCannotEndorse"


def test_an_endorser_who_left_does_not_count_towards_the_new_panel(world: ChainWorld) -> None:
    anchor(world, 5, ROOTS[0])
    lost, second, third = world.endorsers
    world.do(lost, CHECKPOINTS, "endorse", LOG, 5, ROOTS[0])
    world.decide(CHECKPOINTS, "changeEndorsers", [second.address, third.address], 2)
    assert world.refusal(lost, CHECKPOINTS, "endorse", LOG, 5, ROOTS[0]) == "NotAnEndorser"
    world.do(second, CHECKPOINTS, "endorse", LOG, 5, ROOTS[0])
    assert world.ask(CHECKPOINTS, "isConfirmed", LOG, 5) is False
    world.do(third, CHECKPOINTS, "endorse", LOG, 5, ROOTS[0])
    assert world.ask(CHECKPOINTS, "isConfirmed", LOG, 5) is True
    # And what was confirmed stays so, whatever panel comes.
    world.decide(CHECKPOINTS, "changeEndorsers", [lost.address], 1)
    assert world.ask(CHECKPOINTS, "isConfirmed", LOG, 5) is True


def test_after_a_stolen_key_the_panel_goes_on_from_the_last_good_anchor(world: ChainWorld) -> None:
    anchor(world, 5, ROOTS[0])
    anchor(world, 9, ROOTS[1])
    anchor(world, 5_000_000, ROOTS[2])  # The thief's.
    world.decide(CHECKPOINTS, "openEpoch", LOG, 9, world.stranger.address)
    assert world.ask(CHECKPOINTS, "latest", LOG) == [TreeAlg.SM3, 9, ROOTS[1], 3]
    assert world.ask(CHECKPOINTS, "stateOf", LOG) == [world.stranger.address, 2, 0]
    refusal = world.refusal(world.submitter, CHECKPOINTS, "anchor", LOG, 12, ROOTS[3], 9, ROOTS[1])
    assert refusal == "NotTheSubmitter"
    anchor(world, 12, ROOTS[3], world.stranger)
    sizes = {size: world.ask(CHECKPOINTS, "anchorAt", LOG, size)[0] for size in (5, 9, 12, 5_000_000)}
    assert sizes == {5: ROOTS[0], 9: ROOTS[1], 12: ROOTS[3], 5_000_000: NO_ROOT}
    # What was anchored stays readable in its epoch, and is endorsed no more.
    assert world.ask(CHECKPOINTS, "anchorIn", LOG, 1, 5_000_000)[0] == ROOTS[2]
    assert world.ask(CHECKPOINTS, "epochAt", LOG, 2)[0] == 9
    refusal = world.refusal(world.endorsers[0], CHECKPOINTS, "endorse", LOG, 5_000_000, ROOTS[2])
    assert refusal == "UnknownAnchor"
    world.do(world.endorsers[0], CHECKPOINTS, "endorse", LOG, 9, ROOTS[1])


def test_an_epoch_in_the_past_of_another(world: ChainWorld) -> None:
    """Epoch 3 goes on below where epoch 2 began: of epoch 2 nothing counts."""
    for size in (4, 8, 12):
        anchor(world, size, ROOTS[size // 4])
    world.decide(CHECKPOINTS, "openEpoch", LOG, 8, world.submitter.address)
    anchor(world, 10, ROOTS[5])
    world.decide(CHECKPOINTS, "openEpoch", LOG, 4, world.submitter.address)
    assert world.ask(CHECKPOINTS, "latest", LOG)[1:3] == [4, ROOTS[1]]
    assert [world.ask(CHECKPOINTS, "anchorAt", LOG, size)[0] for size in (4, 8, 10, 12)] == [ROOTS[1]] + [NO_ROOT] * 3
    anchor(world, 8, ROOTS[6])
    assert world.ask(CHECKPOINTS, "anchorAt", LOG, 8)[:2] == (ROOTS[6], 4)
    assert [world.ask(CHECKPOINTS, "anchorIn", LOG, epoch, 8)[0] for epoch in (1, 2, 3)] == [
        ROOTS[2],
        NO_ROOT,
        ROOTS[6],
    ]
    world.decide(CHECKPOINTS, "openEpoch", LOG, 0, world.submitter.address)
    assert world.ask(CHECKPOINTS, "latest", LOG) == [TreeAlg.SM3, 0, NO_ROOT, 5]


def test_no_epoch_takes_back_what_was_confirmed(world: ChainWorld) -> None:
    for size in (5, 9, 12):
        anchor(world, size, ROOTS[size % 8])
    for endorser in world.endorsers[:2]:
        world.do(endorser, CHECKPOINTS, "endorse", LOG, 9, ROOTS[1])
    for resumed in (0, 5, 8):
        refusal = world.refused_decision(CHECKPOINTS, "openEpoch", LOG, resumed, world.stranger.address)
        assert refusal == "BelowConfirmed"
    for resumed in (10, 13):
        refusal = world.refused_decision(CHECKPOINTS, "openEpoch", LOG, resumed, world.stranger.address)
        assert refusal == "UnknownAnchor"
    for endorser in world.endorsers[:2]:  # An earlier one, later.
        world.do(endorser, CHECKPOINTS, "endorse", LOG, 5, ROOTS[5])
    refusal = world.refused_decision(CHECKPOINTS, "openEpoch", LOG, 5, world.stranger.address)
    assert refusal == "BelowConfirmed"
    world.decide(CHECKPOINTS, "openEpoch", LOG, 9, world.stranger.address)
    assert world.ask(CHECKPOINTS, "isConfirmed", LOG, 9) is True


def test_nobody_alone_opens_an_epoch_or_chooses_endorsers(world: ChainWorld) -> None:
    for somebody in (world.submitter, world.members[0], world.endorsers[0]):
        own = somebody.address
        assert world.refusal(somebody, CHECKPOINTS, "openEpoch", LOG, 0, own) == "OnlyByApproval"
        assert world.refusal(somebody, CHECKPOINTS, "changeEndorsers", [own], 1) == "OnlyByApproval"
    assert world.refused_decision(CHECKPOINTS, "openEpoch", OTHER, 0, world.stranger.address) == "UnknownLog"
    assert world.refused_decision(CHECKPOINTS, "openEpoch", LOG, 0, "0x" + "00" * 20) == "NoSubmitter"


def test_a_pause_stops_writes_and_never_reads(world: ChainWorld) -> None:
    anchor(world, 5, ROOTS[0])
    assert world.refusal(world.submitter, CHECKPOINTS, "pause") == "NotAMember"
    world.do(world.members[2], CHECKPOINTS, "pause")
    assert world.refusal(world.submitter, CHECKPOINTS, "anchor", LOG, 6, ROOTS[1], 5, ROOTS[0]) == "EnforcedPause"
    assert world.refusal(world.endorsers[0], CHECKPOINTS, "endorse", LOG, 5, ROOTS[0]) == "EnforcedPause"
    own = world.submitter.address
    assert world.refused_decision(CHECKPOINTS, "openLog", OTHER, 1, own) == "EnforcedPause"
    assert world.refused_decision(CHECKPOINTS, "openEpoch", LOG, 5, own) == "EnforcedPause"
    assert world.refused_decision(CHECKPOINTS, "changeEndorsers", [own], 1) == "EnforcedPause"
    assert world.ask(CHECKPOINTS, "latest", LOG)[1] == 5
    for somebody in (world.stranger, world.members[2]):
        assert world.refusal(somebody, CHECKPOINTS, "unpause") == "OnlyByApproval"
    world.decide(CHECKPOINTS, "unpause")
    anchor(world, 6, ROOTS[1])


@pytest.mark.parametrize(("endorsers", "threshold"), [(2, 3), (2, 0), (0, 1)])
def test_a_threshold_that_nobody_reaches_or_needs(ground: MemoryGround, endorsers: int, threshold: int) -> None:
    with pytest.raises(AssertionError):
        ChainWorld(ground, endorsers=endorsers, endorser_threshold=threshold)


def test_an_endorser_counts_once(world: ChainWorld) -> None:
    twice = [world.endorsers[0].address] * 2
    assert world.refused_decision(CHECKPOINTS, "changeEndorsers", twice, 2) == "ThresholdOutOfReach"


def test_without_endorsers_nothing_is_ever_confirmed(ground: MemoryGround) -> None:
    world = ChainWorld(ground, endorsers=0, endorser_threshold=0)
    open_log(world, LOG)
    anchor(world, 5, ROOTS[0])
    assert world.ask(CHECKPOINTS, "isConfirmed", LOG, 5) is False
    assert world.refusal(world.stranger, CHECKPOINTS, "endorse", LOG, 5, ROOTS[0]) == "NotAnEndorser"


@given(steps=st.lists(st.tuples(st.integers(0, 12), st.sampled_from(ROOTS)), max_size=6))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_contract_keeps_the_sequence_that_a_list_would(
    world: ChainWorld, ground: MemoryGround, steps: list[tuple[int, bytes]]
) -> None:
    begin = ground.tester.take_snapshot()
    kept = [(0, NO_ROOT)]
    for size, root in steps:
        call = world.contracts[CHECKPOINTS].functions.anchor(LOG, size, root, *kept[-1])
        accepted = world.send(call, world.submitter)["status"] == 1
        assert accepted == (size > kept[-1][0])
        if accepted:
            kept.append((size, root))
    assert world.ask(CHECKPOINTS, "latest", LOG)[1:] == [*kept[-1], len(kept) - 1]
    for (before, _), (size, root) in pairwise(kept):
        assert world.ask(CHECKPOINTS, "anchorAt", LOG, size)[:2] == (root, before)
    ground.tester.revert_to_snapshot(begin)


def test_the_code_on_the_chain_is_the_artifact_s(world: ChainWorld) -> None:
    for name, artifact in ARTIFACTS.items():
        code = bytes(world.web3.eth.get_code(world.contracts[name].address))
        assert artifact.is_code(code)
        assert not artifact.is_code(code[:-1] + bytes([code[-1] ^ 1]))
        assert code != artifact.deployed  # Its immutable values stand in it.
