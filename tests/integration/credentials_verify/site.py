"""The check page's routes over a campus: real credentials, a real log with a witness, real shares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from credentials import sharing
from credentials.models import Credential
from credentials.revocation import change_status
from credentials.routes import public, verify
from credentials.routes.problems import STATUS_OF
from credentials.sharing import NewShare, Wish
from credentials.status_list import Status
from crypto.hashes import hmac_sm3
from kernel import problems
from kernel.clock import ManualClock
from kernel.csrf import Csrf
from kernel.db import Database
from kernel.pages import Pages
from tests.integration.credentials.campus import Campus, holder, make_campus, registrar

ROOT = Path(__file__).parents[3]
FIELDS = ("name", "school_name", "level", "major", "graduation_date", "certificate_number")


@dataclass
class Site:
    """A campus with one issued credential, and the application that serves its check page."""

    campus: Campus
    app: FastAPI
    credential: Credential

    def share(self, *, fields: Sequence[str] = FIELDS, days: int | None = 30, pin: str | None = None) -> NewShare:
        person = self.campus.roster.person(self.credential.person_id)
        assert person is not None
        wish = Wish(frozenset(fields), days, pin, form=f"form-{self.campus.clock.now()}-{pin}-{days}-{len(fields)}")
        return sharing.create_share(self.campus.by, self.credential.id, wish, actor=holder(person, self.campus.clock))

    def withdraw(self, share: NewShare) -> None:
        person = self.campus.roster.person(self.credential.person_id)
        assert person is not None
        sharing.withdraw(self.campus.by, share.share_id, actor=holder(person, self.campus.clock))

    def revoke(self, reason: str = "academic_misconduct") -> None:
        by, actor = self.campus.by, registrar(clock=self.campus.clock)
        change_status(by, self.credential.id, to=Status.REVOKED, reason_code=reason, actor=actor)
        self.campus.clock.move(timedelta(seconds=20))
        self.campus.publish()


def make_site(database: Database, folder: Path, clock: ManualClock) -> Site:
    """Issue one diploma, publish everything, and mount the pages."""
    trust = folder / "trust.json"

    def trust_file() -> bytes | None:
        return trust.read_bytes() if trust.exists() else None

    campus = make_campus(database, folder, clock, trust_file=trust_file)
    (credential,) = campus.issue_to()
    clock.move(timedelta(seconds=20))
    campus.publish()
    campus.trust()
    return Site(campus, _app(campus), credential)


def _app(campus: Campus) -> FastAPI:
    app = FastAPI()
    csrf = Csrf(lambda data: hmac_sm3(bytes(32), data), secure=False)
    state: dict[str, Any] = {
        "pages": Pages([ROOT / "kernel", ROOT / "credentials"], csrf),
        "csrf": csrf,
        "database": campus.by.database,
        "credentials": campus.by,
        "actor_of": lambda _request: None,
    }
    for name, value in state.items():
        setattr(app.state, name, value)
    problems.install(app, STATUS_OF)
    app.include_router(verify.router)
    app.router.routes.extend(public.routes())
    app.mount("/static/credentials", StaticFiles(directory=ROOT / "credentials" / "static"))
    app.mount("/static", StaticFiles(directory=ROOT / "kernel" / "static"))
    return app
