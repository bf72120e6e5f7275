"""Rows of filings and decisions, of developers' clients, and what of them has had its time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, TypeVarTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, bindparam, exists, func, or_, select, update
from sqlalchemy.orm import Session

from idp.directory.models import Organisation
from idp.directory.store import in_subtree
from idp.models import Account
from idp.oauth.clients.registration import DYNAMIC, PLATFORM, TEST
from idp.oauth.models import Client, ClientToken, Grant, InitialAccessToken, PairwiseSub, Token
from idp.platforms.models import PlatformDecision, PlatformFiling
from idp.platforms.states import ACTIVE, APPROVED, BLOCKED, EXPIRING, REFUSED, REMINDED, REMOVED, REPLACED, WAITING
from kernel.db import Base
from kernel.store import Executor, Expired

Columns = TypeVarTuple("Columns")
PAGE: Final = 30
LISTED: Final = 200
ENDED_KEPT: Final = timedelta(days=7)
"""A test client that has ended goes after a week."""
REFUSED_KEPT: Final = timedelta(days=365)
OLD_KEPT: Final = timedelta(days=3 * 365)
"""A version that was replaced goes after the term of the audit trail."""


def lock_person(session: Session, person_id: UUID) -> None:
    """Lock a person's account until the commit: their two browsers take turns."""
    session.execute(select(Account.person_id).where(Account.person_id == person_id).with_for_update())


def own_clients(session: Session, person_id: UUID) -> Sequence[Row[Client, PlatformFiling | None]]:
    """Return a person's platforms and test clients with the latest filing of each, the newest first."""
    mine = (
        select(Client, PlatformFiling)
        .outerjoin(PlatformFiling, (PlatformFiling.client_id == Client.client_id) & PlatformFiling.latest)
        .where(Client.registered_by == person_id, Client.kind.in_((PLATFORM, TEST)))
        .where(~and_(Client.kind == TEST, Client.state == REMOVED))
    )
    return session.execute(mine.order_by(Client.created_at.desc()).limit(LISTED)).all()


def live_tests(session: Session, person_id: UUID, now: datetime) -> int:
    """Return how many test clients of a person are in use."""
    mine = select(func.count()).select_from(Client).where(Client.registered_by == person_id, Client.kind == TEST)
    return session.scalar(mine.where(Client.state == ACTIVE, Client.expires_at > now)) or 0


def waiting_of(session: Session, person_id: UUID) -> int:
    """Return how many filings of a person wait."""
    mine = (
        select(func.count())
        .select_from(PlatformFiling)
        .join(Client, Client.client_id == PlatformFiling.client_id)
        .where(Client.registered_by == person_id, PlatformFiling.latest, PlatformFiling.state == WAITING)
    )
    return session.scalar(mine) or 0


def permits(session: Session, made_by: UUID | None, now: datetime) -> Sequence[InitialAccessToken]:
    """Return the initial access tokens of a developer, or of the province, that are in force."""
    return session.scalars(_permits(made_by, now).order_by(InitialAccessToken.created_at.desc()).limit(LISTED)).all()


def live_permits(session: Session, made_by: UUID, now: datetime) -> int:
    """Return how many initial access tokens of a developer are in force."""
    return session.scalar(_permits(made_by, now).with_only_columns(func.count())) or 0


def _permits(made_by: UUID | None, now: datetime) -> Select[InitialAccessToken]:
    whose = InitialAccessToken.made_by.is_(None) if made_by is None else InitialAccessToken.made_by == made_by
    return select(InitialAccessToken).where(
        whose,
        InitialAccessToken.uses_left > 0,
        InitialAccessToken.expires_at > now,
        InitialAccessToken.revoked_at.is_(None),
    )


def latest(session: Session, client_id: str) -> PlatformFiling | None:
    """Return the version of a platform's filing that pages speak of."""
    return session.scalar(select(PlatformFiling).where(PlatformFiling.client_id == client_id, PlatformFiling.latest))


def in_force(session: Session, client_id: str) -> PlatformFiling | None:
    """Return the approved version of a platform's filing."""
    approved = select(PlatformFiling).where(PlatformFiling.client_id == client_id, PlatformFiling.state == APPROVED)
    return session.scalar(approved.order_by(PlatformFiling.number.desc()).limit(1))


_MINORS_IN_FORCE: Final = (
    select(PlatformFiling.minors)
    .where(PlatformFiling.client_id == bindparam("client_id"), PlatformFiling.state == APPROVED)
    .order_by(PlatformFiling.number.desc())
    .limit(1)
)


def for_adults_only(on: Executor, client_id: str) -> bool:
    """Whether a platform was approved, and not for minors."""
    return on.execute(_MINORS_IN_FORCE, {"client_id": client_id}).scalar() is False


def replace(session: Session, client_id: str, state: str, *, but: UUID | None = None) -> None:
    """Mark versions of a platform that are in `state` as replaced, all but one."""
    old = update(PlatformFiling).where(PlatformFiling.client_id == client_id, PlatformFiling.state == state)
    if but is not None:
        old = old.where(PlatformFiling.id != but)
    session.execute(old.values(state=REPLACED))


def decisions_of(session: Session, client_id: str) -> Sequence[PlatformDecision]:
    """Return what was decided on a platform, the latest first."""
    of = select(PlatformDecision).where(PlatformDecision.client_id == client_id)
    return session.scalars(of.order_by(PlatformDecision.at.desc(), PlatformDecision.id.desc()).limit(LISTED)).all()


