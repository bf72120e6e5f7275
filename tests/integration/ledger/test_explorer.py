"""The explorer's pages: an entry's path as a drawing, an issuer's history, what waits, the chain."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape

import pytest
from sqlalchemy import update
from starlette.testclient import TestClient

from crypto.encoding import from_b64
from crypto.keyring import CREDENTIAL
from crypto.signing import Signer
from kernel.clock import ManualClock
from ledger.explorer import issuer_history
from ledger.explorer.overview import overview
from ledger.explorer.store import counts_named, entries_named
from ledger.formats.entry import EntryType
from ledger.formats.merkle import InclusionProof, leaf_hash, verify_inclusion
from ledger.formats.note import parse_note
from ledger.models import LogCheckpoint
from ledger.publication import integration, publishing, sequencer
from ledger.registry.accreditation import Accreditation, Draft, accredit, ensure_authority_keys, ensure_keys
from ledger.registry.entities import parse_entity_id
from ledger.registry.statement import Names, school_claims
from ledger.registry.statement_status import State
from ledger.registry.withdrawal import set_statement_status
from tests.integration.ledger.test_routes import ACCREDITED, EVIDENCE, anchor, app_of
from tests.integration.ledger.world import CODE, World, credential

OTHER = "4141010460"
PROVINCE = "http://localhost:8000/authorities/410000"
SCHOOL = f"http://localhost:8000/schools/{CODE}"
DIPLOMA = "urn:xinji:credential:diploma:1"


@pytest.fixture
def client(sqlite_world: World) -> Iterator[TestClient]:
    with TestClient(app_of(sqlite_world)) as client:
        yield client


def entry_page(client: TestClient, number: int) -> str:
    return client.get(f"/ledger/entries/{credential(number).commitment.hex()}").text


def draft(signer: Signer, name: str = "郑州大学") -> Draft:
    ensure_authority_keys(signer, PROVINCE)
    claims = school_claims(
        names=Names(name, "Zhengzhou University"),
        school=parse_entity_id(SCHOOL),
        credential_types=[DIPLOMA],
        issuing_keys=ensure_keys(signer, CREDENTIAL, SCHOOL),
    )
    return Draft(PROVINCE, SCHOOL, ensure_authority_keys(signer, SCHOOL), claims)


def test_an_entry_is_followed_from_the_queue_to_the_chain(sqlite_world: World, client: TestClient) -> None:
    commitment = credential(5).commitment.hex()
    asked = f"/ledger?commitment={commitment}"
    assert client.get(asked).status_code == 404
    sqlite_world.submit(range(13))
    assert "等待编号" in client.get(asked).text
    sequencer.run_once(sqlite_world.log)
    assert "等待入树" in client.get(asked).text
    integration.run_once(sqlite_world.log)
    assert "等待见证" in client.get(asked).text
    sqlite_world.cycle()
    page = client.get(f"/ledger?commitment=%20{commitment.upper()}%20").text
    assert "已见证并发布" in page
    proof = sqlite_world.proofs([5])[5]
    signed_root = parse_note(proof.checkpoint).text.split("\n")[2]
    assert page.count("合起来得到") == len(proof.path)
    assert signed_root in unescape(page)
    anchor(sqlite_world, 13)
    assert "已锚定到链上" in client.get(asked).text


def test_an_entry_is_found_by_its_index(sqlite_world: World, client: TestClient) -> None:
    sqlite_world.submit(range(5))
    sqlite_world.cycle()
    answer = client.get("/ledger?commitment=3")
    assert answer.url.path.startswith("/ledger/entries/")
    assert "第 3 条登记" in answer.text
    missing = client.get("/ledger?commitment=5")
    assert missing.status_code == 404
    assert "日志里没有这一条" in missing.text


def test_every_path_is_drawn_to_the_signed_root(sqlite_world: World, client: TestClient) -> None:
    """The page walks the path itself: it must come out where the verifier's walk does."""
    sqlite_world.submit(range(11))
    sqlite_world.cycle()
    for number, proof in sqlite_world.proofs(range(11)).items():
        page = entry_page(client, number)
        last = page.rpartition("合起来得到")[2].partition('class="code small">')[2].partition("<")[0]
        signed = parse_note(proof.checkpoint).text.split("\n")[2]
        assert unescape(last) == signed, number
        root = re.search(r'<g class="root">.*?</g>', page, re.DOTALL)
        assert root is not None
        assert f"{signed[:10]}…" in unescape(root[0])
        assert page.count("<rect") == 2 * len(proof.path) + 1


