"""The log over HTTP: its files as the specification wants them, its evidence, its page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

import ledger.routes
import ledger.routes.problems
from crypto.hashes import hmac_sm3
from kernel import problems
from kernel.clock import ManualClock
from kernel.csrf import Csrf
from kernel.ids import new_id
from kernel.pages import Pages
from ledger.anchors.models import LogAnchor
from ledger.formats.commitment import ACCREDITATION, commit
from ledger.formats.entry import Entry, EntryType
from ledger.formats.merkle import TreeHead, leaf_hash, root, verify_inclusion
from ledger.formats.note import parse_note
from ledger.formats.proof_text import parse_proof
from ledger.formats.tile import decode_bundle, split_hashes
from ledger.log import create_keys
from ledger.publication import sharding
from ledger.routes.services import ExplorerServices
from ledger.witness.cosigning import TrustedLog
from tests.integration.ledger.world import CODE, ORIGIN, World, credential

ROOT = Path(__file__).parents[3]
EVIDENCE = {"gm": "a.b.c", "intl": "d.e.f"}
ACCREDITED = Entry(EntryType.ACCREDITATION, CODE, commit(ACCREDITATION, CODE, EVIDENCE))


def app_of(world: World, *, engine_label: str | None = None) -> FastAPI:
    app = FastAPI()
    csrf = Csrf(lambda data: hmac_sm3(bytes(32), data), secure=False)
    app.state.pages = Pages([ROOT / "kernel", ROOT / "ledger"], csrf)
    app.state.database = world.log.database
    app.state.ledger = ExplorerServices(world.log, engine_label)
    app.state.actor_of = lambda _request: None
    problems.install(app, ledger.routes.problems.STATUS_OF)
    for router in ledger.routes.routers():
        app.include_router(router)
    app.router.routes.extend(ledger.routes.routes())
    return app


@pytest.fixture
def client(sqlite_world: World) -> Iterator[TestClient]:
    with TestClient(app_of(sqlite_world)) as client:
        yield client


def anchor(world: World, size: int, root_hash: bytes = bytes(32)) -> None:
    with world.log.database.write() as session:
        session.add(
            LogAnchor(
                shard=1,
                id=new_id(),
                mode="embedded",
                label="single node, no consensus",
                chain_id=1,
                contract="0x" + "0" * 40,
                tree_size=size,
                root_hash=root_hash,
                previous_size=0,
                previous_root=bytes(32),
                nonce=size,
                raw_tx=b"raw",
                tx_hash=bytes(32),
                state="final",
                attempts=0,
                block_number=7,
                block_hash=bytes(32),
                created_at=world.clock.now(),
                changed_at=world.clock.now(),
            )
        )


def test_the_log_can_be_checked_from_its_files_alone(sqlite_world: World, client: TestClient) -> None:
    assert client.get("/log/checkpoint").status_code == 404
    sqlite_world.submit(range(300))
    sqlite_world.cycle()
    answer = client.get("/log/checkpoint")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    note = parse_note(answer.content)
    assert note.text.startswith(f"{ORIGIN}\n300\n")
    h = sqlite_world.log.tiles.hash
    entries: list[bytes] = []
    leaves: list[bytes] = []
    for name in ("000", "001.p/44"):
        for kind in ("entries", "0"):
            tile = client.get(f"/log/tile/{kind}/{name}")
            assert tile.headers["content-type"] == "application/octet-stream"
            assert "immutable" in tile.headers["cache-control"]
            assert tile.headers["access-control-allow-origin"] == "*"
            if kind == "entries":
                entries += decode_bundle(tile.content)
            else:
                leaves += split_hashes(tile.content)
    assert [leaf_hash(h, entry) for entry in entries] == leaves
    assert str(TreeHead(300, root(h, leaves)).root_hash) in str(sqlite_world.log.tiles.head(300))
    assert client.get("/log/tile/1/000.p/1").content == root(h, leaves[:256])
    assert client.head("/log/checkpoint").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "0/001",
        "0/000.p/3",
        "entries/001",
        "0/0",
        "9/000",
        "..%2f..%2ftest.sqlite3",
        "..%2fcheckpoint",
        "0/%2e%2e/x",
        "%00",
    ],
)
def test_what_is_not_there(sqlite_world: World, client: TestClient, path: str) -> None:
    sqlite_world.submit(range(256))
    sqlite_world.cycle()
    answer = client.get(f"/log/tile/{path}")
    assert answer.status_code == 404
    assert answer.headers.get("cache-control", "no-cache") == "no-cache"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_files_are_read_only(client: TestClient, method: str) -> None:
    assert client.request(method, "/log/checkpoint").status_code == 405


def test_evidence_is_public(sqlite_world: World, client: TestClient) -> None:
    with sqlite_world.log.database.write() as session:
        sqlite_world.writer.submit(session, ACCREDITED, evidence=EVIDENCE)
    answer = client.get(f"/log/evidence/{ACCREDITED.commitment.hex()}")
    assert answer.json() == EVIDENCE
    assert "immutable" in answer.headers["cache-control"]
    assert client.get(f"/log/evidence/{ACCREDITED.commitment.hex().upper()}").json() == EVIDENCE
    for wrong in ("00" * 32, "zz", "00" * 31, "００" * 32):
        assert client.get(f"/log/evidence/{wrong}").status_code == 404


def test_the_page_of_an_empty_log(client: TestClient) -> None:
    page = client.get("/ledger")
    assert page.status_code == 200
    assert "还没有发布检查点" in page.text
    assert "公开日志" in page.text


def test_the_page_shows_witnesses_anchors_and_the_engine_s_honest_label(
    sqlite_world: World, client: TestClient, clock: ManualClock
) -> None:
    for number in range(12):
        clock.move(timedelta(minutes=1))
        sqlite_world.submit([number])
        sqlite_world.cycle()
    anchor(sqlite_world, 12)
    page = client.get("/ledger").text
    assert "单节点，没有共识" in page
    assert "第 7 块" in page
    assert "<polyline" in page
    assert page.count("<tr>") == 11
    assert 'href="/ledger?below=3"' in page
    older = client.get("/ledger?below=3").text
    assert older.count("<tr>") == 3
    assert "?below=" not in older.replace("?below=3&amp;lang", "")
    english = client.get("/ledger?lang=en").text
    assert "single node, no consensus" in english
    assert "更早" not in english


def test_another_engine_is_named(sqlite_world: World) -> None:
    with TestClient(app_of(sqlite_world, engine_label="QBFT, 4 validators")) as client:
        assert "QBFT, 4 validators" in client.get("/ledger").text


def test_a_log_that_nobody_witnesses_says_so(sqlite_world: World) -> None:
    policy = replace(sqlite_world.log.policy, quorum=0)
    sqlite_world.log = replace(sqlite_world.log, policy=policy)
    with TestClient(app_of(sqlite_world)) as client:
        assert "日志仅由运营方担保" in client.get("/ledger").text


def test_a_proof_as_a_file(sqlite_world: World, client: TestClient) -> None:
    sqlite_world.submit(range(5))
    sqlite_world.cycle()
    entry = credential(3)
    answer = client.get(f"/ledger/proofs/{entry.commitment.hex()}")
    assert answer.headers["content-disposition"].endswith('.tlog-proof"')
    proven = parse_proof(answer.text)
    assert proven.checkpoint == client.get("/log/checkpoint").text
    h = sqlite_world.log.tiles.hash
    head = sqlite_world.log.tiles.head(5)
    verify_inclusion(h, leaf=leaf_hash(h, entry.encode()), proof=proven.proof, head=head)
    for wrong in ("00" * 32, "x"):
        missing = client.get(f"/ledger/proofs/{wrong}")
        assert missing.status_code == 404
        assert missing.json()["type"] == "urn:xinji:problem:entry_not_found"


def test_tampered_tiles_are_no_answer(sqlite_world: World, client: TestClient) -> None:
    sqlite_world.submit(range(5))
    sqlite_world.cycle()
    (sqlite_world.folder / "log" / "tile" / "0" / "000.p" / "5").write_bytes(bytes(160))
    commitment = credential(3).commitment.hex()
    assert client.get(f"/ledger/proofs/{commitment}").status_code == 503
    page = client.get(f"/ledger/entries/{commitment}", headers={"Accept": "text/html"})
    assert page.status_code == 503
    assert "日志文件与已签名的检查点不符" in page.text


def test_later_shards_have_files_and_pages_of_their_own(sqlite_world: World, client: TestClient) -> None:
    world, now = sqlite_world, sqlite_world.clock.now()
    world.submit(range(300))
    world.cycle()
    assert client.get("/log/2027/checkpoint").status_code == 404
    sharding.announce(world.log, 2027, opens_at=now)
    assert "尚未启用" in client.get("/ledger").text
    sharding.switch(world.log, 2027)
    assert "正在封存" in client.get("/ledger").text
    sharding.freeze(world.log, 1)
    keys = {origin: create_keys(world.log.signer, origin) for origin in (ORIGIN, f"{ORIGIN}/2027")}
    world.restart_witnesses([TrustedLog(origin, "sm3", own) for origin, own in keys.items()])
    world.submit(range(1_000, 1_007))
    world.cycle()

    for address, origin, size in (("/log", ORIGIN, 300), ("/log/2027", f"{ORIGIN}/2027", 7)):
        note = client.get(f"{address}/checkpoint")
        assert note.text.startswith(f"{origin}\n{size}\n")
        assert note.headers["cache-control"] == "no-cache"
        width = "" if size >= 256 else f".p/{size}"
        tile = client.get(f"{address}/tile/0/000{width}")
        assert len(split_hashes(tile.content)) == min(size, 256)
        assert "immutable" in tile.headers["cache-control"]
    for wrong in ("1", "0001", "2026", "02027", "20270", "２０２７", "..", "1999", "9" * 5_000):
        assert client.get(f"/log/{wrong}/checkpoint").status_code == 404, wrong
        assert client.get(f"/log/{wrong}/tile/0/000.p/7").status_code == 404, wrong

    page = client.get("/ledger").text
    assert "/log/2027/checkpoint" in page
    assert '<a href="/ledger?shard=1">最初的日志 （已封存）</a>' in page
    assert '<a href="/ledger?shard=2027" aria-current="page">2027 年</a>' in page
    old = client.get("/ledger?shard=1").text
    assert '<a href="/log/checkpoint">' in old
    assert "<b>300</b>" in old
    assert client.get("/ledger?shard=2026").status_code == 404
    assert client.get("/ledger?shard=0").status_code == 422
    for path in ("/ledger/chain", f"/ledger/issuers/{CODE}"):
        assert f'href="{path}?shard=1"' in client.get(path).text
        assert client.get(f"{path}?shard=1").status_code == 200
    for shard, index in ((1, 4), (2027, 4)):
        found = client.get(f"/ledger?commitment={index}&shard={shard}", follow_redirects=False)
        entry = client.get(found.headers["location"]).text
        assert (f"{ORIGIN}/2027" in entry) == (shard == 2027)
    proof = client.get(f"/ledger/proofs/{credential(1_000).commitment.hex()}.json").json()
    assert proof["log"]["origin"] == f"{ORIGIN}/2027"
    assert f"{ORIGIN}/2027\n7\n" in client.get(f"/ledger/proofs/{credential(1_000).commitment.hex()}").text
