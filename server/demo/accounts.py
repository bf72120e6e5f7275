"""Demo accounts: activating one as a person would, and signing in with its second factor."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import pyotp

from server.demo.browser import Browser, Page, PageError


@dataclass(slots=True)
class Account:
    """An account whose password and TOTP secret the demo publishes."""

    key: str
    title: str
    title_en: str
    eid: str
    password: str
    totp_secret: str
    recovery_codes: list[str]
    last_step: int = -1

    @property
    def otpauth(self) -> str:
        """The address that an authenticator app reads from a QR."""
        return pyotp.TOTP(self.totp_secret).provisioning_uri(name=self.eid, issuer_name="信籍")

    def code(self) -> str:
        """Return the next one-time password; waits for the next half minute where this one was used."""
        totp = pyotp.TOTP(self.totp_secret)
        step = int(time.time()) // totp.interval
        while step <= self.last_step:
            time.sleep(0.2)
            step = int(time.time()) // totp.interval
        self.last_step = step
        return totp.at(step * totp.interval)

    def published(self) -> dict[str, object]:
        """Return the account as the report and the start page show it."""
        return {**asdict(self), "otpauth": self.otpauth}


def restored(values: Mapping[str, object]) -> Account:
    """Return the account that `published` wrote."""
    names = ("key", "title", "title_en", "eid", "password", "totp_secret", "recovery_codes", "last_step")
    return Account(**{name: values[name] for name in names})  # type: ignore[arg-type]  # What `published` wrote.


def activate(browser: Browser, *, key: str, title: str, title_en: str, eid: str, code: str, password: str) -> Account:
    """Sign in for the first time: activation code, password, authenticator, recovery codes.

    Raises:
        PageError: A page did not offer the next step.
    """
    page = browser.get("/activate")
    page = browser.submit(page, page.form("eid", "code"), {"eid": eid, "code": code})
    page = browser.submit(page, page.form("password", "password2"), {"password": password, "password2": password})
    secret = "".join(page.texts("totp-secret")).replace(" ", "").replace("-", "")
    account = Account(key, title, title_en, eid, password, secret, [])
    page = browser.submit(page, page.form("code"), {"code": account.code()})
    account.recovery_codes = [code.replace("-", "") for code in page.texts("recovery-codes")]
    if len(account.recovery_codes) != 10:  # noqa: PLR2004 - ten are promised
        raise PageError(f"{page.url}: {len(account.recovery_codes)} recovery codes, not ten: {page.text[:300]}")
    return account


def sign_in(browser: Browser, account: Account, page: Page | None = None) -> Page:
    """Sign in with password and one-time password, from `page` where a platform sent the browser there."""
    page = page or browser.get("/signin")
    page = browser.submit(page, page.form("login", "password"), {"login": account.eid, "password": account.password})
    return browser.submit(page, page.form("code"), {"code": account.code()})
