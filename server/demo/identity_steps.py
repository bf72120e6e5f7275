"""The demo's first half: schools, a roster, first sign-in, single sign-on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from server.demo import people
from server.demo.accounts import activate, sign_in
from server.demo.browser import Page, PageError
from server.demo.people import Pupil
from server.demo.stage import (
    HIGH_SCHOOL,
    PASSWORDS,
    PUPILS,
    REGISTRAR,
    SECOND,
    SECOND_REGISTRAR,
    UNIVERSITY,
    Demo,
    keep,
    rows_of,
    until,
)

SUBJECT_LENGTH: Final = 43  # A pairwise `sub` is 32 bytes in base64url.


def officer_registers_schools(demo: Demo) -> None:
    """Sign the province's officer in for the first time, register schools, appoint a registrar."""
    with demo.report.step("省厅人员首次登录（激活码、密码、动态口令）", demo.console) as step:
        browser = demo.browser("officer")
        if demo.officer_code is not None:
            account = activate(
                browser,
                key="officer",
                title="省厅管理人员",
                title_en="Provincial officer",
                password=PASSWORDS["officer"],
                **demo.officer_code,
            )
            keep(demo, account)
        else:
            sign_in(browser, demo.accounts["officer"])
        step.count = 1
    province = demo.parts.installation.province
    with demo.report.step("登记学校，一校一码", demo.console) as step:
        for code, name, name_en in (UNIVERSITY, SECOND, HIGH_SCHOOL):
            if f"/officer/{code}" not in " ".join(browser.get(f"/officer/{province}?q={code}").links):
                page = browser.get(f"/officer/{province}/schools/new")
                values = {"number": code, "name": name, "name_en": name_en}
                browser.submit(page, page.form("number", "name"), values)
            step.count += 1
    appointed = (("registrar", UNIVERSITY, REGISTRAR), ("registrar2", HIGH_SCHOOL, SECOND_REGISTRAR))
    if all(key in demo.accounts for key, _, _ in appointed):
        return
    with demo.report.step("任命两所学校的教务人员，交给激活码", demo.console) as step:
        for key, school, (name, document) in appointed:
            page = browser.get(f"/officer/{school[0]}")
            values = {"name": name, "document_number": document}
            page = browser.submit(page, page.form("name", "document_number"), values)
            account = activate(
                demo.browser(key),
                key=key,
                title=f"{school[1]}教务人员",
                title_en=f"Registrar of {school[2]}",
                eid="".join(page.texts("eid")).replace("-", ""),
                code="".join(page.texts("activation-code")).replace("-", ""),
                password=PASSWORDS["registrar"],
            )
            keep(demo, account)
            step.count += 1


def registrar_imports_roster(demo: Demo, roster: Sequence[Pupil]) -> None:
    """Import a thousand people: dry run, apply, and again, which changes nothing."""
    browser = demo.browser("registrar")
    if "student" in demo.accounts:
        sign_in(browser, demo.accounts["registrar"])
    content = people.roster_csv(roster, "2022")
    with demo.report.step("导入花名册：试算后入库，一人一号", demo.console) as step:
        page = _checked_import(demo, content)
        confirm = page.form_to("/confirm")
        if confirm is not None:
            browser.submit(page, confirm)
            page = until(demo, "registrar", page.url, lambda page: page.form_to("/codes") is not None)
        step.count = len(roster)
        codes = page.form_to("/codes")
        if "student" not in demo.accounts and codes is not None:
            rows = rows_of(browser.submit(page, codes))
            demo.codes = {row["学号"]: (row["EID"].replace("-", ""), row["激活码"].replace("-", "")) for row in rows}
    with demo.report.step("再导入一次：没有任何变化", demo.console) as step:
        page = _checked_import(demo, content)
        step.count = page.number("same")
        if step.count != len(roster) or page.number("new"):
            raise PageError(f"a second import would change something: {page.text[:400]}")


def second_registrar_imports(demo: Demo) -> None:
    """Import a synthetic school's pupils from a GBK file with one wrong row: it is named, the others go in."""
    browser = demo.browser("registrar2")
    if "student" in demo.accounts:
        sign_in(browser, demo.accounts["registrar2"])
    pupils = people.pupils(PUPILS, first_number=20240001, birth_year=2009, seed=2)
    wrong = replace(pupils[-1], document=pupils[-1].document[:-1] + ("0" if pupils[-1].document[-1] != "0" else "1"))
    text = people.roster_csv([*pupils[:-1], wrong], "2024").decode("utf-8-sig")
    with demo.report.step("合成学校导入 GBK 名册：一行证件号有误，其余照常", demo.console) as step:
        page = _checked_import(demo, text.encode("gb18030"), who="registrar2")
        if page.number("wrong") != 1 or f"{PUPILS + 1}" not in page.text:
            raise PageError(f"the wrong row is not named: {page.text[:400]}")
        confirm = page.form_to("/confirm")
        if confirm is not None:
            browser.submit(page, confirm, {"only_good": "true"})
            page = until(demo, "registrar2", page.url, lambda page: page.form_to("/codes") is not None)
        step.count = page.number("new") + page.number("same")
        step.note = "1 行有误"


def student_activates(demo: Demo, roster: Sequence[Pupil]) -> None:
    """Hand two students their codes; they set a password and bind an authenticator."""
    if "student3" in demo.accounts:
        return
    with demo.report.step("学生首次登录，绑定手机验证器，得到十个恢复码", demo.console) as step:
        for key, pupil in zip(("student", "student2", "student3"), roster, strict=False):
            eid, code = demo.codes[pupil.number]
            account = activate(
                demo.browser(f"{key}-first"),
                key=key,
                title=f"学生 {pupil.name}",
                title_en=f"Student {pupil.number}",
                eid=eid,
                code=code,
                password=PASSWORDS["student"],
            )
            keep(demo, account)
            step.count += 1


def student_signs_in_on_platforms(demo: Demo) -> None:
    """Sign in at one platform with two factors, and at a second one without a password."""
    browser = demo.browser("student")
    first, second = demo.platforms
    with demo.report.step("学生在第一个平台登录（OIDC、动态口令、同意）", demo.console) as step:
        page = browser.get(f"{first['url']}/login")
        page = sign_in(browser, demo.accounts["student"], page)
        page = _agreed(demo, page)
        step.count = len(page.texts("claims")) // 2
        subject = _subject(page, first["url"])
    with demo.report.step("在第二个平台不必再输密码（单点登录）", demo.console) as step:
        page = _agreed(demo, browser.get(f"{second['url']}/login"))
        other = _subject(page, second["url"])
        step.count = 1
        if subject == other:
            raise PageError("two platforms of two sectors see the same subject")


def _checked_import(demo: Demo, content: bytes, who: str = "registrar") -> Page:
    browser = demo.browser(who)
    page = browser.get("/registrar/imports")
    page = browser.submit(page, page.form("file"), files={"file": ("花名册.csv", content, "text/csv")})
    return until(demo, who, page.url, lambda page: page.has("same"))


def _agreed(demo: Demo, page: Page) -> Page:
    if any(form.name == "consent" for form in page.forms):
        return demo.browser("student").submit(page, page.form_named("consent"), {"decision": "allow"})
    return page


def _subject(page: Page, url: str) -> str:
    if not page.url.startswith(url):
        raise PageError(f"the browser is at {page.url}, not at {url}: {page.text[:300]}")
    found = [text for text in page.texts("claims") if len(text) == SUBJECT_LENGTH]
    if len(found) != 1:
        raise PageError(f"{url} shows no subject: {page.text[:300]}")
    return found[0]
