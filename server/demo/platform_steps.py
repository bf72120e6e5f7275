"""The demo's platform: a school files it, the province's officer narrows and approves it, a secret is made."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from kernel.pages import ZONE
from server.demo.browser import PageError
from server.demo.stage import UNIVERSITY, Demo

NAME: Final = "示范作业平台（合成）"


def school_files_a_platform(demo: Demo) -> None:
    """File a platform as the university's registrar and approve it as the officer; an earlier demo's is kept."""
    school, officer = demo.browser("registrar"), demo.browser("officer")
    with demo.report.step("学校备案一个平台，省厅审核通过（少给一项资料），得到密钥串", demo.console) as step:
        page = school.get("/developer")
        known = [address for address in page.links if "/developer/clients/" in address]
        if known:
            step.note = "已备案"
            step.count = 1
            return
        page = school.get("/developer/platforms/new")
        page = school.submit(page, page.form_named("filing"), _filing(demo))
        if not page.has("client-id"):
            raise PageError(f"the filing was not taken: {page.text[:400]}")
        client_id = "".join(page.texts("client-id"))
        page = officer.get(officer.get("/officer/platforms").link(f"/officer/platforms/{client_id}"))
        approval = page.form_named("approve")
        officer.submit(page, approval, {"scope": ["profile"]})
        page = school.get(f"/developer/clients/{client_id}")
        page = school.submit(page, page.form_named("secret"), {"confirmed": ""})
        page = school.submit(page, page.form_named("secret"), {"confirmed": "yes"})
        if not "".join(page.texts("client-secret")):
            raise PageError(f"no secret is shown: {page.text[:400]}")
        step.count = 1


def _filing(demo: Demo) -> dict[str, str | list[str]]:
    today = demo.parts.clock.now().astimezone(ZONE).date()
    return {
        "name": NAME,
        "name_en": "Demo homework (synthetic)",
        "owner_name": UNIVERSITY[1],
        "owner_code": UNIVERSITY[0],
        "home": "https://homework.example.edu.cn/",
        "contact": "it@example.edu.cn",
        "icp": "豫ICP备2021012345号-1",
        "protection_level": "3",
        "protection_number": "41010043001-22001",
        "app_number": "",
        "roles": ["student", "teacher"],
        "minors": "no",
        "purpose": "布置和批改作业",
        "scope": ["profile", "eid"],
        "need_profile": "在作业上显示姓名",
        "need_eid": "把作业归到每个学生名下，不重名不串号",
        "retention_days": "180",
        "assessed_on": (today - timedelta(days=30)).isoformat(),
        "application_type": "web",
        "redirect_uris": "https://homework.example.edu.cn/callback",
        "profile": "es256",
        "method": "client_secret_basic",
    }
