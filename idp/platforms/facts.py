"""What people are told of a platform before they consent: who answers for it, for what, for how long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from idp.platforms import store


@dataclass(frozen=True, slots=True)
class PlatformFacts:
    """What was approved. `needs` says for each scope what it is needed for."""

    owner_name: str
    owner_code: str
    purpose: str
    needs: Mapping[str, str]
    retention_days: int
    contact: str
    icp: str
    app_number: str | None
    minors: bool
    approved_at: datetime | None
    valid_until: datetime | None


def filing_of(session: Session, client_id: str) -> PlatformFacts | None:
    """Return what was approved of a platform, None for one that nobody filed."""
    filing = store.in_force(session, client_id)
    if filing is None:
        return None
    return PlatformFacts(
        filing.owner_name,
        filing.owner_code,
        filing.purpose,
        filing.needs,
        filing.retention_days,
        filing.contact,
        filing.icp,
        filing.app_number,
        filing.minors,
        filing.decided_at,
        filing.valid_until,
    )
