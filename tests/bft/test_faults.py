"""Faults of a chain, on four real validators: what is lost is time; no anchor is, none is made twice."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from kernel.clock import SystemClock
from kernel.db import Database
from ledger import store as log_store
from ledger.anchors import store as anchor_store
from ledger.chain.devnet.network import Validator
from ledger.chain.errors import ChainUnavailableError, TransactionRefusedError
from ledger.chain.rpc import RpcChain, http_provider
from tests.bft.anchoring_run import Run
from tests.bft.conftest import Consensus
from tests.bft.proxy import RECEIPT, SEND, TRANSACTION, Proxy
from tests.integration.ledger.test_anchoring import root_of
from tests.integration.ledger.world import ORIGIN, credential, make_world

pytestmark = [pytest.mark.bft, pytest.mark.kill]
SEED = 20260630
SHORT = 1.0
"""Seconds that a proxied node has to answer."""


def kill(validators: Sequence[Validator]) -> None:
    for validator in validators:
        os.kill(validator.pid, signal.SIGKILL)
    for validator in validators:
        validator.kill()  # Waits for it to be gone.


def restart(consensus: Consensus) -> None:
    for validator in consensus.network.validators:
        consensus.network.restart(validator)
    consensus.network.wait_for_blocks(consensus.network.validators)


@pytest.fixture
def origin(consensus: Consensus, request: pytest.FixtureRequest) -> str:
    origin = f"localhost:8000/{request.node.name}"
    consensus.open_log(origin)
    return origin


@pytest.fixture
def run(consensus: Consensus, origin: str, sqlite_database: Database) -> Run:
    return Run(sqlite_database, consensus.chain(), origin)


# Validators


@pytest.mark.parametrize("number", range(4))
def test_one_of_four_is_killed(consensus: Consensus, run: Run, number: int) -> None:
    """Whichever it is, the first of which is the one that is asked: anchoring goes on, and it catches up later."""
    run.anchor(3)
    victim = consensus.network.validators[number]
    kill([victim])
    run.anchor(8, 20)
    restart(consensus)
    run.anchor(21)
    run.check(3, 8, 20, 21)
    # What it says by itself is what the others say.
    alone = consensus.chain([http_provider(victim.url)])
    assert alone.latest_anchor(run.by.log_id) == (21, root_of(21), 4)


def test_two_of_four_are_killed(consensus: Consensus, sqlite_database: Database, tmp_path: Path) -> None:
    """The chain stands still. Entries are taken in, sequenced, witnessed and published meanwhile; none is lost."""
    consensus.open_log(ORIGIN)
    world = make_world(sqlite_database, tmp_path, SystemClock())
    run = Run(sqlite_database, consensus.chain(), ORIGIN)
    world.submit(range(5))
    world.cycle()
    run.turn_until(lambda: run.is_final(5))

    kill(consensus.network.validators[:2])
    left = consensus.network.validators[2:]
    stands = _heights_after(left, 2)
    for batch in range(1, 5):
        world.submit(range(5 * batch, 5 * batch + 5))
        world.cycle()
        run.turn_for(1)
    assert _heights_after(left, 1) == stands
    with sqlite_database.read() as session:
        assert [row.tree_size for row in log_store.latest_published(session, 9)] == [25, 20, 15, 10, 5]
    for number, proof in world.proofs(range(25)).items():
        world.check(proof, credential(number))
    waiting = [size for size, state in run.states() if state != "final"]
    assert len(waiting) == 1  # One is on its way, and nothing overtakes it.

    restart(consensus)
    run.turn_until(lambda: run.is_final(25))
    assert [state for _, state in run.states()] == ["final"] * 3
    held = run.by.chain.latest_anchor(run.by.log_id)
    assert (held.size, held.anchors) == (25, 3)
    (between,) = waiting
    assert run.by.chain.ask("CheckpointAnchor", "anchorAt", run.by.log_id, 25)[1] == between
    world.close()


def _heights_after(validators: Sequence[Validator], seconds: float) -> list[int | None]:
    time.sleep(seconds)
    return [validator.height() for validator in validators]


def test_all_four_are_killed(consensus: Consensus, run: Run) -> None:
    """What was final is there when they are back, and what was sent before goes on."""
    run.anchor(3)
    run.publish(8)
    run.turn()
    kill(consensus.network.validators)
    run.turn_for(2)
    assert any(isinstance(error, ChainUnavailableError) for error in run.refused)
    restart(consensus)
    run.turn_until(lambda: run.is_final(8))
    run.check(3, 8)


# Nodes. One of three is behind a proxy, and is the one that is asked first.


@pytest.fixture
def proxy(consensus: Consensus) -> Iterator[Proxy]:
    with Proxy(consensus.network.urls[0]) as proxy:
        yield proxy


@pytest.fixture
def through(consensus: Consensus, origin: str, sqlite_database: Database, proxy: Proxy) -> Run:
    return Run(sqlite_database, chain_through(consensus, proxy), origin)


def chain_through(consensus: Consensus, proxy: Proxy) -> RpcChain:
    urls = [proxy.url, *consensus.network.urls[1:3]]
    return consensus.chain([http_provider(url, seconds=SHORT) for url in urls])


def test_an_honest_proxy_changes_nothing(through: Run, proxy: Proxy) -> None:
    through.anchor(3, 8)
    through.check(3, 8)
    assert through.refused == []
    assert proxy.calls.count(SEND) >= 2  # The same bytes once more do no harm.


def test_answers_that_come_too_late(through: Run, proxy: Proxy) -> None:
    through.anchor(3)
    proxy.hangs = {SEND}
    through.anchor(8)
    proxy.hangs = {RECEIPT, "eth_call", "eth_getBlockByNumber"}
    through.anchor(20)
    through.check(3, 8, 20)


def test_a_single_node_whose_answers_come_too_late(
    consensus: Consensus, origin: str, sqlite_database: Database, proxy: Proxy
) -> None:
    """There is no other to ask: it waits, and sends the same bytes again."""
    run = Run(sqlite_database, consensus.chain([http_provider(proxy.url, seconds=SHORT)]), origin)
    proxy.hangs = {SEND}
    run.publish(3)
    run.turn()
    assert isinstance(run.refused[-1], ChainUnavailableError)
    run.turn_until(lambda: run.is_final(3))  # It was taken all the same.
    run.check(3)


def test_transactions_that_are_sent_twice(through: Run, proxy: Proxy) -> None:
    proxy.twice = {SEND}
    through.anchor(3, 8, 20)
    through.check(3, 8, 20)


def test_nonce_too_low_about_what_it_took(through: Run, proxy: Proxy) -> None:
    proxy.says = {SEND: "nonce too low"}
    through.anchor(3, 8)
    through.check(3, 8)


def test_nonce_too_low_about_what_it_dropped(through: Run, proxy: Proxy) -> None:
    """And it counts one transaction more than there are. Nothing is taken for dead on its word."""
    proxy.lies = {"eth_getTransactionCount": lambda _, count: hex(int(count, 16) + 1)}
    proxy.swallows = True
    proxy.says = {SEND: "nonce too low"}
    through.anchor(3)  # By another node, once this one has refused often enough.
    assert {type(error) for error in through.refused} == {TransactionRefusedError}
    with through.by.database.read() as session:
        assert [row.attempts for row in anchor_store.history(session, through.by.contract)] == [0]
    through.check(3)


def test_a_node_that_answers_from_the_past(through: Run, proxy: Proxy) -> None:
    proxy.past = proxy.height()
    through.anchor(3, 8)
    proxy.past = None
    through.anchor(20)
    through.check(3, 8, 20)


def test_a_receipt_of_what_is_in_no_block(through: Run, proxy: Proxy, consensus: Consensus) -> None:
    through.anchor(3)
    true = consensus.chain().receipt(_last_hash(through))
    assert true is not None

    def receipt(params: list[Any], _: Any) -> Any:
        real = proxy._ask({"jsonrpc": "2.0", "id": 1, "method": RECEIPT, "params": [f"0x{true.tx_hash.hex()}"]})
        return {**real["result"], "transactionHash": params[0]}

    proxy.swallows = True
    proxy.lies = {RECEIPT: receipt}
    through.publish(8)
    through.turn()
    assert (8, "final") not in through.states()
    through.turn_until(lambda: through.is_final(8))
    through.check(3, 8)


def _last_hash(run: Run) -> bytes:
    with run.by.database.read() as session:
        return anchor_store.history(session, run.by.contract)[0].tx_hash


def test_a_receipt_that_says_failed(through: Run, proxy: Proxy) -> None:
    proxy.lies = {RECEIPT: lambda _, true: true and {**true, "status": "0x0"}}
    through.anchor(3, 8)
    through.check(3, 8)


def test_a_receipt_that_is_hidden(through: Run, proxy: Proxy) -> None:
    proxy.lies = {RECEIPT: lambda *_: None, TRANSACTION: lambda *_: None}
    through.anchor(3, 8)
    through.check(3, 8)


def test_faults_one_after_the_other(consensus: Consensus, origin: str, sqlite_database: Database, proxy: Proxy) -> None:
    """Twenty anchors, a fault before each by a fixed seed: all are there, in order, once."""
    chance = random.Random(SEED)  # noqa: S311 - the same faults each time
    run = Run(sqlite_database, chain_through(consensus, proxy), origin)
    sizes = [7 * number for number in range(1, 21)]
    for size in sizes:
        proxy.hangs, proxy.twice, proxy.says, proxy.lies = set(), set(), {}, {}
        proxy.swallows, proxy.past = False, None
        fault = chance.randrange(8)
        if fault == 0:
            kill([chance.choice(consensus.network.validators[1:])])
        elif fault == 1:
            proxy.hangs = {SEND}
        elif fault == 2:
            proxy.twice = {SEND}
        elif fault == 3:
            proxy.says = {SEND: "nonce too low"}
        elif fault == 4:
            proxy.past = proxy.height()
        elif fault == 5:
            proxy.lies = {RECEIPT: lambda _, true: true and {**true, "status": "0x0"}}
        elif fault == 6:
            proxy.swallows = True
        run.anchor(size)
        if not all(validator.alive for validator in consensus.network.validators):
            restart(consensus)
    run.check(*sizes)