def last_removal(session: Session, owner_code: str) -> datetime | None:
    """Return when a platform of this owner was removed last."""
    removals = select(func.max(PlatformDecision.at)).where(
        PlatformDecision.owner_code == owner_code, PlatformDecision.kind == REMOVED
    )
    found: datetime | None = session.scalar(removals)
    return found


def queue(
    session: Session, *, path: str | None, state: str, search: str, page: int, now: datetime
) -> tuple[Sequence[Row[PlatformFiling, Client]], bool]:
    """Return a page of platforms and whether there is another; `path` limits them to a subtree."""
    rows = _below(select(PlatformFiling, Client), path).where(_in_state(state, now))
    if search:
        pattern = "".join(f"\\{sign}" if sign in "\\%_" else sign for sign in search)
        texts = (PlatformFiling.name, PlatformFiling.name_en, PlatformFiling.owner_name)
        named = [text.ilike(f"%{pattern}%", escape="\\") for text in texts]
        code = PlatformFiling.owner_code.startswith(search.upper(), autoescape=True)
        rows = rows.where(or_(*named, code, PlatformFiling.client_id == search))
    order = PlatformFiling.filed_at if state == WAITING else PlatformFiling.filed_at.desc()
    found = session.execute(rows.order_by(order, PlatformFiling.id).offset((page - 1) * PAGE).limit(PAGE + 1)).all()
    return found[:PAGE], len(found) > PAGE


def waiting_below(session: Session, path: str | None) -> int:
    """Return how many filings of a subtree wait."""
    waiting = _below(select(func.count()).select_from(PlatformFiling), path)
    return session.scalar(waiting.where(PlatformFiling.state == WAITING)) or 0


def end_tokens(session: Session, client_id: str, now: datetime) -> None:
    """End every code and token that a platform holds, of people and of its own."""
    session.execute(
        update(Grant).where(Grant.client_id == client_id, Grant.revoked_at.is_(None)).values(revoked_at=now)
    )
    session.execute(  # What it got for other platforms' tokens (RFC 8693) stands in their families.
        update(Token)
        .where(Token.exchanged_by == client_id, Token.access_revoked_at.is_(None))
        .values(access_revoked_at=now)
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(ClientToken)
        .where(ClientToken.client_id == client_id, ClientToken.revoked_at.is_(None))
        .values(revoked_at=now)
    )


def expired(now: datetime) -> tuple[Expired, ...]:
    """Return what has had its time, in the order in which foreign keys let it go.

    What hangs on an ended test client goes first; a client's row only when no row of any table
    refers to it any more, whatever tables there will be. Filings and decisions go with it;
    consent receipts outlive it and have a term of their own.
    """
    ended = and_(Client.kind.in_((TEST, DYNAMIC)), or_(Client.expires_at < now - ENDED_KEPT, Client.state == REMOVED))
    test_ids = select(Client.client_id).where(ended)
    grants = select(Grant.id).where(Grant.client_id.in_(test_ids))
    token_left = exists().where(Token.grant_id == Grant.id)
    sub_left = exists().where(PairwiseSub.sector == Client.client_id)
    refused = and_(
        Client.kind == PLATFORM,
        Client.state == REFUSED,
        exists().where(
            PlatformFiling.client_id == Client.client_id,
            PlatformFiling.latest,
            PlatformFiling.decided_at < now - REFUSED_KEPT,
        ),
    )
    old = and_(~PlatformFiling.latest, PlatformFiling.state != APPROVED, PlatformFiling.filed_at < now - OLD_KEPT)
    return (
        (Token.id, Token.grant_id.in_(grants)),
        (Grant.id, and_(Grant.client_id.in_(test_ids), ~token_left)),
        (PairwiseSub.sector, PairwiseSub.sector.in_(test_ids)),
        (PlatformFiling.id, old),
        (Client.client_id, and_(or_(ended, refused), ~sub_left, *_unreferenced())),
    )


def _unreferenced() -> list[ColumnElement[bool]]:
    """Return that no table refers to a client, but for those whose rows go with it."""
    return [
        ~exists().where(key.parent == Client.client_id)
        for table in Base.metadata.sorted_tables
        for column in table.columns
        for key in column.foreign_keys
        if key.column is Client.__table__.c.client_id and key.ondelete != "CASCADE"
    ]


def _below(rows: Select[*Columns], path: str | None) -> Select[*Columns]:
    """Join platforms to the latest version of their filing, within a subtree."""
    joined = rows.join(Client, Client.client_id == PlatformFiling.client_id).where(PlatformFiling.latest)
    if path is None:
        return joined
    return joined.join(Organisation, Organisation.id == PlatformFiling.place_id).where(in_subtree(path))


def _in_state(state: str, now: datetime) -> ColumnElement[bool]:
    in_use = and_(Client.state == ACTIVE, or_(Client.expires_at.is_(None), Client.expires_at > now))
    conditions: dict[str, ColumnElement[bool]] = {
        WAITING: PlatformFiling.state == WAITING,
        ACTIVE: in_use,
        EXPIRING: and_(Client.state == ACTIVE, Client.expires_at <= now + REMINDED),
        REFUSED: PlatformFiling.state == REFUSED,
        BLOCKED: Client.state.in_((BLOCKED, REMOVED)),
    }
    return conditions[state]