def test_a_log_of_one_entry_has_a_drawing_of_one_box(sqlite_world: World, client: TestClient) -> None:
    sqlite_world.submit([0])
    sqlite_world.cycle()
    page = entry_page(client, 0)
    assert page.count("<rect") == 1
    assert "共 0 步" in page


def test_an_accreditation_leads_to_its_evidence(sqlite_world: World, client: TestClient) -> None:
    with sqlite_world.log.database.write() as session:
        sqlite_world.writer.submit(session, ACCREDITED, evidence=EVIDENCE)
    sqlite_world.cycle()
    page = client.get(f"/ledger/entries/{ACCREDITED.commitment.hex()}").text
    assert "资质认可" in page
    assert f"/log/evidence/{ACCREDITED.commitment.hex()}" in page


@pytest.mark.parametrize("wrong", ["00" * 32, "x", "00" * 31, "5"])
def test_no_such_entry(client: TestClient, wrong: str) -> None:
    assert client.get(f"/ledger/entries/{wrong}").status_code == 404


def test_a_proof_as_json_holds_what_a_bundle_holds(sqlite_world: World, client: TestClient) -> None:
    sqlite_world.submit(range(9))
    sqlite_world.cycle()
    entry = credential(4)
    path = f"/ledger/proofs/{entry.commitment.hex()}.json"
    answer = client.get(path)
    assert answer.headers["content-disposition"] == f'attachment; filename="{entry.commitment.hex()}.json"'
    content = answer.json()
    assert content["anchor"] is None
    log = content["log"]
    proof = InclusionProof(log["index"], tuple(map(from_b64, log["path"])))
    h, head = sqlite_world.log.tiles.hash, sqlite_world.log.tiles.head(9)
    assert from_b64(log["entry"]) == entry.encode()
    verify_inclusion(h, leaf=leaf_hash(h, from_b64(log["entry"])), proof=proof, head=head)
    assert log["checkpoint"] == client.get("/log/checkpoint").text
    anchor(sqlite_world, 9)
    assert client.get(path).json()["anchor"]["size"] == 9
    for wrong in (path + "x", path.replace(".json", ".exe"), path.replace(".json", "."), "/ledger/proofs/.json"):
        assert client.get(wrong).status_code == 404


def test_a_checkpoint_that_waits_names_who_is_missing(sqlite_world: World, client: TestClient) -> None:
    sqlite_world.submit(range(3))
    sqlite_world.cycle()
    assert "在等待见证" not in client.get("/ledger").text
    sqlite_world.wires[0].cut = True
    sqlite_world.submit([7, 8])
    sqlite_world.cycle()
    page = client.get("/ledger").text
    assert "有一个检查点在等待见证" in page
    assert "A：尚未回应" in page
    assert "5 条时的检查点" in page
    sqlite_world.wires[0].cut = False
    publishing.run_once(sqlite_world.log)
    assert "在等待见证" not in client.get("/ledger").text


def test_a_waiting_checkpoint_below_the_published_one_is_no_news(sqlite_world: World) -> None:
    for number in range(2):
        sqlite_world.submit([number])
        sqlite_world.cycle()
    with sqlite_world.log.database.write() as session:
        session.execute(update(LogCheckpoint).where(LogCheckpoint.tree_size == 1).values(state="waiting"))
    with sqlite_world.log.database.read() as session:
        assert overview(session, sqlite_world.log).waiting is None


def test_growth_is_told_over_a_day(sqlite_world: World, client: TestClient, clock: ManualClock) -> None:
    for hours, numbers in ((0, range(4)), (30, range(4, 9)), (10, range(9, 11))):
        clock.move(timedelta(hours=hours))
        sqlite_world.submit(numbers)
        sqlite_world.cycle()
    with sqlite_world.log.database.read() as session:
        growth = overview(session, sqlite_world.log).growth
    assert (growth.entries, growth.hours) == (7, 24)  # 11 now; a day ago it was 4.
    assert growth.first_size == 4
    assert "最近 24 小时新增" in client.get("/ledger").text


