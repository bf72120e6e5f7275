"""Rows of consent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, select, update
from sqlalchemy.orm import Session

from idp.models import Consent
from idp.oauth.models import Client
from kernel.store import Expired, changed


def live_consents(session: Session, person_id: UUID, client_id: str) -> Sequence[Consent]:
    """Return what the person allows the platform now."""
    mine = select(Consent).where(
        Consent.person_id == person_id, Consent.client_id == client_id, Consent.withdrawn_at.is_(None)
    )
    return session.scalars(mine.order_by(Consent.given_at)).all()


def consents_of(session: Session, person_id: UUID) -> Sequence[Row[Consent, Client]]:
    """Return what the person allows which platforms now, the latest first."""
    mine = (
        select(Consent, Client)
        .join(Client, Client.client_id == Consent.client_id)
        .where(Consent.person_id == person_id, Consent.withdrawn_at.is_(None))
        .order_by(Consent.given_at.desc())
        .limit(200)
    )
    return session.execute(mine).all()


def withdraw_consents(session: Session, person_id: UUID, client_id: str, now: datetime) -> int:
    """End all that the person allows the platform; return how many consents ended."""
    return changed(
        session.execute(
            update(Consent)
            .where(Consent.person_id == person_id, Consent.client_id == client_id, Consent.withdrawn_at.is_(None))
            .values(withdrawn_at=now)
        )
    )


def expired(withdrawn_before: datetime) -> tuple[Expired, ...]:
    """Return what has had its time: consents that were withdrawn long ago."""
    return ((Consent.id, Consent.withdrawn_at < withdrawn_before),)
