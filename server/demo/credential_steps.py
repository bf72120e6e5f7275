"""The demo's second half: issuing, publication, sharing, verifying, revoking."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from server.demo import people
from server.demo.accounts import sign_in
from server.demo.browser import Page, PageError
from server.demo.people import Pupil
from server.demo.stage import Demo, keep, until
from server.parts import trust_path
from server.trust import read_trust

SLOWEST_RATE: Final = 300
MOST_MEMORY_MB: Final = 600
VALID, NOT_VALID = 0, 1
ANCHORED: Final = re.compile(r"第 \d+ 块")


def registrar_issues(demo: Demo, roster: Sequence[Pupil]) -> None:
    """Issue a diploma to each graduate in bulk; doing it again issues none."""
    content = people.diplomas_csv(roster, school="4141010459", year=2026, president="李蓬")
    with demo.report.step("批量签发毕业证书（签名、存储、入日志队列）", demo.console) as step:
        batch = _check_batch(demo, content, "graduates-2026.csv")
        page = until(demo, "registrar", batch, _checked)
        if page.has("approve-form"):
            demo.browser("registrar").submit(page, page.form_named("approve-form"))
            page = until(demo, "registrar", batch, lambda page: page.has("done"))
        issued = page.number("issued")
        step.count = issued + page.number("same")
        step.note = "全部已签发过"
        if issued:
            rate = issued / float(re.findall(r"[\d.]+", "".join(page.texts("done")))[1])
            step.note = f"{rate:.0f}/s"
            demo.report.facts["diplomas_per_second"] = round(rate, 1)
            if rate < SLOWEST_RATE:
                demo.console.print(f"[yellow]{rate:.0f}/s: 低于 {SLOWEST_RATE}/s[/]")
    with demo.report.step("再签发一次：没有人得到第二份", demo.console) as step:
        again = until(demo, "registrar", _check_batch(demo, content, "graduates-2026.csv"), _checked)
        step.count = again.number("same")
        if step.count != len(roster) or again.has("approve-form"):
            raise PageError(f"a second run would issue again: {again.text[:300]}")


def log_is_published(demo: Demo) -> None:
    """Wait until the log's checkpoint is witnessed and anchored."""
    with demo.report.step("日志排序、见证、发布", demo.console) as step:
        page = until(demo, "student", "/credentials", lambda page: bool(_share_links(page)))
        checkpoint = demo.browser("employer").get("/log/checkpoint").response.text
        step.count = int(checkpoint.split("\n")[1])
        step.note = f"{checkpoint.count('witness.')} 条见证签名"
        demo.report.facts["credential"] = _share_links(page)[0].removesuffix("/share")
    with demo.report.step(_anchored_to(demo), demo.console) as step:
        page = until(demo, "employer", "/ledger", lambda page: bool(ANCHORED.search(page.text)))
        found = ANCHORED.findall(page.text)
        step.count = len(found)
        step.note = found[0]


def _anchored_to(demo: Demo) -> str:
    chain = (read_trust(trust_path(demo.parts.settings)) or {})["chains"][0]
    return "锚定到内嵌链（单节点，无共识）" if chain["mode"] == "embedded" else f"锚定到链：{chain['label']}"


def holder_shares(demo: Demo) -> None:
    """Share the diploma with an employer; keep its bundle as a file."""
    browser = demo.browser("student")
    with demo.report.step("学生选择字段和期限，分享毕业证书", demo.console) as step:
        credential = demo.report.facts["credential"]
        form_page = browser.get(f"{credential}/share")
        page = browser.submit(form_page, form_page.form_named("share-form"))
        code = "".join(page.texts("share-code")).replace("-", "").strip()
        link = "".join(page.texts("share-link")).strip()
        step.count = 1
        demo.report.facts["share"] = {"code": code, "url": link}
    with demo.report.step("学生下载凭证包", demo.console) as step:
        bundle = browser.get(f"{credential}/bundle").response.content
        step.count = len(bundle)
        step.note = "字节"
        content = json.loads(bundle)
        tokens = [*content["credential"]["disclosures"], ""]
        demo.report.facts["bundle_file"] = _kept(demo, "diploma.xinji.json", bundle)
        compact = "~".join((content["credential"]["gm"], *tokens)).encode()
        demo.report.facts["credential_file"] = _kept(demo, "diploma.gm.sd-jwt", compact)
        compact = "~".join((content["credential"]["intl"], *tokens)).encode()
        demo.report.facts["credential_intl_file"] = _kept(demo, "diploma.intl.sd-jwt", compact)


def employer_verifies(demo: Demo) -> None:
    """Type the code in a browser without JavaScript: the server checks and says that it did."""
    with demo.report.step("用人单位输入查验码（无 JavaScript）", demo.console) as step:
        browser = demo.browser("employer")
        page = browser.get("/v")
        started = time.perf_counter()
        page = browser.submit(page, page.form("code"), {"code": demo.report.facts["share"]["code"]})
        verdict = page.data.get("data-verdict", page.text[:300])
        step.note = f"{verdict}（{time.perf_counter() - started:.2f} 秒）"
        step.count = 1
        if verdict != "valid":
            raise PageError(f"the report's verdict is {verdict}")


