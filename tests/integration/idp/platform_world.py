"""Developers, owners and officers of platforms, for tests of filing and review."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from idp.directory.registration import register_authority, register_school
from idp.oauth.clients.registration import ClientCredentials
from idp.oauth.models import Client
from idp.platforms.models import PlatformFiling
from tests.integration.idp.conftest import Human, World
from tests.integration.idp.plain_browser import PlainBrowser

KAIFENG_FIRM = "91410200MA9XTE2TX1"
ZHENGZHOU_FIRM = "91410105MA9XTE4T2U"
BEIJING_FIRM = "91110108MA9XTE3T6R"
COUNTY_SCHOOL = "3441999001"
CALLBACK = "https://jiaoxue.example.edu.cn/callback"

FILING: dict[str, Any] = {
    "name": "示范教学平台",
    "name_en": "Demo teaching",
    "owner_name": "郑州示范科技有限公司",
    "owner_code": ZHENGZHOU_FIRM,
    "home": "https://jiaoxue.example.edu.cn/",
    "contact": "service@example.edu.cn",
    "icp": "豫ICP备2021012345号-1",
    "protection_level": "3",
    "protection_number": "41010043001-22001",
    "app_number": "教APP备4100123号",
    "roles": ["student", "teacher"],
    "minors": "no",
    "purpose": "布置和批改作业",
    "scope": ["profile", "aff"],
    "need_profile": "在作业上显示姓名",
    "need_aff": "按学校和年级分班，布置相应的作业",
    "retention_days": "180",
    "assessed_on": "2026-03-01",
    "application_type": "web",
    "redirect_uris": CALLBACK,
    "post_logout_redirect_uris": "",
    "profile": "es256",
    "method": "client_secret_basic",
    "jwks": "",
    "jwks_uri": "",
}
TEST_CLIENT: dict[str, Any] = {
    "name": "我的试验",
    "application_type": "web",
    "redirect_uris": "http://127.0.0.1:8001/callback",
    "scope": ["profile"],
    "profile": "es256",
    "method": "client_secret_basic",
    "jwks": "",
    "jwks_uri": "",
}


def add_tree(world: World) -> None:
    """Add two cities, a county and a school below the province."""
    now = world.clock.now()
    with world.database.write() as session:
        for code, superior, name in (
            ("410100", "410000", "郑州市教育局"),
            ("410105", "410100", "金水区教育局"),
            ("410200", "410000", "开封市教育局"),
        ):
            register_authority(
                session, code=code, name=name, name_en="", superior=superior, officer_of=None, actor=None, now=now
            )
            session.flush()
        register_school(
            session,
            code=COUNTY_SCHOOL,
            name="合成高级中学",
            name_en="",
            superior="410105",
            officer_of=None,
            actor=None,
            now=now,
        )


def officer(world: World, at: str = "410000", name: str = "程国栋") -> tuple[Human, PlainBrowser]:
    """Return an officer of an authority, signed in with two factors."""
    human = world.person(name, role="officer", at=at)
    return human, world.activate(human)


def send(browser: PlainBrowser, form_id: str, **fields: Any) -> Any:
    """Submit a form of the page that is shown, with values of our own; lists are several values."""
    form = browser.form(form_id)
    token = form.fields["csrf_token"]
    hidden = {name: value for name, value in form.fields.items() if name == "filing"}
    answer = browser.http.post(form.action, data={"csrf_token": token, **hidden, **fields})
    return browser._follow(answer)


def file(browser: PlainBrowser, **changes: Any) -> str:
    """File a platform; return its client_id."""
    browser.get("/developer/platforms/new")
    page = send(browser, "filing", **{**FILING, **changes})
    assert page.status_code == 200, page.text
    assert page.request.url.path.startswith("/developer/clients/"), page.text
    return str(page.request.url.path.rsplit("/", 1)[1])


def file_again(browser: PlainBrowser, client_id: str, **changes: Any) -> Any:
    """File another version."""
    browser.get(f"/developer/platforms/{client_id}/file")
    return send(browser, "filing", **{**FILING, **changes})


def approve(browser: PlainBrowser, client_id: str, **changes: Any) -> Any:
    """Approve what waits, with all it asks for."""
    browser.get(f"/officer/platforms/{client_id}")
    return send(browser, "approve", **{"scope": ["profile", "aff"], "valid_until": "2027-06-30", **changes})


def make_test(browser: PlainBrowser, **changes: Any) -> ClientCredentials:
    """Make a test client; return its credentials as the page shows them."""
    browser.get("/developer/tests/new")
    page = send(browser, "test-client", **{**TEST_CLIENT, **changes})
    assert page.status_code == 200, page.text
    return ClientCredentials(shown(page, "client-id"), shown_or_none(page, "client-secret"))


def new_secret(browser: PlainBrowser, client_id: str) -> str:
    """Ask for a secret and confirm; return it as the page shows it."""
    browser.get(f"/developer/clients/{client_id}")
    send(browser, "secret", confirmed="")
    return shown(send(browser, "secret", confirmed="yes"), "client-secret")


def shown(page: Any, name: str) -> str:
    """Return the text of the element with this id."""
    return str(page.text.split(f'id="{name}">', 1)[1].removeprefix("<strong>").split("<", 1)[0])


def shown_or_none(page: Any, name: str) -> str | None:
    """Return the text of the element with this id, if there is one."""
    return shown(page, name) if f'id="{name}">' in page.text else None


def refused(page: Any) -> str:
    """Return the code of the refusal that the page shows."""
    return str(page.text.split('id="refusal"', 1)[1].split('code">', 1)[1].split("<", 1)[0])


def client_row(world: World, client_id: str) -> Client:
    """Return a platform as it is stored."""
    with world.database.read() as session:
        return session.get_one(Client, client_id)


def filings(world: World, client_id: str) -> list[PlatformFiling]:
    """Return all versions of a platform's filing."""
    with world.database.read() as session:
        of = select(PlatformFiling).where(PlatformFiling.client_id == client_id).order_by(PlatformFiling.number)
        return list(session.scalars(of))
