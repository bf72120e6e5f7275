"""An identity provider on a fresh database, with a province, a school and people in it."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import UUID

import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from sqlalchemy import insert

from crypto.blind import BlindIndex
from crypto.encoding import b64u
from crypto.envelope import FieldVault
from crypto.hashes import hmac_sm3, sha256
from crypto.keyring import KeyRing
from idp import routes
from idp.authn import totp
from idp.authn.activation import revoke_access
from idp.authn.passwords import Passwords
from idp.directory.activation import draft_code, give_codes
from idp.directory.enrolment import draft_person
from idp.directory.models import Affiliation, Organisation, Person
from idp.directory.profiles import Profile
from idp.directory.registration import found_province, register_school
from idp.directory.services import DirectoryServices
from idp.oauth.clients.metadata import ClientMetadata
from idp.oauth.clients.registration import ClientCredentials, ClientRegistration, register_client
from idp.routes.problems import STATUS_OF
from idp.routes.services import IdpServices, build_idp
from idp.routes.signed_in import actor_of
from kernel import problems
from kernel.clock import ManualClock
from kernel.csrf import Csrf
from kernel.db import Database
from kernel.pages import Pages
from tests.integration.idp.plain_browser import BASE, PlainBrowser

ROOT = Path(__file__).parents[3]
FOLDERS = [ROOT / name for name in ("kernel", "idp", "idp/directory", "idp/platforms")]
PASSWORD = "summer-rain-7-lotus"
SCHOOL = "4141010459"
CALLBACK = "http://127.0.0.1:8001/callback"
VERIFIER = "v" * 64
CHEAP = Passwords(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))


@dataclass
class Human:
    """A person of the test, with what they know."""

    id: UUID
    eid: str
    name: str
    code: str
    secret: str = ""
    recovery_codes: tuple[str, ...] = ()


def _csrf_mac(data: bytes) -> bytes:
    return hmac_sm3(b"x" * 32, data)


@cache
def _plain_pages() -> Pages:
    return Pages(FOLDERS, Csrf(_csrf_mac, secure=False))


def _pages(csrf: Csrf) -> Pages:
    """Return the pages; parsing templates and catalogues once is enough."""
    return Pages(FOLDERS, csrf) if csrf.secure else _plain_pages()


class World:
    """The application, and hands to move people and time in it."""

    def __init__(self, database: Database, clock: ManualClock, keyring: KeyRing, *, issuer: str = BASE) -> None:
        self.database = database
        self.clock = clock
        self.directory = DirectoryServices(
            vault=FieldVault(b"f" * 32, purpose="directory"),
            index=BlindIndex(b"i" * 32, "v1"),
            codes=BlindIndex(b"c" * 32, "v1"),
            clock=clock,
            revoke_access=revoke_access,
        )
        self.idp: IdpServices = build_idp(
            issuer=issuer,
            database=database,
            clock=clock,
            keyring=keyring,
            directory=self.directory,
            cookie_key=b"k" * 32,
            fields_key=b"f" * 32,
            pairwise_key=b"p" * 32,
            passwords=CHEAP,
        )
        self.issuer = issuer
        self.app = self._app()
        now = clock.now()
        with database.write() as session:
            found_province(session, code="410000", name="河南省教育厅", name_en="Henan", now=now)
            session.flush()
            school = register_school(
                session,
                code=SCHOOL,
                name="郑州大学",
                name_en="Zhengzhou University",
                superior="410000",
                officer_of=None,
                actor=None,
                now=now,
            )
            session.flush()
            self.school_id = school.id

    def _app(self) -> FastAPI:
        app = FastAPI()
        csrf = Csrf(_csrf_mac, secure=self.idp.secure)
        app.state.database = self.database
        app.state.csrf = csrf
        app.state.pages = _pages(csrf)
        app.state.actor_of = actor_of
        app.state.idp = self.idp
        problems.install(app, STATUS_OF)
        for router in routes.routers():
            app.include_router(router)
        app.router.routes.extend(routes.routes())
        return app

    def browser(self, address: str = "192.0.2.7") -> PlainBrowser:
        return PlainBrowser(self.app, base=self.issuer, address=address)

    def person(
        self, name: str = "李雷𠮷", *, role: str = "student", born: date = date(2004, 3, 2), at: str = SCHOOL
    ) -> Human:
        """Enrol a person with an activation code."""
        now = self.clock.now()
        with self.database.write() as session:
            place = session.query(Organisation).filter_by(code=at).one()
            draft = draft_person(Profile(name, "1", born), None, source_id=place.id, now=now, by=self.directory)
            session.execute(insert(Person), [draft.person])
            session.add(
                Affiliation(
                    person_id=draft.id,
                    organisation_id=place.id,
                    role=role,
                    number=secrets.token_hex(6) if role == "student" else None,
                    grade="2022" if role == "student" else None,
                    student_status="01" if role == "student" else None,
                    since=date(2022, 9, 1),
                    created_at=now,
                    changed_at=now,
                )
            )
            code = draft_code(draft.id, self.directory)
            give_codes(session, [code], given_by=draft.id, organisation_id=place.id, now=now)
        return Human(draft.id, draft.person["eid"], name, code.code)

    def totp(self, human: Human) -> str:
        """Return the code on the person's phone; moves on first, because a step counts once."""
        self.clock.move(totp_step())
        return totp.code_at(human.secret, self.clock.now())

    def activate(self, human: Human, *, factor: bool = True, browser: PlainBrowser | None = None) -> PlainBrowser:
        """Go through the first sign-in."""
        browser = browser or self.browser()
        browser.get("/activate")
        browser.submit("activate", eid=human.eid, code=human.code)
        page = browser.submit("new-password", password=PASSWORD, password2=PASSWORD)
        assert page.status_code == 200, page.text
        assert page.request.url.path == "/account/totp"
        if factor:
            human.secret = secret_on(page.text)
            page = browser.submit("totp", code=self.totp(human))
            human.recovery_codes = codes_on(page.text)
        return browser

    def sign_in(self, human: Human, browser: PlainBrowser | None = None, *, next_: str = "/account") -> PlainBrowser:
        """Sign in with all factors that the person has."""
        browser = browser or self.browser()
        browser.get(f"/signin?{urlencode({'next': next_})}")
        return self.fill_in(human, browser)

    def fill_in(self, human: Human, browser: PlainBrowser) -> PlainBrowser:
        """Fill in the sign-in form that is shown, and the factor's."""
        browser.submit("signin", login=human.eid, password=PASSWORD)
        if human.secret:
            browser.submit("factor", code=self.totp(human))
        return browser

    def platform(
        self, name: str = "示范平台甲", *, owner: str = "示范单位", home: str | None = None, **changes: Any
    ) -> ClientCredentials:
        """Register a platform; `changes` are members of its metadata."""
        metadata = ClientMetadata(
            **{
                "redirect_uris": [CALLBACK],
                "post_logout_redirect_uris": ["http://127.0.0.1:8001/bye"],
                "scope": "openid profile eid aff offline_access",
                **changes,
            }
        )
        registration = ClientRegistration(
            name=name, name_en="Demo platform A", owner=owner, home=home, purpose="教学管理", metadata=metadata
        )
        with self.database.write() as session:
            return register_client(session, registration, keyed=self.idp.keyed, now=self.clock.now())

    def request(self, platform: ClientCredentials, **changes: str | None) -> str:
        """Return the address of an authorization request; a change to None leaves a parameter out."""
        values: dict[str, str | None] = {
            "response_type": "code",
            "client_id": platform.client_id,
            "redirect_uri": CALLBACK,
            "scope": "openid profile",
            "state": "s-123",
            "nonce": "n-456",
            "code_challenge": b64u(sha256(VERIFIER.encode())),
            "code_challenge_method": "S256",
            **changes,
        }
        return "/oauth/authorize?" + urlencode({name: value for name, value in values.items() if value is not None})

    def code(self, platform: ClientCredentials, browser: PlainBrowser, **changes: str | None) -> str:
        """Return an authorization code for who is signed in, consenting where asked."""
        page = browser.get(self.request(platform, **changes))
        if page.status_code == 200:
            page = browser.submit("consent", decision="allow")
        return answer_of(page)["code"]

    def redeem(self, platform: ClientCredentials, code: str, **changes: str | None) -> Any:
        """Send a code to the token endpoint."""
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
            **changes,
        }
        return self.post(platform, "/oauth/token", fields)

    def refresh(self, platform: ClientCredentials, token: str, **changes: str | None) -> Any:
        """Send a refresh token to the token endpoint."""
        fields = {"grant_type": "refresh_token", "refresh_token": token, **changes}
        return self.post(platform, "/oauth/token", fields)

    def post(self, platform: ClientCredentials, path: str, fields: Mapping[str, str | None]) -> Any:
        """Post to a machine endpoint as the platform."""
        data = {name: value for name, value in fields.items() if value is not None}
        headers = {"accept": "application/json"}
        if platform.client_secret:
            basic = base64.b64encode(f"{platform.client_id}:{platform.client_secret}".encode()).decode()
            headers["authorization"] = f"Basic {basic}"
        else:
            data.setdefault("client_id", platform.client_id)
        return self.browser().http.post(path, data=data, headers=headers)

    def userinfo(self, access: str) -> Any:
        """Ask the userinfo endpoint."""
        return self.browser().http.get("/oauth/userinfo", headers={"authorization": f"Bearer {access}"})


