"""The registrar's pages over HTTP: bring a file, see what is wrong, approve, fetch, revoke."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import timedelta

import pytest

from credentials import correction, issuing, receipts
from credentials.sheet import read_sheet
from ledger.formats.receipts import read_receipts
from tests.integration.credentials.campus import HEADINGS, HENU, ZZU, Campus, holder, registrar, row, table
from tests.integration.credentials.site import Site, make_site


@pytest.fixture
def site(sqlite_campus: Campus) -> Site:
    site = make_site(sqlite_campus)
    site.actor = registrar(ZZU, sqlite_campus.clock)
    return site


def upload(site: Site, content: bytes, name: str = "毕业生.csv") -> tuple[int, str, str]:
    files = {"file": (name, content, "text/csv")}
    return site.post("/registrar/batches", files=files, on="/registrar/batches/new")


def test_from_the_file_to_the_receipts(site: Site) -> None:
    people = site.campus.roster.enrol(ZZU, 5)
    rows = [row(person, number) for number, person in enumerate(people[:3], 1)]
    rows.append(row(people[3], 4, 证书编号="104601202605000004"))
    rows.append(row(people[4], 5, 学制="很久", 姓名="别人"))
    status, _, place = upload(site, "\n".join([HEADINGS, *rows]).encode("gb18030"))
    assert status == 303
    page = site.get(place)
    assert '<b id="good">3</b>' in page
    assert '<b id="wrong">2</b>' in page
    assert "证书编号：前五位应为 10459（本校代码），现在是 10460" in page
    assert "学制：应为年数，例如 4 或 2.5" in page
    assert "姓名：与名册上这个学号的姓名不符" in page

    # The wrong rows come back with their reasons, and as a table that can be brought again.
    wrong = site.client.get(f"{place}/wrong.csv")
    assert wrong.content.startswith("\ufeff".encode())
    sheet = read_sheet(wrong.content)
    assert [one.cells[0] for one in sheet.rows] == ["5", "6"]
    assert "前五位" in sheet.rows[0].cells[1]
    assert "学号" in sheet.headings

    # Wrong rows are left out only if the registrar says so.
    status, text, _ = site.post(f"{place}/approve", on=place)
    assert (status, "2 行有误" in text) == (409, True)
    status, _, where = site.post(f"{place}/approve", {"leave_out_wrong": "yes"}, on=place)
    assert (status, where) == (303, place)
    assert 'http-equiv="refresh"' in site.get(place)
    while issuing.run_once(site.campus.by):
        pass
    assert "已签发 3 份" in site.get(place)

    file = site.client.get(f"{place}/receipts.csv").content
    receipts = list(csv.reader(io.StringIO(file.decode("utf-8-sig"))))
    assert [line[0] for line in receipts] == ["row", "2", "3", "4"]
    issued = {site.campus.of(person.person_id)[0].commitment for person in people[:3]}
    assert {one.commitment for one in read_receipts(file)} == issued
    assert {one.complete_to for one in read_receipts(file)} == {None}
    assert not any(person.name in receipts[1] or person.student_no in receipts[1] for person in people)
    assert "毕业生.csv" in site.get("/registrar/batches")


def test_all_receipts_of_the_school_are_what_a_monitor_reads(
    sqlite_campus: Campus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receipts, "_AT_ONCE", 2)
    campus, people = sqlite_campus, sqlite_campus.roster.enrol(ZZU, 4)
    by = campus.by = replace(campus.by, log_window=timedelta(minutes=10), log_window_of_few=timedelta(days=1))
    site = make_site(campus)
    site.actor = registrar(ZZU, campus.clock)
    for part in (people[:3], people[3:]):
        campus.issue(table(part, first=1 + people.index(part[0])), actor=registrar(ZZU, campus.clock))
    campus.issue(table(campus.roster.enrol(HENU, 1), school=HENU), actor=registrar(HENU, campus.clock))
    corrected = campus.of(people[0].person_id)[0]
    campus.clock.move(timedelta(hours=1))
    correction.correct(by, corrected.id, {"major": "法学"}, actor=registrar(ZZU, campus.clock))

    assert 'href="/registrar/credentials/receipts.csv"' in site.get("/registrar/credentials")
    answer = site.client.get("/registrar/credentials/receipts.csv")
    assert answer.headers["cache-control"] == "no-store"
    found = {one.commitment: one for one in read_receipts(answer.content)}
    issued = {one.commitment: one for person in people for one in campus.of(person.person_id)}
    assert found.keys() == issued.keys()
    assert len(found) == 5
    for commitment, one in found.items():
        credential = issued[commitment]
        assert (one.type, one.issuer_code, one.credential) == (1, ZZU, f"urn:uuid:{credential.id}")
        assert one.issued_at == credential.issued_at.replace(microsecond=0)
        assert one.logged_by == one.issued_at + timedelta(days=1, hours=1)
        assert one.complete_to == campus.clock.now().replace(microsecond=0)
    text = answer.text
    assert not any(word in text for person in people for word in (person.name, person.student_no, person.eid))

    site.actor = registrar(HENU, campus.clock)
    assert len(list(read_receipts(site.client.get("/registrar/credentials/receipts.csv").content))) == 1
    site.actor = holder(people[0], campus.clock)
    site.get("/registrar/credentials/receipts.csv", status=403)
    site.actor = None
    assert site.client.get("/registrar/credentials/receipts.csv", follow_redirects=False).status_code in (303, 401)


def test_the_same_file_again_issues_nothing(site: Site) -> None:
    people = site.campus.roster.enrol(ZZU, 3)
    actor = site.actor
    site.campus.issue(table(people), actor=actor)
    _, _, place = upload(site, table(people))
    page = site.get(place)
    assert '<b id="same">3</b>' in page
    assert "批准签发" not in page


def test_approving_twice_and_uploading_twice_issues_once(site: Site) -> None:
    people = site.campus.roster.enrol(ZZU, 4)
    _, _, first = upload(site, table(people))
    _, _, second = upload(site, table(people))
    for place in (first, first, second, second):
        assert (
            site.post(f"{place}/approve", on=place if "批准签发" in site.get(place) else "/registrar/batches/new")[0]
            == 303
        )
    while issuing.run_once(site.campus.by):
        pass
    assert [len(site.campus.of(person.person_id)) for person in people] == [1, 1, 1, 1]
    assert "4 份没有签发" in site.get(second)


SHORT = "学号,姓名,证书编号,学历层次,专业,学习形式,学制,备注\n1,2,3,4,5,6,7,8\n"


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (b"", "sheet_empty", "文件里没有名单"),
        (SHORT.encode(), "sheet_columns_missing", "缺少 4 列：入学日期、毕业日期、结论、校长"),
        (HEADINGS.encode() + b"\n" + b"1\n" * 100_000, "sheet_too_many_rows", "文件有 100000 行，一批最多 20000 行"),
        (b"PK\x03\x04broken", "sheet_unreadable", "读不出来"),
        ("学号,姓名\n1,".encode() + b"\xff\xff\x80", "sheet_encoding", "第 2 行的编码读不出来"),
    ],
    ids=["empty", "columns", "rows", "zip", "encoding"],
)
def test_a_bad_file_is_named_and_leaves_nothing(site: Site, content: bytes, code: str, words: str) -> None:
    status, text, _ = upload(site, content)
    assert status == 422
    assert code in text
    assert words in text
    assert "还没有导入过名单" in site.get("/registrar/batches")


def test_no_file_and_no_token(site: Site) -> None:
    status, text, _ = site.post("/registrar/batches", on="/registrar/batches/new")
    assert (status, "sheet_empty" in text) == (422, True)
    assert site.post("/registrar/batches", files={"file": ("a.csv", b"x", "text/csv")})[0] == 403


def test_a_body_that_is_too_large_is_refused_before_it_is_read(site: Site) -> None:
    headers = {"content-type": "multipart/form-data; boundary=x", "accept": "application/json"}
    answer = site.client.post("/registrar/batches", content=b"x" * (21 << 20), headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:xinji:problem:too_large")


def test_another_schools_registrar_sees_and_does_nothing(site: Site) -> None:
    people = site.campus.roster.enrol(ZZU, 2)
    actor = site.actor
    _, _, place = upload(site, table(people))
    done = site.campus.issue(table(site.campus.roster.enrol(ZZU, 1, first=50), first=50), actor=actor)
    credential = site.campus.of(site.campus.roster.people[ZZU]["202200050"].person_id)[0]
    site.actor = registrar(HENU, site.campus.clock)
    for path in (
        place,
        f"{place}/wrong.csv",
        f"/registrar/batches/{done}/receipts.csv",
        f"/registrar/credentials/{credential.id}",
    ):
        site.get(path, status=404)
    for path in (f"{place}/approve", f"{place}/discard"):
        assert site.post(path, on="/registrar/batches/new")[0] == 404
    form = {"to": "1", "reason": "issued_in_error"}
    assert site.post(f"/registrar/credentials/{credential.id}/status", form, on="/registrar/batches/new")[0] == 404
    assert "还没有导入过名单" in site.get("/registrar/batches")
    found = site.post("/registrar/credentials/search", {"wanted": "104591202605000050"}, on="/registrar/credentials")
    assert "没有找到" in found[1]


def test_a_school_of_another_type_may_not_issue(site: Site) -> None:
    site.actor = registrar("3441999001", site.campus.clock)
    assert "issuer_not_allowed" in site.get("/registrar/batches/new", status=403)


def test_holders_and_strangers_stay_out(site: Site) -> None:
    (person,) = site.campus.roster.enrol(ZZU, 1)
    site.actor = holder(person, site.campus.clock)
    for path in (
        "/registrar/batches",
        "/registrar/credentials",
        "/registrar/batches/new",
        "/registrar/batches/template.csv",
    ):
        site.get(path, status=403)
    site.actor = None
    for path in ("/registrar/batches", "/credentials", "/shares"):
        site.get(path, status=303)


def test_a_credential_is_found_by_either_number_and_revoked(site: Site) -> None:
    (credential, _) = site.campus.issue_to(2)
    assert "本校共签发 2 份" in site.get("/registrar/credentials")
    for wanted in ("104591202605000001", "202200001"):
        status, text, _ = site.post("/registrar/credentials/search", {"wanted": wanted}, on="/registrar/credentials")
        assert status == 200
        assert f"/registrar/credentials/{credential.id}" in text
    place = f"/registrar/credentials/{credential.id}"
    assert "学术不端" in site.get(place)
    refused = [
        ({"to": "1", "reason": "under_review"}, 422),
        ({"to": "0", "reason": "review_closed"}, 409),
        ({"to": "3", "reason": "data_corrected"}, 409),
        ({"to": "9", "reason": "issued_in_error"}, 422),
        ({"to": "1"}, 422),
    ]
    for form, expected in refused:
        assert site.post(f"{place}/status", form, on=place)[0] == expected, form
    assert site.post(f"{place}/status", {"to": "1", "reason": "academic_misconduct"}, on=place)[0] == 303
    page = site.get(place)
    assert "已撤销" in page
    assert "学术不端，依规撤销" in page
    # Revoked is for ever.
    again = site.post(f"{place}/status", {"to": "0", "reason": "review_closed"}, on=place)
    assert again[0] == 409 or "csrf" in again[1]


def test_the_empty_table_passes_its_own_check(site: Site) -> None:
    template = site.client.get("/registrar/batches/template.csv").content
    status, _, place = upload(site, template)
    assert status == 303
    page = site.get(place)
    assert "本校名册里没有这个学号" in page
    assert '<b id="wrong">1</b>' in page


def test_pages_speak_english(site: Site) -> None:
    people = site.campus.roster.enrol(ZZU, 1)
    _, _, place = upload(site, "\n".join([HEADINGS, row(people[0], 1, 学制="很久")]).encode())
    page = site.get(f"{place}?lang=en")
    assert "Length of study: must be a number of years" in page
    assert "Wrong rows" in page
