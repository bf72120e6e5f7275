"""The check page for browsers without JavaScript."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

import httpx2
import pytest
from starlette.testclient import TestClient

from credentials.share_code import ALPHABET
from kernel.clock import ManualClock
from kernel.db import Database
from tests.integration.credentials_verify.site import Site, make_site
from tests.unit.clients_javascript.conftest import Run, run  # noqa: F401 - a fixture

HTML = {"accept": "text/html"}


@pytest.fixture
def site(sqlite_database: Database, tmp_path: Path) -> Iterator[Site]:
    site = make_site(sqlite_database, tmp_path, ManualClock(datetime(2026, 6, 30, 4, 0, tzinfo=UTC)))
    yield site
    site.campus.close()


@pytest.fixture
def client(site: Site) -> Iterator[TestClient]:
    with TestClient(site.app, headers=HTML, follow_redirects=False) as client:
        yield client


def submit(client: TestClient, code: str, pin: str = "", language: str = "zh") -> httpx2.Response:
    page = client.get("/v", params={"lang": language}).text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token is not None
    response: httpx2.Response = client.post("/v/check", data={"csrf_token": token[1], "code": code, "pin": pin})
    return response


def test_the_page_needs_no_session_and_runs_nothing_inline(client: TestClient) -> None:
    response = client.get("/v")
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "connect-src 'self'" in policy
    assert "unsafe" not in policy
    assert '<meta name="referrer" content="no-referrer">' in response.text
    scripts = re.findall(r"<script[^>]*>", response.text)
    assert scripts == ['<script type="module" src="/static/credentials/verifier.js">']
    assert "<style" not in response.text
    assert " style=" not in response.text
    assert not re.search(r" on[a-z]+=", response.text)
    assert not re.search(r'(?:src|href)="(?:https?:)?//', response.text)


def test_a_share_is_checked_on_the_server_which_says_so(site: Site, client: TestClient) -> None:
    made = site.share()
    response = submit(client, made.code)
    text = unescape(response.text)
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    assert 'data-verdict="valid"' in text
    assert "由服务器代为核验" in text
    assert "郑州大学" in text
    assert "4141010459" in text
    assert "陈𠮷睿1" in text
    assert "性别" not in text, "only the fields that the holder picked"
    assert made.code not in text


def test_it_speaks_english(site: Site, client: TestClient) -> None:
    text = unescape(submit(client, site.share().code, language="en").text)
    assert "Valid" in text
    assert "Zhengzhou University" in text
    assert "Checked by the server" in text


def test_a_code_may_be_typed_as_people_type(site: Site, client: TestClient) -> None:
    code = site.share().code.lower()
    spaced = "  ".join(code[at : at + 4] for at in range(0, 20, 4))
    assert 'data-verdict="valid"' in submit(client, spaced).text


def test_one_wrong_sign_is_told_before_anything_is_looked_up(site: Site, client: TestClient) -> None:
    code = site.share().code
    wrong = code[:-1] + ALPHABET[(ALPHABET.index(code[-1]) + 1) % 31]
    # Proves that a call is not made.
    site.campus.by.limits.check = _must_not_be_asked  # type: ignore[assignment,method-assign]
    response = submit(client, wrong)
    assert response.status_code == 422
    assert 'role="alert"' in response.text
    assert wrong in response.text, "what was typed is there to be corrected"


def _must_not_be_asked(*_: object) -> None:
    raise AssertionError("a look-up was made")


def test_nonsense_is_refused_politely(client: TestClient) -> None:
    for code in ("", "x", "<script>alert(1)</script>", "0" * 20 + "1", "a" * 4000):
        response = submit(client, code)
        assert response.status_code == 422
        assert "<script>alert" not in response.text


def test_unknown_expired_and_withdrawn_shares_are_told_apart(site: Site, client: TestClient) -> None:
    assert submit(client, "0" * 20).status_code == 404
    withdrawn, expiring = site.share(), site.share(days=1)
    site.withdraw(withdrawn)
    assert submit(client, withdrawn.code).status_code == 410
    site.campus.clock.move(timedelta(days=2))
    assert submit(client, expiring.code).status_code == 410


def test_a_pin_is_asked_for_and_wrong_ones_are_counted(site: Site, client: TestClient) -> None:
    made = site.share(pin="2468")
    assert submit(client, made.code).status_code == 401
    assert "4" in submit(client, made.code, pin="1111").text
    assert 'data-verdict="valid"' in submit(client, made.code, pin="2468").text
    for _ in range(5):
        last = submit(client, made.code, pin="1111")
    assert last.status_code in {401, 429}
    assert submit(client, made.code, pin="2468").status_code == 429


def test_a_revoked_credential_is_shown_with_its_reason(site: Site, client: TestClient) -> None:
    made = site.share()
    site.revoke()
    text = unescape(submit(client, made.code).text)
    assert 'data-verdict="revoked"' in text
    assert "已撤销" in text
    assert "学术不端，依规撤销" in text


def test_without_a_trust_file_nothing_is_called_valid(site: Site, client: TestClient) -> None:
    made = site.share()
    (site.campus.folder / "trust.json").unlink()
    assert 'data-verdict="incomplete"' in submit(client, made.code).text


def test_the_form_wants_its_token(site: Site, client: TestClient) -> None:
    assert client.post("/v/check", data={"code": site.share().code}).status_code == 403


def test_a_reloaded_report_begins_anew(client: TestClient) -> None:
    response = client.get("/v/check?lang=en")
    assert (response.status_code, response.headers["location"]) == (303, "/v")


def test_a_huge_body_is_refused(client: TestClient) -> None:
    assert client.post("/v/check", data={"code": "0" * 1_000_000}).status_code == 413


@pytest.mark.node
def test_the_javascript_verifier_reads_what_this_server_makes(site: Site, run: Run) -> None:  # noqa: F811
    """One bundle, three implementations, one report."""
    bundle = json.loads(json.dumps(site.campus.bundle(site.credential)))
    trust = json.loads((site.campus.folder / "trust.json").read_bytes())
    now = site.campus.clock.now()
    program = """
        import { readFileSync } from "node:fs";
        import { verify } from "./src/index.js";
        const { bundle, trust, now } = JSON.parse(readFileSync(0, "utf8"));
        console.log(JSON.stringify(verify(bundle, trust, { now })));
    """
    question = json.dumps({"bundle": bundle, "trust": trust, "now": int(now.timestamp())})
    done = run("node", "--no-warnings", "--input-type=module", "-e", program, stdin=question)
    theirs, ours = json.loads(done.stdout), site.campus.verify(bundle)
    assert theirs["verdict"]["code"] == "valid"
    assert [step["code"] for step in theirs["steps"]] == [step["code"] for step in ours["steps"]]
    assert theirs["credential"] == ours["credential"]
    assert theirs["time"] == ours["time"]
