"""The registrar's word on a dry run: import it, or cancel it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from idp.directory import store as directory
from idp.directory.roster import store
from idp.directory.roster.errors import (
    ConfirmationNeededError,
    ImportRunningError,
    ImportStateError,
    ImportUnknownError,
    NothingToImportError,
)
from idp.directory.roster.models import RosterImport
from kernel import audit


def import_at(session: Session, import_id: UUID, *, school_id: UUID) -> RosterImport:
    """Return an import of this school.

    Raises:
        ImportUnknownError: There is none, or it is another school's.
    """
    found = store.import_of(session, school_id, import_id)
    if found is None:
        raise ImportUnknownError("there is no such import")
    return found


def confirm(session: Session, import_id: UUID, *, school_id: UUID, only_good: bool, actor: UUID, now: datetime) -> None:
    """Hand a checked import to the worker. `only_good`: the registrar ticked to leave out the wrong rows.

    Raises:
        ImportUnknownError: There is no such import at this school.
        ImportStateError: It is not checked yet, or was decided already.
        ConfirmationNeededError: There are wrong rows and `only_good` is not ticked.
        NothingToImportError: No row is new, changed or to be reviewed.
        ImportRunningError: Another import of this school is being written.
    """
    directory.lock_organisation(session, school_id)
    job = import_at(session, import_id, school_id=school_id)
    if job.state != "checked":
        raise ImportStateError(f"the import is {job.state}", state=job.state)
    if job.wrong and not only_good:
        raise ConfirmationNeededError(f"{job.wrong} rows are wrong", wrong=job.wrong)
    if not job.new + job.changed + job.review:
        raise NothingToImportError("no row is new or changed")
    if store.is_applying(session, school_id):
        raise ImportRunningError("another import of this school is being written")
    values = {"state": "applying", "confirmed_at": now, "confirmed_by": actor, "rate": 0.0, "touched_at": now}
    if not store.advance(session, import_id, "checked", **values):
        raise ImportStateError("the import was decided a moment ago", state=job.state)
    audit.record(
        session,
        at=now,
        action="directory.import.confirmed",
        actor=actor,
        subject=import_id,
        new=job.new,
        changed=job.changed,
        wrong=job.wrong,
        review=job.review,
    )


def cancel(session: Session, import_id: UUID, *, school_id: UUID, actor: UUID, now: datetime) -> None:
    """Drop an import that is not being written: its key is destroyed at once, its rows with the next purge.

    Raises:
        ImportUnknownError: There is no such import at this school.
        ImportStateError: It is being written, or has ended.
    """
    job = import_at(session, import_id, school_id=school_id)
    if job.state not in ("uploaded", "reading", "checking", "checked"):
        raise ImportStateError(f"the import is {job.state}", state=job.state)
    if not store.advance(session, import_id, job.state, state="cancelled", finished_at=now, wrapped_key=None):
        raise ImportStateError("the import went on a moment ago", state=job.state)
    audit.record(session, at=now, action="directory.import.cancelled", actor=actor, subject=import_id)
