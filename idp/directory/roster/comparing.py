"""Compare rows with the school's own roster and with who holds their documents: what `matching` decides on."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.orm import Session

from idp.directory import store
from idp.directory.enrolment import index_of
from idp.directory.models import Affiliation, Person, PersonDocument
from idp.directory.profiles import open_profile
from idp.directory.roster.errors import DocumentTakenError
from idp.directory.roster.matching import NEW, PLACE_FIELDS, WRONG, Decision, Enrolled, Holder, decide
from idp.directory.roster.rows import Fault, RosterRow
from idp.directory.services import DirectoryServices


class Comparison:
    """Some rows of one school: load the roster, count and load the holders, then decide."""

    def __init__(self, school_id: UUID, rows: list[RosterRow], by: DirectoryServices) -> None:
        """Compute the blind indexes of `rows`; nothing is looked up yet."""
        self._school_id = school_id
        self._rows = rows
        self._by = by
        self._indexes = [index_of(row.document, by) for row in rows]
        self._students: dict[str, tuple[Affiliation, Person]] = {}
        self._documents: dict[UUID, list[PersonDocument]] = {}
        self._holders: dict[bytes, Person] = {}
        self._numbers: dict[UUID, str] = {}

    def load_roster(self, session: Session) -> int:
        """Load whom the school has under the rows' numbers; return how many indexes must be looked up."""
        self._students = store.students(session, self._school_id, [row.number for row in self._rows])
        self._documents = store.documents_of(session, [person.id for _, person in self._students.values()])
        return len(self._wanted())

    def load_holders(self, session: Session) -> None:
        """Look up who holds the documents that the own roster does not explain."""
        self._holders = store.holders(session, self._by.index.key_id, self._wanted())
        found = [person.id for person in self._holders.values()]
        self._numbers = store.numbers_at(session, self._school_id, found)

    def decisions(self) -> list[Decision]:
        """Decide on each row; of two rows that turn out to be one person the second is wrong."""
        taken: dict[UUID, str] = {}
        decisions = []
        for row, index in zip(self._rows, self._indexes, strict=True):
            decision = decide(row, index, self._enrolled(row.number), self._holder(index))
            if decision.outcome == NEW and decision.person_id is not None:
                first = taken.setdefault(decision.person_id, row.number)
                if first != row.number:
                    error = DocumentTakenError(f"the roster has it under {first}", number=first)
                    decision = Decision(WRONG, fault=Fault.of("document_number", error))
            decisions.append(decision)
        return decisions

    def student(self, number: str) -> tuple[Affiliation, Person]:
        """Return the loaded affiliation and person of a student number."""
        return self._students[number]

    def documents_of_type(self, person_id: UUID, type_: str) -> list[UUID]:
        """Return the ids of a loaded person's active documents of one type."""
        return [document.id for document in self._documents.get(person_id, []) if document.type == type_]

    def _wanted(self) -> list[bytes]:
        wanted = []
        for row, index in zip(self._rows, self._indexes, strict=True):
            own = self._students.get(row.number)
            documents = [] if own is None else self._documents.get(own[1].id, [])
            if index is not None and all(document.blind_index != index for document in documents):
                wanted.append(index)
        return wanted

    def _enrolled(self, number: str) -> Enrolled | None:
        found = self._students.get(number)
        if found is None:
            return None
        affiliation, person = found
        documents = self._documents.get(person.id, [])
        return Enrolled(
            person_id=person.id,
            profile=open_profile(self._by.vault, person.wrapped_key, person.id, person.profile),
            indexes={document.blind_index: document.type for document in documents if document.blind_index},
            ours=person.source_id == self._school_id,
            level=person.level,
            place={column: getattr(affiliation, column) for column in PLACE_FIELDS},
        )

    def _holder(self, index: bytes | None) -> Holder | None:
        person = None if index is None else self._holders.get(index)
        if person is None:
            return None
        profile = open_profile(self._by.vault, person.wrapped_key, person.id, person.profile)
        return Holder(person.id, profile, self._numbers.get(person.id))
