"""What the pages that ask for consent share: the values they show, the words they say, the answer they record."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from fastapi import Request
from sqlalchemy.orm import Session

from crypto.hashes import equal
from idp.ages import is_child
from idp.consent import asking
from idp.consent.giving import LIFE, Giver, Words, covers, give_consent
from idp.consent.wish import Wish, wish_of
from idp.directory import guardianship, lookup
from idp.errors import GuardianNeededError
from idp.oauth.authorization.details import shown
from idp.oauth.authorization.request import AuthorizationRequest
from idp.oauth.claims import released
from idp.oauth.clients.registered import RESOURCE, RegisteredClient
from idp.oauth.scopes import OFFLINE
from idp.platforms.facts import filing_of
from idp.routes.services import idp_of
from kernel.errors import NotFoundError
from kernel.pages import Pages, language_of, pages_of
from kernel.store import Executor

TEXTS: Final = ("idp/consent.html", "idp/consent_parts.html", "idp/claim_values.html")
_SPOKEN: Final = re.compile(r'\b_\("((?:[^"\\]|\\.)*)"')


def wish_in(asked: AuthorizationRequest) -> Wish:
    """Return what a checked authorization request asks the person for."""
    return wish_of(asked.client, asked.scopes, also=asked.released, details=asked.details, resources=asked.resources)


def child_in(request: Request, on: Executor, person_id: UUID) -> bool:
    """Whether guardians decide for this person today.

    Raises:
        NotFoundError: The person is not known any more.
    """
    idp = idp_of(request)
    person: lookup.PersonRecord | None = getattr(request.state, "person", None)
    if person is None or person.person_id != person_id:
        person = lookup.person_by_id(on, idp.directory.vault, person_id)
    if person is None:
        raise NotFoundError("the person is not known any more")
    return is_child(person.birthdate, idp.today())


def is_known(request: Request, person_id: UUID, wish: Wish) -> bool:
    """Whether what was allowed before includes the wish."""
    idp = idp_of(request)
    with idp.database.read_core() as connection:
        return covers(connection, person_id, wish, child=child_in(request, connection, person_id), now=idp.now())


def give(request: Request, session: Session, person_id: UUID, wish: Wish) -> None:
    """Record the person's own consent; a child goes on only where a guardian's includes the wish.

    Raises:
        GuardianNeededError: A guardian has to decide first.
    """
    now = idp_of(request).now()
    if not child_in(request, session, person_id):
        give_consent(session, person_id, wish, by=Giver(person_id), words=words_of(request), now=now)
    elif not covers(session, person_id, wish, child=True, now=now):
        raise GuardianNeededError("under 14, a guardian decides")


def page_values(request: Request, person_id: UUID, wish: Wish) -> dict[str, Any]:
    """Return what a consent page shows: the fields with the values that will be sent, the rest in words.

    For a child: whether a guardian has decided (`standing`), and who could.

    Raises:
        NotFoundError: The person is not known any more.
    """
    idp = idp_of(request)
    now = idp.now()
    with idp.database.read() as session:
        subject = idp.subject(session, person_id)
        if subject is None:
            raise NotFoundError("the person is not known any more")
        child = is_child(subject.birthdate, idp.today())
        standing, guardians = "", []
        if child:
            allowed = covers(session, person_id, wish, child=True, now=now)
            standing = "allowed" if allowed else asking.standing(session, person_id, wish, now)
            links = guardianship.guardians_of(session, person_id, now=now, vault=idp.directory.vault)
            guardians = [link.guardian for link in links if link.decides]
        filing = filing_of(session, wish.client_id)
    return {
        "claims": released(wish.scopes, subject, idp.today(), also=wish.claims),
        "details": shown(wish.details),
        "recipients": recipients_of(request, wish.resources),
        "places": {held.organisation: held for held in subject.affiliations},
        "offline": OFFLINE in wish.scopes,
        "until": now + LIFE,
        "child": child,
        "standing": standing,
        "guardians": guardians,
        "for_child": None,
        "filing": filing,
        "needs": {scope: filing.needs[scope] for scope in wish.scopes if scope in filing.needs} if filing else {},
        "seen": seen_mark(request, person_id, wish),
    }


def recipients_of(request: Request, resources: Iterable[str]) -> list[RegisteredClient | str]:
    """Return who tokens may be handed on to: platforms by their names, other resources by their addresses."""
    idp = idp_of(request)
    platforms = ((uri, idp.clients.get(uri.removeprefix(RESOURCE))) for uri in resources if uri != idp.issuer)
    return [platform or uri for uri, platform in platforms]


def seen_mark(request: Request, person_id: UUID, wish: Wish) -> str:
    """Return what a consent page's form carries: a MAC of who saw which wish. A decision holds for that one only."""
    asked = [str(person_id), wish.client_id, wish.owner, wish.purpose, wish.scope, wish.fields]
    return idp_of(request).keyed.token("consent", json.dumps(asked, sort_keys=True))


def was_shown(request: Request, person_id: UUID, wish: Wish, seen: str) -> bool:
    """Whether this very wish was on the page that was decided on."""
    return equal(seen_mark(request, person_id, wish).encode(), seen.encode())


def words_of(request: Request) -> Words:
    """Return the words of the consent page as this reader sees them."""
    language = language_of(request)
    return Words(_text(pages_of(request), language), language)


@lru_cache(maxsize=8)
def _text(pages: Pages, language: str) -> str:
    """Return every sentence of the consent page's templates, in their order, in one language."""
    loader = pages.environment.loader
    assert loader is not None  # noqa: S101 - `Pages` always sets one
    sources = [loader.get_source(pages.environment, name)[0] for name in TEXTS]
    return "\n".join(pages.translate(language, text) for source in sources for text in _SPOKEN.findall(source))
