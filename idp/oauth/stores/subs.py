"""Pairwise names: which `sub` a sector knows a person by."""

from __future__ import annotations

from datetime import datetime
from typing import cast
from uuid import UUID

from sqlalchemy import Table, bindparam, select

from idp.oauth.models import PairwiseSub
from kernel.store import Executor, insert_new

_SUB = cast(Table, PairwiseSub.__table__)
_LIVE_SUBS = (
    select(_SUB.c.sub)
    .where(
        _SUB.c.person_id == bindparam("person_id"), _SUB.c.sector == bindparam("sector"), _SUB.c.retired_at.is_(None)
    )
    .order_by(_SUB.c.created_at)
)


def live_sub(on: Executor, sector: str, person_id: UUID) -> str | None:
    """Return the name under which a sector knows the person."""
    found: str | None = on.execute(_LIVE_SUBS, {"person_id": person_id, "sector": sector}).scalars().first()
    return found


def insert_sub(on: Executor, sector: str, sub: str, person_id: UUID, now: datetime) -> None:
    """Keep a person's first name at a sector; the same one coming twice at once is one."""
    insert_new(on, PairwiseSub, {"sector": sector, "sub": sub, "person_id": person_id, "created_at": now})


def sub_owner(on: Executor, sector: str, sub: str) -> UUID | None:
    """Return who has, or had, this name at the sector."""
    return on.scalar(select(PairwiseSub.person_id).where(PairwiseSub.sector == sector, PairwiseSub.sub == sub))
