"""Rows of initial access tokens."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from idp.oauth.models import InitialAccessToken
from kernel.store import Expired, changed


def usable(session: Session, token_hash: bytes, now: datetime) -> InitialAccessToken | None:
    """Return a token that has uses left: a look, which takes none."""
    return session.scalar(
        select(InitialAccessToken).where(
            InitialAccessToken.token_hash == token_hash,
            InitialAccessToken.uses_left > 0,
            InitialAccessToken.expires_at > now,
            InitialAccessToken.revoked_at.is_(None),
        )
    )


def take_use(session: Session, token_id: UUID, now: datetime) -> bool:
    """Take one use; False where somebody took the last, or it has ended. The database decides."""
    taken = (
        update(InitialAccessToken)
        .where(
            InitialAccessToken.id == token_id,
            InitialAccessToken.uses_left > 0,
            InitialAccessToken.expires_at > now,
            InitialAccessToken.revoked_at.is_(None),
        )
        .values(uses_left=InitialAccessToken.uses_left - 1)
        .execution_options(synchronize_session=False)
    )
    return changed(session.execute(taken)) == 1


def revoke(session: Session, token_id: UUID, now: datetime) -> bool:
    """End a token; False where it had ended, or there is none."""
    ended = (
        update(InitialAccessToken)
        .where(InitialAccessToken.id == token_id, InitialAccessToken.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    return changed(session.execute(ended)) == 1


def tokens_of(session: Session, made_by: UUID, *, limit: int = 50) -> Sequence[InitialAccessToken]:
    """Return the newest tokens that a person made."""
    mine = select(InitialAccessToken).where(InitialAccessToken.made_by == made_by)
    return session.scalars(mine.order_by(InitialAccessToken.created_at.desc()).limit(limit)).all()


def expired(now: datetime) -> tuple[Expired, ...]:
    """Return the tokens whose time is over."""
    return ((InitialAccessToken.id, InitialAccessToken.expires_at < now),)
