"""Pairwise names: which `sub` a sector knows a person by."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from idp.oauth.models import PairwiseSub
from kernel.store import insert_new


def live_sub(session: Session, sector: str, person_id: UUID) -> str | None:
    """Return the name under which a sector knows the person."""
    mine = select(PairwiseSub.sub).where(
        PairwiseSub.person_id == person_id, PairwiseSub.sector == sector, PairwiseSub.retired_at.is_(None)
    )
    return session.scalar(mine.order_by(PairwiseSub.created_at).limit(1))


def insert_sub(session: Session, sector: str, sub: str, person_id: UUID, now: datetime) -> None:
    """Keep a person's first name at a sector; the same one coming twice at once is one."""
    insert_new(session, PairwiseSub, {"sector": sector, "sub": sub, "person_id": person_id, "created_at": now})


def sub_owner(session: Session, sector: str, sub: str) -> UUID | None:
    """Return who has, or had, this name at the sector."""
    return session.scalar(select(PairwiseSub.person_id).where(PairwiseSub.sector == sector, PairwiseSub.sub == sub))
