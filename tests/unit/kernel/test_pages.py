from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path

import pytest
from fastapi import FastAPI, Request
from starlette.responses import Response
from starlette.testclient import TestClient

from kernel import problems
from kernel.access import Actor, Role, allow
from kernel.csrf import CSRF, Csrf
from kernel.errors import NotFoundError, SignInRequiredError, XinjiError
from kernel.ids import new_id
from kernel.pages import Pages, data_uri, grouped, pages_of

KERNEL = Path(__file__).parents[3] / "kernel"


class TeapotError(XinjiError):
    code = "teapot"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "templates").mkdir()
    (tmp_path / "locales").mkdir()
    (tmp_path / "templates" / "day.html").write_text(
        '{% extends "base.html" %}{% block content %}{{ "2026-06-30"|day }} {{ code|grouped }}'
        '{{ _("共 %(count)s 行", count=3) }}{{ csrf_field() }}{% endblock %}',
        "utf-8",
    )
    header = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n\n'
    (tmp_path / "locales" / "en.po").write_text(
        header + 'msgid "共 %(count)s 行"\nmsgstr "%(count)s rows"\n\nmsgid "error.teapot"\nmsgstr "Pot %(size)s."\n',
        "utf-8",
    )
    (tmp_path / "locales" / "zh.po").write_text(header + 'msgid "error.teapot"\nmsgstr "茶壶 %(size)s。"\n', "utf-8")
    return tmp_path


@pytest.fixture
def client(folder: Path) -> TestClient:
    app = FastAPI()
    csrf = Csrf(lambda data: hmac.digest(b"k", data, hashlib.sha256), secure=False)
    app.state.csrf = csrf
    app.state.pages = Pages([KERNEL, folder], csrf)
    app.state.actor_of = actor_of
    problems.install(app, {TeapotError: HTTPStatus.IM_A_TEAPOT})

    @app.get("/day", dependencies=[allow("anyone")])
    async def day(request: Request) -> Response:
        return pages_of(request).render(request, "day.html", {"code": "P7K3W0QR4XT1M1"})

    @app.post("/day", dependencies=[allow("anyone"), CSRF])
    async def post_day() -> dict[str, str]:
        return {"done": "yes"}

    @app.get("/registrar", dependencies=[allow("registrar")])
    async def registrar() -> dict[str, str]:
        return {"hello": "registrar"}

    @app.get("/fail/{kind}", dependencies=[allow("anyone")])
    async def fail(kind: str) -> None:
        raise {"teapot": TeapotError("a teapot", size=3), "missing": NotFoundError(), "bug": ValueError("secret")}[kind]

    @app.get("/number", dependencies=[allow("anyone")])
    async def number(count: int) -> int:
        return count

    return TestClient(app, raise_server_exceptions=False, follow_redirects=False)


def actor_of(request: Request) -> Actor | None:
    level = request.headers.get("x-test-actor")
    if level is None:
        return None
    roles = (Role("registrar", "4141010459"),) if level != "student" else ()
    amr = ("pwd", "otp", "mfa") if level == "strong" else ("pwd",)
    now = datetime(2026, 6, 30, tzinfo=UTC)
    return Actor(new_id(), "s", "王小明", "P7K3W0QR4XT1M1", roles, amr, now)


PAGE = {"accept": "text/html"}


def test_a_page_is_chinese_first_and_english_by_a_switch_that_stays(client: TestClient) -> None:
    chinese = client.get("/day").text
    assert "2026年6月30日" in chinese
    assert "P7K3-W0QR-4XT1-M1" in chinese
    assert "共 3 行" in chinese
    english = client.get("/day?lang=en&page=2")
    assert "30 June 2026" in english.text
    assert "3 rows" in english.text
    assert "/day?page=2&amp;lang=zh" in english.text
    assert "3 rows" in client.get("/day").text


def test_every_page_forbids_inline_scripts_and_foreign_requests(client: TestClient) -> None:
    policy = client.get("/day").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_a_form_without_its_token_is_refused(client: TestClient) -> None:
    assert client.post("/day", data={}).json()["type"] == "urn:xinji:problem:csrf"
    page = client.get("/day").text
    token = page.split('name="csrf_token" value="')[1].split('"')[0]
    assert client.post("/day", data={"csrf_token": token}).json() == {"done": "yes"}
    assert client.post("/day", data={"csrf_token": token[:-1] + "?"}).status_code == 403
    client.cookies.clear()
    assert client.post("/day", data={"csrf_token": token}).status_code == 403


def test_staff_need_the_role_and_two_factors(client: TestClient) -> None:
    assert client.get("/registrar").status_code == 401
    assert client.get("/registrar", headers={"x-test-actor": "student"}).status_code == 403
    weak = client.get("/registrar", headers={"x-test-actor": "weak", **PAGE})
    assert weak.headers["location"] == "/signin/step-up?next=%2Fregistrar"
    assert client.get("/registrar", headers={"x-test-actor": "strong"}).json() == {"hello": "registrar"}


def test_a_browser_is_sent_to_sign_in_and_back(client: TestClient) -> None:
    answer = client.get("/registrar?page=2", headers=PAGE)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/signin?next=%2Fregistrar%3Fpage%3D2"


def test_a_known_error_has_its_status_and_a_sentence_for_each_reader(client: TestClient) -> None:
    program = client.get("/fail/teapot")
    assert program.status_code == 418
    assert program.headers["content-type"] == "application/problem+json"
    assert program.json()["params"] == {"size": 3}
    assert "茶壶 3。" in client.get("/fail/teapot", headers=PAGE).text
    assert "Pot 3." in client.get("/fail/teapot?lang=en", headers=PAGE).text


def test_an_unknown_error_tells_nothing_but_a_number(client: TestClient) -> None:
    answer = client.get("/fail/bug")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    page = client.get("/fail/bug", headers=PAGE)
    assert "secret" not in page.text
    assert "不是您的错" in page.text


def test_wrong_input_names_its_fields(client: TestClient) -> None:
    answer = client.get("/number?count=many")
    assert answer.status_code == 422
    assert answer.json()["params"] == {"fields": "count"}


def test_a_missing_page_is_a_page(client: TestClient) -> None:
    answer = client.get("/nowhere", headers=PAGE)
    assert answer.status_code == 404
    assert "没有找到" in answer.text


def test_codes_are_grouped_in_fours() -> None:
    assert grouped("ABCDEFGHIJ") == "ABCD-EFGH-IJ"
    assert data_uri("image/png", b"x") == "data:image/png;base64,eA=="


def test_step_up_is_told_apart_from_signing_in() -> None:
    assert SignInRequiredError(step_up=True).step_up
