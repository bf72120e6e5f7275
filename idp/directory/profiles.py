"""The sealed profile of a person and the numbers of documents: sealing, opening, index texts. No database.

Each ciphertext is bound to its table, column and row under the person's own data key.
"""

from __future__ import annotations

import json
from datetime import date
from typing import NamedTuple
from uuid import UUID

from crypto.envelope import FieldVault
from idp.directory.names import name_key


class Profile(NamedTuple):
    """What is known of who a person is: gender as GB/T 2261.1, ethnicity GB/T 3304, nationality alpha-3."""

    name: str
    gender: str
    birthdate: date
    ethnicity: str | None = None
    nationality: str | None = None

    @property
    def candidate_text(self) -> str:
        """What the index for reviewing possible doubles is computed over; never used for matching."""
        return f"cand:v1|{name_key(self.name)}|{self.birthdate.isoformat()}|{self.gender}"


def seal_profile(vault: FieldVault, wrapped: bytes, person_id: UUID, profile: Profile) -> bytes:
    """Seal a profile under the person's data key."""
    text = json.dumps([*profile[:2], profile.birthdate.isoformat(), *profile[3:]], ensure_ascii=False)
    return vault.encrypt(wrapped, person_id, text, table="idp_person", column="profile", row=person_id)


def open_profile(vault: FieldVault, wrapped: bytes, person_id: UUID, sealed: bytes) -> Profile:
    """Open a profile.

    Raises:
        DecryptionError: It was changed or belongs to somebody else.
    """
    text = vault.decrypt(wrapped, person_id, sealed, table="idp_person", column="profile", row=person_id)
    name, gender, birthdate, *rest = json.loads(text)
    return Profile(name, gender, date.fromisoformat(birthdate), *rest)


def seal_number(vault: FieldVault, wrapped: bytes, person_id: UUID, document_id: UUID, number: str) -> bytes:
    """Seal a document's number under its person's data key."""
    return vault.encrypt(wrapped, person_id, number, table="idp_person_document", column="ciphertext", row=document_id)


def same_person(a: Profile, b: Profile) -> bool:
    """Whether name and birth date are equal and the genders do not contradict each other."""
    known = ("1", "2")
    genders_fit = a.gender == b.gender or a.gender not in known or b.gender not in known
    return name_key(a.name) == name_key(b.name) and a.birthdate == b.birthdate and genders_fit
