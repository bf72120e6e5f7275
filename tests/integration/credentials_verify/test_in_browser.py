"""The check page in Debian's Chromium: everything happens on the device, and the code stays there."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import qrcode
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

from credentials.share_code import check_sign
from kernel.clock import ManualClock
from kernel.db import Database
from tests.conftest import free_port
from tests.integration.credentials_verify.site import Site, make_site

pytestmark = pytest.mark.browser

CHROMIUM = "/usr/bin/chromium"
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")


@pytest.fixture
def site(sqlite_database: Database, tmp_path: Path) -> Iterator[Site]:
    """A site at the present time: the browser's clock is the machine's."""
    site = make_site(sqlite_database, tmp_path, ManualClock(datetime.now(UTC) - timedelta(seconds=120)))
    yield site
    site.campus.close()


@pytest.fixture
def base(site: Site) -> Iterator[str]:
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(site.app, host="127.0.0.1", port=port, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    for _ in range(200):
        if server.started:
            break
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
    yield browser
    browser.close()


@contextmanager
def tab(browser: Browser, **options: object) -> Iterator[Page]:
    """Open a page that fails on any error in its console, and is closed again."""
    context: BrowserContext = browser.new_context(locale="zh-CN", viewport={"width": 390, "height": 844}, **options)  # type: ignore[arg-type]
    page = context.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda said: troubles.append(said.text) if "Content Security" in said.text else None)
    yield page
    context.close()
    assert troubles == []


def verdict(page: Page, code: str) -> None:
    expect(page.locator(f'.report[data-verdict="{code}"]')).to_be_visible(timeout=15_000)


def test_a_link_is_checked_on_the_device_and_the_code_is_never_sent(site: Site, base: str, chromium: Browser) -> None:
    made = site.share()
    with tab(chromium) as page:
        sent: list[tuple[str, str]] = []
        addresses: list[str] = []
        page.on("request", lambda asked: sent.append((asked.url, asked.post_data or "")))
        page.on("request", lambda _asked: addresses.append(page.url))
        page.goto(f"{base}/v#{made.code}")
        verdict(page, "valid")
        assert "#" not in page.url
        assert all(made.code not in url + body and made.code[:-1] not in url + body for url, body in sent)
        own = {url.removeprefix(base) for url, _ in sent if "/static/" not in url}
        assert own == {"/v", "/v/lookup", "/trust.json"}
        assert all(url.startswith(base) for url, _ in sent)
        lookup = next(at for at, (url, _) in enumerate(sent) if url.endswith("/v/lookup"))
        assert made.code not in addresses[lookup], "the address was cleared first"
        text = page.locator(".report").inner_text()
        for word in ("有效", "陈𠮷睿1", "郑州大学", "4141010459", "河南 (410000)", "本设备核验于", "大学本科毕业"):
            assert word in text
        assert page.locator(".checks details").count() == 7
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_after_revocation_a_reload_shows_it_with_its_reason(site: Site, base: str, chromium: Browser) -> None:
    made = site.share()
    with tab(chromium) as page:
        page.goto(f"{base}/v#{made.code}")
        verdict(page, "valid")
        site.revoke()
        page.reload()
        verdict(page, "revoked")
        assert "原因：学术不端，依规撤销" in page.locator(".verdict").inner_text()


def test_the_other_language_keeps_the_code(site: Site, base: str, chromium: Browser) -> None:
    with tab(chromium) as page:
        page.goto(f"{base}/v#{site.share().code}")
        verdict(page, "valid")
        page.get_by_text("English").click()
        expect(page.locator(".verdict-word")).to_have_text("Valid", timeout=15_000)
        assert "#" not in page.url
        assert "Zhengzhou University" in page.locator(".report").inner_text()


def test_typing_is_forgiven_and_mistakes_are_explained(site: Site, base: str, chromium: Browser) -> None:
    code = site.share().code
    with tab(chromium) as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/v/lookup") else None)
        page.goto(f"{base}/v")
        for typed, said in (
            (code[:-1], "20 位"),
            ("O" + code[1:], "I、O、S、V、Z"),
            (code[1] + code[0] + code[2:] if code[0] != code[1] else code[:-1] + "0", "颠倒"),
        ):
            page.fill("#code", typed)
            page.press("#code", "Enter")
            expect(page.locator("#notice")).to_contain_text(said)
        assert asked == []
        unknown = "0" * 19
        page.fill("#code", unknown + check_sign(unknown))
        page.press("#code", "Enter")
        expect(page.locator("#notice")).to_contain_text("没有这份分享")
        page.fill("#code", " ".join(code[at : at + 4] for at in range(0, 20, 4)).lower())
        page.press("#code", "Enter")
        verdict(page, "valid")


def test_a_pin_is_asked_for(site: Site, base: str, chromium: Browser) -> None:
    with tab(chromium) as page:
        page.goto(f"{base}/v#{site.share(pin='2468').code}")
        expect(page.locator("#notice")).to_contain_text("需要 PIN")
        page.fill("#pin", "1111")
        page.press("#pin", "Enter")
        expect(page.locator("#notice")).to_contain_text("还可以试 4 次")
        page.fill("#pin", "2468")
        page.press("#pin", "Enter")
        verdict(page, "valid")


def test_a_file_is_checked_without_a_network_and_says_when_it_is_stale(
    site: Site, base: str, chromium: Browser, tmp_path: Path
) -> None:
    with tab(chromium) as page:
        page.goto(f"{base}/v#{site.share().code}")
        verdict(page, "valid")
        with page.expect_download() as download:
            page.get_by_role("button", name="保存凭证文件").click()
        bundle = tmp_path / "saved.xinji.json"
        download.value.save_as(bundle)
        with page.expect_download() as download:
            page.get_by_role("button", name="保存核验报告").click()
        assert json.loads(Path(download.value.path()).read_text("utf-8"))["verdict"]["code"] == "valid"
        page.get_by_role("button", name="查验另一份").click()
        page.locator("summary", has_text="使用自己的信任文件").click()
        page.set_input_files("#trust-file", site.campus.folder / "trust.json")
        expect(page.locator("#notice")).to_contain_text("第 1 版")
        page.context.set_offline(True)
        page.set_input_files("#file", bundle)
        verdict(page, "valid")
        page.get_by_role("button", name="查验另一份").click()
        tampered = tmp_path / "tampered.json"
        tampered.write_text(bundle.read_text("utf-8").replace('"origin":"', '"origin":"x'), "utf-8")
        page.set_input_files("#file", tampered)
        verdict(page, "mismatch")
        page.get_by_role("button", name="查验另一份").click()
        page.set_input_files("#file", {"name": "x.json", "mimeType": "application/json", "buffer": b"not json"})
        verdict(page, "mismatch")


def test_without_javascript_the_form_does_it(site: Site, base: str, chromium: Browser) -> None:
    with tab(chromium, java_script_enabled=False) as page:
        page.goto(f"{base}/v")
        expect(page.get_by_text("核验将由服务器代做")).to_be_visible()
        page.fill("#code", site.share().code)
        page.locator("#code-form button[type=submit]").click()
        verdict(page, "valid")
        expect(page.get_by_text("没有在您的设备上核验")).to_be_visible()


def test_the_scanner_reads_our_code_and_refuses_a_foreign_host(
    site: Site, base: str, playwright: Playwright, tmp_path: Path
) -> None:
    made = site.share()
    camera = tmp_path / "camera.y4m"
    with scanning(playwright, camera, f"https://verify.example/v#{made.code}") as page:
        page.goto(f"{base}/v")
        page.click("#scan")
        expect(page.locator("#notice")).to_contain_text("verify.example", timeout=15_000)
        assert page.url == f"{base}/v"
        page.click("#scan-stop")
        expect(page.locator("#scanner")).to_be_hidden()
    with scanning(playwright, camera, f"{base}/v#{made.code}") as page:
        page.goto(f"{base}/v")
        page.click("#scan")
        verdict(page, "valid")
        expect(page.locator("#scanner")).to_be_hidden()


@contextmanager
def scanning(playwright: Playwright, camera: Path, text: str) -> Iterator[Page]:
    """Open a browser whose camera looks at a QR code of `text`."""
    draw(camera, text)
    fake = (
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={camera}",
    )
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, *fake])
    with tab(browser) as page:
        yield page
    browser.close()


def draw(camera: Path, text: str, *, width: int = 640, height: int = 480) -> None:
    """Write a film of a QR code (YUV4MPEG2, 4:2:0)."""
    code = qrcode.QRCode(border=4)
    code.add_data(text)
    modules = code.get_matrix()
    scale = height // len(modules)
    left, top = (width - scale * len(modules)) // 2, (height - scale * len(modules)) // 2
    rows = [bytearray(b"\xeb" * width) for _ in range(height)]
    for y, line in enumerate(modules):
        for x, dark in enumerate(line):
            for row in range(top + y * scale, top + (y + 1) * scale) if dark else ():
                rows[row][left + x * scale : left + (x + 1) * scale] = b"\x10" * scale
    frame = b"FRAME\n" + b"".join(map(bytes, rows)) + b"\x80" * (width * height // 2)
    camera.write_bytes(b"YUV4MPEG2 W%d H%d F10:1 Ip A1:1 C420\n" % (width, height) + frame * 3)