def test_what_an_issuer_s_page_tells(sqlite_world: World, client: TestClient, clock: ManualClock) -> None:
    by = Accreditation(sqlite_world.log.signer, sqlite_world.writer, clock)
    database = sqlite_world.log.database
    row = accredit(database, draft(by.signer), by=by)
    sqlite_world.submit(range(3))
    with database.write() as session:
        sqlite_world.writer.submit_many(session, [credential(50, OTHER)])
    sqlite_world.cycle()
    page = client.get(f"/ledger/issuers/{CODE}").text
    assert "郑州大学" in page
    assert DIPLOMA in page
    assert row.service_keys[0] in page
    assert page.count("签发凭证") == 4  # One count and three rows.
    assert "<b>3</b>" in page
    assert credential(50, OTHER).commitment.hex()[:16] not in page
    assert "Zhengzhou University" in client.get(f"/ledger/issuers/{CODE}?lang=en").text
    client.cookies.clear()
    set_statement_status(database, row.commitment, State.COMPROMISED, since=clock.now(), by=by)
    assert "密钥已失守" in client.get(f"/ledger/issuers/{CODE}").text


def test_a_newer_statement_takes_the_place_of_the_older(
    sqlite_world: World, client: TestClient, clock: ManualClock
) -> None:
    by = Accreditation(sqlite_world.log.signer, sqlite_world.writer, clock)
    accredit(sqlite_world.log.database, draft(by.signer, "旧名"), by=by)
    clock.move(timedelta(days=1))
    accredit(sqlite_world.log.database, draft(by.signer, "新名"), by=by)
    page = client.get(f"/ledger/issuers/{CODE}").text
    assert "<h1>新名</h1>" in page
    assert "已由新的认可代替" in page
    assert "正在登记" in page


def test_an_issuer_s_entries_are_paged_over_bounded_ranges(
    sqlite_world: World, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuer_history, "PAGE", 4)
    monkeypatch.setattr(issuer_history, "RANGE", 10)
    sqlite_world.submit(range(13))
    with sqlite_world.log.database.write() as session:
        sqlite_world.writer.submit_many(session, [credential(50 + number, OTHER) for number in range(12)])
    sqlite_world.cycle()
    for code, total in ((CODE, 13), (OTHER, 12)):
        seen: list[str] = []
        address = f"/ledger/issuers/{code}"
        for _ in range(20):
            page = client.get(address).text
            seen += re.findall(r'href="/ledger/entries/([0-9a-f]{64})"', page)
            older = re.search(rf'href="(/ledger/issuers/{code}\?below=\d+)"', page)
            if older is None:
                break
            address = older[1]
        assert len(seen) == len(set(seen)) == total


def test_an_issuer_that_nobody_knows(client: TestClient) -> None:
    page = client.get("/ledger/issuers/4141019999")
    assert page.status_code == 404
    assert "请核对代码" in page.text
    for wrong in ("41410", "x" * 10, "４１４１０１９９９９"):
        assert client.get(f"/ledger/issuers/{wrong}").status_code == 404
    typed = client.get("/ledger?code=41410")
    assert typed.status_code == 404
    assert "学校是 10 位数字" in typed.text
    assert client.get("/ledger?code=410000", follow_redirects=False).headers["location"] == "/ledger/issuers/0000410000"


def test_entries_by_issuer_on_every_database(world: World) -> None:
    world.submit(range(4))
    with world.log.database.write() as session:
        world.writer.submit_many(session, [credential(9, OTHER)])
        world.writer.submit(session, ACCREDITED, evidence=EVIDENCE)
    world.cycle()
    with world.log.database.read() as session:
        assert counts_named(session, CODE, begin=0, end=6) == {EntryType.CREDENTIAL: 4, EntryType.ACCREDITATION: 1}
        assert counts_named(session, OTHER, begin=0, end=6) == {EntryType.CREDENTIAL: 1}
        rows = entries_named(session, CODE, begin=0, end=6, limit=3)
        assert len(rows) == 3
        assert [row.leaf_index for row in rows] == sorted((row.leaf_index for row in rows), reverse=True)


def test_the_chain_s_page_is_honest_about_its_engine(sqlite_world: World, client: TestClient) -> None:
    assert "还没有锚定" in client.get("/ledger/chain").text
    for size in range(1, 13):
        anchor(sqlite_world, size)
    page = client.get("/ledger/chain").text
    assert "单节点，没有共识" in page
    assert "内嵌链上没有别的单位" in page
    assert page.count("<article>") == 10
    older = client.get("/ledger/chain?below=3").text
    assert older.count("<article>") == 2
    english = client.get("/ledger/chain?lang=en").text
    assert "no other organisation is on an embedded chain" in english
