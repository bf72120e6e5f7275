"""Initial access tokens (RFC 7591 §3): a developer's for trying, the province's for platforms that register themselves.

What is registered with a developer's token signs in that developer alone, as a test client
does: registering by program is no way around the review. What is registered with a token of
the province signs in everybody, so a province officer answers for each by name of its owner.
`made_by` of a token tells the two apart: the developer, or nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from idp.keyed import Keyed
from idp.oauth.clients.initial_tokens import issue_initial_token, revoke_initial_token
from idp.oauth.models import InitialAccessToken
from idp.platforms import store
from idp.platforms.console import OWNER
from idp.platforms.errors import NumberError, TooManyPermitsError
from idp.platforms.fields import FormReader, Typed
from idp.platforms.reach import subtree
from kernel import audit
from kernel.errors import NotAllowedError, NotFoundError

MOST_LIVE: Final = 5
OWN_USES, OWN_DAYS = 20, 30
PROVINCE_USES, PROVINCE_DAYS = 1_000, 90
OWNER_LENGTH: Final = 100


def issue_own(session: Session, typed: Typed, *, person_id: UUID, keyed: Keyed, now: datetime) -> str:
    """Return a token for the developer's own trials, the only time it is seen.

    Raises:
        FormRefusedError: Uses or days are no number in their limits.
        TooManyPermitsError: The developer has enough of them.
    """
    reader = FormReader(typed)
    uses, days = _number(reader, "uses", OWN_USES), _number(reader, "days", OWN_DAYS)
    reader.finish()
    store.lock_person(session, person_id)
    if store.live_permits(session, person_id, now) >= MOST_LIVE:
        raise TooManyPermitsError("too many tokens", limit=MOST_LIVE)
    until = now + timedelta(days=days)
    return issue_initial_token(
        session, owner=OWNER, made_by=person_id, uses=uses, expires_at=until, keyed=keyed, now=now
    )


def issue_for(session: Session, typed: Typed, *, person_id: UUID, officer_of: str, keyed: Keyed, now: datetime) -> str:
    """Return a token for the platforms of an owner, the only time it is seen.

    Raises:
        NotAllowedError: The officer is not the province's.
        FormRefusedError: Owner, uses or days are not acceptable.
    """
    check_province(session, officer_of)
    reader = FormReader(typed)
    owner = reader.line("owner", OWNER_LENGTH)
    uses, days = _number(reader, "uses", PROVINCE_USES), _number(reader, "days", PROVINCE_DAYS)
    reader.finish()
    until = now + timedelta(days=days)
    token = issue_initial_token(session, owner=owner, made_by=None, uses=uses, expires_at=until, keyed=keyed, now=now)
    audit.record(
        session, at=now, action="platform.permit", actor=person_id, organisation=officer_of, owner=owner, uses=uses
    )
    return token


def revoke(session: Session, token_id: UUID, *, made_by: UUID | None, actor: UUID, now: datetime) -> None:
    """End a token of the developer, or of the province where `made_by` is None.

    Raises:
        NotFoundError: There is none that is in force.
    """
    known = session.get(InitialAccessToken, token_id)
    ended = known is not None and known.made_by == made_by
    if not ended or not revoke_initial_token(session, token_id, actor=actor, now=now):
        raise NotFoundError("there is no such token")


def permits(session: Session, made_by: UUID | None, now: datetime) -> Sequence[InitialAccessToken]:
    """Return the tokens of the developer, or of the province, that are in force."""
    return store.permits(session, made_by, now)


def check_province(session: Session, officer_of: str) -> None:
    """Check that an officer is the province's.

    Raises:
        NotAllowedError: The officer is of an authority below.
    """
    if subtree(session, officer_of) is not None:
        raise NotAllowedError("only the province gives such tokens", role="officer")


def _number(reader: FormReader, name: str, most: int) -> int:
    text = reader.text(name)
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(most)) else 0
    if not 0 < number <= most:
        reader.note(name, NumberError(f"{name} is no number of 1 to {most}", most=most))
    return number
