"""Who endorsed our anchors: asked of the contract by a worker, shown by the explorer with how many are needed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from sqlalchemy import update
from starlette.testclient import TestClient

from kernel.clock import ManualClock
from kernel.ids import new_id
from ledger.anchors import endorsements
from ledger.anchors.endorsements import Watching
from ledger.anchors.models import LogAnchor
from ledger.anchors.store import Place, anchors
from ledger.anchors.store import endorsements as kept
from ledger.chain.base import CHECKPOINTS, TreeAlg, log_id_of
from ledger.chain.rpc import PROFILES, honest_label
from ledger.formats.entry import Entry, EntryType
from ledger.formats.shard import FIRST
from ledger.records.models import LogRecord
from tests.integration.ledger.chain_world import ChainWorld, MemoryGround
from tests.integration.ledger.fake_chain import FakeChain
from tests.integration.ledger.test_routes import ACCREDITED, EVIDENCE, anchor, app_of
from tests.integration.ledger.world import World

A, B, C = ("0x" + sign * 40 for sign in "abc")
ROOTS = [bytes([number]) * 32 for number in range(9)]


@dataclass
class EndorsedChain(FakeChain):
    """Answers about endorsements as the contract does."""

    panel: list[str] = field(default_factory=lambda: [A, B, C])
    needed: int = 2
    given: dict[int, list[str]] = field(default_factory=dict)
    for_good: set[int] = field(default_factory=set)
    roots: dict[int, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def ask(self, contract: str, function: str, *arguments: Any) -> Any:
        assert contract == CHECKPOINTS
        self._online()
        self.asked.append(function)
        given = self.given.get(arguments[1], []) if len(arguments) > 1 else []
        answers: dict[str, Any] = {
            "endorsers": lambda: self.panel,
            "threshold": lambda: self.needed,
            "anchorAt": lambda: (self.roots.get(arguments[1], bytes(32)), 0, 1, 1, len(given)),
            "isConfirmed": lambda: arguments[1] in self.for_good or len(given) >= self.needed,
            "hasEndorsed": lambda: arguments[2] in given,
        }
        return answers[function]()


@pytest.fixture
def client(sqlite_world: World) -> Iterator[TestClient]:
    with TestClient(app_of(sqlite_world)) as client:
        yield client


def anchored(world: World, chain: FakeChain, *sizes: int) -> Watching:
    """Let these anchors be final on `chain`."""
    for size in sizes:
        anchor(world, size, ROOTS[size])
    with world.log.database.write() as session:
        at = {"mode": "rpc", "label": chain.label, "chain_id": chain.chain_id, "contract": chain.contract}
        session.execute(update(LogAnchor).values(**at))
    return Watching(world.log.database, chain, world.clock, world.log.origin)


def test_endorsements_are_seen_once_each_and_counted(
    sqlite_world: World, client: TestClient, clock: ManualClock
) -> None:
    chain = EndorsedChain(roots=dict(enumerate(ROOTS)))
    by = anchored(sqlite_world, chain, 3, 5)
    assert "还没有问到" in client.get("/ledger/chain").text
    assert endorsements.run_once(by) == 2
    assert client.get("/ledger/chain").text.count("须 2 家（共 3 家），0 家已背书") == 2
    chain.given[5] = [B]
    clock.move(timedelta(hours=1))
    assert endorsements.run_once(by) == 1
    page = client.get("/ledger/chain").text
    assert "未凑齐：须 2 家（共 3 家），1 家已背书" in page
    assert B in page
    first = clock.now()
    chain.given[5] = [B, A]
    clock.move(timedelta(hours=1))
    assert endorsements.run_once(by) == 1
    page = client.get("/ledger/chain").text
    assert "已凑齐：须 2 家，2 家已背书" in page
    assert page.count("我们第一次看到") == 2
    with sqlite_world.log.database.read() as session:
        place = Place(chain.chain_id, chain.contract, FIRST, 5)
        found = kept(session, [place])[place]
    assert found.endorsed == {A: clock.now(), B: first}
    assert found.confirmed
    chain.asked.clear()
    assert endorsements.run_once(by) == 0
    assert "hasEndorsed" not in chain.asked  # Nothing is new: nobody is asked about one by one.


def test_what_another_epoch_left_behind_is_not_endorsed(sqlite_world: World, client: TestClient) -> None:
    chain = EndorsedChain(roots={5: ROOTS[1]}, given={5: [A, B]})
    assert endorsements.run_once(anchored(sqlite_world, chain, 5)) == 0
    assert "家已背书" not in client.get("/ledger/chain").text


def test_a_new_panel_of_endorsers(sqlite_world: World, client: TestClient) -> None:
    """Whoever left counts no more; what was confirmed stays confirmed."""
    chain = EndorsedChain(roots=dict(enumerate(ROOTS)), given={5: [A, B]})
    by = anchored(sqlite_world, chain, 5)
    assert endorsements.run_once(by) == 1
    chain.panel, chain.given, chain.for_good = [C], {}, {5}
    assert endorsements.run_once(by) == 1
    page = client.get("/ledger/chain").text
    assert "已凑齐：须 2 家，0 家已背书" in page
    assert A not in page


def test_nobody_endorses(sqlite_world: World, client: TestClient) -> None:
    chain = EndorsedChain(panel=[])
    assert endorsements.run_once(anchored(sqlite_world, chain, 5)) == 0
    assert chain.asked == ["endorsers"]
    page = client.get("/ledger/chain").text
    assert "合约里没有背书单位" in page
    assert "没有背书的锚定只证明时间" in page


def test_it_asks_the_contract_what_the_contract_answers(sqlite_world: World, tmp_path: Any) -> None:
    """The same on the real contract: names, order and meaning of what it answers."""
    ground = MemoryGround(tmp_path)
    world = ChainWorld(ground)
    log_id = log_id_of(sqlite_world.log.origin)
    world.decide(CHECKPOINTS, "openLog", log_id, int(TreeAlg.SM3), world.submitter.address)
    world.do(world.submitter, CHECKPOINTS, "anchor", log_id, 5, ROOTS[5], 0, bytes(32))

    class Asking(FakeChain):
        def ask(self, contract: Any, function: str, *arguments: Any) -> Any:
            return world.ask(contract, function, *arguments)

    chain = Asking()
    by = anchored(sqlite_world, chain, 5)
    place = Place(chain.chain_id, chain.contract, FIRST, 5)
    for number, confirmed in ((1, False), (2, True)):
        world.do(world.endorsers[number], CHECKPOINTS, "endorse", log_id, 5, ROOTS[5])
        assert endorsements.run_once(by) == 1
        with sqlite_world.log.database.read() as session:
            found = kept(session, [place])[place]
        assert (found.needed, found.endorsers, found.confirmed) == (2, 3, confirmed)
        assert set(found.endorsed) == {world.endorsers[each].address for each in range(1, number + 1)}
    ground.close()


def test_what_a_chain_is_honestly_called_has_room(world: World) -> None:
    """On each database: PostgreSQL refuses what does not fit."""
    label = max(
        (
            honest_label(profile, validators=validators, operators=operators)
            for profile in PROFILES.values()
            for validators in (None, 4, 100)
            for operators in (None, 1, 100)
        ),
        key=len,
    )
    chain = EndorsedChain(label=label)
    anchored(world, chain, 5)
    with world.log.database.read() as session:
        assert [one.label for one in anchors(session, 1)] == [label]


def test_endorsements_are_kept_on_every_database(world: World) -> None:
    chain = EndorsedChain(roots=dict(enumerate(ROOTS)), given={5: [A]})
    by = anchored(world, chain, 3, 5)
    assert endorsements.run_once(by) == 2
    chain.given[5] = [A, C]
    assert endorsements.run_once(by) == 1
    place = Place(chain.chain_id, chain.contract, FIRST, 5)
    with world.log.database.read() as session:
        assert list(kept(session, [place])[place].endorsed) == [A, C]


# Our latest transactions


def record(world: World, entry: Entry, state: str, **values: Any) -> None:
    now = world.clock.now()
    fields = {"block_number": 8, "block_hash": bytes(32), "nonce": 1, **values}
    row = LogRecord(
        id=new_id(),
        mode="embedded",
        label="single node, no consensus",
        chain_id=1,
        contract="0x" + "1" * 40,
        commitment=entry.commitment,
        code=entry.issuer_code,
        raw_tx=b"raw",
        tx_hash=bytes([state.encode()[0]]) * 32,
        state=state,
        attempts=0,
        created_at=now,
        changed_at=now,
        **fields,
    )
    with world.log.database.write() as session:
        session.add(row)


def test_the_latest_transactions_of_all_kinds_are_shown(sqlite_world: World, client: TestClient) -> None:
    assert "最近的交易" not in client.get("/ledger/chain").text
    status = Entry(EntryType.STATUS_LIST, ACCREDITED.issuer_code, bytes([3]) * 32)
    with sqlite_world.log.database.write() as session:
        sqlite_world.writer.submit(session, ACCREDITED, evidence=EVIDENCE)
        sqlite_world.writer.submit(session, status, evidence=EVIDENCE)
    sqlite_world.cycle()
    anchor(sqlite_world, 2)
    record(sqlite_world, ACCREDITED, "failed", nonce=1)
    record(sqlite_world, status, "sent", nonce=2, block_number=None, block_hash=None)
    page = unescape(client.get("/ledger/chain").text)
    table = page.partition("<tbody>")[2].partition("</tbody>")[0]
    places = [table.index(words) for words in ("状态列表", "资质登记", "锚定 2 条")]
    assert places == sorted(places)  # The newest first.
    assert "已发出，等待进块" in table
    assert "合约没有接受，会再试" in table
    assert f"/ledger/entries/{ACCREDITED.commitment.hex()}" in table
    assert "最近的交易" not in client.get("/ledger/chain?below=2").text
    english = unescape(client.get("/ledger/chain?lang=en").text)
    assert "sent, not in a block yet" in english
