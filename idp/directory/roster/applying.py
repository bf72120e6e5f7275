"""Third stage, on the registrar's word: rows become people and affiliations, one block a transaction.

Each block is compared anew (the dry run may be days old), drafted outside of the
transaction, and written together with its own mark: whatever kills the worker, a block is
done once or not at all. A document or number that appears meanwhile fails the insert, and
the block is compared again.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import insert, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from idp.directory import store as directory
from idp.directory.code_tables import ENDED
from idp.directory.enrolment import ASSERTED, draft_document, draft_person
from idp.directory.models import Affiliation, Person, PersonDocument, ReviewCase
from idp.directory.profiles import seal_profile
from idp.directory.roster import store
from idp.directory.roster.checking import Outcomes, merge
from idp.directory.roster.comparing import Comparison
from idp.directory.roster.errors import StaleError
from idp.directory.roster.matching import CHANGED, NEW, REVIEW, Decision, profile_of
from idp.directory.roster.models import ImportBlock, RosterImport
from idp.directory.roster.pace import Pace
from idp.directory.roster.rows import RosterRow
from idp.directory.roster.sealing import ImportSeal
from idp.directory.services import DirectoryServices
from kernel import audit
from kernel.db import Database
from kernel.ids import new_id
from kernel.pages import ZONE

ATTEMPTS: Final = 4

Rows = list[dict[str, Any]]


@dataclass(slots=True)
class Draft:
    """The rows of one block, ready to write."""

    people: Rows = field(default_factory=list)
    documents: Rows = field(default_factory=list)
    affiliations: Rows = field(default_factory=list)
    changed_people: Rows = field(default_factory=list)
    changed_affiliations: Rows = field(default_factory=list)
    superseded: list[UUID] = field(default_factory=list)
    reviews: Rows = field(default_factory=list)
    difference: int = 0


def apply_block(database: Database, job: RosterImport, *, pace: Pace, by: DirectoryServices) -> int:
    """Write the next block of a claimed import; return how many rows (0: all are written).

    Raises:
        StaleError: Another worker went on with this import.
    """
    with database.read() as session:
        blocks = store.blocks_in(session, job.id, "checked", 1)
    if not blocks:
        _finish(database, job, pace)
        return 0
    block = blocks[0]
    seal = ImportSeal(by.vault, job.wrapped_key or b"", job.id)
    lines = seal.open_rows(block.number, block.rows)
    rows = [row for _, row in lines if isinstance(row, RosterRow)]
    before = Counter(outcome for outcome, _ in seal.open_outcomes(block.number, block.outcomes or b""))
    for attempt in range(1, ATTEMPTS + 1):
        draft, decisions = _compare(database, job, rows, by)
        outcomes = merge(lines, decisions)
        try:
            with database.write() as session:
                _write(session, job.organisation_id, draft)
                _mark(session, job, block, outcomes, before, pace=pace, seal=seal)
            break
        except IntegrityError:  # Somebody registered one of these people a moment ago: look again.
            if attempt == ATTEMPTS:
                raise
    return block.size


def _compare(
    database: Database, job: RosterImport, rows: list[RosterRow], by: DirectoryServices
) -> tuple[Draft, list[Decision]]:
    comparison = Comparison(job.organisation_id, rows, by)
    with database.read() as session:
        comparison.load_roster(session)
        comparison.load_holders(session)
        decisions = comparison.decisions()
        drafting = _Drafting(job.organisation_id, comparison, by)
        for row, decision in zip(rows, decisions, strict=True):
            drafting.add(row, decision)
        drafting.drop_known_reviews(session)
    return drafting.draft, decisions


class _Drafting:
    """Turns decisions into rows: sealing and index values are computed here, with nothing locked."""

    def __init__(self, school_id: UUID, comparison: Comparison, by: DirectoryServices) -> None:
        self.draft = Draft()
        self._school_id = school_id
        self._comparison = comparison
        self._by = by
        self._now = by.clock.now()
        self._today = self._now.astimezone(ZONE).date()

    def add(self, row: RosterRow, decision: Decision) -> None:
        if decision.outcome == NEW:
            self._new(row, decision.person_id)
        elif decision.outcome == CHANGED:
            self._changed(row, decision)
        elif decision.outcome == REVIEW:
            self._review(row)

    def drop_known_reviews(self, session: Session) -> None:
        """Keep only review cases that the school does not have already: a second run changes nothing."""
        wanted = [case["fingerprint"] for case in self.draft.reviews]
        known = directory.fingerprints(session, self._school_id, wanted) if wanted else set()
        self.draft.reviews = [case for case in self.draft.reviews if case["fingerprint"] not in known]

    def _new(self, row: RosterRow, person_id: UUID | None) -> None:
        if person_id is None:
            made = draft_person(profile_of(row), row.document, source_id=self._school_id, now=self._now, by=self._by)
            person_id = made.id
            self.draft.people.append(dict(made.person))
            self.draft.documents.extend([dict(made.document)] if made.document else [])
        self.draft.difference += row.status not in ENDED
        self.draft.affiliations.append(
            {
                "id": new_id(),
                "person_id": person_id,
                "organisation_id": self._school_id,
                "role": "student",
                "number": row.number,
                "grade": row.grade,
                "class_name": row.class_name,
                "entered": row.entered,
                "student_status": row.status,
                "since": self._today,
                "until": _until(row.status, self._today),
                "created_at": self._now,
                "changed_at": self._now,
            }
        )

    def _changed(self, row: RosterRow, decision: Decision) -> None:
        affiliation, person = self._comparison.student(row.number)
        if decision.profile is not None or decision.document is not None:
            self._changed_person(person, decision)
        if decision.place is not None:
            place = {
                "grade": affiliation.grade,
                "class_name": affiliation.class_name,
                "entered": affiliation.entered,
                "student_status": affiliation.student_status,
                **decision.place,
            }
            until = affiliation.until
            if place["student_status"] != affiliation.student_status:
                until = _until(place["student_status"], self._today)
            self.draft.difference += (until is None) - (affiliation.until is None)
            self.draft.changed_affiliations.append(
                {"id": affiliation.id, "until": until, "changed_at": self._now, **place}
            )

    def _changed_person(self, person: Person, decision: Decision) -> None:
        by, level = self._by, person.level
        sealed, candidate = person.profile, person.candidate_index
        if decision.profile is not None:
            sealed = seal_profile(by.vault, person.wrapped_key, person.id, decision.profile)
            candidate = by.index.of(decision.profile.candidate_text)
        if decision.document is not None:
            level = max(level, ASSERTED)
            self.draft.superseded += self._comparison.documents_of_type(person.id, decision.document.type)
            document = draft_document(
                decision.document,
                person_id=person.id,
                wrapped=person.wrapped_key,
                source_id=self._school_id,
                now=self._now,
                by=by,
            )
            self.draft.documents.append(dict(document))
        self.draft.changed_people.append(
            {
                "id": person.id,
                "profile": sealed,
                "candidate_index": candidate,
                "level": level,
                "changed_at": self._now,
            }
        )

    def _review(self, row: RosterRow) -> None:
        id_, text = new_id(), json.dumps(row.to_json(), ensure_ascii=False)
        wrapped = self._by.vault.new_key(id_)
        self.draft.reviews.append(
            {
                "id": id_,
                "organisation_id": self._school_id,
                "number": row.number,
                "fingerprint": self._by.index.of(f"review:v1|{self._school_id}|{text}"),
                "wrapped_key": wrapped,
                "row": self._by.vault.encrypt(wrapped, id_, text, table="idp_review_case", column="row", row=id_),
                "status": "open",
                "note": "",
                "created_at": self._now,
            }
        )


def _until(status: str | None, today: date) -> date | None:
    return today if status in ENDED else None


def _write(session: Session, school_id: UUID, draft: Draft) -> None:
    if draft.superseded:
        replaced = update(PersonDocument).where(PersonDocument.id.in_(draft.superseded))
        session.execute(replaced.values(status="superseded"))
    for table, rows in (
        (Person, draft.people),
        (PersonDocument, draft.documents),
        (Affiliation, draft.affiliations),
        (ReviewCase, draft.reviews),
    ):
        if rows:
            session.execute(insert(table), rows)
    for changed, rows in ((Person, draft.changed_people), (Affiliation, draft.changed_affiliations)):
        if rows:
            session.execute(update(changed), rows)
    directory.add_people(session, school_id, draft.difference)


def _mark(
    session: Session,
    job: RosterImport,
    block: ImportBlock,
    outcomes: Outcomes,
    before: Counter[str],
    *,
    pace: Pace,
    seal: ImportSeal,
) -> datetime:
    """Mark the block and the counts in the transaction of its rows.

    Raises:
        StaleError: The block is marked already; the caller's transaction ends without effect.
    """
    if not store.move_block(session, block, "applied", outcomes=seal.seal_outcomes(block.number, outcomes)):
        raise StaleError("another worker wrote this block")
    counts = Counter(outcome for outcome, _ in outcomes)
    shifts = {outcome: counts[outcome] - before[outcome] for outcome in counts | before}
    done = job.applied + block.size
    now = pace.keep(session, job, "applying", done=done, applied=done, **store.tally(shifts))
    job.applied = done
    return now


def _finish(database: Database, job: RosterImport, pace: Pace) -> None:
    with database.write() as session:
        now = pace.keep(session, job, "applying", done=job.applied, state="done")
        store.advance(session, job.id, "done", finished_at=now, claimed_until=None)
        audit.record(
            session,
            at=now,
            action="directory.import.done",
            actor=job.confirmed_by,
            subject=job.id,
            rows=job.applied,
            new=job.new,
            changed=job.changed,
        )
