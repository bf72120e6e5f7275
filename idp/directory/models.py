"""Tables of the directory: organisations with their codes, people, documents, affiliations, activation codes.

What tells who somebody is stands encrypted under the person's own data key, in one sealed
`profile`; what is searched stands as a keyed index. Student numbers, classes and dates of
an affiliation are plain: they mean nothing outside of a school.
"""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Date, ForeignKey, Index, Integer, LargeBinary, SmallInteger, String, UniqueConstraint, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db import Base, UtcDateTime
from kernel.ids import new_id

# Ranges over paths must sort by bytes, whatever the database's language is.
PathText = String(80).with_variant(String(80, collation="C"), "postgresql")
NumberText = String(20).with_variant(String(20, collation="C"), "postgresql")


class Organisation(Base):
    """An authority (6 digits) or a school (10 digits) in the tree province > city > county > school.

    `path` holds the codes from the root, each followed by `/`: a subtree is a range of paths.
    `people` counts the active students, kept with each change.
    """

    __tablename__ = "idp_organisation"
    __table_args__ = (
        Index("ix_idp_organisation_subtree", "path", "kind", "people"),
        Index("ix_idp_organisation_children", "superior_id", "kind", "code"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(String(9))  # authority, school
    code: Mapped[str] = mapped_column(String(10), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    name_en: Mapped[str] = mapped_column(String(200), default="")
    superior_id: Mapped[UUID | None] = mapped_column(ForeignKey("idp_organisation.id"))
    path: Mapped[str] = mapped_column(PathText)
    people: Mapped[int] = mapped_column(Integer, default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    closed_on: Mapped[date | None] = mapped_column(Date)


class OrganisationCode(Base):
    """Every code an organisation has or had. A dead code is never given to another one."""

    __tablename__ = "idp_organisation_code"

    code: Mapped[str] = mapped_column(String(10), primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("idp_organisation.id"), index=True)
    valid_from: Mapped[date] = mapped_column(Date)
    valid_to: Mapped[date | None] = mapped_column(Date)


class Succession(Base):
    """An edge of an organisation's history: renamed, retyped_as, merged_into, split_from."""

    __tablename__ = "idp_succession"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(String(12))
    predecessor_id: Mapped[UUID] = mapped_column(ForeignKey("idp_organisation.id"), index=True)
    successor_id: Mapped[UUID] = mapped_column(ForeignKey("idp_organisation.id"), index=True)
    on: Mapped[date] = mapped_column(Date)
    old_code: Mapped[str] = mapped_column(String(10))
    old_name: Mapped[str] = mapped_column(String(120))


class Person(Base):
    """A person: the number, the sealed profile, the trust level L0 to L3.

    `source_id` is the organisation that asserted the profile: another one's correction goes
    to the county. `candidate_index` (name, birth date, gender) is for people to review, never
    for matching.
    """

    __tablename__ = "idp_person"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    eid: Mapped[str] = mapped_column(String(14), unique=True)
    wrapped_key: Mapped[bytes] = mapped_column(LargeBinary)
    profile: Mapped[bytes] = mapped_column(LargeBinary)
    candidate_index: Mapped[bytes] = mapped_column(LargeBinary(32), index=True)
    index_key_id: Mapped[str] = mapped_column(String(16))
    level: Mapped[int] = mapped_column(SmallInteger)
    source_id: Mapped[UUID] = mapped_column(ForeignKey("idp_organisation.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    activated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class PersonDocument(Base):
    """An identity document. Active ones are unique by their blind index; old ones stay as superseded."""

    __tablename__ = "idp_person_document"
    __table_args__ = (
        Index(
            "uq_idp_person_document_active",
            "kid",
            "blind_index",
            unique=True,
            sqlite_where=text("status = 'active'"),
            postgresql_where=text("status = 'active'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("idp_person.id"), index=True)
    type: Mapped[str] = mapped_column(String(1))
    country: Mapped[str] = mapped_column(String(3))
    kid: Mapped[str | None] = mapped_column(String(16))
    blind_index: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    ciphertext: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[str] = mapped_column(String(10))  # active, superseded
    asserted_by: Mapped[UUID] = mapped_column(ForeignKey("idp_organisation.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class PersonAlias(Base):
    """An old number of a person after a merge: it resolves for ever. Two people approved it."""

    __tablename__ = "idp_person_alias"

    eid: Mapped[str] = mapped_column(String(14), primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("idp_person.id"), index=True)
    reason: Mapped[str] = mapped_column(String(200))
    first_approver: Mapped[UUID] = mapped_column(Uuid)
    second_approver: Mapped[UUID] = mapped_column(Uuid)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class Affiliation(Base):
    """A person in a role at an organisation, from `since` until `until` (that day included)."""

    __tablename__ = "idp_affiliation"
    __table_args__ = (UniqueConstraint("organisation_id", "role", "number", name="uq_idp_affiliation_number"),)

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("idp_person.id"), index=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("idp_organisation.id"))
    role: Mapped[str] = mapped_column(String(12))  # student, teacher, registrar, officer, guardian
    number: Mapped[str | None] = mapped_column(NumberText)
    grade: Mapped[str | None] = mapped_column(String(64))
    class_name: Mapped[str | None] = mapped_column(String(64))
    entered: Mapped[str | None] = mapped_column(String(6))
    student_status: Mapped[str | None] = mapped_column(String(2))
    since: Mapped[date] = mapped_column(Date)
    until: Mapped[date | None] = mapped_column(Date)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ActivationCode(Base):
    """The one activation code of a person: a keyed hash, the tries against it, who gave it out."""

    __tablename__ = "idp_activation_code"

    person_id: Mapped[UUID] = mapped_column(ForeignKey("idp_person.id"), primary_key=True)
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    tries: Mapped[int] = mapped_column(SmallInteger, default=0)
    given_by: Mapped[UUID] = mapped_column(Uuid)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("idp_organisation.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class IndexUse(Base):
    """How many blind-index look-ups an actor caused on a day: an index oracle is an enumeration oracle."""

    __tablename__ = "idp_index_use"

    actor: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True, index=True)
    lookups: Mapped[int] = mapped_column(Integer, default=0)


class ReviewCase(Base):
    """A row that agrees with a registered person only in part. People decide; the import does not.

    Sealed under a key of its own. `fingerprint` (keyed) makes a repeated import find its case again.
    """

    __tablename__ = "idp_review_case"
    __table_args__ = (UniqueConstraint("organisation_id", "fingerprint", name="uq_idp_review_case_fingerprint"),)

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("idp_organisation.id"))
    number: Mapped[str] = mapped_column(String(20))
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary(32))
    wrapped_key: Mapped[bytes] = mapped_column(LargeBinary)
    row: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[str] = mapped_column(String(10), index=True)  # open, returned
    note: Mapped[str] = mapped_column(String(200), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decided_by: Mapped[UUID | None] = mapped_column(Uuid)


class Guardianship(Base):
    """Who acts for a child under 14, and how that came to be: proposed, confirmed by another, waited for.

    It counts from `effective_at`, 72 hours after the confirmation. Whether the child is still
    under 14 is asked of the sealed profile each time: a day kept here would tell the birth date.
    From 14 on it needs `renewed_at`, the child's own consent. `closing` says how it came to its
    end: objected, ended (by the school), resigned (by the guardian), left (by the child from 14).
    """

    __tablename__ = "idp_guardianship"
    __table_args__ = (
        Index(
            "uq_idp_guardianship_open",
            "child_id",
            "guardian_id",
            unique=True,
            sqlite_where=text("closed_at IS NULL"),
            postgresql_where=text("closed_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    child_id: Mapped[UUID] = mapped_column(ForeignKey("idp_person.id"), index=True)
    guardian_id: Mapped[UUID] = mapped_column(ForeignKey("idp_person.id"), index=True)
    relation: Mapped[str] = mapped_column(String(2))  # GB/T 4761: what the guardian is to the child
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("idp_organisation.id"))
    proposed_by: Mapped[UUID] = mapped_column(Uuid)
    proposed_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    confirmed_by: Mapped[UUID | None] = mapped_column(Uuid)
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    effective_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    renewed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    closed_by: Mapped[UUID | None] = mapped_column(Uuid)
    closing: Mapped[str | None] = mapped_column(String(8))
