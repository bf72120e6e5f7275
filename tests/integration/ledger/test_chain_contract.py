"""CheckpointAnchor.sol: one growing sequence, one submitter, endorsements, pause. Nothing is ever removed."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from web3.logs import DISCARD

from ledger.chain.artifact import CHECKPOINT_ANCHOR
from ledger.chain.base import NO_ROOT, TreeAlg, log_id_of
from tests.integration.ledger.chain_world import Panel

LOG = log_id_of("localhost:8000/log")
OTHER = log_id_of("localhost:8000/other")
ROOTS = [bytes([number]) * 32 for number in range(1, 10)]


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Panel]:
    panel = Panel(tmp_path_factory.mktemp("chain"))
    yield panel
    panel.close()


@pytest.fixture
def panel(chain: Panel) -> Iterator[Panel]:
    """Begin each test with the contract as deployed and the log open."""
    snapshot = chain.tester.take_snapshot()
    chain.do(chain.admin, "openLog", LOG, int(TreeAlg.SM3))
    yield chain
    chain.tester.revert_to_snapshot(snapshot)


def test_anchors_form_one_growing_sequence(panel: Panel) -> None:
    receipt = panel.do(panel.submitter, "anchor", LOG, 5, ROOTS[0], 0, NO_ROOT)
    panel.do(panel.submitter, "anchor", LOG, 9, ROOTS[1], 5, ROOTS[0])
    assert panel.ask("latest", LOG) == [TreeAlg.SM3, 9, ROOTS[1], 2]
    root, previous, block, time, endorsements = panel.ask("anchorAt", LOG, 5)
    assert (root, previous, block, endorsements) == (ROOTS[0], 0, receipt["blockNumber"], 0)
    assert time > 1_780_000_000
    (event,) = panel.contract.events.Anchored().process_receipt(receipt)
    assert dict(event["args"]) == {
        "logId": LOG,
        "size": 5,
        "root": ROOTS[0],
        "previousSize": 0,
        "previousRoot": NO_ROOT,
    }
    assert panel.ask("anchorAt", LOG, 6)[0] == NO_ROOT


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
    panel: Panel, size: int, root: bytes, previous_size: int, previous_root: bytes, error: str
) -> None:
    panel.do(panel.submitter, "anchor", LOG, 5, ROOTS[0], 0, NO_ROOT)
    assert panel.refusal(panel.submitter, "anchor", LOG, size, root, previous_size, previous_root) == error
    assert panel.ask("latest", LOG) == [TreeAlg.SM3, 5, ROOTS[0], 1]


def test_a_log_may_grow_by_two_to_the_twenty_fourth(panel: Panel) -> None:
    panel.do(panel.submitter, "anchor", LOG, 2**24, ROOTS[0], 0, NO_ROOT)
    assert panel.ask("latest", LOG)[1] == 2**24


def test_only_the_submitter_anchors(panel: Panel) -> None:
    for somebody in (panel.admin, panel.stranger, panel.endorsers[0]):
        refusal = panel.refusal(somebody, "anchor", LOG, 5, ROOTS[0], 0, NO_ROOT)
        assert refusal == "AccessControlUnauthorizedAccount"


def test_logs_are_opened_once_by_the_administrator_and_stand_apart(panel: Panel) -> None:
    assert panel.refusal(panel.submitter, "openLog", OTHER, 1) == "AccessControlUnauthorizedAccount"
    assert panel.refusal(panel.submitter, "anchor", OTHER, 5, ROOTS[0], 0, NO_ROOT) == "UnknownLog"
    assert panel.refusal(panel.admin, "openLog", LOG, int(TreeAlg.SHA256)) == "LogExists"
    for unknown in (0, 3, 255):
        assert panel.refusal(panel.admin, "openLog", OTHER, unknown) == "UnknownAlgorithm"
    panel.do(panel.admin, "openLog", OTHER, int(TreeAlg.SHA256))
    panel.do(panel.submitter, "anchor", LOG, 5, ROOTS[0], 0, NO_ROOT)
    assert panel.ask("latest", OTHER) == [TreeAlg.SHA256, 0, NO_ROOT, 0]
    panel.do(panel.submitter, "anchor", OTHER, 3, ROOTS[1], 0, NO_ROOT)
    assert panel.ask("latest", LOG)[1:3] == [5, ROOTS[0]]


def test_k_endorsers_confirm_an_anchor(panel: Panel) -> None:
    panel.do(panel.submitter, "anchor", LOG, 5, ROOTS[0], 0, NO_ROOT)
    first, second, third = panel.endorsers
    panel.do(first, "endorse", LOG, 5, ROOTS[0])
    assert panel.ask("isConfirmed", LOG, 5) is False
    assert panel.refusal(first, "endorse", LOG, 5, ROOTS[0]) == "AlreadyEndorsed"
    receipt = panel.do(second, "endorse", LOG, 5, ROOTS[0])
    assert panel.ask("isConfirmed", LOG, 5) is True
    assert len(panel.contract.events.Confirmed().process_receipt(receipt, errors=DISCARD)) == 1
    panel.do(third, "endorse", LOG, 5, ROOTS[0])
    assert panel.ask("anchorAt", LOG, 5)[4] == 3
    assert panel.ask("hasEndorsed", LOG, 5, third.address) is True
    assert panel.ask("isConfirmed", LOG, 6) is False


def test_what_is_not_endorsed(panel: Panel) -> None:
    panel.do(panel.submitter, "anchor", LOG, 5, ROOTS[0], 0, NO_ROOT)
    endorser = panel.endorsers[0]
    assert panel.refusal(endorser, "endorse", LOG, 5, ROOTS[1]) == "RootMismatch"
    assert panel.refusal(endorser, "endorse", LOG, 6, ROOTS[0]) == "UnknownAnchor"
    assert panel.refusal(endorser, "endorse", LOG, 6, NO_ROOT) == "UnknownAnchor"
    assert panel.refusal(panel.stranger, "endorse", LOG, 5, ROOTS[0]) == "AccessControlUnauthorizedAccount"
    panel.do(panel.admin, "grantRole", panel.ask("ENDORSER_ROLE"), panel.submitter.address)
    assert panel.refusal(panel.submitter, "endorse", LOG, 5, ROOTS[0]) == "SubmitterCannotEndorse"


def test_a_pause_stops_writes_and_never_reads(panel: Panel) -> None:
    panel.do(panel.submitter, "anchor", LOG, 5, ROOTS[0], 0, NO_ROOT)
    assert panel.refusal(panel.submitter, "pause") == "AccessControlUnauthorizedAccount"
    panel.do(panel.admin, "pause")
    assert panel.refusal(panel.submitter, "anchor", LOG, 6, ROOTS[1], 5, ROOTS[0]) == "EnforcedPause"
    assert panel.refusal(panel.endorsers[0], "endorse", LOG, 5, ROOTS[0]) == "EnforcedPause"
    assert panel.refusal(panel.admin, "openLog", OTHER, 1) == "EnforcedPause"
    assert panel.ask("latest", LOG)[1] == 5
    assert panel.refusal(panel.stranger, "unpause") == "AccessControlUnauthorizedAccount"
    panel.do(panel.admin, "unpause")
    panel.do(panel.submitter, "anchor", LOG, 6, ROOTS[1], 5, ROOTS[0])


@pytest.mark.parametrize(("endorsers", "threshold"), [(2, 3), (2, 0), (0, 1)])
def test_a_threshold_that_nobody_reaches_or_needs(tmp_path: Path, endorsers: int, threshold: int) -> None:
    with pytest.raises(AssertionError):
        Panel(tmp_path, endorsers=endorsers, threshold=threshold)


def test_without_endorsers_nothing_is_ever_confirmed(tmp_path: Path) -> None:
    panel = Panel(tmp_path, endorsers=0, threshold=0)
    panel.do(panel.admin, "openLog", LOG, 2)
    panel.do(panel.submitter, "anchor", LOG, 5, ROOTS[0], 0, NO_ROOT)
    assert panel.ask("isConfirmed", LOG, 5) is False
    panel.close()


@given(steps=st.lists(st.tuples(st.integers(0, 12), st.sampled_from(ROOTS)), max_size=6))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_contract_keeps_the_sequence_that_a_list_would(panel: Panel, steps: list[tuple[int, bytes]]) -> None:
    begin = panel.tester.take_snapshot()
    kept = [(0, NO_ROOT)]
    for size, root in steps:
        call = panel.contract.functions.anchor(LOG, size, root, *kept[-1])
        accepted = panel.send(call, panel.submitter)["status"] == 1
        assert accepted == (size > kept[-1][0])
        if accepted:
            kept.append((size, root))
    assert panel.ask("latest", LOG)[1:] == [*kept[-1], len(kept) - 1]
    for (before, _), (size, root) in pairwise(kept):
        assert panel.ask("anchorAt", LOG, size)[:2] == (root, before)
    panel.tester.revert_to_snapshot(begin)


def test_the_code_on_the_chain_is_the_artifact_s(panel: Panel) -> None:
    code = bytes(panel.web3.eth.get_code(panel.contract.address))
    assert CHECKPOINT_ANCHOR.is_code(code)
    assert not CHECKPOINT_ANCHOR.is_code(code[:-1] + bytes([code[-1] ^ 1]))
    assert code != CHECKPOINT_ANCHOR.deployed  # The threshold stands in it.
