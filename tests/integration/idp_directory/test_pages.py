"""The registrar's and the officer's pages over HTTP: as a browser without JavaScript uses them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy import select
from starlette.requests import Request
from starlette.testclient import TestClient

import idp.routes.officer
import idp.routes.registrar
from crypto.hashes import hmac_sm3
from idp.directory import activation, lookup
from idp.directory.appointment import appoint, read_appointment
from idp.directory.models import Affiliation, IndexUse
from idp.directory.services import DirectoryServices
from idp.routes.problems import STATUS_OF
from kernel import problems
from kernel.access import Actor, Role
from kernel.csrf import Csrf
from kernel.pages import Pages
from tests.integration.idp_directory.conftest import (
    HENAN,
    SCHOOL,
    ZHENGZHOU,
    World,
    as_csv,
    make_people,
)
from tests.unit.idp_directory.test_tables import zipped

ROOT = Path(__file__).parents[3]
HTML = {"accept": "text/html"}
NOW = datetime(2026, 6, 30, tzinfo=UTC)


class Browser:
    """A browser with cookies that fills in the forms it finds."""

    def __init__(self, client: TestClient) -> None:
        self.client = client

    def get(self, path: str, status: int = 200) -> str:
        answer = self.client.get(path, headers=HTML)
        assert answer.status_code == status, answer.text
        return answer.text

    def post(self, path: str, status: int = 200, files: object = None, **values: str) -> str:
        token = re.search(r'name="csrf_token" value="([^"]+)"', self.client.get("/registrar/imports?lang=zh").text)
        if token is None:
            token = re.search(r'name="csrf_token" value="([^"]+)"', self.client.get("/officer/410100/schools/new").text)
        assert token is not None
        answer = self.client.post(
            path,
            data={"csrf_token": token[1], **values},
            files=files,  # type: ignore[arg-type]
            headers=HTML,
            follow_redirects=True,
        )
        assert answer.status_code == status, answer.text
        return answer.text


def make_app(world: World, by: DirectoryServices, actor: Actor | None) -> FastAPI:
    app = FastAPI()
    csrf = Csrf(lambda data: hmac_sm3(b"c" * 16, data), secure=False)

    def actor_of(_request: Request) -> Actor | None:
        return actor

    app.state.database = world.database
    app.state.csrf = csrf
    app.state.pages = Pages([ROOT / "kernel", ROOT / "idp", ROOT / "idp" / "directory"], csrf)
    app.state.directory = by
    app.state.actor_of = actor_of
    problems.install(app, STATUS_OF)
    for router in (*idp.routes.registrar.routers(), *idp.routes.officer.routers()):
        app.include_router(router)
    return app


def actor(person_id: UUID, role: str, organisation: str, amr: tuple[str, ...] = ("pwd", "otp", "mfa")) -> Actor:
    return Actor(person_id, "s", "王老师", "P7K3W0QR4XT1M1", (Role(role, organisation),), amr, NOW)


@pytest.fixture
def registrar(world: World) -> Iterator[Browser]:
    """A browser in which the registrar of 郑州大学 is signed in."""
    with TestClient(make_app(world, world.by, actor(world.registrar, "registrar", ZHENGZHOU))) as client:
        yield Browser(client)


@pytest.fixture
def officer(world: World) -> Iterator[Browser]:
    """A browser in which the officer of 郑州市 is signed in."""
    with TestClient(make_app(world, world.by, actor(uuid4(), "officer", "410100"))) as client:
        yield Browser(client)


def upload(registrar: Browser, content: bytes, status: int = 200, name: str = "名册.csv") -> str:
    return registrar.post("/registrar/imports", status, files={"file": (name, content, "text/csv")})


def import_path(page: str) -> str:
    found = re.search(r"/registrar/imports/[0-9a-f-]{36}", page)
    assert found is not None, page
    return found[0]


def rows_of(text: str) -> list[list[str]]:
    assert text.startswith("\ufeff")
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))


def test_a_registrar_imports_a_roster_and_downloads_codes(world: World, registrar: Browser) -> None:
    assert "导入名册" in registrar.get("/registrar")
    people = make_people(30)
    people[4][5] = people[4][5][:-1] + ("0" if people[4][5][-1] != "0" else "1")
    people[5][1] = "=1+1"
    page = upload(registrar, as_csv(people))
    path = import_path(page)
    answer = registrar.client.get(path, headers=HTML)
    assert answer.headers["refresh"] == "2"
    assert "排队中" in answer.text

    world.work()
    page = registrar.get(path)
    assert "试算结果：还没有写入" in page
    assert re.search(r'id="new">28<', page)
    assert "证件号码最后一位不符（应为" in page
    wrong = rows_of(registrar.get(f"{path}/wrong.csv"))
    assert wrong[0] == ["行号", "列", "原因", "代码"]
    assert [(row[0], row[1], row[3]) for row in wrong[1:]] == [
        ("6", "证件号码", "document_check"),
        ("7", "姓名", "name_sign"),
    ]
    assert "confirmation_needed" in registrar.post(f"{path}/confirm", 409)
    assert "正在写入" in registrar.post(f"{path}/confirm", only_good="true")
    world.work()
    page = registrar.get(path)
    assert "已完成" in page
    assert "refresh" not in registrar.client.get(path).headers

    answer_text = registrar.post(f"{path}/codes")
    sheet = rows_of(answer_text)
    assert sheet[0] == ["学号", "姓名", "EID", "激活码"]
    assert len(sheet) == 29
    person = activation.redeem(world.database, sheet[1][2], sheet[1][3], by=world.by)
    with world.database.read() as session:
        found = lookup.person_by_id(session, world.by.vault, person)
        assert found is not None
        assert found.name == sheet[1][1]
    assert "上次生成" in registrar.get(path)
    roster = registrar.get("/registrar/roster?q=2022000000")
    assert people[0][1] in roster
    assert people[25][0] not in roster


def test_answers_with_personal_data_are_kept_by_nobody(world: World, registrar: Browser) -> None:
    job = world.import_roster(as_csv(make_people(3)))
    for path in ("/registrar/roster", f"/registrar/imports/{job.id}", f"/registrar/imports/{job.id}/wrong.csv"):
        assert registrar.client.get(path).headers["cache-control"] == "no-store"


def test_a_file_that_is_no_roster_is_refused_in_words(registrar: Browser) -> None:
    page = upload(registrar, "学号,性别,证件类型\n1,男,1\n".encode(), 422)
    assert "缺少 3 列：姓名、出生日期、证件号码" in page
    bomb = zipped(a=b"\0" * 50_000_000)
    assert "file_bomb" in upload(registrar, bomb, 422, "名册.xlsx")
    assert "file_empty" in registrar.post("/registrar/imports", 422)
    assert "file_kind" in upload(registrar, b"\x00\x01\x02", 422)


def test_a_body_is_refused_by_its_length_before_it_is_read(registrar: Browser) -> None:
    answer = registrar.client.post(
        "/registrar/imports", content=b"x", headers={**HTML, "content-length": str(33 * 2**20)}
    )
    assert answer.status_code == 413
    assert "32 MB" in answer.text


def test_forms_need_their_token(registrar: Browser, officer: Browser) -> None:
    for browser, path in (
        (registrar, "/registrar/imports"),
        (registrar, f"/registrar/imports/{uuid4()}/codes"),
        (registrar, f"/registrar/roster/{uuid4()}/activation-code"),
        (officer, "/officer/410100/schools"),
        (officer, f"/officer/{SCHOOL}/staff"),
    ):
        answer = browser.client.post(path, data={"x": "1"}, headers=HTML)
        assert answer.status_code == 403, path


def test_another_schools_import_is_not_found(world: World, registrar: Browser) -> None:
    job = world.dry_run(as_csv(make_people(1)), HENAN)
    for path in (f"/registrar/imports/{job.id}", f"/registrar/imports/{job.id}/wrong.csv"):
        registrar.get(path, 404)
    for path in (f"/registrar/imports/{job.id}/codes",):
        registrar.post(path, 404)
    assert "import_unknown" in registrar.post(f"/registrar/imports/{job.id}/confirm", 404)
    assert world.job(job.id).state == "checked"
    assert str(job.id) not in registrar.get("/registrar/imports")


def test_another_schools_people_are_not_found(world: World, registrar: Browser) -> None:
    world.import_roster(as_csv(make_people(1)), HENAN)
    with world.database.read() as session:
        affiliation_id = session.scalars(select(Affiliation.id)).one()
    assert "affiliation_unknown" in registrar.post(f"/registrar/roster/{affiliation_id}/activation-code", 404)
    assert "名册还是空的" in registrar.get("/registrar/roster")


def test_a_single_code_is_shown_once_and_voided(world: World, registrar: Browser) -> None:
    world.import_roster(as_csv(make_people(1)))
    with world.database.read() as session:
        affiliation_id = session.scalars(select(Affiliation.id)).one()
    page = registrar.post(f"/registrar/roster/{affiliation_id}/activation-code")
    eid = _text(page, "eid")
    code = _text(page, "activation-code")
    activation.redeem(world.database, eid, code, by=world.by)
    roster = registrar.get("/registrar/roster")
    assert code not in roster
    assert "激活码已发" in roster
    registrar.post(f"/registrar/roster/{affiliation_id}/void-code")
    assert "未开通" in registrar.get("/registrar/roster")


def _text(page: str, name: str) -> str:
    found = re.search(rf'id="{name}"><strong>([^<]+)<', page)
    assert found is not None, page
    return found[1]


def test_cancelling_and_waiting_pages(world: World, registrar: Browser) -> None:
    path = import_path(upload(registrar, as_csv(make_people(2))))
    assert "已取消" in registrar.post(f"{path}/cancel")
    assert "import_state" in registrar.post(f"{path}/cancel", 409)
    tight = DirectoryServices(world.by.vault, world.by.index, world.by.codes, world.clock, lookups_per_day=1)
    limited = World(world.database, tight, world.clock, world.ids, world.registrar)
    job = limited.dry_run(as_csv(make_people(2)))
    assert "今天的证件核对次数已用完" in registrar.get(f"/registrar/imports/{job.id}")


def test_pages_speak_english_too(world: World, registrar: Browser) -> None:
    people = make_people(3)
    people[0][1] = "张?"
    job = world.dry_run(as_csv(people))
    page = registrar.get(f"/registrar/imports/{job.id}?lang=en")
    assert "Result of the dry run: nothing is written yet" in page
    assert "The name holds a question mark or replacement mark" in page
    assert not re.search(
        r"[\u4e00-\u9fff]", re.sub(r"<title>.*?</title>|中文|信籍|名册.csv|信|[（）]|王老师", "", page)
    )


def test_the_template_has_all_columns(registrar: Browser) -> None:
    rows = rows_of(registrar.get("/registrar/imports/template.csv"))
    assert rows[0][:6] == ["学号", "姓名", "性别", "出生日期", "证件类型", "证件号码"]


@pytest.mark.parametrize(
    ("role", "place", "amr", "status"),
    [
        ("officer", "410100", ("mfa",), 403),
        ("student", ZHENGZHOU, ("mfa",), 403),
        ("registrar", ZHENGZHOU, ("pwd",), 303),
    ],
)
def test_the_registrars_pages_are_for_registrars(
    world: World, role: str, place: str, amr: tuple[str, ...], status: int
) -> None:
    with TestClient(make_app(world, world.by, actor(uuid4(), role, place, amr))) as client:
        for path in ("/registrar", "/registrar/roster", "/registrar/imports", f"/registrar/imports/{uuid4()}"):
            assert client.get(path, headers=HTML, follow_redirects=False).status_code == status
    with TestClient(make_app(world, world.by, None)) as client:
        assert client.get("/registrar", headers=HTML, follow_redirects=False).headers["location"].startswith("/signin")


def test_an_officer_walks_the_tree_and_registers_a_school(officer: Browser) -> None:
    page = officer.get("/officer")  # Leads to the own authority.
    assert "郑州市教育局" in page
    assert "河南省教育厅" not in page
    assert "金水区教育局" in page
    page = officer.get("/officer/410105?q=合成")
    assert SCHOOL in page
    assert "登记学校" in officer.get("/officer/410105/schools/new")
    refused = officer.post("/officer/410105/schools", 422, number="4121999001", name="合成小学")
    assert "省份和办学类型写反了：先办学类型、后省份。是不是 2141999001？" in refused
    assert 'value="合成小学"' in refused
    page = officer.post("/officer/410105/schools", number="2141999001", name="合成小学", name_en="Synthetic")
    assert "还没有教务老师" in page
    assert "organisation_exists" in officer.post("/officer/410105/schools", 422, number="2141999001", name="又一所")
    page = officer.post("/officer/410100/authorities", number="410103", name="二七区教育局")
    assert "二七区教育局" in page


def test_an_officer_appoints_the_first_registrar(world: World, officer: Browser) -> None:
    values = {"name": "王老师", "document_type": "1", "document_number": "110105491231002"}
    mistyped = officer.post(
        f"/officer/{SCHOOL}/staff", 422, name="王老师", document_type="1", document_number="110105194912310021"
    )
    assert "document_check" in mistyped
    page = officer.post(f"/officer/{SCHOOL}/staff", 200, None, **values)
    person_id = activation.redeem(world.database, _text(page, "eid"), _text(page, "activation-code"), by=world.by)
    with world.database.read() as session:
        assert lookup.roles_of(session, person_id, NOW.date()) == [Role("registrar", SCHOOL)]
        assert session.scalars(select(IndexUse.lookups)).one() == 1
    page = officer.get(f"/officer/{SCHOOL}")
    assert "王老师" in page
    assert "11010549123100" not in page
    assert "appointed_already" in officer.post(f"/officer/{SCHOOL}/staff", 409, None, **values)


@pytest.mark.parametrize("code", ["410000", "410200", ZHENGZHOU, HENAN])
def test_outside_the_subtree_is_closed(officer: Browser, code: str) -> None:
    officer.get(f"/officer/{code}", 403)
    officer.get(f"/officer/{code}/schools/new", 403)
    values = {"name": "王老师", "document_type": "1", "document_number": "110105491231002"}
    officer.post(f"/officer/{code}/staff", 403, None, **values)
    officer.post(f"/officer/{code}/schools", 403, number="2141999001", name="合成小学")


def test_wrong_addresses_are_refused(officer: Browser) -> None:
    officer.get("/officer/410199", 404)
    officer.get("/officer/4101", 422)
    officer.get("/officer/410100?page=0", 422)


def test_reviews_go_to_the_county_and_back(world: World, registrar: Browser) -> None:
    people = make_people(2)
    world.import_roster(as_csv(people), HENAN)
    people[0][1] = "别名"
    world.import_roster(as_csv(people))
    assert people[0][0] in registrar.get("/registrar/reviews")
    province = make_app(world, world.by, actor(uuid4(), "officer", "410000"))
    with TestClient(province) as client:
        page = client.get("/officer/reviews", headers=HTML).text
        assert people[0][0] in page
        assert "别名" not in page
        assert people[0][5] not in page
        found = re.search(r"/officer/reviews/[0-9a-f-]{36}/return", page)
        token = re.search(r'name="csrf_token" value="([^"]+)"', page)
        assert found is not None
        assert token is not None
        with TestClient(make_app(world, world.by, actor(uuid4(), "officer", "410100"))) as elsewhere:
            assert people[0][0] not in elsewhere.get("/officer/reviews", headers=HTML).text
            other = re.search(r'name="csrf_token" value="([^"]+)"', elsewhere.get("/officer/410100/schools/new").text)
            assert other is not None
            answer = elsewhere.post(found[0], data={"csrf_token": other[1], "note": "x"}, headers=HTML)
            assert answer.status_code == 404
        page = client.post(
            found[0], data={"csrf_token": token[1], "note": "姓名以身份证为准，请更正"}, headers=HTML
        ).text
        assert "没有待复核的行" in page
    page = registrar.get("/registrar/reviews")
    assert "姓名以身份证为准，请更正" in page


def test_an_appointment_by_the_installation_needs_no_actor(world: World) -> None:
    who = read_appointment(
        name="厅长", document_type="1", document_number="440524188001010014", birthdate="", gender="", now=NOW
    )
    made = appoint(world.database, who, role="officer", organisation="410000", officer_of=None, actor=None, by=world.by)
    assert made.code is not None
