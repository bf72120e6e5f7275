"""The issue's main flow in Debian's Chromium: once with JavaScript, once without.

A student signs in through a platform with a one-time password, shares a diploma; an employer
opens what the QR holds and sees the report; the registrar revokes; the employer looks again.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import zxingcpp
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect

from server.demo.accounts import Account
from tests.e2e.conftest import Installation

PIL = pytest.importorskip("PIL.Image", reason="Pillow reads the screenshot of the QR")

pytestmark = [pytest.mark.e2e, pytest.mark.browser]

PHONE: ViewportSize = {"width": 390, "height": 844}
DESK: ViewportSize = {"width": 1280, "height": 900}
REVOCATION_SECONDS = 60


@pytest.fixture(params=[True, False], ids=["javascript", "plain"])
def scripts(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def context(chromium: Browser, scripts: bool) -> Iterator[BrowserContext]:
    context = chromium.new_context(viewport=PHONE, java_script_enabled=scripts, locale="zh-CN")
    yield context
    context.close()


def sign_in(page: Page, account: Account) -> None:
    page.fill("#login", account.eid)
    page.fill("#password", account.password)
    page.click("form#signin button[type=submit]")
    page.fill("form#factor #code", account.code())
    page.click("form#factor button[type=submit]")


def test_share_verify_revoke_verify(
    served: Installation, chromium: Browser, context: BrowserContext, scripts: bool
) -> None:
    student, number = (served.account("student"), "202210001") if scripts else (served.account("student3"), "202210003")
    page = context.new_page()
    page.goto(f"{served.report['clients'][0]['url']}/login")
    expect(page.locator("h1")).to_contain_text("示范教学平台")
    sign_in(page, student)
    if page.locator("form#consent").count():
        page.click("#allow")
    expect(page.locator("#claims")).to_contain_text(student.title.split()[-1])

    page.goto(f"{served.url}/credentials")
    page.locator("a[href$='/share']").first.click()
    page.click("form#share-form button[type=submit]")
    link = page.locator("#share-link").text_content() or ""
    assert link.startswith(f"{served.url}/v#")
    assert read_qr(page) == link

    employer = chromium.new_context(viewport=PHONE, java_script_enabled=scripts, locale="zh-CN")
    report = open_report(employer, link, scripts)
    expect(report.locator(".verdict-word")).to_have_text("有效")
    assert "#" not in report.url, "the code stays in the address bar"
    expect(report.locator(".award")).to_contain_text("郑州大学")
    expect(report.locator(".award")).to_contain_text("4141010459")
    assert report.locator(".checks details.check").count() == 7

    registrar = chromium.new_context(viewport=DESK, java_script_enabled=scripts, locale="zh-CN")
    revoke(registrar.new_page(), served, number)
    verdict, shown = "", None
    end = time.monotonic() + REVOCATION_SECONDS
    while verdict != "revoked" and time.monotonic() < end:
        time.sleep(2)
        shown = open_report(employer, link, scripts)
        verdict = shown.locator("section.report").get_attribute("data-verdict") or ""
    assert verdict == "revoked"
    assert shown is not None
    expect(shown.locator(".verdict-word")).to_have_text("已撤销")
    expect(shown.locator(".verdict-reason")).not_to_be_empty()
    employer.close()
    registrar.close()


def test_a_shared_diploma_is_checked_without_scripts(
    served: Installation, context: BrowserContext, scripts: bool
) -> None:
    """The share that the demo withdrew nothing from: typed as a code, and with one sign wrong."""
    code = served.report["revoked_share"]["code"]
    page = context.new_page()
    page.goto(f"{served.url}/v")
    wrong = code[:-1] + ("A" if code[-1] != "A" else "B")
    page.fill("form#code-form #code", wrong)
    page.click("form#code-form button[type=submit]")
    expect(page.locator("#notice")).to_be_visible()
    page.fill("form#code-form #code", f"{code[:4]}-{code[4:]}".lower())
    page.click("form#code-form button[type=submit]")
    expect(page.locator("section.report")).to_have_attribute("data-verdict", "revoked")
    checked = page.locator(".checked").text_content() or ""
    assert ("本设备" in checked) == scripts


def test_a_forged_file_is_refused_on_the_device(served: Installation, chromium: Browser, tmp_path: Path) -> None:
    bundle = json.loads(Path(served.report["bundle_file"]).read_text("utf-8"))
    bundle["credential"]["disclosures"][0] = bundle["credential"]["disclosures"][1]
    forged = tmp_path / "forged.xinji.json"
    forged.write_text(json.dumps(bundle), "utf-8")
    context = chromium.new_context(viewport=PHONE, locale="zh-CN")
    page = context.new_page()
    page.goto(f"{served.url}/v")
    page.set_input_files("#file", str(forged))
    expect(page.locator("section.report")).to_have_attribute("data-verdict", "mismatch")
    context.close()


def open_report(context: BrowserContext, link: str, scripts: bool) -> Page:
    """Open the QR's link as a phone does; without scripts, type the code that stands below the QR."""
    page = context.new_page()
    page.goto(link)
    if not scripts:
        page.fill("form#code-form #code", link.rpartition("#")[2])
        page.click("form#code-form button[type=submit]")
    page.locator("section.report").wait_for()
    return page


def revoke(page: Page, served: Installation, student_number: str) -> None:
    page.goto(f"{served.url}/registrar/credentials")
    sign_in(page, served.account("registrar"))
    page.fill("#search-form input[name=wanted]", student_number)
    page.click("#search-form button[type=submit]")
    expect(page.locator("main")).to_contain_text("找到 1 份")
    page.locator("a.code[href^='/registrar/credentials/']").click()
    page.locator("details:has(#revoked-form) > summary").click()
    page.click("#revoked-form button[type=submit]")
    expect(page.locator("#revoked-form")).to_have_count(0)


def read_qr(page: Page) -> str:
    """Read the QR as a phone would: from the picture on the screen."""
    picture = PIL.open(io.BytesIO(page.locator(".qr img").screenshot()))
    found = zxingcpp.read_barcodes(picture)
    return found[0].text if found else ""
