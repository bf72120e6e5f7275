"""Delete what has served: old imports, dead codes, counts of look-ups, decided reviews, ended guardianships."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from idp.directory import guardian_store
from idp.directory import store as directory
from idp.directory.guardianship import ENDED_KEPT, UNCONFIRMED_KEPT
from idp.directory.roster import store
from idp.directory.roster.models import RosterImport
from kernel.pages import ZONE
from kernel.store import delete_expired

ROWS_KEPT: Final = timedelta(days=30)
IMPORTS_KEPT: Final = timedelta(days=365)
UPLOADS_KEPT: Final = timedelta(hours=1)
DECIDED_KEPT: Final = timedelta(days=180)
COUNTS_KEPT: Final = timedelta(days=60)
AT_ONCE: Final = 40


def purge(session: Session, now: datetime) -> int:
    """Delete a bounded amount (a short transaction); return how many rows: call again until it is 0."""
    count = 0
    due = store.to_empty(session, made_before=now - ROWS_KEPT, stranded_before=now - UPLOADS_KEPT, limit=5)
    for job in due:
        count += _empty(session, job, now)
    count += store.forget(session, made_before=now - IMPORTS_KEPT)
    count += directory.drop_expired_codes(session, now, AT_ONCE)
    count += directory.drop_index_use(session, (now - COUNTS_KEPT).astimezone(ZONE).date())
    count += directory.drop_reviews(session, now - DECIDED_KEPT, AT_ONCE)
    links = guardian_store.expired(proposed_before=now - UNCONFIRMED_KEPT, closed_before=now - ENDED_KEPT)
    count += delete_expired(session, links, limit=AT_ONCE)
    return count


def _empty(session: Session, job: RosterImport, now: datetime) -> int:
    """Delete some blocks and pieces of an import; its key goes first, so that the rest is unreadable at once."""
    job.wrapped_key = None
    blocks = store.some_block_numbers(session, job.id, AT_ONCE)
    pieces = store.piece_numbers(session, job.id)[:AT_ONCE]
    store.drop_blocks(session, job.id, blocks)
    store.drop_pieces(session, job.id, pieces)
    if not blocks and not pieces:
        job.emptied_at = now
        if job.state in ("checked", "checking", "reading", "uploaded", "uploading", "applying"):
            job.state = "cancelled"
    return len(blocks) + len(pieces) + 1
