"""What a row means for a school: new, changed, same, wrong, or for the county to look at. Pure.

Compared are the row, whom the school's own roster has under its student number, and who
holds its document. Of people that other schools registered nothing is told apart: whoever
agrees in all of document, name and birth date is taken as the same person and looks new;
whoever agrees in part only is one uniform review, whichever part it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from idp.directory.errors import InputError
from idp.directory.identity_document import IdentityDocument
from idp.directory.names import name_key
from idp.directory.profiles import Profile, same_person
from idp.directory.roster.errors import DocumentTakenError, NumberTakenError
from idp.directory.roster.rows import Fault, RosterRow

NEW, CHANGED, SAME, WRONG, REVIEW = "new", "changed", "same", "wrong", "review"
OUTCOMES: Final = (NEW, CHANGED, SAME, WRONG, REVIEW)
ASSERTED_LEVEL: Final = 1
PLACE_FIELDS: Final = {
    "grade": "grade",
    "class_name": "class_name",
    "entered": "entered",
    "student_status": "status",
}


@dataclass(frozen=True, slots=True)
class Enrolled:
    """Whom the school has under the row's student number. `ours`: the school asserted the profile."""

    person_id: UUID
    profile: Profile
    indexes: dict[bytes, str]  # Blind index of each active document, with the document's type.
    ours: bool
    level: int
    place: dict[str, str | None]


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the row's document; `number` is the person's student number at this school, if any."""

    person_id: UUID
    profile: Profile
    number: str | None


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done with a row; `person_id` is whom it concerns, where somebody is known."""

    outcome: str
    person_id: UUID | None = None
    profile: Profile | None = None  # Set where the stored profile changes.
    document: IdentityDocument | None = None  # Set where a document is added.
    place: dict[str, str | None] | None = None  # Set where the affiliation changes.
    fault: Fault | None = None


def decide(row: RosterRow, index: bytes | None, enrolled: Enrolled | None, holder: Holder | None) -> Decision:
    """Decide on one row. `index` is the blind index of its document, if it has one that counts."""
    if enrolled is not None:
        return _known_number(row, index, enrolled, holder)
    if holder is None:
        return Decision(NEW)
    if holder.number is not None:
        return _document_taken(holder.number)
    if same_person(holder.profile, profile_of(row)):
        return Decision(NEW, holder.person_id)
    return Decision(REVIEW)


def profile_of(row: RosterRow) -> Profile:
    """Return the profile that a row asserts."""
    return Profile(row.name, row.gender, row.birthdate, row.ethnicity, row.nationality)


def _known_number(row: RosterRow, index: bytes | None, enrolled: Enrolled, holder: Holder | None) -> Decision:
    new_document = index is not None and index not in enrolled.indexes
    if _somebody_else(row, enrolled, new_document=new_document):
        return _wrong("number", NumberTakenError("somebody else has this student number"))
    if new_document and holder is not None and holder.person_id != enrolled.person_id:
        return Decision(REVIEW) if holder.number is None else _document_taken(holder.number)
    profile = _merged(row, enrolled)
    ours = enrolled.ours and enrolled.level <= ASSERTED_LEVEL
    if not ours and (new_document or not same_person(profile, enrolled.profile)):
        return Decision(REVIEW)  # Another organisation's word, or checked papers: a correction goes to people.
    place = {column: getattr(row, field) for column, field in PLACE_FIELDS.items() if getattr(row, field) is not None}
    changed_place = place if any(enrolled.place[column] != value for column, value in place.items()) else None
    changed_profile = profile if ours and profile != enrolled.profile else None
    document = row.document if new_document else None
    outcome = SAME if changed_place is None and changed_profile is None and document is None else CHANGED
    return Decision(outcome, enrolled.person_id, changed_profile, document, changed_place)


def _somebody_else(row: RosterRow, enrolled: Enrolled, *, new_document: bool) -> bool:
    """Two of name, birth date and document differ: not a correction, but another person."""
    other_name = name_key(row.name) != name_key(enrolled.profile.name)
    other_birth = row.birthdate != enrolled.profile.birthdate
    replaced = new_document and row.document is not None and row.document.type in enrolled.indexes.values()
    return other_name + other_birth + replaced >= 2  # noqa: PLR2004 - as the docstring says


def _merged(row: RosterRow, enrolled: Enrolled) -> Profile:
    """Return the row's profile, with what the row leaves blank as it is stored."""
    stored = enrolled.profile
    return Profile(
        row.name,
        row.gender,
        row.birthdate,
        row.ethnicity if row.ethnicity is not None else stored.ethnicity,
        row.nationality if row.nationality is not None else stored.nationality,
    )


def _document_taken(number: str) -> Decision:
    return _wrong("document_number", DocumentTakenError(f"the roster has it under {number}", number=number))


def _wrong(column: str, error: InputError) -> Decision:
    return Decision(WRONG, fault=Fault.of(column, error))