def verifier_checks_offline(demo: Demo) -> None:
    """Check the bundle with the independent verifier, with the trust file and nothing else."""
    with demo.report.step("xinji-verify 离线核验凭证包", demo.console) as step:
        step.count = 1
        step.note = _verify(demo, demo.report.facts["bundle_file"], VALID)
    with demo.report.step("改动一个字节的凭证包：不通过", demo.console) as step:
        content = json.loads(Path(demo.report.facts["bundle_file"]).read_text("utf-8"))
        disclosure = content["credential"]["disclosures"][0]
        content["credential"]["disclosures"][0] = disclosure[:-1] + ("A" if disclosure[-1] != "A" else "B")
        forged = _kept(demo, "forged.xinji.json", json.dumps(content).encode())
        step.count = 1
        step.note = _verify(demo, forged, NOT_VALID)


def registrar_revokes(demo: Demo, roster: Sequence[Pupil]) -> None:
    """Revoke the second student's diploma, wait for the next status list, and verify again."""
    with demo.report.step("第二名学生分享，教务撤销，再查验", demo.console) as step:
        student, registrar = demo.browser("student2"), demo.browser("registrar")
        sign_in(student, demo.accounts["student2"])
        mine = until(demo, "student2", "/credentials", lambda page: bool(_share_links(page)))
        credential = _share_links(mine)[0].removesuffix("/share")
        form_page = student.get(f"{credential}/share")
        page = student.submit(form_page, form_page.form_named("share-form"))
        code = "".join(page.texts("share-code")).replace("-", "").strip()
        search = registrar.get("/registrar/credentials")
        found = registrar.submit(search, search.form_named("search-form"), {"wanted": roster[1].number})
        one = registrar.get(found.link(f"/registrar/credentials/{credential.rpartition('/')[2]}"))
        if one.has("revoked-form"):
            registrar.submit(one, one.form_named("revoked-form"))
        step.note = _wait_for_verdict(demo, code, "revoked")
        step.count = 1
        demo.report.facts["revoked_share"] = {"code": code, "url": "".join(page.texts("share-link")).strip()}
    with demo.report.step("被撤销凭证的凭证包：离线核验也不再有效", demo.console) as step:
        bundle = student.get(f"{credential}/bundle").response.content
        demo.report.facts["revoked_credential_file"] = _kept(demo, "revoked.xinji.json", bundle)
        step.count = 1
        step.note = _verify(demo, demo.report.facts["revoked_credential_file"], NOT_VALID)


def start_page_tells(demo: Demo) -> None:
    """Write down what the start page shows, and how much memory it all takes."""
    with demo.report.step("首页写明可以试什么", demo.console) as step:
        facts = demo.report.facts
        for account in demo.accounts.values():
            keep(demo, account)  # With the one-time passwords that are used up by now.
        facts["accounts"] = [account.published() for account in demo.accounts.values()]
        facts["trust_file"] = str(demo.parts.settings.data_dir / "trust.json")
        command = f".venv/bin/xinji-verify {facts['bundle_file']} --trust {facts['trust_file']}"
        shown = {
            "platforms": [{"name": each["name"], "url": each["url"]} for each in demo.platforms],
            "share": facts["share"],
            "accounts": facts["accounts"],
            "verify_command": command,
        }
        path = demo.parts.settings.data_dir / "demo.json"
        path.touch(0o600)
        path.write_text(json.dumps(shown, ensure_ascii=False, indent=1), "utf-8")
        page = demo.browser("employer").get("/")
        if demo.accounts["student"].password not in page.text:
            raise PageError("the start page does not name the demo accounts")
        facts["memory_mb"] = round(demo.memory())
        step.count = len(demo.accounts)
        step.note = f"内存 {facts['memory_mb']} MB"
        if facts["memory_mb"] > MOST_MEMORY_MB:
            raise PageError(f"{facts['memory_mb']} MB of memory: {MOST_MEMORY_MB} are allowed")


def _check_batch(demo: Demo, content: bytes, name: str) -> str:
    browser = demo.browser("registrar")
    page = browser.get("/registrar/batches/new")
    return browser.submit(page, page.form_named("batch-form"), files={"file": (name, content, "text/csv")}).url


def _verify(demo: Demo, file: str, expected: int) -> str:
    trust = str(demo.parts.settings.data_dir / "trust.json")
    command = [sys.executable, "-m", "xinji_client.cli", file, "--trust", trust]
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603
    first = done.stdout.strip().split("\n")[0]
    if done.returncode != expected:
        raise PageError(f"xinji-verify returned {done.returncode}, not {expected}: {done.stdout}{done.stderr}")
    return first


def _wait_for_verdict(demo: Demo, code: str, wanted: str) -> str:
    end = time.monotonic() + 60
    browser = demo.browser("employer")
    while True:
        page = browser.get("/v")
        page = browser.submit(page, page.form("code"), {"code": code})
        verdict = page.data.get("data-verdict", page.text[:200])
        if verdict == wanted:
            return verdict
        if time.monotonic() > end:
            raise PageError(f"the verdict is still {verdict}")
        time.sleep(1)


def _kept(demo: Demo, name: str, content: bytes) -> str:
    path = demo.folder / name
    path.write_bytes(content)
    return str(path)


def _share_links(page: Page) -> list[str]:
    return [link for link in page.links if link.endswith("/share")]


def _checked(page: Page) -> bool:
    return page.has("approve-form") or page.has("done") or page.number("same") > 0
