"""A child, guardians, two registrars of the school, and a platform that the child wants to use."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select

from idp.directory import guardianship
from idp.directory.guardianship import Proposal
from idp.directory.models import Guardianship
from idp.models import Consent, ConsentRequest
from idp.oauth.clients.registration import ClientCredentials
from tests.integration.idp.conftest import Human, World, answer_of
from tests.integration.idp.plain_browser import PlainBrowser

BORN = date(2015, 9, 1)


class Family:
    """The people, and hands to link them without going through every page again."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.first = world.person("赵老师", role="registrar", born=date(1980, 1, 1))
        self.second = world.person("钱老师", role="registrar", born=date(1981, 1, 1))
        self.child = world.person("李小明", born=BORN)
        self.mother = world.person("韩梅梅", role="guardian", born=date(1986, 5, 6))
        self.platform: ClientCredentials = world.platform()

    def proposal(self, child: Human, guardian: Human, **changes: str) -> Proposal:
        typed = Proposal(child.eid, guardian.eid, guardian.name, "52")
        return typed._replace(**changes)

    def propose(self, child: Human | None = None, guardian: Human | None = None, **changes: str) -> UUID:
        typed = self.proposal(child or self.child, guardian or self.mother, **changes)
        world = self.world
        return guardianship.propose(
            world.database, typed, school_id=world.school_id, actor=self.first.id, by=world.directory
        )

    def confirm(self, link: UUID, *, by: Human | None = None) -> None:
        world = self.world
        with world.database.write() as session:
            guardianship.confirm(
                session, link, school_id=world.school_id, actor=(by or self.second).id, now=world.clock.now()
            )

    def link(self, child: Human | None = None, guardian: Human | None = None) -> UUID:
        """Link two people, and wait until it counts."""
        link = self.propose(child, guardian)
        self.confirm(link)
        self.world.clock.move(timedelta(hours=72))
        return link

    def ask(self, browser: PlainBrowser, **changes: str | None) -> Any:
        """Let the child ask the guardians about the platform."""
        browser.get(self.world.request(self.platform, **changes))
        return browser.submit("consent", decision="ask")

    def request(self) -> ConsentRequest:
        """Return the one request there is."""
        with self.world.database.read() as session:
            return session.scalars(select(ConsentRequest)).one()

    def decide(self, browser: PlainBrowser, decision: str) -> Any:
        """Decide on the one request there is, as who is signed in."""
        browser.get(f"/account/children/requests/{self.request().id}")
        return browser.submit("consent", decision=decision)

    def answer(self, browser: PlainBrowser, **changes: str | None) -> dict[str, str]:
        """Return what the platform gets without anybody being asked."""
        return answer_of(browser.get(self.world.request(self.platform, **changes)))

    def receipts(self) -> list[Consent]:
        with self.world.database.read() as session:
            return list(session.scalars(select(Consent).order_by(Consent.given_at)))

    def links(self) -> list[Guardianship]:
        with self.world.database.read() as session:
            return list(session.scalars(select(Guardianship)))
