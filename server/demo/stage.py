"""The demo's stage: its people, their browsers and accounts, and what the steps share."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from crypto.keys import ES256
from idp.oauth.clients.metadata import CODE, DEVICE, ClientMetadata
from idp.oauth.clients.registration import ClientRegistration, register_client
from server.demo.accounts import Account, restored
from server.demo.browser import Browser, Page, PageError
from server.demo.report import Report
from server.parts import Parts
from server.settings import Settings

UNIVERSITY: Final = ("4141010459", "郑州大学", "Zhengzhou University")
SECOND: Final = ("4141010475", "河南大学", "Henan University")
HIGH_SCHOOL: Final = ("3441999001", "示范高级中学（合成）", "Demo High School (synthetic)")
GRADUATES: Final = 1000
PUPILS: Final = 200
REGISTRAR: Final = ("赵敏华", "410100198001010023")
SECOND_REGISTRAR: Final = ("钱志宏", "410100198202020017")
PASSWORDS: Final = {"officer": "henan-Officer-2026", "registrar": "zzu-Registrar-2026", "student": "xuesheng-2026-hao"}
WAIT_SECONDS: Final = 120


@dataclass(slots=True)
class Demo:
    """What the steps share."""

    parts: Parts
    report: Report
    console: Console
    platforms: list[dict[str, Any]]
    officer_code: dict[str, str] | None
    memory: Callable[[], float]
    accounts: dict[str, Account] = field(default_factory=dict)
    codes: dict[str, tuple[str, str]] = field(default_factory=dict)
    browsers: dict[str, Browser] = field(default_factory=dict)

    @property
    def base_url(self) -> str:
        """The installation's address."""
        return self.parts.installation.base_url

    @property
    def folder(self) -> Path:
        """Where the demo keeps what it hands out."""
        folder = self.parts.settings.data_dir / "demo"
        folder.mkdir(exist_ok=True)
        return folder

    def browser(self, who: str) -> Browser:
        """Return the browser of one of the people, a new one at first."""
        if who not in self.browsers:
            self.browsers[who] = Browser(self.base_url)
        return self.browsers[who]


def saved_accounts(settings: Settings) -> dict[str, Account]:
    """Return the accounts that an earlier demo made in this data folder."""
    path = settings.data_dir / "demo" / "accounts.json"
    if not path.exists():
        return {}
    return {key: restored(values) for key, values in json.loads(path.read_text("utf-8")).items()}


def register_platform(parts: Parts, name: str, address: str) -> dict[str, Any]:
    """Register a demo platform; return its credentials and address."""
    registration = ClientRegistration(
        name=name,
        name_en="Demo learning platform" if "教学" in name else "Demo library",
        owner="示范平台运营单位",
        purpose="演示登录",
        home=address,
        metadata=ClientMetadata(
            redirect_uris=(f"{address}/callback",),
            post_logout_redirect_uris=(f"{address}/bye",),
            grant_types=(CODE, DEVICE),
            scope="openid profile eid aff",
            id_token_signed_response_alg=ES256,
        ),
    )
    with parts.database.write() as session:
        made = register_client(session, registration, keyed=parts.idp.keyed, now=parts.clock.now())
    return {"name": name, "url": address, "client_id": made.client_id, "client_secret": made.client_secret}


def keep(demo: Demo, account: Account) -> None:
    """Keep an account for the next start of this data folder."""
    demo.accounts[account.key] = account
    path = demo.folder / "accounts.json"
    path.touch(0o600)
    content = {key: each.published() for key, each in demo.accounts.items()}
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1), "utf-8")


def until(demo: Demo, who: str, address: str, seen: Callable[[Page], bool]) -> Page:
    """Reload a page until `seen`, as a person with patience would.

    Raises:
        PageError: It was not seen in time.
    """
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end:
        page = demo.browser(who).get(address)
        if seen(page):
            return page
        time.sleep(0.25)
    raise PageError(f"{address}: waited {WAIT_SECONDS} s: {page.text[:400]}")


def rows_of(page: Page) -> list[dict[str, str]]:
    """Read a CSV download."""
    return list(csv.DictReader(io.StringIO(page.response.content.decode("utf-8-sig"))))