def totp_step() -> Any:
    """Return a step of the one-time password."""
    return datetime.fromtimestamp(totp.STEP, UTC) - datetime.fromtimestamp(0, UTC)


def secret_on(text: str) -> str:
    """Return the TOTP secret that a page shows."""
    return "".join(text.split('id="totp-secret">')[1].split("<", maxsplit=1)[0].split())


def codes_on(text: str) -> tuple[str, ...]:
    """Return the recovery codes that a page shows."""
    part = text.split('id="recovery-codes">')[1].split("</ol>", maxsplit=1)[0]
    return tuple(piece.split("<")[0] for piece in part.split('<span class="code">')[1:])


def answer_of(page: Any) -> dict[str, str]:
    """Return the parameters that a platform gets at its redirect_uri."""
    assert page.status_code == 303, page.text
    assert page.headers["location"].startswith(CALLBACK)
    parts = urlsplit(page.headers["location"])
    return dict(parse_qsl(parts.fragment or parts.query))


@pytest.fixture(scope="session")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    return KeyRing(tmp_path_factory.mktemp("oidc-keys"), b"s" * 32, ManualClock(datetime(2026, 6, 1, tzinfo=UTC)))


@pytest.fixture
def world(database: Database, clock: ManualClock, keyring: KeyRing) -> World:
    """The identity provider, once on SQLite and once on PostgreSQL."""
    return World(database, clock, keyring)


@pytest.fixture
def small_world(sqlite_database: Database, clock: ManualClock, keyring: KeyRing) -> World:
    """The identity provider on SQLite only: for what the database has no part in."""
    return World(sqlite_database, clock, keyring)
